"""How often a request travels: one batch per attempt, two attempts at most, none by mistake."""

from pathlib import Path
from typing import Any

import pytest

import fret
from batch_engine import answer_file, run_by_batch
from conftest import write_table
from fret.errors import ModelError, Waiting
from fret.llm.batch import BatchLane
from fret.records import Query
from llm_server import LLMServer

STAGES = ["pages", "passages", "queries"]
N_QUERIES = 12
UNSURE = "not known whether a batch was made"


@pytest.fixture
def pipeline(lanes_pipeline: Path) -> Path:
    """Of one subject only: twelve requests for queries."""
    write_table(lanes_pipeline.parent / "pages.jsonl", ["kettle"])
    return lanes_pipeline


def run(pipeline: Path, *overrides: str, lane: str = "batch", redo: str | None = None) -> None:
    fret.load(pipeline, overrides=list(overrides)).run(STAGES, lane=lane, redo=redo)


def n_queries(pipeline: Path) -> int:
    return len(list(fret.load(pipeline).rows(Query)))


def n_parcels(server: LLMServer) -> int:
    """Batches that are not one more of the same requests."""
    parcels = {job.data["metadata"]["fret_parcel"] for job in server.batches.jobs.values()}
    return len(parcels)


# Making a batch.


def test_while_the_list_may_lag_behind_no_second_batch_is_made(
    pipeline: Path, server: LLMServer
) -> None:
    server.batches.cut_after, server.batches.list_lags = "create", True
    for _ in range(3):
        with pytest.raises(ModelError, match=UNSURE):
            run(pipeline)
    assert server.batches.n_created == 1
    server.batches.list_lags = False
    run_by_batch(pipeline, server, stages=STAGES, most=6)
    assert n_queries(pipeline) == N_QUERIES
    assert set(server.batches.lines_paid.values()) == {1}


def test_a_create_that_came_to_nothing_is_repeated_once_the_list_must_show_it(
    pipeline: Path, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.batches.fail_calls("ok", "cut")  # the upload, and the create before it does anything
    for _ in range(2):
        with pytest.raises(ModelError, match=UNSURE):
            run(pipeline)
    assert server.batches.n_created == 0
    monkeypatch.setattr(BatchLane, "lists_after_s", 0.0)
    run_by_batch(pipeline, server, stages=STAGES, most=6)
    assert n_queries(pipeline) == N_QUERIES
    assert server.batches.n_created == 2 == n_parcels(server)


def test_a_create_that_is_refused_for_now_is_tried_again_and_makes_one_batch(
    pipeline: Path, server: LLMServer
) -> None:
    server.batches.fail_calls("ok", "429 soon")
    with pytest.raises(Waiting, match="12 requests to tiny are out in 2 batches"):
        run(pipeline)
    assert server.batches.n_created == 2 == n_parcels(server)


@pytest.mark.parametrize("trouble", ["429", "cut after", "cut before"])
def test_a_finished_batch_is_not_adopted_for_requests_that_are_sent_again(
    pipeline: Path, server: LLMServer, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """The same requests, so the same name of the parcel, and the old batch is still listed."""
    bad = iter(["not json"])
    server.brain.chat = lambda text, body: next(bad, None) if "kettle" in text else None
    alone = "models.teacher.batch.max_lines=1"
    with pytest.raises(Waiting):
        run(pipeline, alone)
    server.batches.finish()
    fret.load(pipeline).batches("collect")
    n_before = server.batches.n_created
    monkeypatch.setattr(BatchLane, "lists_after_s", 0.0)
    if trouble == "cut after":
        server.batches.cut_after = "create"
    else:
        server.batches.fail_calls("ok", "429 soon" if trouble == "429" else "cut")
    for _ in range(3):
        try:
            run(pipeline, alone)
        except Waiting:
            server.batches.finish()
        except ModelError as error:
            assert trouble == "cut before" and UNSURE in str(error)
    assert server.batches.n_created == n_before + 1
    assert n_queries(pipeline) == N_QUERIES
    assert sum(server.batches.lines_paid.values()) == N_QUERIES + 1


# Answers that cannot be used.


def say_nonsense_of_cleaning(text: str, body: dict[str, Any]) -> str | None:
    return "not json" if "cleaning" in text else None


def test_redo_by_batch_says_how_to_end_it_and_that_ends(pipeline: Path, server: LLMServer) -> None:
    server.brain.chat = say_nonsense_of_cleaning
    with pytest.raises(Waiting, match=r"Leave --redo out then"):
        run(pipeline, redo="queries")
    server.batches.finish()
    run_by_batch(pipeline, server, stages=STAGES, most=6)
    paid = server.batches.lines_paid
    assert max(paid.values()) == 2 and sum(paid.values()) == N_QUERIES + 4
    manifest = fret.load(pipeline).status()[2]
    assert manifest.rows == 8 and manifest.reasons == {"unreadable_answer": 4}
    with pytest.raises(Waiting, match="4 requests to tiny are out"):
        run(pipeline, redo="queries")
    server.batches.finish()
    run_by_batch(pipeline, server, stages=STAGES, most=6)
    assert max(paid.values()) == 3  # what had failed was asked once more, as --redo asks


def test_a_file_of_answers_that_was_read_is_not_the_second_attempt(
    pipeline: Path, server: LLMServer
) -> None:
    server.brain.chat = say_nonsense_of_cleaning
    requests = write_and_answer(pipeline, server, "answers-first.jsonl")
    for _ in range(3):  # the old answers lie there still, and are read each time
        with pytest.raises(Waiting, match="4 requests to tiny lie in"):
            run(pipeline, lane="file")
    server.brain.chat = None
    (requests,) = requests.parent.glob("requests-*.jsonl")
    answer_file(server, requests, requests.parent / "answers-second.jsonl")
    run(pipeline, lane="file")
    assert n_queries(pipeline) == N_QUERIES


def test_the_same_bad_answers_from_a_second_try_are_the_second_attempt(
    pipeline: Path, server: LLMServer
) -> None:
    server.brain.chat = say_nonsense_of_cleaning
    write_and_answer(pipeline, server, "answers.jsonl")
    with pytest.raises(Waiting, match="4 requests to tiny lie in"):
        run(pipeline, lane="file")
    folder = Path("data/runs/lanes/file/teacher")
    (requests,) = folder.glob("requests-*.jsonl")
    answer_file(server, requests, folder / "answers.jsonl")
    run(pipeline, lane="file")
    assert fret.load(pipeline).status()[2].reasons == {"unreadable_answer": 4}


def write_and_answer(pipeline: Path, server: LLMServer, answers: str) -> Path:
    with pytest.raises(Waiting, match="12 requests to tiny lie in"):
        run(pipeline, lane="file")
    (requests,) = Path("data/runs/lanes/file/teacher").glob("requests-*.jsonl")
    answer_file(server, requests, requests.parent / answers)
    return requests
