"""`fret audit`: a page for people to mark, and the score of what they marked."""

from pathlib import Path
from typing import Annotated

import typer

from fret.cli_errors import report_errors


def audit(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="PIPELINE|FILE...",
            help="A pipeline file or the name of a recipe; with --score, files of marks.",
        ),
    ],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many examples to show.")] = 100,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; by default audit.html in the run's folder."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other examples.")] = 0,
    per_query: Annotated[
        int, typer.Option(min=3, max=26, help="Passages to mark of each example.")
    ] = 4,
    score: Annotated[
        bool, typer.Option("--score", help="Score files of marks, one of each person.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --score: the key, where it is not found."),
    ] = None,
    json_: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="With --score: write all figures there too."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for `fret run`.")
    ] = None,
) -> None:
    """Write a page on which people mark a blind sample of examples; score what they marked."""
    with report_errors(pipeline="" if score else what[0], overrides=set_):
        if score:
            _score([Path(file) for file in what], key=key, json_file=json_)
        else:
            _refuse_leftovers(what, key, json_)
            _write(what[0], n=n, out=out, seed=seed, per_query=per_query, overrides=set_ or [])


def _write(
    pipeline: str, *, n: int, out: Path | None, seed: int, per_query: int, overrides: list[str]
) -> None:
    from fret.display_audit import print_audit
    from fret.pipeline import load

    loaded = load(pipeline, overrides=overrides)
    print_audit(loaded.audit(n, out=out, seed=seed, per_query=per_query), n)


def _score(files: list[Path], *, key: Path | None, json_file: Path | None) -> None:
    from fret.audit import score_marks
    from fret.display_audit import print_score
    from fret.durable import write_json

    report = score_marks(files, key=key)
    if json_file:
        write_json(json_file, report.to_json())
    print_score(report, json_file)


def _refuse_leftovers(what: list[str], key: Path | None, json_file: Path | None) -> None:
    from fret.errors import UserError

    if len(what) > 1 or key or json_file:
        raise UserError(
            "To write a page, name one pipeline; to score files of marks, add --score: "
            "fret audit --score FILE..."
        )
