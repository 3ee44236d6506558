"""Texts of evaluation sets, read from files or with Hugging Face `datasets`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fret.errors import SourceError
from fret.sources.files import name_of
from fret.sources.tables import ENDINGS, read_jsonl

_WHERE = "passages.decontamination.against"
Item = tuple[str, str, str]
"""(id in the set, `query` or `passage`, text)"""


def read_beir(folder: Path) -> Iterator[Item]:
    """Yield the queries of a folder as BEIR has them, then the passages that are relevant to any.

    Raises:
        SourceError: there is no such folder, or it holds no queries.
    """
    queries = folder / "queries.jsonl"
    if not queries.is_file():
        raise SourceError(
            f"{_WHERE}: the evaluation set {folder} holds no queries.jsonl. Name a folder as BEIR "
            "has them, or a file by `kind: jsonl`."
        )
    for number, row in read_jsonl(queries):
        yield str(row.get("_id", number)), "query", _take(row, "text", queries)
    wanted = set(_list_relevant(folder))
    corpus = folder / "corpus.jsonl"
    for number, row in read_jsonl(corpus) if wanted and corpus.is_file() else ():
        if (item := str(row.get("_id", number))) in wanted:
            yield item, "passage", _take(row, "text", corpus)


def read_table(path: Path, *, field: str, id: str | None) -> Iterator[Item]:
    """Yield the texts of a .jsonl, .jsonl.gz or .parquet file, or of a folder of them.

    Raises:
        SourceError: none is there, or a row has no such column.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [file for file in files if file.name.lower().endswith(ENDINGS)]
    if not files:
        raise SourceError(f"{_WHERE}: {path} holds no tables of texts ({', '.join(ENDINGS)}).")
    for file in files:
        rows = _read_parquet(file) if file.name.lower().endswith(".parquet") else read_jsonl(file)
        for number, row in rows:
            item = row.get(id) if id else None
            name = f"{name_of(file, path)}:{number}" if item is None else str(item)
            yield name, "query", _take(row, field, file)


def read_hub(
    name: str,
    *,
    config: str | None,
    split: str,
    revision: str | None,
    field: str,
    id: str | None,
) -> Iterator[Item]:
    """Yield the texts of a data set of the Hub, or of a folder of its files.

    Raises:
        SourceError: it cannot be had, or has no such split or column.
    """
    from datasets import load_dataset

    try:
        rows: Any = load_dataset(name, config, split=split, revision=revision)
    except Exception as error:  # datasets raises what its file systems and formats raise
        raise SourceError(
            f"{_WHERE}: the data set {name} (config {config}, split {split}) cannot be loaded: "
            f"{type(error).__name__}: {str(error)[:300]}. Mend its name, config or split; on a "
            "machine without a network, download it before, and name its folder."
        ) from error
    if field not in rows.column_names:
        raise SourceError(
            f"{_WHERE}: {name} has no column {field!r} (it has: {', '.join(rows.column_names)}). "
            "Name the right one as `field`."
        )
    columns = [field] + ([id] if id and id in rows.column_names else [])
    for number, row in enumerate(rows.select_columns(columns)):
        yield str(row.get(id or "", number)), "query", _take(row, field, Path(name))


def read_whole(read: Callable[[], Iterator[Item]], name: str) -> list[Item]:
    """Return all texts of a set.

    Raises:
        SourceError: it holds none.
    """
    items = [item for item in read() if item[2].strip()]
    if not items:
        raise SourceError(f"{_WHERE}: the evaluation set {name} holds no text. Mend or remove it.")
    return items


def _read_parquet(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with pq.ParquetFile(file) as table:
            rows = (row for batch in table.iter_batches(1000) for row in batch.to_pylist())
            yield from enumerate(rows, 1)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{_WHERE}: {file} cannot be read as parquet: {error}") from error


def _list_relevant(folder: Path) -> Iterator[str]:
    for file in [folder / "qrels.tsv", *sorted(folder.glob("qrels/*.tsv"))]:
        if not file.is_file():
            continue
        try:
            lines = file.read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise SourceError(f"{_WHERE}: {file} cannot be read: {error}.") from error
        for number, line in enumerate(lines, 1):
            parts = line.split("\t")
            score = parts[2].strip() if len(parts) == 3 else ""
            if number == 1 and score == "score":
                continue
            try:
                if float(score) > 0:
                    yield parts[1]
            except ValueError as error:
                raise SourceError(
                    f"{_WHERE}: {file}, line {number}: a line must hold query-id, corpus-id and "
                    "score, with tabs between."
                ) from error


def _take(row: Any, field: str, where: Path) -> str:
    text = row.get(field)
    if not isinstance(text, str):
        found = ", ".join(sorted(map(str, row)))
        raise SourceError(
            f"{_WHERE}: {where} has a row without text in the column {field!r} (it has: {found})."
        )
    return text
