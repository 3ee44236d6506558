"""What marks say of a dataset: its positives, its negatives, its queries, and its judge."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fret.audit.files import (
    NOT_RELEVANT,
    PARTLY,
    RELEVANT,
    Key,
    KeyPassage,
    KeyQuery,
    Marks,
    read_key,
    read_marks,
)
from fret.audit.report import Between, Judged, OfType, Person, Report
from fret.audit.statistics import Agreement, Share, Table, Weights, measure_agreement
from fret.errors import UserError

# Fewer marked queries of a task type say too little: with 10, an interval is 50 points wide.
LEAST_OF_TYPE = 10

_N_MARKS = 3

# Kappa on the three marks, weighted; and on two, cut above each.
_KAPPAS: dict[str, tuple[Weights, int | None]] = {
    "linear": ("linear", None),
    "quadratic": ("quadratic", None),
    "at least partly": ("none", PARTLY),
    "relevant": ("none", RELEVANT),
}

Pairs = list[list[tuple[int, int]]]
"""Two raters' marks of the same passages, by query."""


def score_marks(files: Sequence[Path], *, key: Path | None = None, seed: int = 0) -> Report:
    """Join the marks of one or more people with the key, and count.

    Args:
        files: one file of marks for each person.
        key: where the key is, when it is neither beside the marks nor below data/runs.
        seed: of the bootstrap behind kappa's intervals.

    Raises:
        UserError: a file is missing, damaged, of another audit, or holds no marks.
    """
    people = [(path, read_marks(path)) for path in files]
    first_path, first = people[0]
    for path, marks in people[1:]:
        if marks.audit != first.audit:
            raise UserError(
                f"{first_path} belongs to the audit {first.audit}, {path} to {marks.audit}. "
                "Score each audit by itself."
            )
    found = read_key(first.audit, first_path, key)
    for path, marks in people:
        _check_marks(path, marks, found)
    names = _name_people(people)
    return Report(
        audit=found.audit,
        run=found.run,
        fingerprint=found.fingerprint,
        scorers=found.scorers,
        n_queries=len(found.queries),
        n_passages=found.n_passages,
        people=[
            _score_person(name, path, marks, found, seed)
            for name, (path, marks) in zip(names, people, strict=True)
        ],
        namesakes=_find_namesakes(people),
        between=[
            Between(a, b, _kappas_of(_pair_people(x, y), seed))
            for (a, (_, x)), (b, (_, y)) in itertools.combinations(
                zip(names, people, strict=True), 2
            )
        ],
    )


def _check_marks(path: Path, marks: Marks, key: Key) -> None:
    unknown = [f"query {number}" for number in marks.marks if number not in key.queries] or [
        f"passage {letter} of query {number}"
        for number, query in marks.marks.items()
        for letter in query.passages
        if letter not in key.queries[number].passages
    ]
    if unknown:
        raise UserError(
            f"{path} marks what the audit {key.audit} does not have: {unknown[0]} "
            f"({len(unknown)} such in all). It was changed after it was saved; save it again from "
            "the page."
        )
    if not any(_rows(marks, key)):
        raise UserError(
            f"{path} holds no marks yet: nothing is marked in any of {len(key.queries)} queries. "
            "Open the page, mark some, and save the file again."
        )


def _name_person(path: Path, marks: Marks) -> str:
    return marks.marker.strip() or path.stem


