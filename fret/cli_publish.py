"""`fret publish`: the dataset of a run becomes a repository of the Hub."""

from typing import Annotated

import typer

from fret.cli_errors import report_errors, say_again


def publish(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="A pipeline file, or the name of a recipe.")
    ],
    repo: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="Where to; by default publish.repo of the file."),
    ] = None,
    private: Annotated[
        bool | None,
        typer.Option(
            "--private/--public",
            help="Who may see a repository that is made; by default publish.private (private).",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be sent, and what is against it."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also into a repository that fret did not make.")
    ] = False,
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The message of the commit.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for `fret run`.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only errors and the last line.")
    ] = False,
) -> None:
    """Send the dataset to the Hugging Face Hub as one revision, verified and tagged; or go on."""
    with report_errors(say_again(), pipeline=pipeline, overrides=set_):
        from fret.display_progress import Display
        from fret.display_publish import print_plan, print_published
        from fret.pipeline import load

        loaded = load(pipeline, overrides=set_ or [])
        with Display(quiet=quiet) as display:
            done = loaded.publish(
                repo,
                private=private,
                dry_run=dry_run,
                force=force,
                message=message,
                watcher=display,
            )
        if dry_run:
            print_plan(done.plan, done.url)
            if done.plan.refusals:
                raise typer.Exit(2)
        else:
            print_published(done, quiet=quiet)
