"""`fret batch`: look after requests that are out by the Batch API."""

from typing import Annotated

import typer

from fret.cli_errors import report_errors

app = typer.Typer(help="Look after batches that are out.", no_args_is_help=True)

PipelineArgument = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline file, or the name of a recipe.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for `fret run`.")
]


@app.command()
def status(pipeline: PipelineArgument, set_: SetOption = None) -> None:
    """Show the batches that are out, and how far they are."""
    _manage(pipeline, set_, "status")


@app.command()
def collect(pipeline: PipelineArgument, set_: SetOption = None) -> None:
    """Take in the answers of batches that have ended."""
    _manage(pipeline, set_, "collect")


@app.command()
def cancel(pipeline: PipelineArgument, set_: SetOption = None) -> None:
    """End what is out, by batch or file; what was answered by then is kept."""
    _manage(pipeline, set_, "cancel")


def _manage(pipeline: str, set_: list[str] | None, action: str) -> None:
    from fret.display_llm import print_batches
    from fret.display_progress import Display
    from fret.pipeline import load

    with report_errors(pipeline=pipeline, overrides=set_):
        loaded = load(pipeline, overrides=set_ or [])
        with Display(quiet=False) as display:
            print_batches(loaded.batches(action, observer=display))
