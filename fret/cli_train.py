"""`fret train`: an embedding model from a training file."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fret.cli_errors import report_errors, say_again
from fret.shipped import training_recipes

if TYPE_CHECKING:
    from fret.config.training import TrainingSettings


_KEPT = "Finished stages and the last checkpoint are kept."


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
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes that train together; by default one for each GPU.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only errors and the last line.")
    ] = False,
) -> None:
    """Train an embedding model on datasets, or go on with it."""
    from fret.pipeline_file import load_training

    with report_errors(say_again(), kept=_KEPT):
        settings = load_training(config, set_ or [])
        _look_at_data(settings)
        from fret.training.launch import count_wanted, launch  # heavy: only for a right file
        from fret.training.plan import require_shares

        n_processes = count_wanted(settings.device, processes)
        require_shares(settings, n_processes)
        if n_processes > 1:
            status = launch(n_processes, sys.argv[1:])
            raise typer.Exit(status)
        _train_here(settings, redo, quiet)


def _look_at_data(settings: "TrainingSettings") -> None:
    from fret.training.rows import look_at

    if settings.mntp:
        look_at(settings.mntp)
    for stage in settings.stages:
        for data in stage.data:
            look_at(data)


def _train_here(settings: "TrainingSettings", redo: str | None, quiet: bool) -> None:
    from fret.display_training import TrainingDisplay, print_trained
    from fret.training.launch import follow_launcher
    from fret.training.train import train as train_model

    follow_launcher()
    with TrainingDisplay(quiet=quiet) as display:
        trained = train_model(settings, reporter=display, redo=redo)
    if os.environ.get("RANK", "0") == "0":
        print_trained(trained.model, trained.stages)


def ablate(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A finished pipeline.")],
    config: Annotated[
        str,
        typer.Option("--train", metavar="CONFIG", help="A training file of one stage."),
    ] = "train_small",
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATA",
            help="What to measure on, as for `fret evaluate`; by default the dataset's own test.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting of the training file."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only errors and the table.")
    ] = False,
) -> None:
    """Was the labelling worth it? Train with seeds and with what was chosen, and compare."""
    from fret.display_progress import Display
    from fret.display_training import TrainingDisplay, print_ablation
    from fret.pipeline import load
    from fret.pipeline_file import load_training

    with report_errors(say_again(), pipeline=pipeline, kept=_KEPT):
        run = load(pipeline).stored
        settings = load_training(config, set_ or [])
        from fret.ablation import ablate as run_ablation  # heavy: only for right files

        with TrainingDisplay(quiet=quiet) as display:
            found = run_ablation(
                run, settings, data or [], reporter=display, observer=Display(quiet=True)
            )
        print_ablation(found)
