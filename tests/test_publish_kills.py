"""`fret publish` killed at random moments, and asked again: one whole revision, verified."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_writing import Repository, WritingHub
from publishing import Publisher, make_run, publishing

COMMAND = ("publish", "small.yaml", "--repo", "lab/set")
ROUNDS, KILLS = 4, 4
# About as many requests as a whole publication makes.
REQUESTS = 60


@pytest.fixture(scope="module")
def publish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with publishing(tmp_path_factory.mktemp("home")) as publisher:
        yield publisher


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run")).parent


def dataset_files(folder: Path) -> dict[str, bytes]:
    dataset = folder / "data/runs/small/dataset"
    files = (path for path in dataset.rglob("*") if path.is_file())
    return {path.relative_to(dataset).as_posix(): path.read_bytes() for path in files}


def kill_after(publish: Publisher, folder: Path, requests: int, pause_s: float) -> bool:
    """Kill a publication once it has asked so often; return whether it was still at work."""
    hub = publish.hub
    before = len(hub.asked)
    pid = publish.start(folder, *COMMAND)
    give_up = time.monotonic() + 60
    while len(hub.asked) - before < requests and time.monotonic() < give_up:
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.002)
    time.sleep(pause_s)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return publish.end().exit == -9


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_after_any_kill_there_is_one_whole_revision(publish: Publisher, made: Path) -> None:
    hub, wanted = publish.hub, dataset_files(made)
    hub.pause_s = 0.02
    draw = random.Random(os.environ.get("FRET_TEST_SEED", "kills"))
    n_killed = 0
    for number in range(ROUNDS):
        hub.repositories.clear()
        hub.large.clear()
        hub.taken.clear()
        old = make_old_revision(hub) if number % 2 else None
        for _ in range(KILLS):
            n_killed += kill_after(publish, made, draw.randint(1, REQUESTS), draw.random() / 20)
            assert_whole(hub, wanted, old)
        done = publish(made, *COMMAND)
        assert done.exit == 0, done.err
        repository = hub.repositories["lab/set"]
        assert set(repository.files) - {".gitattributes"} == set(wanted)
        assert list(repository.tags.values()) == [repository.head]
        assert len(repository.commits) == (3 if old else 2), "one commit, however often killed"
        assert set(hub.taken.values()) == {1}, "no content is sent twice"
    hub.pause_s = 0.0
    assert n_killed >= 10, "most were killed at work"


def make_old_revision(hub: WritingHub) -> Repository:
    text = b'{"made_from": "before", "sizes": {"full/train-00000-old.parquet": 3}}'
    return hub.make("lab/set", {"manifest.json": text, "full/train-00000-old.parquet": b"old"})


def assert_whole(hub: WritingHub, wanted: dict[str, bytes], old: Repository | None) -> None:
    """The latest revision is the old one as it was, or the new one, and never a part of it."""
    if "lab/set" not in hub.repositories:
        return
    files = {k: v for k, v in hub.repositories["lab/set"].files.items() if k != ".gitattributes"}
    before = {} if old is None else list(old.commits.values())[1]
    before = {name: data for name, data in before.items() if name != ".gitattributes"}
    assert files in (before, wanted)


def test_ctrl_c_ends_at_once_and_running_again_goes_on(publish: Publisher, made: Path) -> None:
    hub = publish.hub
    hub.repositories.clear()
    hub.large.clear()
    hub.asked.clear()
    publish(made, "publish", "small.yaml", "--repo", "lab/set", "--dry-run")  # loads the libraries
    hub.asked.clear()
    hub.pause_s = 0.3
    pid = publish.start(made, *COMMAND)
    give_up = time.monotonic() + 60
    while not any(asked.startswith("PUT") for asked in hub.asked) and time.monotonic() < give_up:
        time.sleep(0.01)
    hub.pause_s = 8.0
    started = time.monotonic()
    os.kill(pid, signal.SIGINT)
    said = publish.end()
    took = time.monotonic() - started
    hub.pause_s = 0.0
    assert said.exit == 130 and "Stopped." in said.err, said
    assert took < 5, "it waits for no answer"
    assert set(hub.repositories["lab/set"].files) == {".gitattributes"}
    assert publish(made, *COMMAND).exit == 0