def _find_namesakes(people: Sequence[tuple[Path, Marks]]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for path, marks in people:
        files.setdefault(_name_person(path, marks), []).append(str(path))
    return {name: found for name, found in files.items() if len(found) > 1}


def _name_people(people: Sequence[tuple[Path, Marks]]) -> list[str]:
    """Return the names that people gave, or their files' names; with numbers where they repeat."""
    names = [_name_person(path, marks) for path, marks in people]
    return [
        f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    """One query that a person marked."""

    query: KeyQuery
    nonsense: bool
    marks: list[tuple[int, KeyPassage]]
    """Empty where the query makes no sense."""

    def of(self, role: str) -> list[int]:
        return [mark for mark, passage in self.marks if passage.role == role]

    @property
    def seed(self) -> int | None:
        """The mark of the seed where it was not chosen as the positive."""
        found = (m for m, p in self.marks if p.is_seed and p.role != "positive")
        return next(found, None)


def _score_person(name: str, path: Path, marks: Marks, key: Key, seed: int) -> Person:
    rows = list(_rows(marks, key))
    types: dict[str, list[_Row]] = {}
    for row in rows:
        types.setdefault(row.query.task_type, []).append(row)
    enough = {kind: part for kind, part in sorted(types.items()) if len(part) >= LEAST_OF_TYPE}
    return Person(
        name=name,
        file=str(path),
        n_queries=len(rows),
        n_passages=sum(len(query.passages) for query in marks.marks.values()),
        n_counting=sum(len(row.marks) for row in rows),
        n_skipped=sum(query.skipped for query in marks.marks.values()),
        shares=_shares(rows),
        judges=[
            Judged(judge.scorer, judge.model, _kappas_of(_pair_judge(rows, place), seed))
            for place, judge in enumerate(key.judges)
        ],
        by_type={
            kind: OfType(
                n_queries=len(part),
                shares=_shares(part),
                kappa=(
                    _kappas_of(_pair_judge(part, 0), seed, kinds=["linear"])["linear"]
                    if key.judges
                    else None
                ),
            )
            for kind, part in enough.items()
        },
        n_rare=len(rows) - sum(map(len, enough.values())),
        to_look_at=_find_wrong(rows),
        notes={
            key.queries[number].query_id: said.note
            for number, said in marks.marks.items()
            if said.note.strip()
        },
    )


def _rows(marks: Marks, key: Key) -> Iterator[_Row]:
    """Yield the queries that count: marked at least in part, and not skipped."""
    for number, said in marks.marks.items():
        query = key.queries[number]
        if said.skipped or not (said.nonsense or said.passages):
            continue
        marked = [(mark, query.passages[letter]) for letter, mark in sorted(said.passages.items())]
        yield _Row(query, said.nonsense, [] if said.nonsense else marked)


def _shares(rows: Sequence[_Row]) -> dict[str, Share]:
    positives = [mark for row in rows for mark in row.of("positive")]
    extra = [mark for row in rows for mark in row.of("extra")]
    negatives = [mark for row in rows for mark in row.of("negative")]
    better = [
        max(row.of("other")) > row.of("positive")[0]
        for row in rows
        if row.of("other") and row.of("positive")
    ]
    seeds = [
        (row.seed, row.of("positive")[0])
        for row in rows
        if row.seed is not None and row.of("positive")
    ]
    pairs = [
        positive > negative
        for row in rows
        for positive in row.of("positive")
        for negative in row.of("negative")
    ]
    return {
        "positives relevant": _share(mark == RELEVANT for mark in positives),
        "positives partly": _share(mark == PARTLY for mark in positives),
        "further positives relevant": _share(mark == RELEVANT for mark in extra),
        "negatives relevant": _share(mark == RELEVANT for mark in negatives),
        "negatives partly": _share(mark == PARTLY for mark in negatives),
        "positive above negative": _share(pairs),
        "another candidate better": _share(better),
        "seed better": _share(seed > positive for seed, positive in seeds),
        "seed worse": _share(seed < positive for seed, positive in seeds),
        "queries nonsense": _share(row.nonsense for row in rows),
    }


def _find_wrong(rows: Sequence[_Row]) -> dict[str, list[str]]:
    wrong: dict[str, Callable[[_Row], bool]] = {
        "positive not relevant": lambda row: NOT_RELEVANT in row.of("positive"),
        "negative relevant": lambda row: RELEVANT in row.of("negative"),
        "query nonsense": lambda row: row.nonsense,
    }
    return {name: [r.query.query_id for r in rows if is_so(r)] for name, is_so in wrong.items()}


def _share(said: Iterable[bool]) -> Share:
    values = list(said)
    return Share(sum(values), len(values))


def grade_to_mark(grade: float) -> int:
    """Return the mark that a judge's expected relevance stands for.

    Rounded to a grade of the prompt's scale: 3 (meets the need fully) is relevant, 2 (in part)
    partly, 1 (on the subject only) and 0 are not.
    """
    return max(0, min(3, math.floor(grade + 0.5)) - 1)


def _pair_judge(rows: Sequence[_Row], place: int) -> Pairs:
    return [
        [
            (mark, grade_to_mark(grade))
            for mark, passage in row.marks
            if (grade := passage.grades[place]) is not None
        ]
        for row in rows
    ]


def _pair_people(first: Marks, second: Marks) -> Pairs:
    """Pair the marks of passages that both have, in queries that both think make sense."""
    return [
        [
            (mark, other.passages[letter])
            for letter, mark in one.passages.items()
            if letter in other.passages
        ]
        for number, one in first.marks.items()
        if (other := second.marks.get(number)) is not None
        and not (one.nonsense or one.skipped or other.nonsense or other.skipped)
    ]


def _kappas_of(
    pairs: Pairs, seed: int, *, kinds: Iterable[str] = tuple(_KAPPAS)
) -> dict[str, Agreement]:
    found = {}
    for kind in kinds:
        weights, cut = _KAPPAS[kind]
        found[kind] = measure_agreement(_tabulate(pairs, cut), weights, seed=seed)
    return found


def _tabulate(pairs: Pairs, cut: int | None) -> Table:
    """Count pairs of marks by query; with a cut, marks become 0 (below it) and 1."""
    size = _N_MARKS if cut is None else 2
    tables = np.zeros((len(pairs), size, size), np.int64)
    for table, group in zip(tables, pairs, strict=True):
        for first, second in group:
            row, column = (first, second) if cut is None else (first >= cut, second >= cut)
            table[int(row), int(column)] += 1
    return tables
