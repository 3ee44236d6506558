"""What batches and files can come to: odd lines, lost files, full disks; always a way on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fret
from conftest import SmallDisk
from fret.errors import ModelError, StoreError, Waiting
from fret.records import Query
from fret.stages.base import Silence
from llm_server import LLMServer

STAGES = ["pages", "passages", "queries"]
FOLDER = Path("data/runs/lanes/batch/teacher")


@pytest.fixture
def out(lanes_pipeline: Path) -> Path:
    """A pipeline file whose queries are out by batch."""
    with pytest.raises(Waiting):
        run(lanes_pipeline)
    return lanes_pipeline


def run(pipeline: Path, *, lane: str = "batch", overrides: tuple[str, ...] = ()) -> None:
    fret.load(pipeline, overrides=list(overrides)).run(STAGES, lane=lane)


def n_queries(pipeline: Path) -> int:
    return len(list(fret.load(pipeline).rows(Query)))


Body = Any
CHANGES: dict[str, Callable[[Body], Body]] = {
    "error": lambda body: {"error": {"message": "overloaded"}, "usage": {}},
    "nothing": lambda body: {},
    "no choices": lambda body: {**body, "choices": []},
    "no object": lambda body: ["what"],
    "null": lambda body: None,
}


def spoil(server: LLMServer, change: Callable[[Body], Body]) -> None:
    """Change what the first line of each batch's output says."""
    batches = server.batches
    for job in batches.jobs.values():
        file_id = job.data["output_file_id"]
        first, *others = batches.contents[file_id].split(b"\n")
        line = json.loads(first)
        line["response"]["body"] = change(line["response"]["body"])
        batches.contents[file_id] = b"\n".join([json.dumps(line).encode(), *others])


@pytest.mark.parametrize("name", CHANGES)
def test_a_line_that_says_200_and_holds_no_answer_is_asked_again(
    out: Path, server: LLMServer, name: str
) -> None:
    server.batches.finish()
    spoil(server, CHANGES[name])
    with pytest.raises(Waiting, match="5 requests to tiny are out in 1 batch,"):
        run(out)
    server.batches.finish()
    run(out)
    assert n_queries(out) == 48
    assert sum(server.batches.lines_paid.values()) == 48 + 5


def test_answers_that_can_never_be_read_are_dropped_with_their_reason(
    out: Path, server: LLMServer
) -> None:
    server.batches.finish()
    spoil(server, CHANGES["no choices"])
    with pytest.raises(Waiting):
        run(out)
    server.batches.finish()
    spoil(server, CHANGES["no choices"])
    run(out)
    manifest = fret.load(out).status()[2]
    assert manifest.rows == 47 and manifest.reasons == {"unreadable_answer": 1}


@pytest.mark.parametrize("name", CHANGES)
def test_a_live_run_meets_such_lines_and_asks_anew(out: Path, server: LLMServer, name: str) -> None:
    server.batches.finish()
    spoil(server, CHANGES[name])
    fret.load(out).batches("collect")
    n_before = len(server.asked)
    run(out, lane="live")
    assert n_queries(out) == 48 and len(server.asked) == n_before + 5


@pytest.mark.parametrize("what", [float("nan"), float("inf"), "half \ud83d of a pair"], ids=ascii)
def test_what_python_writes_and_json_does_not_know_is_read_and_not_paid_again(
    out: Path, server: LLMServer, what: float | str
) -> None:
    server.batches.finish()
    spoil(server, lambda body: {**body, "what": what})
    run(out)
    assert n_queries(out) == 48
    assert set(server.batches.lines_paid.values()) == {1}


def test_a_run_whose_folder_was_deleted_still_gets_its_answers(
    out: Path, server: LLMServer
) -> None:
    server.batches.finish()
    shutil.rmtree("data/runs/lanes")
    run(out)
    assert n_queries(out) == 48
    assert set(server.batches.lines_paid.values()) == {1}


def test_requests_whose_file_is_gone_before_it_was_sent_are_written_anew(
    lanes_pipeline: Path, server: LLMServer
) -> None:
    one_by_one = ("models.teacher.batch.max_enqueued_tokens=1",)
    with pytest.raises(Waiting, match=r"10 requests .* 4 more wait for room"):
        run(lanes_pipeline, overrides=one_by_one)
    server.batches.finish()
    for path in FOLDER.iterdir():
        path.unlink()
    with pytest.raises(Waiting, match="4 lost files of requests will be written anew"):
        run(lanes_pipeline, overrides=one_by_one)
    with pytest.raises(Waiting, match="38 requests"):
        run(lanes_pipeline)
    server.batches.finish()
    run(lanes_pipeline)
    assert n_queries(lanes_pipeline) == 48
    assert set(server.batches.lines_paid.values()) == {1}


def lose_batches(server: LLMServer) -> None:
    server.batches.jobs.clear()


def lose_files(server: LLMServer) -> None:
    server.batches.finish()
    for job in server.batches.jobs.values():
        server.batches.files.pop(job.data["output_file_id"])


@pytest.mark.parametrize("lose", [lose_batches, lose_files])
def test_what_the_service_no_longer_has_is_forgotten_by_cancel_only(
    out: Path, server: LLMServer, lose: Callable[[LLMServer], None]
) -> None:
    lose(server)
    for _ in range(2):  # it is not given up for a wrong key, say
        with pytest.raises(ModelError, match=r"does not know the batch batch_000001.*batch cancel"):
            run(out)
    told: list[str] = []
    fret.load(out).batches("cancel", observer=Hears(told))
    assert sum("does not know it, or its files" in line for line in told) == 5
    assert fret.load(out).batches() == []
    run(out, lane="live")
    assert n_queries(out) == 48


class Hears(Silence):
    """Keeps what a person would be told."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def warned(self, message: str) -> None:
        self._told.append(message)


def test_a_full_disk_while_answers_come_is_told_and_costs_nothing(
    out: Path, server: LLMServer, small_disk: SmallDisk
) -> None:
    server.batches.finish()
    shutil.move(FOLDER, small_disk.folder / "teacher")
    FOLDER.symlink_to(small_disk.folder / "teacher")
    small_disk.fill()
    with pytest.raises(StoreError, match=r"cannot be written to data/runs.*No space.*run again"):
        run(out)
    small_disk.free()
    run(out)
    assert n_queries(out) == 48
    assert set(server.batches.lines_paid.values()) == {1}
