"""What models are measured on: passages, queries and judgements, or pairs of texts with scores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fret.errors import UserError
from fret.figures import agree, count

PassageRow = tuple[str, str, str]
"""(id, title, text)"""
QueryRow = tuple[str, str, str]
"""(id, text, task); the task is empty where the data names none."""
GradeRow = tuple[str, str, int]
"""(query id, passage id, grade)"""
SameIds = Literal["equal texts", "leave out", "keep"]
"""What becomes of a passage with its query's id, see `make_collection`."""


@dataclass(frozen=True, slots=True)
class Relevant:
    """What is relevant to one query."""

    rows: NDArray[np.int64]
    """Rows of passages with a grade above 0, ascending."""
    grades: NDArray[np.int64]
    missing: tuple[int, ...] = ()
    """Grades of passages that are not in the corpus; they count as not found."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Passages, and queries with what is relevant to them.

    Passages lie in the descending order of their ids: trec_eval ranks equal scores so, and searches
    here rank them by row.
    """

    name: str
    passage_ids: Sequence[str]
    passages: Sequence[tuple[str, str]]
    """(title, text)"""
    query_ids: Sequence[str]
    queries: Sequence[tuple[str, str]]
    """(task, text)"""
    relevant: Sequence[Relevant]
    """By query; each has a relevant passage."""
    left_out: Sequence[int]
    """By query: the row of the passage that is the query itself; -1 for none."""
    notes: Sequence[str] = ()
    """What the reader should know of the data, in sentences."""
    language: str = ""
    """ISO 639-1; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class PairSet:
    """Pairs of texts that people scored for their similarity (STS)."""

    name: str
    pairs: Sequence[tuple[str, str]]
    scores: NDArray[np.float64]
    notes: Sequence[str] = ()


def make_collection(
    name: str,
    passages: Iterable[PassageRow],
    queries: Iterable[QueryRow],
    grades: Iterable[GradeRow],
    *,
    same_ids: SameIds = "equal texts",
) -> Collection:
    """Check the parts of a collection and put them together.

    Queries without a relevant passage are left out, as trec_eval does.

    Args:
        same_ids: a passage with its query's id: left out of that query's ranking where its text is
            the query's too (`equal texts`), always (as BEIR does), or never. By id alone, small
            collections that count both from 1 would lose passages.

    Raises:
        UserError: nothing is left to measure on, or an id stands for two texts.
    """
    notes: list[str] = []
    by_id = _index(name, "passage", passages, notes)
    asked = _index(name, "query", queries, notes)
    ids = sorted(by_id, reverse=True)
    rows = {id_: row for row, id_ in enumerate(ids)}
    judged = _group(name, grades)
    relevant, query_ids = _find_relevant(rows, asked, judged, notes)
    _check_any(name, rows, asked, relevant)
    texts = [(asked[id_][1], asked[id_][0]) for id_ in query_ids]
    found = [by_id[id_] for id_ in ids]
    itself = [
        _find_itself(rows.get(id_, -1), text, found, same_ids)
        for id_, (_, text) in zip(query_ids, texts, strict=True)
    ]
    left_out = [row if is_out else -1 for row, is_out in itself]
    notes += _describe_same_ids(itself)
    return Collection(name, ids, found, query_ids, texts, relevant, left_out, notes)


def _index(
    name: str, what: str, rows: Iterable[tuple[str, str, str]], notes: list[str]
) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    n_copies = 0
    for id_, *texts in rows:
        pair = (texts[0], texts[1])
        if found.setdefault(id_, pair) != pair:
            raise UserError(
                f"{name} has two different texts of the {what} {id_!r}: give each an id of its own."
            )
        n_copies += found[id_] is not pair
    if n_copies:
        times = f"{count(n_copies, what)} {agree(n_copies, 'stands', 'stand')}"
        notes.append(f"{times} there twice with the same id and text; each counts once.")
    return found


def _group(name: str, grades: Iterable[GradeRow]) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for query, passage, grade in grades:
        of_query = judged.setdefault(query, {})
        if of_query.setdefault(passage, grade) != grade:
            raise UserError(
                f"{name} judges the passage {passage!r} twice for the query {query!r}, with the "
                f"grades {of_query[passage]} and {grade}. Remove one of them."
            )
    return judged


def _find_relevant(
    rows: Mapping[str, int],
    asked: Mapping[str, tuple[str, str]],
    judged: Mapping[str, Mapping[str, int]],
    notes: list[str],
) -> tuple[list[Relevant], list[str]]:
    relevant: list[Relevant] = []
    query_ids: list[str] = []
    n_missing = 0
    for id_ in asked:
        positive = {p: grade for p, grade in judged.get(id_, {}).items() if grade > 0}
        if not positive:
            continue
        known = sorted((rows[p], grade) for p, grade in positive.items() if p in rows)
        missing = tuple(grade for p, grade in positive.items() if p not in rows)
        n_missing += len(missing)
        pairs = np.array(known, np.int64).reshape(-1, 2)
        relevant.append(Relevant(pairs[:, 0].copy(), pairs[:, 1].copy(), missing))
        query_ids.append(id_)
    if n_out := len(asked) - len(query_ids):
        notes.append(
            f"{count(n_out, 'query')} {agree(n_out, 'has', 'have')} no passage judged relevant, "
            "and nothing is measured on such."
        )
    if n_unknown := len(judged.keys() - asked.keys()):
        notes.append(
            f"{count(n_unknown, 'query')} that the judgements name {agree(n_unknown, 'is', 'are')} "
            "not among the queries, so nothing is measured there. If these are many, the files may "
            "not belong together."
        )
    if n_missing:
        notes.append(
            f"{count(n_missing, 'passage')} judged relevant {agree(n_missing, 'is', 'are')} not in "
            "the corpus. What no model can find counts as not found, and lowers the figures of all "
            "models alike."
        )
    return relevant, query_ids


def _check_any(
    name: str,
    rows: Mapping[str, int],
    asked: Mapping[str, tuple[str, str]],
    relevant: Sequence[Relevant],
) -> None:
    for what, found in (("passage", rows), ("query", asked)):
        if not found:
            raise UserError(f"{name} holds no {what}: there is nothing to measure.")
    if not any(len(each.rows) for each in relevant):
        raise UserError(
            f"{name} judges no passage that it holds as relevant to a query that it holds: its "
            "three parts do not belong together, or the ids in the judgements are others."
        )


def _find_itself(
    row: int, query: str, passages: Sequence[tuple[str, str]], same_ids: SameIds
) -> tuple[int, bool]:
    """Return the row of the passage with the query's id, and whether it is left out."""
    if row < 0 or same_ids == "keep":
        return -1, False
    title, text = passages[row]
    wanted = _squeeze(query)
    return row, same_ids == "leave out" or wanted in (_squeeze(text), _squeeze(f"{title} {text}"))


def _describe_same_ids(itself: Sequence[tuple[int, bool]]) -> list[str]:
    n_out = sum(is_out for _, is_out in itself)
    n_kept = sum(row >= 0 and not is_out for row, is_out in itself)
    notes = []
    if n_out:
        notes.append(
            f"{count(n_out, 'query')} {agree(n_out, 'is', 'are')} in the corpus as well, as "
            f"{agree(n_out, 'a passage', 'passages')} with the same id. A query's own passage is "
            "left out of its ranking, for every model would find it first."
        )
    if n_kept:
        notes.append(
            f"{count(n_kept, 'query')} {agree(n_kept, 'has', 'have')} the same id as a passage "
            "with another text, as where both are numbered from 1. They are taken for different "
            "things: the passage stays in the ranking, and the figures are not touched."
        )
    return notes


def _squeeze(text: str) -> str:
    return " ".join(text.split()).casefold()
