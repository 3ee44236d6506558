"""Estimates: requests counted exactly where they can be, money only where prices are known."""

from pathlib import Path

import pytest

import fret
from fret.display_llm import print_estimate
from fret.errors import UserError
from fret.llm.budget import Price
from fret.llm.types import Usage
from fret.records import Passage
from llm_server import LLMServer


def test_an_estimate_needs_the_passages_and_sends_nothing(
    llm_pipeline: Path, server: LLMServer
) -> None:
    with pytest.raises(UserError, match="pages passages"):
        fret.load(llm_pipeline).estimate()
    fret.load(llm_pipeline).run(["pages", "passages"])
    n_asked = len(server.asked)
    ahead = fret.load(llm_pipeline).estimate()
    assert len(server.asked) == n_asked
    n_passages = fret.load(llm_pipeline).stored.n_rows(Passage)
    queries, judgements = ahead
    assert (queries.stage, queries.requests, queries.guessed) == ("queries", 2 * n_passages, False)
    # Two scorers, six candidates; each passage gives two queries at most.
    assert (judgements.stage, judgements.guessed) == ("judgements", True)
    assert judgements.requests == pytest.approx(2 * 6 * 2 * n_passages, rel=0.02)
    assert queries.cost() is None


def test_an_estimate_is_exact_once_the_queries_are_there(
    llm_pipeline: Path, server: LLMServer
) -> None:
    pipeline = fret.load(llm_pipeline)
    pipeline.run(["pages", "passages", "queries", "candidates"])
    (ahead,) = pipeline.estimate()
    before = {a.raw for a in server.asked}
    pipeline.run()
    probes = ("probe0000000", "capital of France", "one two three")
    sent = [a for a in server.asked if a.raw not in before]
    sent = [a for a in sent if not any(probe in a.raw.decode() for probe in probes)]
    prompts = [a.body.get("prompt", "") for a in sent]
    n_sent = sum(len(p) if isinstance(p, list) else 1 for p in prompts)
    assert not ahead.guessed and ahead.requests == n_sent
    assert pipeline.estimate() == []


def test_own_queries_are_counted_by_the_rows_of_their_file(
    llm_pipeline: Path, server: LLMServer
) -> None:
    Path("mine.jsonl").write_text('{"text": "how to clean a kettle"}\n' * 7, "utf-8")
    pipeline = fret.load(
        llm_pipeline, overrides=["queries.writer={kind: file, path: mine.jsonl}", "run=own"]
    )
    pipeline.run(["pages", "passages"])
    (judgements,) = pipeline.estimate()
    assert judgements.guessed and judgements.requests == pytest.approx(2 * 6 * 7, abs=1)


def test_what_the_store_holds_is_not_counted_again(llm_pipeline: Path, server: LLMServer) -> None:
    pipeline = fret.load(llm_pipeline)
    pipeline.run(["pages", "passages", "queries"])
    other = fret.load(llm_pipeline, overrides=["run=other"])
    other.run(["pages", "passages"])
    queries, _ = other.estimate()
    assert queries.requests == 0 and queries.stored > 0


def test_tokens_lie_between_the_bounds_and_cost_what_the_price_says(
    llm_pipeline: Path, server: LLMServer
) -> None:
    price = "models.teacher.price={input: 2.0, output: 10.0}"
    pipeline = fret.load(llm_pipeline, overrides=[price])
    pipeline.run(["pages", "passages"])
    queries, _ = pipeline.estimate()
    low, high = queries.low, queries.high
    assert 0 < low.input_tokens < high.input_tokens
    assert queries.requests <= low.output_tokens < high.output_tokens
    assert high.output_tokens == queries.requests * 256
    assert queries.cost() == pytest.approx(
        tuple((u.input_tokens * 2.0 + u.output_tokens * 10.0) / 1e6 for u in (low, high))
    )


def test_an_estimate_says_what_it_costs_by_batch(
    llm_pipeline: Path, server: LLMServer, capsys: pytest.CaptureFixture[str]
) -> None:
    price = "models.teacher.price={input: 2.0, output: 10.0, batch: 0.5}"
    pipeline = fret.load(llm_pipeline, overrides=[price])
    pipeline.run(["pages", "passages"])
    ahead = pipeline.estimate()
    print_estimate(ahead, pipeline.settings.budget)
    told = capsys.readouterr().out
    live = sum(part.cost()[1] for part in ahead)  # type: ignore[index]
    assert f"- {live:.4f} USD" in told and f"- {live / 2:.4f} USD" in told
    assert "--lane batch" in told


def test_spent_money_is_counted_over_processes_and_by_lane(
    llm_pipeline: Path, server: LLMServer
) -> None:
    price = "models.teacher.price={input: 2.0, output: 10.0}"
    fret.load(llm_pipeline, overrides=[price]).run(["pages", "passages", "queries"])
    fret.load(llm_pipeline, overrides=[price]).run()
    ((spent, cost),) = fret.load(llm_pipeline, overrides=[price]).spent()
    assert spent.source.lane == "live" and spent.answers > 100
    assert cost == pytest.approx(Price(2.0, 10.0).cost_of(spent.usage))
    ((_, unpriced),) = fret.load(llm_pipeline).spent()
    assert unpriced is None


def test_cached_tokens_and_batches_are_cheaper() -> None:
    price = Price(input=2.0, output=10.0, cached_input=0.5, batch=0.5)
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)
    assert price.cost_of(usage) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5 + 1.0)
    assert price.cost_of(usage, lane="batch") == pytest.approx(price.cost_of(usage) / 2)
