"""The command line: one function per command, which parses, calls and prints."""

from pathlib import Path
from typing import Annotated

import typer

from fret import (
    cli_answers,
    cli_audit,
    cli_batch,
    cli_evaluate,
    cli_export,
    cli_publish,
    cli_report,
    cli_show,
    cli_train,
)
from fret.cli_errors import report_errors, say_again
from fret.shipped import recipes

app = typer.Typer(
    help=(
        "Turn web pages into training data for embedding models: "
        "tasks, queries, positives, hard negatives."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(cli_answers.app, name="answers")
app.add_typer(cli_batch.app, name="batch")
app.command()(cli_audit.audit)
app.command()(cli_report.report)
app.command()(cli_train.train)
app.command()(cli_train.ablate)
app.command()(cli_evaluate.evaluate)
app.command()(cli_export.export)
app.command()(cli_show.show)
app.command()(cli_publish.publish)

PipelineArgument = Annotated[
    str,
    typer.Argument(
        metavar="PIPELINE",
        help=f"A pipeline file, or a recipe: {', '.join(recipes())}.",
    ),
]
# Written out, for the pipeline itself is slow to load; a test compares.
_STAGES = "pages, passages, queries, candidates, judgements, examples"
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting, as candidates.top_k=30. May be repeated.",
    ),
]


def main() -> None:
    """Entry point; every expected error ends as a message and an exit status."""
    app()


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        print(f"fret {version_of('fret')}")
        raise typer.Exit


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="Name of the run; the file is NAME.yaml.")],
) -> None:
    """Write a starter pipeline file, with every section explained."""
    import re

    from fret.config import RUN_NAME
    from fret.errors import UserError
    from fret.shipped import shipped_root

    with report_errors():
        name = name.removesuffix(".yaml")
        if not re.match(RUN_NAME, name):
            raise UserError(
                f"{name!r} cannot be the name of a run: use letters, digits, . _ and -."
            )
        path = Path(f"{name}.yaml")
        if path.exists():
            raise UserError(f"{path} exists already; it was left as it is.")
        starter = (shipped_root() / "pipelines" / "starter.yaml.txt").read_text("utf-8")
        path.write_text(starter.replace("RUN_NAME", name), "utf-8")
        print(f"Wrote {path}. Name your pages in it (pages.source), then: fret run {path}")


@app.command()
def run(
    pipeline: PipelineArgument,
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STAGE]...", help=f"Only these stages; all when none is named: {_STAGES}."
        ),
    ] = None,
    set_: SetOption = None,
    redo: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Make this stage and all after it anew.")
    ] = None,
    lane: Annotated[
        str,
        typer.Option(help="How requests to models travel: live, batch (OpenAI's) or file."),
    ] = "live",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only errors and the last line.")
    ] = False,
    log_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Add what happens to this file, as JSON lines."),
    ] = None,
) -> None:
    """Run a pipeline, or go on with it: finished work is never done again."""
    from contextlib import ExitStack

    from fret.display import print_result
    from fret.display_progress import Display
    from fret.log_json import JsonLog
    from fret.pipeline import load
    from fret.stages.base import Observer

    with report_errors(say_again(), pipeline=pipeline, overrides=set_):
        loaded = load(pipeline, overrides=set_ or [])
        with Display(quiet=quiet) as display, ExitStack() as stack:
            observer: Observer = display
            if log_json:
                observer = stack.enter_context(JsonLog(log_json, display, run=loaded.name))
            folder = loaded.run(stages or [], redo=redo, lane=lane, observer=observer)
        print_result(loaded, folder, quiet=quiet)


@app.command()
def status(pipeline: PipelineArgument, set_: SetOption = None) -> None:
    """Show the funnel of a run: rows in, rows out, rows dropped and why."""
    from fret.display import print_status
    from fret.pipeline import load

    with report_errors(pipeline=pipeline, overrides=set_):
        print_status(load(pipeline, overrides=set_ or []))


@app.command()
def estimate(pipeline: PipelineArgument, set_: SetOption = None) -> None:
    """Show the requests, tokens and money that a run still needs; nothing is sent."""
    from fret.display_llm import print_estimate
    from fret.pipeline import load

    with report_errors(pipeline=pipeline, overrides=set_):
        loaded = load(pipeline, overrides=set_ or [])
        print_estimate(loaded.estimate(), loaded.settings.budget)


@app.command()
def settings(
    section: Annotated[
        str,
        typer.Argument(
            metavar="[KEY]",
            help="Only what is below this, as examples.negatives or judgements.scorers.relevance.",
        ),
    ] = "",
    train: Annotated[
        bool, typer.Option("--train", help="The keys of a training file instead.")
    ] = False,
) -> None:
    """Show every key of the pipeline file: what it means, its default, its choices."""
    from fret.config import PipelineSettings
    from fret.config.training import TrainingSettings
    from fret.display import print_settings

    with report_errors():
        print_settings(section, TrainingSettings if train else PipelineSettings)


@app.command()
def doctor(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]")] = None,
    set_: SetOption = None,
) -> None:
    """Check versions and models; with a pipeline, also its files, keys and servers."""
    from fret.display import print_checks

    with report_errors(pipeline=pipeline or "", overrides=set_):
        if not print_checks(pipeline, set_ or []):
            raise typer.Exit(2)
