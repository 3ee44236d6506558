"""What `fret show` shows: which rows, and each stage's in its own way. Part of the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from fret.browse import draw_dropped, draw_rows, find_ids, find_rows, take_first
from fret.display_examples import print_example
from fret.display_layout import print_facts, print_head, print_line
from fret.display_pages import print_page, print_passage
from fret.display_queries import print_dropped, print_queries, print_query
from fret.display_ranking import Known, print_candidates, print_judgement
from fret.errors import UserError
from fret.pipeline import STAGES, dropped_rows
from fret.records import Candidates, Example, Judgement, Page, Passage, Query, Record
from fret.store import Run
from fret.terminal import clean, out

_RECORDS: dict[str, type[Record]] = {
    record.STAGE: record for record in (Page, Passage, Query, Candidates, Judgement, Example)
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a stage are to be shown."""

    n: int = 5
    seed: int = 0
    first: bool = False
    """The first n instead of a draw."""
    record_id: str | None = None
    """Only the row whose id begins so."""
    dropped: bool = False


def print_rows(run: Run, stage: str, wanted: Wanted) -> None:
    """Show rows of a stage, or dropped ones.

    Raises:
        UserError: there is no such stage or id.
    """
    if stage not in STAGES:
        raise UserError(f"There is no stage {stage!r}; the stages are {', '.join(STAGES)}.")
    if wanted.dropped:
        _print_dropped(run, stage, wanted)
        return
    record = _RECORDS[stage]
    if wanted.record_id is not None:
        key = _find_id(run, record, wanted.record_id)
        rows = list(find_rows(run, record, [key]).values())
    elif wanted.first:
        rows = take_first(run, record, wanted.n)
    else:
        rows = draw_rows(run, record, wanted.n, seed=wanted.seed)
    if not rows:
        out.print(f"No rows in {stage}.", markup=False)
        return
    _print_all(run, record, rows, whole=wanted.record_id is not None)
    if wanted.record_id is None:
        _say_how_many(len(rows), run.n_rows(record), wanted)


def _print_all(run: Run, record: type[Record], rows: Sequence[Any], *, whole: bool) -> None:
    if record is Query and not whole:
        seeds = find_rows(run, Passage, {row.passage_id for row in rows if row.passage_id})
        print_queries(rows, seeds)
        return
    print_one = _choose_printer(run, record, rows, whole=whole)
    for number, row in enumerate(rows):
        if number:
            out.print()
        print_one(row)


def _choose_printer(
    run: Run, record: type[Record], rows: Sequence[Any], *, whole: bool
) -> Callable[[Any], None]:
    if record is Page:
        return lambda row: print_page(row, whole=whole)
    if record is Passage:
        return lambda row: print_passage(row, whole=whole)
    if record is Example:
        return lambda row: print_example(row, whole=whole)
    if record is Query:
        seeds = find_rows(run, Passage, {row.passage_id for row in rows if row.passage_id})
        return lambda row: print_query(row, seeds.get(row.passage_id))
    queries = find_rows(run, Query, {row.query_id for row in rows})
    known = Known(queries, find_rows(run, Passage, {i for row in rows for i in row.passage_ids}))
    if record is Candidates:
        return lambda row: print_candidates(row, known, whole=whole)
    return lambda row: print_judgement(row, known)


def _say_how_many(n: int, of: int, wanted: Wanted) -> None:
    if n == of:
        how = "all there are"
    elif wanted.first:
        how = "the first"
    else:
        how = f"drawn at random; others: --seed {wanted.seed + 1}, in order: --first"
    out.print()
    print_line(Text(f"{n} of {of}, {how}. One in full: --id ID", style="dim"))


def _print_dropped(run: Run, stage: str, wanted: Wanted) -> None:
    rows = dropped_rows(run, stage)
    if wanted.record_id is not None:
        start = wanted.record_id
        found = [row for row in rows if row.record_id.startswith(start)]
        if not found:
            raise UserError(_explain_unknown(run, stage, start, dropped=True))
        for row in found[: wanted.n]:
            print_head(row.record_id, (f"dropped in {row.stage}",))
            print_facts([("reason", row.reason), ("what", row.detail)])
        return
    drawn = draw_dropped(rows, wanted.n, seed=wanted.seed)
    if drawn:
        print_dropped(drawn, run.stage(stage).require().reasons)
    else:
        out.print(f"No dropped rows in {stage}.", markup=False)


def _find_id(run: Run, record: type[Record], start: str) -> str:
    """Return the one id that begins so.

    Raises:
        UserError: none does, or several do.
    """
    found = find_ids(run, record, start)
    if len(found) == 1:
        return found[0]
    if not found or not start:
        raise UserError(_explain_unknown(run, record.STAGE, start, dropped=False))
    raise UserError(
        f"Several ids in {record.STAGE} begin with {clean(start)}: {', '.join(found[:5])}"
        f"{' and more' if len(found) > 5 else ''}. Give more of the one that you mean."
    )


def _explain_unknown(run: Run, stage: str, start: str, *, dropped: bool) -> str:
    """Say that no row has an id, and where there is one that has."""
    what = "dropped row" if dropped else "row"
    text = f"There is no {what} with the id {clean(start)!r} in {stage}."
    places = [
        f"fret show PIPELINE {name} --id {clean(start)}"
        for name, record in _RECORDS.items()
        if start and _is_done(run, name) and (name != stage or dropped)
        if find_ids(run, record, start)
    ]
    if (
        not dropped
        and start
        and any(row.record_id.startswith(start) for row in dropped_rows(run, stage))
    ):
        places.insert(0, f"fret show PIPELINE {stage} --dropped --id {clean(start)}")
    if places:
        return f"{text} There is one: {'; or '.join(places)}."
    return f"{text} See what is there: fret show PIPELINE {stage}{' --dropped' * dropped}."


def _is_done(run: Run, stage: str) -> bool:
    return run.stage(stage).finished
