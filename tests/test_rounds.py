"""Which scorer sees which candidates: early stop, going deeper, and answers that are still out."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import fret
from batch_engine import run_by_batch
from fret.llm.types import Failure, FailureKind
from fret.records import Judgement, Passage, Query
from fret.scorers import SKIPPED, Group, Score
from fret.scorers.rounds import Deeper, Rounds, Sheet
from llm_brain import rank_by_words
from llm_server import Brain, LLMServer, grade_by_words

PENDING = Score.failed(Failure(FailureKind.PENDING, "it is out"))


class Table:
    """A scorer that looks its scores up, by query and passage, and notes what it is asked."""

    model = ""

    def __init__(
        self,
        values: dict[str, list[float | None]],
        *,
        asks: bool = True,
        compares: bool = False,
        out: Iterable[str] = (),
    ) -> None:
        self.kind: Any = "table"
        self.name = "table"
        self.asks: Any = asks
        self.compares: Any = compares
        self.out = set(out)
        """Queries whose answers are not there yet."""
        self.asked: list[tuple[str, str]] = []
        self._values = values

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        for query, passages in list(groups):
            self.asked += [(query.text, passage.id) for passage in passages]
            yield [self._score(query.text, int(passage.id)) for passage in passages]

    def _score(self, query: str, place: int) -> Score:
        if query in self.out:
            return PENDING
        value = self._values[query][place]
        return Score(value, grade=value)

    def counts(self) -> dict[str, int]:
        queries = [query for query, _ in self.asked]
        return {query: queries.count(query) for query in dict.fromkeys(queries)}


def find(ids: Sequence[str]) -> list[Passage]:
    return [Passage(i, "page", 0, "", i, "en", 0, "") for i in ids]


def sheets_of(*queries: str, n: int = 6, n_top: int = 3, n_scorers: int = 2) -> list[Sheet]:
    return [
        Sheet(
            Query(text, None, "", text, "en", "", "", "", "", 0),
            [str(i) for i in range(n)],
            n_top=n_top,
            n_scorers=n_scorers,
        )
        for text in queries
    ]


def values_of(sheet: Sheet, place: int) -> list[float | None]:
    return [score.value for score in sheet.finish(place)]


SURE: list[float | None] = [3.0, 1.0, 0.5, 0.0, 0.0, 0.0]
UNSURE: list[float | None] = [3.0, 2.5, 0.5, 0.0, 0.0, 0.0]


def run(scorers: Sequence[Any], sheets: list[Sheet], **options: Any) -> list[int]:
    ticks: list[int] = []
    Rounds(scorers, find, tick=lambda: ticks.append(1), **options).run(sheets)
    return ticks


def test_all_scorers_see_the_first_candidates_of_all_queries() -> None:
    first, second = Table({"a": SURE, "b": UNSURE}), Table({"a": UNSURE, "b": SURE})
    sheets = sheets_of("a", "b")
    assert len(run([first, second], sheets)) == 4
    assert first.counts() == second.counts() == {"a": 3, "b": 3}
    assert values_of(sheets[0], 1) == UNSURE[:3] and sheets[0].judged_ids == ("0", "1", "2")


# Early stop.


def test_the_other_scorers_are_spared_where_the_first_leaves_no_doubt() -> None:
    first, second = Table({"a": SURE, "b": UNSURE}), Table({"a": UNSURE, "b": SURE})
    sheets = sheets_of("a", "b")
    assert len(run([first, second], sheets, lead=1.0)) == 4  # progress counts what was spared
    assert second.counts() == {"b": 3}
    assert sheets[0].finish(1) == [SKIPPED] * 3 and values_of(sheets[1], 1) == SURE[:3]


@pytest.mark.parametrize(
    ("values", "is_spared"),
    [
        ([2.0, 1.0, 0.0], True),  # a lead of exactly as much
        ([2.0, 1.1, 0.0], False),
        ([0.0, 1.0, 2.0], True),
        ([2.0, 2.0, 0.0], False),
        ([3.0, None, 0.0], False),  # the one without a score may be better
        ([None, None, None], False),
    ],
)
def test_a_lead_is_between_the_two_best_and_all_must_have_a_score(
    values: list[float | None], is_spared: bool
) -> None:
    sheets = sheets_of("a")
    run([Table({"a": values}), Table({"a": UNSURE})], sheets, lead=1.0)
    assert sheets[0].is_spared(1) is is_spared and not sheets[0].is_spared(0)


def test_what_hangs_on_an_answer_that_is_out_waits_for_it() -> None:
    first = Table({"a": SURE, "b": UNSURE}, out=["a", "b"])
    second = Table({"a": UNSURE, "b": SURE})
    run([first, second], sheets_of("a", "b"), lead=1.0, asks_only=True)
    assert second.asked == []
    first.out = {"a"}
    run([first, second], sheets_of("a", "b"), lead=1.0, asks_only=True)
    assert second.counts() == {"b": 3}


def test_without_an_early_stop_nothing_waits() -> None:
    first, second = Table({"a": SURE}, out=["a"]), Table({"a": UNSURE})
    run([first, second], sheets_of("a"), asks_only=True)
    assert second.counts() == {"a": 3}


def test_what_only_computes_is_left_out_of_gathering_but_where_a_stop_hangs_on_it() -> None:
    for lead, expected in ((None, 0), (1.0, 3)):
        first, second = Table({"a": UNSURE}, asks=False), Table({"a": UNSURE})
        run([first, second], sheets_of("a"), lead=lead, asks_only=True)
        assert (len(first.asked), len(second.asked)) == (expected, 3)


# Deeper.

RULE = Deeper(to=5, step=1, until=1, max_relevance=0.5)
# Place of the first irrelevant candidate: among the first three; the fifth; never.
GRADES: dict[str, list[float | None]] = {
    "easy": [3.0, 1.0, 0.0, 1.0, 1.0, 1.0],
    "rich": [3.0, 2.0, 2.0, 1.0, 0.2, 0.0],
    "full": [3.0, 2.0, 2.0, 1.0, 1.0, 1.0],
}


@pytest.mark.parametrize("compares", [False, True])
def test_further_candidates_are_judged_until_one_is_irrelevant(compares: bool) -> None:
    grader, other = Table(GRADES), Table(GRADES, compares=compares)
    sheets = sheets_of(*GRADES)
    assert len(run([other, grader], sheets, deeper=(1, RULE))) == 6
    assert [sheet.depth for sheet in sheets] == [3, 5, 5]
    # Nobody is asked about a candidate twice; what compares lists is asked once, for the whole one.
    for scorer in (grader, other):
        assert scorer.counts() == {"easy": 3, "rich": 5, "full": 5}
    for sheet, grades in zip(sheets, GRADES.values(), strict=True):
        for place in (0, 1):
            assert values_of(sheet, place) == grades[: sheet.depth]


@pytest.mark.parametrize(
    ("rule", "n", "depths"),
    [
        (Deeper(to=60, step=2, until=1, max_relevance=0.5), 6, [3, 5, 6]),
        (Deeper(to=60, step=20, until=1, max_relevance=0.5), 6, [3, 6, 6]),
        (Deeper(to=60, step=1, until=2, max_relevance=0.5), 6, [6, 6, 6]),
        (Deeper(to=60, step=1, until=1, max_relevance=1.5), 6, [3, 4, 4]),
        (Deeper(to=3, step=1, until=1, max_relevance=0.5), 6, [3, 3, 3]),
        (Deeper(to=60, step=1, until=1, max_relevance=0.5), 3, [3, 3, 3]),
    ],
)
def test_how_deep_hangs_on_the_rule_and_on_what_there_is(
    rule: Deeper, n: int, depths: list[int]
) -> None:
    sheets = sheets_of(*GRADES, n=n, n_scorers=1)
    run([Table(GRADES)], sheets, deeper=(0, rule))
    assert [sheet.depth for sheet in sheets] == depths


def test_where_the_grader_was_spared_nothing_goes_deeper() -> None:
    first, grader = Table({"a": SURE}), Table({"a": UNSURE})
    sheets = sheets_of("a")
    run([first, grader], sheets, lead=1.0, deeper=(1, RULE))
    assert sheets[0].depth == 3 and grader.asked == []


def test_a_spared_query_may_go_deeper_by_its_first_scorer() -> None:
    grader, other = Table({"a": [3.0, 1.0, 1.0, 1.0, 0.0, 0.0]}), Table({"a": UNSURE})
    sheets = sheets_of("a")
    run([grader, other], sheets, lead=1.0, deeper=(0, RULE))
    assert sheets[0].depth == 5 and other.asked == []
    assert sheets[0].finish(1) == [SKIPPED] * 5


def test_going_deeper_waits_for_grades_that_are_out_and_lists_wait_for_it() -> None:
    grader, lists = Table(GRADES, out=["rich"]), Table(GRADES, compares=True)
    sheets = sheets_of("easy", "rich")
    run([grader, lists], sheets, deeper=(0, RULE), asks_only=True)
    assert [sheet.depth for sheet in sheets] == [3, 3]
    assert lists.counts() == {"easy": 3}


# As part of a pipeline.

PIPELINE = """
run: rounds
models:
  teacher: {{backend: openai, base_url: "{url}", model: tiny, server: local, timeout_s: 5}}
