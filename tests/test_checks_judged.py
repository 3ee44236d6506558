"""The checks against queries that a person judged: tests/data/queries_judged.jsonl.

A duplicate is what asks the same as an earlier row. Rows with `late` were written after the rules;
on their first run self-contained had recall 0.75 and duplicates by words 0.43, then a few general
rules were mended. Rows with `reviewed` came from a review of the rules, which were then mended on
them: they hold what was found, and say nothing of rows not seen before.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fret.checks.whole_set import WholeSet
from fret.config import ChecksSettings
from fret.reasons import Reason
from fret.records import Passage, Query
from fret.retrieval.encode import Embedder
from fret.retrieval.model_files import MINILM, find_model
from fret.stages.checking import AloneChecks

FILE = Path(__file__).parent / "data" / "queries_judged.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
JUDGED = [row for row in ROWS if "query" in row]
PASSAGES = {row["passage"]: row for row in ROWS if "passage" in row}
SHOWN = [text for row in ROWS if "example" in row for text in (row["example"], row["task"])]
# What a person writes beside a query, and what the checks say of it.
FAULTS = {
    "not_self_contained": {Reason.NOT_SELF_CONTAINED},
    "copied": {Reason.COPIED},
    "leaked": {Reason.LEAKED_EXAMPLE},
    "duplicate": {Reason.DUPLICATE_QUERY, Reason.NEAR_DUPLICATE_QUERY, Reason.SIMILAR_QUERY},
    "wrong_language": {Reason.WRONG_LANGUAGE},
    "too_short": {Reason.QUERY_TOO_SHORT},
    "too_long": {Reason.QUERY_TOO_LONG},
    "not_for_task": {Reason.NOT_FOR_ITS_TASK},
}
REQUIRED = ("not_self_contained", "copied", "leaked", "duplicate")


def make_passage(row: dict[str, Any]) -> Passage:
    return Passage(
        id=row["passage"], page_id="", position=0, title=row["title"], text=row["text"],
        language=row["language"], n_tokens=0, url="",
    )  # fmt: skip


def make_query(row: dict[str, Any], number: int) -> Query:
    language = row.get("language", PASSAGES[row["of"]]["language"])
    return Query(
        id=str(number), passage_id=row["of"], task="", text=row["query"], language=language,
        task_type=row.get("task_type", ""), writer="", model="", prompt_hash="", sample=0,
    )  # fmt: skip


def judge_all(*, by_embedding: bool = True) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Yield each row with every fault that the checks find in it, not the first alone."""
    alone = AloneChecks(ChecksSettings(), SHOWN)
    cosine, encode = None, None
    if by_embedding:
        model = find_model(MINILM)
        if model is None:
            pytest.skip(f"{MINILM} is neither cached nor installed")
        cosine, encode = 0.95, Embedder(model).encode_queries
    earlier = WholeSet(exact=True, jaccard=0.8, cosine=cosine, encode=encode)
    queries = [make_query(row, number) for number, row in enumerate(JUDGED)]
    earlier.look_at(queries)
    for row, query in zip(JUDGED, queries, strict=True):
        passage = make_passage(PASSAGES[row["of"]])
        faults = [*alone.find_all(query, passage), earlier.check(query)]
        if faults[-1] is None:
            earlier.add(query)
        reasons = {fault.reason for fault in faults if fault}
        yield row, {name for name, those in FAULTS.items() if reasons & those}


def count(judged: list[tuple[dict[str, Any], set[str]]], name: str) -> tuple[float, float, str]:
    """Return precision and recall of a fault, and what to print of them."""
    counts = Counter((name in row["bad"], name in found) for row, found in judged)
    right, missed, wrong = counts[True, True], counts[True, False], counts[False, True]
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    told = f"{name:<20} precision {precision:.2f} recall {recall:.2f} "
    return precision, recall, f"{told}({right} right, {wrong} wrong, {missed} missed)"


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    judged = list(judge_all())
    assert len(judged) >= 150
    late = [pair for pair in judged if pair[0].get("late")]
    by_words = list(judge_all(by_embedding=False))
    lines = [f"all rows: {count(judged, name)[2]}" for name in FAULTS]
    lines.append(f"all rows, by words alone: {count(by_words, 'duplicate')[2]}")
    lines += [f"late rows: {count(late, name)[2]}" for name in REQUIRED]
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    for row, found in judged:
        if found != set(row["bad"]):
            print(sorted(found), "for", row["bad"], row["query"])
    low = [name for name in REQUIRED if min(count(judged, name)[:2]) < 0.9]
    assert not low


def test_most_good_queries_pass_all_checks() -> None:
    good = [found for row, found in judge_all() if not row["bad"]]
    assert sum(not found for found in good) >= 0.95 * len(good)
