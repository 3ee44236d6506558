"""What is learned from: rows of an anchor, a positive and hard negatives, from data of any kind."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from fret.config.training import MntpSettings
from fret.config.training_data import (
    ClassificationData,
    DataSettings,
    FretData,
    NliData,
    PairsData,
    StsData,
    TableData,
)
from fret.errors import UserError
from fret.retrieval.tokenize import tokenize
from fret.training.format import Format
from fret.training.kin import make_key
from fret.training.tables import Table, is_name_on_hub, read_table


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its texts as the model reads them."""

    anchor: str
    positive: str
    negatives: tuple[str, ...] = ()
    keys: tuple[int, ...] = (0, 0, 0)
    """See `fret.training.kin`."""


def read_rows(data: DataSettings, how: Format, *, seed: int = 0) -> Iterator[Row]:
    """Stream the rows of one part of a training file's data.

    Args:
        seed: what is drawn (partners of classification data) follows from it.

    Raises:
        UserError: the data is not there, or not as the training file says.
    """
    match data:
        case FretData():
            return _read_fret(data, how)
        case PairsData():
            return _read_pairs(data, how)
        case NliData():
            return _read_nli(data, how)
        case ClassificationData():
            return _read_classes(data, how, seed)
        case StsData():
            return _read_sts(data, how)


def look_at(data: DataSettings | MntpSettings) -> None:
    """Read the first row of local data, so that what is wrong with its name or columns is told
    before anything slow.

    Raises:
        UserError: the data is not there, cannot be read, or lacks a column.
    """
    if not Path(data.path).exists() and is_name_on_hub(data.path):
        return
    next(_open(data), None)


def _open(data: DataSettings | MntpSettings) -> Table:
    """Open the rows of a part of the data, of which each has the columns that are read."""
    match data:
        case FretData():
            return read_table(data.path, config="full", split=data.split, columns=_FRET_COLUMNS)
        case PairsData():
            columns = [data.anchor, data.positive, *data.negatives]
        case NliData():
            columns = [data.premise, data.hypothesis, data.label]
        case ClassificationData():
            columns = [data.text, data.label]
        case StsData():
            columns = [data.sentence1, data.sentence2, data.score]
        case MntpSettings():
            columns = [data.column]
    return read_table(
        data.path, config=data.config, split=data.split, columns=columns, max_rows=data.max_rows
    )


_FRET_COLUMNS = ("query", "positive_id", "negative_ids")


def count_negatives(data: DataSettings) -> int:
    """Return how many negatives a row of the data has at most."""
    match data:
        case FretData():
            return data.negatives
        case PairsData():
            return len(data.negatives)
        case StsData():
            return 0
        case _:
            return 1


def group_key(query: str) -> int:
    """Return a key that queries share which have the same words in any order."""
    return make_key("group\0" + "\0".join(sorted(tokenize(query))) if query else "")


def _read_fret(data: FretData, how: Format) -> Iterator[Row]:
    for row in _open(data):
        ids = row["negative_ids"][: data.negatives]
        negatives = zip(row["negative_titles"], row["negatives"], strict=True)
        keys = map(make_key, (row["seed_id"] or "", row["positive_id"], *ids))
        yield Row(
            how.write_query(row["task"], row["query"]),
            how.write_passage(row["positive_title"], row["positive"]),
            tuple(how.write_passage(*each) for each in islice(negatives, len(ids))),
            (group_key(row["query"]), *keys),
        )


def _read_pairs(data: PairsData, how: Format) -> Iterator[Row]:
    task = data.task or how.default_task

    def write(text: str) -> str:
        return how.write_query(task, text) if data.symmetric else how.write_passage("", text)

    for row in _open(data):
        texts = [_text(row, name, data) for name in (data.positive, *data.negatives)]
        anchor = _text(row, data.anchor, data)
        yield _make_row(how.write_query(task, anchor), anchor, texts, write)


def _read_nli(data: NliData, how: Format) -> Iterator[Row]:
    found: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for row in _open(data):
        place = {data.entailment: 0, data.contradiction: 1}.get(row[data.label])
        if place is not None:
            found[_text(row, data.premise, data)][place].append(_text(row, data.hypothesis, data))
    write = _writer(data, how)
    for premise, (follows, contradicts) in found.items():
        for positive, negative in zip(follows, contradicts, strict=False):
            yield _make_row(write(premise), premise, [positive, negative], write)


def _read_sts(data: StsData, how: Format) -> Iterator[Row]:
    write = _writer(data, how)
    for row in _open(data):
        if _number(row, data.score, data) >= data.min_score:
            one, other = (_text(row, name, data) for name in (data.sentence1, data.sentence2))
            yield _make_row(write(one), one, [other], write)
            yield _make_row(write(other), other, [one], write)


def _read_classes(data: ClassificationData, how: Format, seed: int) -> Iterator[Row]:
    """Give each text another one of its class, and one of another class.

    Texts stay in memory; sets of them are small.
    """
    by_class: dict[Any, list[str]] = defaultdict(list)
    for row in _open(data):
        by_class[row[data.label]].append(_text(row, data.text, data))
    classes = {label: texts for label, texts in by_class.items() if len(texts) > 1}
    if len(classes) < 2:
        raise UserError(
            f"{data.path} has {len(classes)} classes of two texts or more in {data.label!r}; "
            "there must be two."
        )
    rng, write = random.Random(f"classes\0{seed}\0{data.path}"), _writer(data, how)
    labels = list(classes)
    for label, texts in classes.items():
        for place, text in enumerate(texts):
            partner = texts[(place + rng.randrange(1, len(texts))) % len(texts)]
            other = rng.choice([each for each in labels if each != label])
            mark = f" {_make_id(label, place, seed)}" if data.unique_ids else ""
            three = [each + mark for each in (text, partner, rng.choice(classes[other]))]
            made = _make_row(write(three[0]), three[0], three[1:], write)
            if not data.unique_ids:  # nothing else keeps rows of one class apart
                group = make_key(f"class\0{data.path}\0{label}")
                made = replace(made, keys=(group, *made.keys[1:]))
            yield made


def _make_id(label: Any, place: int, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{label}\0{place}".encode()).hexdigest()[:8]


def _make_row(anchor: str, query: str, texts: Sequence[str], write: Callable[[str], str]) -> Row:
    """Make a row of a written anchor, and of texts, the positive's first."""
    positive, *negatives = texts
    keys = (group_key(query), 0, *map(make_key, texts))
    return Row(anchor, write(positive), tuple(map(write, negatives)), keys)


def _writer(data: TableData, how: Format) -> Callable[[str], str]:
    task = data.task or how.default_task
    return lambda text: how.write_query(task, text)


def _text(row: Mapping[str, Any], column: str, data: TableData) -> str:
    value = row[column]
    if not isinstance(value, str):
        raise UserError(
            f"{data.path} has {value!r} in the column {column!r}, which is no text. Name a column "
            "of texts."
        )
    return value


def _number(row: Mapping[str, Any], column: str, data: TableData) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError):
        raise UserError(
            f"{data.path} has {row[column]!r} in the column {column!r}, which is no number."
        ) from None
