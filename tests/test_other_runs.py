"""What one run has out by batch, no other run asks: it waits, names that run, and pays nothing."""

from pathlib import Path

import pytest

import fret
from conftest import SUBJECTS, write_table
from fret.errors import UserError, Waiting
from fret.records import Query
from llm_server import LLMServer

STAGES = ["pages", "passages", "queries"]
OTHER = "run=other"


@pytest.fixture
def out(lanes_pipeline: Path) -> Path:
    """A pipeline file whose queries are out by batch, for its own run."""
    with pytest.raises(Waiting, match="48 requests to tiny are out"):
        fret.load(lanes_pipeline).run(STAGES, lane="batch")
    return lanes_pipeline


def run_batch(pipeline: Path, *overrides: str) -> None:
    fret.load(pipeline, overrides=list(overrides)).run(STAGES, lane="batch")


def rows_of_queries(pipeline: Path, *overrides: str) -> tuple[str, int]:
    """How far the stage is, and how many rows it has."""
    manifest = fret.load(pipeline, overrides=list(overrides)).status()[2]
    return manifest.state, manifest.rows


def test_the_same_requests_of_another_run_wait_for_the_first_and_are_paid_once(
    out: Path, server: LLMServer
) -> None:
    for _ in range(2):
        with pytest.raises(Waiting, match=r"48 of its requests are out for the run lanes by batch"):
            run_batch(out, OTHER)
    assert rows_of_queries(out, OTHER) == ("running", 0)
    assert server.batches.n_created == 5
    server.batches.finish()
    with pytest.raises(Waiting, match="for the run lanes"):  # that run has not taken them in
        run_batch(out, OTHER)
    run_batch(out)
    run_batch(out, OTHER)
    assert rows_of_queries(out, OTHER) == ("done", 48)
    one, two = (list(fret.load(out, overrides=o).rows(Query)) for o in ([], [OTHER]))
    assert one == two
    assert set(server.batches.lines_paid.values()) == {1}


def test_only_what_no_other_run_has_out_is_sent(out: Path, server: LLMServer) -> None:
    """A run over more pages shares some requests with the first, and makes no half shards."""
    write_table(out.parent / "more.jsonl", [*SUBJECTS, "toaster"])
    other = [OTHER, "pages.source={kind: jsonl, path: more.jsonl}"]
    with pytest.raises(Waiting, match="12 requests to tiny are out in 2 batches"):
        run_batch(out, *other)
    server.batches.finish()
    with pytest.raises(Waiting, match="48 of its requests are out for the run lanes"):
        run_batch(out, *other)
    assert rows_of_queries(out, OTHER) == ("running", 0)
    run_batch(out)
    run_batch(out, *other)
    assert rows_of_queries(out, OTHER) == ("done", 60)
    assert set(server.batches.lines_paid.values()) == {1}


def test_live_requests_of_another_run_are_refused_while_they_are_out(
    out: Path, server: LLMServer
) -> None:
    n_asked = server.n_answered
    other = fret.load(out, overrides=[OTHER])
    with pytest.raises(UserError, match=r"requests are out for the run lanes by batch"):
        other.run(STAGES)
    assert server.n_answered == n_asked
    server.batches.finish()
    run_batch(out)
    other.run(STAGES)
    assert server.n_answered == n_asked
    assert rows_of_queries(out, OTHER) == ("done", 48)


def test_what_was_ended_for_one_run_another_may_ask(out: Path, server: LLMServer) -> None:
    fret.load(out).batches("cancel")
    server.batches.finish()
    fret.load(out).batches("collect")
    fret.load(out, overrides=[OTHER]).run(STAGES)
    assert rows_of_queries(out, OTHER) == ("done", 48)


def test_requests_out_by_file_hold_other_runs_back_too(lanes_pipeline: Path) -> None:
    with pytest.raises(Waiting):
        fret.load(lanes_pipeline).run(STAGES, lane="file")
    with pytest.raises(Waiting, match="48 of its requests are out for the run lanes by file"):
        run_batch(lanes_pipeline, OTHER)
    fret.load(lanes_pipeline).batches("cancel")
    with pytest.raises(Waiting, match="48 requests to tiny are out in 5 batches"):
        run_batch(lanes_pipeline, OTHER)
