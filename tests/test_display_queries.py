"""Queries to be judged at a glance, and what fell."""

from pathlib import Path

import pytest

import fret
from fret.browse import draw_dropped
from fret.display_queries import print_dropped, print_queries
from fret.records import Dropped, Passage, Query
from test_cli import call, said


def make_query(number: int, **changes: str) -> Query:
    fields = {"task": f"Task {number}.", "text": f"query {number}", "task_type": "claim", **changes}
    return Query(
        f"{number * 7919 % 100:020x}", "s", fields.pop("task"), fields.pop("text"), "en",
        fields.pop("task_type"), "llm", "m", "h", 0, **fields,
    )  # fmt: skip


SEED = Passage("s", "p", 0, "A seed", "First words of it. " * 20, "en", 80, "")


def test_a_table_shows_what_a_person_needs_to_judge(capsys: pytest.CaptureFixture[str]) -> None:
    wishes = {"persona": "a nurse", "length": "short", "draft": "the \x1b[31mdraft"}
    queries = [make_query(0, **wishes), *(make_query(n) for n in range(1, 20))]
    print_queries(queries, {"s": SEED})
    told = capsys.readouterr().out
    assert told.count("claim") == 20 and told.count("A seed") == 20
    for part in ("a nurse", "short", "first: the", "Task 0.", "query 0", "First words of it."):
        assert part in told
    assert all(query.id[:8] in told for query in queries)
    assert "\x1b" not in told and SEED.text.strip() not in told


def test_rows_that_fell_are_counted_by_reason_and_each_reason_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [Dropped("queries", f"{n:020x}", "cut", f"cut {n}") for n in range(90)]
    rows.append(Dropped("queries", "last", "refused", "it [bold]declined[/bold]"))
    drawn = draw_dropped(rows, 4)
    assert [row.reason for row in drawn] == ["cut"] * 3 + ["refused"]
    assert drawn == draw_dropped(rows[::-1], 4) != draw_dropped(rows, 4, seed=1)
    assert len(draw_dropped(rows, 200)) == 91 and draw_dropped([], 4) == []
    print_dropped(drawn, {"cut": 90, "refused": 1})
    told = capsys.readouterr().out
    assert "90  cut" in told and "1  refused" in told
    assert "it [bold]declined[/bold]" in told and told.count("cut ") == 3 * 2


def test_the_command_shows_queries_and_what_fell(small: Path) -> None:
    call("run", "small.yaml", "pages", "passages", "queries")
    shown = call("show", "small.yaml", "queries", "--n", "20").output
    queries = {q.id: q for q in fret.load(small).rows(Query)}
    assert sum(query.text in shown for query in queries.values()) >= 10
    fallen = said(call("show", "small.yaml", "queries", "--dropped"))
    assert " no_query " in fallen and "no rule makes a good query of" in fallen
    assert "No dropped rows" in said(call("show", "small.yaml", "passages", "--dropped"))
    one = next(iter(queries))
    full = call("show", "small.yaml", "queries", "--id", one).output
    assert f"── {one}" in full and "prompt_hash" in full
