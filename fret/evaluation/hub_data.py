"""Data sets of the Hugging Face Hub, and tasks of MTEB."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from fret.errors import UserError
from fret.evaluation.collection import Collection, PairSet, make_collection
from fret.evaluation.pair_sets import read_pairs
from fret.evaluation.rows import Place, Row, take_id, take_text

_TOLD = 300


class HubTables:
    """A data set of the Hub, from its cache where it is there.

    Args:
        name: ORG/NAME.

    Raises:
        UserError: it cannot be had.
    """

    def __init__(self, name: str) -> None:
        from datasets import get_dataset_config_names

        self.name = name
        self._configs = self._ask(get_dataset_config_names, name)

    def configs(self) -> Sequence[str]:
        return list(self._configs)

    def splits(self, config: str) -> Sequence[str]:
        from datasets import get_dataset_split_names

        return list(self._ask(get_dataset_split_names, self.name, config))

    def rows(self, config: str, split: str) -> Iterator[tuple[Place, Row]]:
        from datasets import load_dataset

        rows = self._ask(load_dataset, self.name, config, split=split)
        for number, row in enumerate(rows, 1):
            yield f"{self.name}, {config}, {split}, row {number}", row

    def _ask(self, ask: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return ask(*arguments, **options)
        except Exception as error:  # of the network, file systems and formats, in many classes
            raise UserError(
                f"The data set {self.name} of the Hub cannot be had: {_tell(error)}. "
                "Mend the name or the connection; for a folder, give a path that is there."
            ) from error


def _tell(error: Exception) -> str:
    """Say what went wrong; the libraries often wrap it in what says nothing."""
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {str(cause)[:_TOLD].rstrip('.')}"


def read_task(name: str, *, subset: str, split: str) -> Collection | PairSet:
    """Read a task of MTEB, a retrieval or STS one, by its name.

    Raises:
        UserError: the package mteb is missing, or there is no such task, or it cannot be had.
    """
    task = _find_task(name, subset, split)
    try:
        task.load_data()
        if hasattr(task, "convert_v1_dataset_format_to_v2"):
            task.convert_v1_dataset_format_to_v2(num_proc=None)
        splits = task.dataset
        splits = splits.get(subset or "default", splits)
        data = splits[task.eval_splits[0]]
    except Exception as error:  # of the network, file systems and formats, in many classes
        raise UserError(
            f"The data of MTEB's task {name} cannot be had: {_tell(error)}. Mend the "
            f"connection, or fetch {task.metadata.dataset.get('path')} on another machine and name "
            "its folder."
        ) from error
    label = f"{name}:{subset}" if subset else name
    if task.metadata.type == "STS":
        return _read_sts(label, data, task.column_names)
    return _read_retrieval(label, data, drop=task.ignore_identical_ids)


@cache
def _import_mteb() -> Any:
    try:
        import mteb
    except ImportError:
        return None
    return mteb


def _find_task(name: str, subset: str, split: str) -> Any:
    """Find a task, limited to one subset and one split: others would be fetched as well."""
    mteb = _import_mteb()
    if mteb is None:
        raise UserError(
            f"{name} is no file or folder. If it is one of MTEB's tasks, install the package: "
            "pip install mteb. A data set of the Hub is named ORG/NAME."
        )
    try:
        task = mteb.get_task(name)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{name} is no file or folder, and MTEB has no such task: {str(error)[:_TOLD]}"
        ) from error
    if task.metadata.type not in ("Retrieval", "STS"):
        raise UserError(
            f"MTEB's task {name} is of the type {task.metadata.type}; fret evaluates Retrieval and "
            "STS. Run mteb itself for the others."
        )
    subsets = list(task.hf_subsets) if task.metadata.is_multilingual else []
    if subset not in (subsets or [""]):
        known = f"has the subsets {', '.join(subsets)}" if subsets else "has no subsets"
        example = f"{name}:{subsets[0]}" if subsets else name
        raise UserError(f"MTEB's task {name} {known}. Name it so: --data {example}")
    splits = [split] if split in task.eval_splits else list(task.eval_splits)[:1]
    return mteb.get_task(name, eval_splits=splits, hf_subsets=[subset] if subset else None)


def _read_retrieval(name: str, data: Any, *, drop: bool) -> Collection:
    corpus = (
        (
            take_id(row, ("id", "_id"), name),
            str(row.get("title") or ""),
            take_text(row, ("text",), name),
        )
        for row in data["corpus"]
    )
    queries = (
        (
            take_id(row, ("id", "_id"), name),
            take_text(row, ("text",), name),
            str(row.get("instruction") or ""),
        )
        for row in data["queries"]
    )
    grades = (
        (query, passage, int(grade))
        for query, of_query in data["relevant_docs"].items()
        for passage, grade in of_query.items()
    )
    return make_collection(name, corpus, queries, grades, same_ids="leave out" if drop else "keep")


def _read_sts(name: str, rows: Any, columns: tuple[str, str]) -> PairSet:
    named = (
        (
            f"{name}, row {number}",
            {"sentence1": row[columns[0]], "sentence2": row[columns[1]], "score": row["score"]},
        )
        for number, row in enumerate(rows, 1)
    )
    return read_pairs(name, named)
