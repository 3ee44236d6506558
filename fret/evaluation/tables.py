"""Data sets of tables, as MTEB lays them out: configs `corpus`, `queries`, `qrels`.

Held-out splits of fret's own data sets are such; `instruction` gives each query its task. They lie
in a folder, where the front matter of README.md says which files are whose, or on the Hub.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from fret.errors import UserError
from fret.evaluation.beir_folder import read_passage, read_query
from fret.evaluation.collection import Collection, GradeRow, PairSet, QueryRow, make_collection
from fret.evaluation.pair_sets import find_columns, read_pairs
from fret.evaluation.rows import Place, Row, is_table, read_rows, take_grade, take_id

_QUERY_ID = ("query-id", "query_id")
_PASSAGE_ID = ("corpus-id", "corpus_id")


class Tables(Protocol):
    """A data set: configs, each with splits of rows."""

    name: str

    def configs(self) -> Sequence[str]: ...
    def splits(self, config: str) -> Sequence[str]: ...
    def rows(self, config: str, split: str) -> Iterator[tuple[Place, Row]]: ...


def read_tables(tables: Tables, *, subset: str, split: str) -> Collection | PairSet:
    """Read a collection, or a set of pairs, from a data set.

    Args:
        subset: what stands before `-corpus` in the names of configs, often a language; the name of
            the config for pairs. Empty for none.

    Raises:
        UserError: it is neither, or has no such split or subset.
    """
    configs = tables.configs()
    prefix = f"{subset}-" if subset else ""
    if f"{prefix}corpus" not in configs:
        return _read_pairs(tables, subset, split)
    qrels = next((c for c in (f"{prefix}qrels", "default") if c in configs), None)
    if qrels is None or f"{prefix}queries" not in configs:
        raise UserError(
            f"{tables.name} has the configs {', '.join(configs)}; a collection has {prefix}corpus, "
            f"{prefix}queries and {prefix}qrels."
        )
    tasks = _read_tasks(tables, f"{prefix}instruction", split)
    queries = (
        _with_task(read_query(place, row), tasks)
        for place, row in _read(tables, f"{prefix}queries", split)
    )
    passages = (read_passage(*each) for each in _read(tables, f"{prefix}corpus", split))
    grades = (_read_grade(*each) for each in _read(tables, qrels, split))
    return make_collection(_name(tables, subset), passages, queries, grades)


def _read_pairs(tables: Tables, subset: str, split: str) -> PairSet:
    configs = tables.configs()
    config = subset or (configs[0] if len(configs) == 1 else "default")
    if config in configs:
        rows = _read(tables, config, split)
        first = next(rows, None)
        if first is not None and find_columns(first[1]):
            return read_pairs(_name(tables, subset), _chain(first, rows))
    subsets = [c.removesuffix("-corpus") for c in configs if c.endswith("-corpus")]
    if subsets:
        raise UserError(
            f"{tables.name} has the subsets {', '.join(subsets)}. Name one: "
            f"--data {tables.name}:{subsets[0]}"
        )
    raise UserError(
        f"{tables.name} (configs: {', '.join(configs) or 'none'}) is neither a collection (configs "
        "corpus, queries, qrels) nor pairs (columns sentence1, sentence2, score)."
    )


def _chain(
    first: tuple[Place, Row], rows: Iterator[tuple[Place, Row]]
) -> Iterator[tuple[Place, Row]]:
    yield first
    yield from rows


def _read(tables: Tables, config: str, split: str) -> Iterator[tuple[Place, Row]]:
    """Read a split, or the only one that there is: corpora often have one of their own name."""
    splits = tables.splits(config)
    if split not in splits and len(splits) != 1:
        raise UserError(
            f"{tables.name} has no split {split!r} of {config}. Name one: "
            f"--split {', '.join(splits)}"
        )
    return tables.rows(config, split if split in splits else splits[0])


def _read_tasks(tables: Tables, config: str, split: str) -> dict[str, str]:
    if config not in tables.configs():
        return {}
    return {
        take_id(row, (*_QUERY_ID, "_id", "id"), place): str(row.get("instruction") or "")
        for place, row in _read(tables, config, split)
    }


def _with_task(query: QueryRow, tasks: dict[str, str]) -> QueryRow:
    id_, text, task = query
    return id_, text, tasks.get(id_) or task


def _read_grade(place: Place, row: Row) -> GradeRow:
    ids = take_id(row, _QUERY_ID, place), take_id(row, _PASSAGE_ID, place)
    return *ids, take_grade(row.get("score"), place)


def _name(tables: Tables, subset: str) -> str:
    return f"{tables.name}:{subset}" if subset else tables.name


class FolderTables:
    """Files in a folder, by the front matter of its README.md, else by the folders they lie in."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self._folder = name, folder
        self._files = _read_front_matter(folder) or _list_folders(folder)

    def configs(self) -> Sequence[str]:
        return list(self._files)

    def splits(self, config: str) -> Sequence[str]:
        return list(self._files[config])

    def rows(self, config: str, split: str) -> Iterator[tuple[Place, Row]]:
        for path in self._files[config][split]:
            yield from read_rows(path)


Files = dict[str, dict[str, list[Path]]]
"""Paths by config and split."""


def _read_front_matter(folder: Path) -> Files:
    """Read which files the card names; nothing where it has none or names none that is there."""
    import yaml

    card = folder / "README.md"
    text = card.read_text("utf-8", "replace") if card.is_file() else ""
    if not text.startswith("---"):
        return {}
    try:
        front = yaml.safe_load(text.split("---", 2)[1])
    except yaml.YAMLError as error:
        raise UserError(f"The front matter of {card} is no YAML: {error}. Mend it.") from error
    configs = front.get("configs") if isinstance(front, dict) else None
    found: Files = {}
    for config in configs if isinstance(configs, list) else ():
        splits = _find_splits(folder, config)
        if splits:
            found[str(config.get("config_name", "default"))] = splits
    return found


def _find_splits(folder: Path, config: Any) -> dict[str, list[Path]]:
    parts = config.get("data_files") if isinstance(config, dict) else None
    if isinstance(parts, str):
        parts = [{"split": "train", "path": parts}]
    found: dict[str, list[Path]] = {}
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and "path" in part:
            paths = part["path"] if isinstance(part["path"], list) else [part["path"]]
            files = [path for pattern in paths for path in _match(folder, str(pattern))]
            if files:
                found[str(part.get("split", "train"))] = files
    return found


def _match(folder: Path, pattern: str) -> list[Path]:
    """Return the tables in a folder that a pattern names, none outside of it."""
    try:
        paths = sorted(folder.glob(pattern))
    except (ValueError, NotImplementedError):  # empty, or from the root
        return []
    inside = folder.resolve()
    return [p for p in paths if is_table(p) and p.is_file() and inside in p.resolve().parents]


def _list_folders(folder: Path) -> Files:
    found: Files = {}
    for path in sorted(folder.glob("*/*")):
        if is_table(path) and path.is_file():
            split = path.name.split(".")[0].split("-")[0]
            found.setdefault(path.parent.name, {}).setdefault(split, []).append(path)
    return found if any(name.endswith("corpus") for name in found) else {}
