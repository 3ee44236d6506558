"""`fret show`: rows of a stage to read."""

from typing import Annotated

import typer

from fret.cli_errors import report_errors

# Written out, for the pipeline itself is slow to load; a test compares.
_STAGES = "pages, passages, queries, candidates, judgements, examples"


def show(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="A pipeline file or the name of a recipe.")
    ],
    stage: Annotated[str, typer.Argument(help=f"Whose rows to show: {_STAGES}.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many rows.")] = 5,
    seed: Annotated[int, typer.Option(help="Another seed draws other rows.")] = 0,
    first: Annotated[
        bool, typer.Option("--first", help="The first rows, in order, instead of a draw.")
    ] = False,
    id_: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="ID", help="Only this row, in full; the id's beginning will do."
        ),
    ] = None,
    dropped: Annotated[
        bool, typer.Option("--dropped", help="The dropped rows, with their reasons.")
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for `fret run`.")
    ] = None,
) -> None:
    """Show rows of a stage to read, drawn at random: always the same ones for the same seed."""
    from fret.display_show import Wanted, print_rows
    from fret.pipeline import load

    with report_errors(pipeline=pipeline, overrides=set_):
        wanted = Wanted(n=n, seed=seed, first=first, record_id=id_, dropped=dropped)
        print_rows(load(pipeline, overrides=set_ or []).stored, stage, wanted)