pages: {{source: {{kind: jsonl, path: pages.jsonl}}, shard_pages: 4}}
passages: {{max_size: 60, min_size: 10}}
queries: {{writer: {{kind: llm, model: teacher}}, checks: false}}
candidates: {{top_k: 6, dense: null}}
judgements:
  scorers:
    - {{kind: relevance, model: teacher}}
    - {{kind: query_likelihood, model: teacher}}
  early_stop: {{lead: 0.6}}
examples: {{negatives: {{count: 1, max_relevance: null}}, splits: {{test: 0.2}}}}
"""


def grade_roughly(query: str, passage: str) -> float:
    return round(grade_by_words(query, passage) * 2) / 2


@pytest.fixture
def pipeline(workplace: Path, server: LLMServer) -> Path:
    server.brain = Brain(grade=grade_roughly)
    path = workplace / "rounds.yaml"
    path.write_text(PIPELINE.format(url=server.url), "utf-8")
    return path


def lead_of(judgement: Judgement) -> float:
    best, second, *_ = sorted(
        (score or 0.0 for score in judgement.scorings[0].scores), reverse=True
    )
    return best - second


def read(command: list[str]) -> str:
    """What a command prints into a pipe."""
    # Python's own environment: readline sets COLUMNS behind its back, where pytest loads it.
    found = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    return found.stdout


def test_the_second_scorer_is_spared_where_the_first_leads(
    pipeline: Path, server: LLMServer
) -> None:
    loaded = fret.load(pipeline)
    loaded.run(["pages", "passages", "queries", "candidates"])
    (ahead,) = loaded.estimate()
    n_asked = len(server.asked)
    loaded.run()
    judgements = list(loaded.rows(Judgement))
    leads = [lead_of(judgement) for judgement in judgements]
    spared = [set(j.scorings[1].fallbacks) == {"skipped"} for j in judgements]
    assert spared == [lead >= 0.6 for lead in leads]
    assert 0 < sum(spared) < len(spared)
    for judgement, is_spared in zip(judgements, spared, strict=True):
        if is_spared:  # the first scorer decides alone
            second = judgement.scorings[1]
            assert set(second.scores) == set(second.ranks) == {None}
            assert judgement.fused_ranks[judgement.scorings[0].ranks.index(1)] == 1
            assert None not in judgement.fused_ranks
    measures = loaded.status()[4].measures["judgements"]
    assert measures["stopped_early"] == pytest.approx(sum(spared) / len(spared), abs=1e-4)
    # The estimate is the most that it may take.
    assert len(server.asked) - n_asked < ahead.requests
    # A person can read it.
    best = next(j for j, is_spared in zip(judgements, spared, strict=True) if is_spared)
    command = [sys.executable, "-m", "fret"]
    shown = [*command, "show", str(pipeline), "judgements", "--id", best.query_id]
    text = read(shown)
    assert "── " in text and "query" in text
    first, *rows = text[text.index("rank") :].splitlines()
    assert first.split() == ["rank", "fused", "passage", "relevance", "query_likelihood"]
    assert len(rows) == len(best.passage_ids) and all("skipped" in row for row in rows)
    assert rows[0].split()[0] == "1" and text.count(" seed") == 1
    status = [*command, "status", str(pipeline)]
    text = read(status)
    assert "relevance & query_likelihood: Kendall's tau" in text
    assert f"stopped early in {measures['stopped_early']:.1%}" in " ".join(text.split())


def test_an_early_stop_by_batch_gives_what_it_gives_live(pipeline: Path, server: LLMServer) -> None:
    server.brain.chat = rank_by_words
    second = "judgements.scorers.1={kind: listwise, model: teacher}"  # the Batch API can do it
    live = fret.load(pipeline, overrides=["run=live", "answers=live.sqlite", second])
    live.run()
    loaded = fret.load(pipeline, overrides=[second])
    # Queries, then the second scorer waits for what the first one says: three rounds, then the run
    # goes through.
    assert run_by_batch(pipeline, server, overrides=[second]) == 4
    assert list(loaded.rows(Judgement)) == list(live.rows(Judgement))
    assert set(server.batches.lines_paid.values()) == {1}
