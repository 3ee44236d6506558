"""`fret evaluate`: models on held-out queries, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fret.cli_errors import report_errors, say_again

if TYPE_CHECKING:
    from fret.evaluation import Options

_PLAIN = "{query}"  # written out, for the options themselves are slow to load; a test compares


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Folders or Hub names of sentence-transformers models; bm25.",
        ),
    ],
    data: Annotated[
        list[str],
        typer.Option(
            metavar="DATA",
            help="A folder in BEIR's or MTEB's layout (a fret dataset), a name on the Hub, an STS "
            "file, or a task of MTEB. May be repeated.",
        ),
    ],
    dims: Annotated[
        str,
        typer.Option(
            metavar="N,N...", help="Also with vectors cut to these sizes (Matryoshka), as rows."
        ),
    ] = "",
    baseline: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Compare with this row; by default the first."),
    ] = None,
    query_format: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="As 'task: {task} | query: {query}'; by default the model's own prompt.",
        ),
    ] = _PLAIN,
    passage_format: Annotated[
        str | None, typer.Option(metavar="TEXT", help="As 'title: {title} | text: {text}'.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What {task} stands for; by default the data's tasks."),
    ] = None,
    split: Annotated[str, typer.Option(help="Whose queries, where there are several.")] = "test",
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="BM25's stems (en, de...); by default told from passages."
        ),
    ] = None,
    show_queries: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Show the N largest wins and losses, with passages."),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write tables, JSON and the picture (PNG, SVG) there."),
    ] = None,
    json_: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all figures there, by query too."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="float32, bfloat16, float16 or auto.")] = "auto",
    max_length: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tokens of a text at most.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts encoded at once.")] = 64,
    vectors: Annotated[
        Path, typer.Option(metavar="DIR", help="Where vectors are kept for the next time.")
    ] = Path("data/vectors"),
    no_vectors: Annotated[bool, typer.Option("--no-vectors", help="Keep no vectors.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws of intervals and tests.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Measure models on held-out queries, side by side, with intervals."""
    with report_errors(say_again()):
        from fret.evaluation import Options

        options = Options(
            dims=_read_sizes(dims),
            baseline=baseline,
            task=task,
            query_format=query_format,
            passage_format=passage_format,
            max_length=max_length,
            device=device,
            precision=precision,
            batch_size=batch_size,
            split=split,
            language=language,
            vectors=None if no_vectors else vectors,
            seed=seed,
        )
        _evaluate(models, data, options, show=show_queries, quiet=quiet, out=out, json_file=json_)


def _evaluate(
    models: list[str],
    data: list[str],
    options: "Options",
    *,
    show: int,
    quiet: bool,
    out: Path | None,
    json_file: Path | None,
) -> None:
    from fret.display_evaluate import print_evaluation, print_written
    from fret.display_progress import Display
    from fret.durable import write_json
    from fret.evaluation import evaluate as run_evaluation

    _make_places(out, json_file)
    with Display(quiet=quiet) as display:
        found = run_evaluation(models, data, options=options, show=show, observer=display)
    written = found.write(out) if out else []
    if json_file:
        write_json(json_file, found.to_json())
        written.append(json_file)
    print_evaluation(found)
    print_written(written)


def _make_places(out: Path | None, json_file: Path | None) -> None:
    """Find out before the work whether its results can be written."""
    from fret.durable import make_folder
    from fret.errors import UserError

    if json_file is not None and json_file.is_dir():
        raise UserError(f"{json_file} is a folder: --json names a file. For a folder use --out.")
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: --out names a folder. For a file use --json.")
    for folder in (out, json_file and json_file.parent):
        if folder is not None:
            make_folder(folder)


def _read_sizes(text: str) -> tuple[int, ...]:
    from fret.errors import UserError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UserError(f"--dims {text!r} is no list of sizes; write it as 256,128.")
    return tuple(dict.fromkeys(map(int, parts)))
