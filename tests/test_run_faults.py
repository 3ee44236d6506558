"""Whole runs with a model on disks that are full or closed: told clearly, gone on, not paid twice.

Disks are small file systems of their own, which only root can mount; without them tests are
skipped.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import fret
from conftest import SmallDisk
from fret.cli import app
from fret.records import Example, Query
from llm_server import LLMServer
from store_holder import hold


@pytest.fixture
def pipeline(lanes_pipeline: Path) -> Path:
    """A few requests at once, so that few answers are lost with a disk."""
    text = lanes_pipeline.read_text("utf-8")
    lanes_pipeline.write_text(text.replace("model: tiny", "model: tiny, concurrency: 4"), "utf-8")
    return lanes_pipeline


def put_on(disk: SmallDisk, what: str) -> list[str]:
    """Options that put the answer store, or the run folders, on a disk."""
    name = "answers.sqlite" if what == "answers" else "runs"
    return ["--set", f"{what}={disk.folder / name}"]


def run(pipeline: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", str(pipeline), *arguments])


def assert_told(result: Result, status: int, *parts: str) -> None:
    """The command ended with a status and a message, and no stack trace."""
    text = "".join(result.output.split())  # lines are broken where the terminal ends
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit) and "Traceback" not in text
    for part in parts:
        assert "".join(part.split()) in text, result.output


def assert_done(result: Result, pipeline: Path, *options: str) -> None:
    assert result.exit_code == 0, result.output
    loaded = fret.load(pipeline, overrides=list(options[1::2]))
    assert len(list(loaded.rows(Query))) == 48 and len(list(loaded.rows(Example))) > 20


def count_stored(store: Path) -> int:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0])


# Full.


@pytest.mark.parametrize("left", [0, 600_000])
def test_an_answer_store_without_room_stops_the_run_and_loses_only_what_was_under_way(
    pipeline: Path, server: LLMServer, small_disk: SmallDisk, left: int
) -> None:
    options, store = put_on(small_disk, "answers"), small_disk.folder / "answers.sqlite"
    small_disk.fill(but=left)
    for _ in range(2):
        result = run(pipeline, *options)
        assert_told(result, 1, str(store), "Stored answers are kept", "run again", "Go on with:")
    n_stored = count_stored(store) if left else 0
    n_lost = server.n_answered - n_stored
    # The probes are asked one by one; the others four at a time.
    assert n_lost <= 2 * 4 and (n_stored > 10) == bool(left)
    small_disk.free()
    assert_done(run(pipeline, *options), pipeline, *options)
    assert server.repeats <= n_lost


@pytest.mark.parametrize("left", [0, 60_000])
def test_a_run_folder_without_room_stops_the_run_and_no_answer_is_asked_again(
    pipeline: Path, server: LLMServer, small_disk: SmallDisk, left: int
) -> None:
    options = put_on(small_disk, "runs_dir")
    small_disk.fill(but=left)
    for _ in range(2):
        result = run(pipeline, *options)
        assert_told(result, 1, str(small_disk.folder), "No space left on device", "Go on with:")
    small_disk.free()
    assert_done(run(pipeline, *options), pipeline, *options)
    assert server.repeats == 0


# Closed.


@pytest.mark.parametrize("what", ["answers", "runs_dir"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_disk_that_is_closed_for_writing_is_told_and_the_run_goes_on_later(
    pipeline: Path, server: LLMServer, small_disk: SmallDisk, what: str, begun: bool
) -> None:
    options = put_on(small_disk, what)
    if begun:
        assert run(pipeline, "pages", "passages", "queries", *options).exit_code == 0
    n_asked = len(server.asked)
    small_disk.close_for_writing()
    result = run(pipeline, *options)
    assert_told(result, 1, str(small_disk.folder), "Read-only file system", "Go on with:")
    if begun and what == "runs_dir":
        assert len(server.asked) - n_asked < 10, "the models were tried out, and no more"
    small_disk.open_for_writing()
    assert_done(run(pipeline, *options), pipeline, *options)
    # A store that is not there yet is made for the first answer, which finds the disk closed.
    assert server.repeats == int(what == "answers" and not begun)


@pytest.mark.parametrize("what", ["answers", "runs_dir"])
def test_what_is_there_can_be_looked_at_on_a_closed_disk(
    pipeline: Path, small_disk: SmallDisk, what: str
) -> None:
    options = put_on(small_disk, what)
    assert run(pipeline, "pages", "passages", "queries", *options).exit_code == 0
    small_disk.close_for_writing()
    for command in (
        ["status", str(pipeline), *options],
        ["show", str(pipeline), "queries", *options],
        *([["answers", "stats", "--store", options[1].split("=")[1]]] if what == "answers" else []),
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output


# Held by another process.


def test_a_store_that_another_process_holds_is_told_and_free_after_it(
    pipeline: Path, server: LLMServer
) -> None:
    with hold(Path("data/answers.sqlite")) as pid:
        result = run(pipeline)
        assert_told(result, 2, "data/answers.sqlite is held by", f"process {pid}", "Wait")
        assert server.n_answered == 0 and not Path("data/runs").exists()
    assert_done(run(pipeline), pipeline)
