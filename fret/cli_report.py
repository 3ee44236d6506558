"""`fret report`: the page on which one sees what a dataset is."""

from typing import Annotated

import typer

from fret.cli_errors import report_errors


def report(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="A pipeline file or the name of a recipe.")
    ],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for `fret run`.")
    ] = None,
) -> None:
    """Write the report of a finished run: charts, checks, and examples to read, in one page."""
    from fret.pipeline import load
    from fret.terminal import out

    with report_errors(pipeline=pipeline, overrides=set_):
        page = load(pipeline, overrides=set_ or []).report()
        out.print(
            f"{page}\nOpen it in a browser, or send it to someone; it needs no network.",
            markup=False,
            soft_wrap=True,
        )
