"""Rows of data to learn from, as mappings of columns, from files, fret's datasets and the Hub."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from fret.errors import UserError

Table = Iterator[Mapping[str, Any]]

_ROWS_AT_A_TIME = 1000


def read_table(
    path: str,
    *,
    config: str | None,
    split: str,
    columns: Sequence[str],
    max_rows: int | None = None,
) -> Table:
    """Stream the rows of a .jsonl or .parquet file, of a dataset folder, or of one on the Hub.

    Args:
        columns: those that every row must have.

    Raises:
        UserError: it is not there, cannot be read, or lacks a column.
    """
    rows = islice(_open(path, config, split), max_rows)
    for number, row in enumerate(rows, 1):
        if missing := [name for name in columns if row.get(name) is None]:
            found = ", ".join(sorted(name for name in row if row[name] is not None))
            # The rows before had it.
            advice = "Mend that row or take it out" if number > 1 else "Name the right columns"
            raise UserError(
                f"Row {number} of {path} has nothing in {', '.join(map(repr, missing))} (it has: "
                f"{found}). {advice}{'' if number > 1 else ' in the training file'}."
            )
        yield row


def is_name_on_hub(path: str) -> bool:
    """Return whether a path that is not there may be the name of a dataset on the Hub."""
    return path.count("/") == 1 and not Path(path).suffix


def _open(path: str, config: str | None, split: str) -> Table:
    file = Path(path)
    if file.suffix == ".jsonl" and file.is_file():
        return _read_jsonl(file)
    if file.suffix == ".parquet" and file.is_file():
        return _read_parquet([file])
    if file.is_dir():
        return _read_folder(file, config or "", split)
    if not is_name_on_hub(path):
        raise UserError(f"There is no data in {path}: name a .jsonl or .parquet file, or a folder.")
    return _read_hub(path, config, split)


def _read_jsonl(file: Path) -> Table:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UserError(f"{file}, line {number}, is no JSON: {error}. Mend it.") from None
            if not isinstance(row, dict):
                raise UserError(f"{file}, line {number}, is no JSON object. Mend it.")
            yield row


def _read_parquet(files: Sequence[Path]) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        try:
            with pq.ParquetFile(file) as opened:
                for batch in opened.iter_batches(batch_size=_ROWS_AT_A_TIME):
                    yield from batch.to_pylist()
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(f"{file} cannot be read: {error}. Make it anew.") from error


def _read_folder(folder: Path, config: str, split: str) -> Table:
    """Read one config and split of a dataset folder as fret writes it."""
    files = sorted((folder / config).glob(f"{split}-*.parquet"))
    if not files:
        raise UserError(
            f"{folder} has no {config or 'parquet'} files of the split {split!r}: name a dataset "
            "folder that fret made, and a split that it has."
        )
    return _read_parquet(files)


def _read_hub(name: str, config: str | None, split: str) -> Table:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        rows = load_dataset(name, config, split=split)
    except (DatasetNotFoundError, ValueError, OSError) as error:
        raise UserError(
            f"{name} is no folder, and as a dataset of the Hub it cannot be had: {error}"
        ) from error
    return iter(rows)
