"""From what people name after --data to what models are measured on."""

import re
from pathlib import Path

from fret.errors import UserError
from fret.evaluation.beir_folder import is_beir, read_beir
from fret.evaluation.collection import Collection, PairSet
from fret.evaluation.pair_sets import read_pairs
from fret.evaluation.rows import ENDINGS, is_table, read_rows
from fret.evaluation.tables import FolderTables, read_tables

_ON_THE_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_NAMED = 12


def read_data(name: str, *, split: str = "test") -> Collection | PairSet:
    """Read what a name stands for: a folder or file, a data set of the Hub, or a task of MTEB.

    Args:
        name: a path; ORG/NAME; or a task's name. `:SUBSET` behind the last two chooses a subset.
        split: which split, where there are several.

    Raises:
        UserError: there is nothing of that name, or it cannot be read.
    """
    path = Path(name)
    if path.is_dir():
        return _read_folder(path, split)
    if path.is_file():
        return _read_file(path)
    plain, _, subset = name.partition(":")
    if Path(plain).is_dir() and subset:
        return read_tables(FolderTables(Path(plain), plain), subset=subset, split=split)
    if _ON_THE_HUB.fullmatch(plain) and not plain.startswith(".") and not _is_local(path):
        from fret.evaluation.hub_data import HubTables

        return read_tables(HubTables(plain), subset=subset, split=split)
    if "/" in plain or "\\" in plain or is_table(path):
        raise UserError(f"There is no file or folder {name}. Name one that is there.")
    from fret.evaluation.hub_data import read_task

    return read_task(plain, subset=subset, split=split)


def _is_local(path: Path) -> bool:
    """Whether a name that could be of the Hub is meant as a path: its first folder is there."""
    return is_table(path) or Path(path.parts[0]).is_dir()


def _read_folder(folder: Path, split: str) -> Collection | PairSet:
    whole = folder.resolve()
    # Datasets of runs lie in data/runs/NAME/dataset.
    name = whole.parent.name if whole.name == "dataset" else whole.name
    if is_beir(folder):
        return read_beir(folder, name=name, split=split)
    tables = FolderTables(folder, str(folder))
    if tables.configs():
        found = read_tables(tables, subset="", split=split)
        return _rename(found, name)
    below = sorted(p.name for p in folder.iterdir() if p.is_dir() and is_beir(p))
    if below:
        options = " ".join(f"--data {folder / each}" for each in below[:_NAMED])
        raise UserError(f"{folder} holds {len(below)} collections. Name them each: {options}")
    raise UserError(
        f"{folder} is no collection: it has neither BEIR's files (corpus.jsonl, queries.jsonl, "
        "qrels/test.tsv) nor configs as MTEB's data sets (corpus, queries, qrels)."
    )


def _read_file(path: Path) -> PairSet:
    if not is_table(path):
        raise UserError(
            f"{path} is no table of pairs ({', '.join(ENDINGS)}). A collection is a folder."
        )
    return read_pairs(path.name.partition(".")[0], read_rows(path))


def _rename(found: Collection | PairSet, name: str) -> Collection | PairSet:
    from dataclasses import replace

    return replace(found, name=name)
