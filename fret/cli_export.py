"""`fret export`: the examples in the formats of trainers and benchmarks."""

from pathlib import Path
from typing import Annotated

import typer

from fret.cli_errors import report_errors

# Written out, for the formats themselves are slow to load; a test compares.
FORMATS = "sentence-transformers, flagembedding, tevatron, tevatron-legacy, beir, mteb, pyserini"


def export(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="A pipeline file or the name of a recipe.")
    ],
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"One of {FORMATS}.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="A new folder, or one of an earlier export.")
    ],
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="Only this split. May be repeated; all by default."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            help="gecko: 'task: … | query: …' and 'title: … | text: …'; plain: texts as they are. "
            "By default what suits the format."
        ),
    ] = None,
    negatives: Annotated[
        int | None,
        typer.Option(help="Negatives in each row; 0 for pairs. By default what all rows have."),
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(metavar="SCORER", help="Whose scores go along: a scorer, fused or none."),
    ] = None,
    files: Annotated[str | None, typer.Option(help="parquet or jsonl.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As for `fret run`.")
    ] = None,
) -> None:
    """Write the examples in a format of trainers or benchmarks; say what it cannot hold."""
    from fret.display_export import print_exported
    from fret.export import Options
    from fret.pipeline import load

    with report_errors(pipeline=pipeline, overrides=set_):
        options = Options(
            splits=tuple(split or ()), form=form, negatives=negatives, scores=scores, files=files
        )
        print_exported(load(pipeline, overrides=set_ or []).export(to, out, options))
