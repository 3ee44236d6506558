"""`fret train`: an embedding model from a training file."""

from typing import Annotated

import typer

from fret.cli_errors import report_errors
from fret.shipped import training_recipes


def train(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG",
            help=f"A training file, or a recipe: {', '.join(training_recipes())}.",
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a setting, as stages.0.steps=100. May be repeated.",
        ),
    ] = None,
    redo: Annotated[
        str | None,
        typer.Option(metavar="STAGE", help="Train this stage and all after it anew."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only errors and the last line.")
    ] = False,
) -> None:
    """Train an embedding model on datasets, or go on with it."""
    from fret.display_training import TrainingDisplay, print_trained
    from fret.pipeline_file import load_training

    with report_errors():
        settings = load_training(config, set_ or [])
        from fret.training.train import train as train_model  # heavy: only for a right file

        with TrainingDisplay(quiet=quiet) as display:
            trained = train_model(settings, reporter=display, redo=redo)
        print_trained(trained.model, trained.stages)
