"""What goes wrong at the Hub, in plain words, each with its next step; no token in any of it."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_writing import OTHER, READER, TOKENS, WRITER, WritingHub
from publishing import Publisher, Said, clean_environment, make_run, publishing

NO_ROOM = {"oid": "a" * 64, "size": 1, "error": {"code": 403, "message": "out of storage"}}
QUOTA = {"error": "Private repository storage limit reached, upgrade your plan"}


@pytest.fixture(scope="module")
def publish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with publishing(tmp_path_factory.mktemp("home")) as publisher:
        yield publisher


@pytest.fixture
def hub(publish: Publisher) -> WritingHub:
    publish.hub.forget()
    return publish.hub


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run")).parent


def send(publish: Publisher, folder: Path, *more: str, repo: str = "lab/set", **how: Any) -> Said:
    said = publish(folder, "publish", "small.yaml", "--repo", repo, *more, **how)
    assert "Traceback" not in said.err
    for token in (*TOKENS, "wrong-token"):
        assert token not in said.out + said.err, "a server that repeats the token"
    return said


def test_no_token(publish: Publisher, hub: WritingHub, made: Path) -> None:
    for repository in (None, hub.make("lab/set", private=True), hub.make("lab/set", private=False)):
        if repository is None:
            hub.repositories.clear()
        said = send(publish, made, "--public", token=None)
        assert said.exit == 3 and "There is no token for the Hub" in said.flat
        assert "HF_TOKEN" in said.err and "hf auth login" in said.err
        assert not any(asked.startswith(("POST", "PUT")) for asked in hub.asked)


def test_a_wrong_token(publish: Publisher, hub: WritingHub, made: Path) -> None:
    said = send(publish, made, token="wrong-token")
    assert said.exit == 3 and "does not accept the token" in said.flat
    hub.make("lab/set")
    said = send(publish, made, token="wrong-token")
    assert said.exit == 3 and "does not accept the token" in said.flat


def test_a_token_without_the_right_to_write(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    said = send(publish, made, token=READER)
    assert said.exit == 3 and "You may not make repositories under 'lab'" in said.flat
    assert "The token is of 'ann' (role 'read'), who can be ann, lab." in said.flat
    hub.make("lab/set")
    said = send(publish, made, token=READER)
    assert said.exit == 3 and "You may not write there (lab/set)" in said.flat
    assert not hub.large, "told before anything was sent"


def test_an_unknown_organisation(publish: Publisher, hub: WritingHub, made: Path) -> None:
    said = send(publish, made, repo="nobody/set")
    assert said.exit == 3 and "under 'nobody'" in said.flat and "ann, lab" in said.flat
    hub.fail("repos/create", 404)
    said = send(publish, made, repo="nobody/set")
    assert said.exit == 3 and "no user or organisation 'nobody'" in said.flat


def test_a_taken_name(publish: Publisher, hub: WritingHub, made: Path) -> None:
    hub.make("lab/set", private=True)
    said = send(publish, made, token=OTHER)
    assert said.exit == 3 and "The name lab/set is taken" in said.flat and "--repo" in said.err


CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "quota when sending": (
        {"match": "objects/batch", "status": 403, "body": QUOTA},
        ("no room left for lab/set", "storage limit reached", "storage settings"),
    ),
    "quota at the commit": (
        {"match": "/commit/", "status": 402, "body": {"error": "payment required"}},
        ("no room left for lab/set",),
    ),
    "quota for one file": (
        {"match": "objects/batch", "status": 200, "body": {"objects": [NO_ROOM]}},
        ("no room left for lab/set", "out of storage"),
    ),
    "a file too large": (
        {"match": "PUT /lfs/", "status": 413, "body": {"error": "too much"}},
        ("a file of the dataset too large", "--dry-run"),
    ),
    "hourly quota of commits": (
        {"match": "/commit/", "status": 429, "headers": {"Retry-After": "1800"}},
        ("no more requests of yours for 30 minutes", "not sent again"),
    ),
    "rate limit in the Hub's own header": (
        {"match": "/preupload/", "status": 429, "headers": {"RateLimit": '"api";r=0;t=240'}},
        ("no more requests of yours for 4 minutes",),
    ),
    "a server that fails": (
        {"match": "/preupload/", "status": 500, "times": 99},
        ("fault of its own (status 500)", "status.huggingface.co"),
    ),
    "a connection that is cut": (
        {"match": "repos/create", "status": 0, "times": 99},
        ("cannot be reached", "Mend the connection"),
    ),
    "gone in between": (
        {
            "match": "/commit/",
            "status": 404,
            "headers": {"X-Error-Code": "RepoNotFound"},
            "body": {"error": "Repository not found"},
        },
        ("The repository lab/set is gone", "anew"),
    ),
    "changed in between": (
        {"match": "/commit/", "status": 412},
        ("Someone changed lab/set", "nothing of theirs was overwritten"),
    ),
    "a card that it refuses": (
        {
            "match": "validate-yaml",
            "status": 400,
            "body": {"errors": [{"message": "license is \x1b[31munknown"}]},
        },
        ("does not accept the card's front matter", "license is \ufffd[31munknown", "`publish`"),
    ),
    "something that nobody knows": (
        {"match": "/commit/", "status": 418, "body": {"error": f"teapot {WRITER} \x1b[2J" * 99}},
        ("refused to take the revision of lab/set (status 418)", "teapot (token) \ufffd[2J"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors_say_what_to_do_and_running_again_goes_on(
    publish: Publisher, hub: WritingHub, made: Path, case: str
) -> None:
    fault, expected = CASES[case]
    hub.fail(**fault)
    said = send(publish, made)
    assert said.exit == 3, said
    for text in expected:
        assert text in said.flat, said.flat
    assert "\x1b" not in said.err and len(said.err) < 1500
    hub.faults.clear()
    done = send(publish, made)
    assert done.exit == 0, done.err
    assert len(hub.repositories["lab/set"].commits) == 2
    assert set(hub.taken.values()) == {1}, "no content is sent twice"


def test_what_passes_is_waited_for(publish: Publisher, hub: WritingHub, made: Path) -> None:
    for match in ("GET /api/datasets/lab/set$", "repos/create", "preupload", "PUT", "/tag/"):
        hub.fail(match, 503, times=2)
    hub.fail("/commit/", 429, headers={"Retry-After": "1"})
    hub.fail("objects/batch", 0)
    hub.fail("resolve", 500)
    hub.fail("/tree/", 502)
    said = send(publish, made)
    assert said.exit == 0, said.err
    assert len(hub.repositories["lab/set"].commits) == 2


def test_no_hub_there(publish: Publisher, hub: WritingHub, made: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    said = publish(
        made, "publish", "small.yaml", "--repo", "lab/set", endpoint=f"http://127.0.0.1:{port}"
    )
    assert said.exit == 3 and "cannot be reached" in said.flat and "HF_ENDPOINT" in said.flat
    assert time.monotonic() - started < 60
    shown = publish(
        made,
        *("publish", "small.yaml", "--repo", "lab/set", "--dry-run"),
        endpoint=f"http://127.0.0.1:{port}",
    )
    assert shown.exit == 0 and "could not be looked at" in shown.flat


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        ({"HF_HUB_DISABLE_XET": "0"}, "set HF_HUB_DISABLE_XET=1"),
    ],
)
def test_settings_of_the_library_count(
    publish: Publisher, hub: WritingHub, made: Path, changed: dict[str, str], expected: str
) -> None:
    """They are read when the library is loaded: in a process of its own."""
    if "HF_HUB_DISABLE_XET" in changed:
        pytest.importorskip("hf_xet", reason="without hf_xet nothing goes by Xet")
    environment = publish.environment | {"HF_TOKEN": WRITER} | changed
    command = [sys.executable, "-m", "fret", "publish", "small.yaml", "--repo", "lab/set"]
    done = subprocess.run(
        command, cwd=made, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3 and expected in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr and WRITER not in done.stderr


def test_a_login_of_the_hub_is_taken(
    publish: Publisher, hub: WritingHub, made: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text(WRITER, "utf-8")
    environment = clean_environment() | hub.environment | {"HF_HOME": str(tmp_path / "home")}
    copy = shutil.copytree(made, tmp_path / "run")
    command = [sys.executable, "-m", "fret", "publish", "small.yaml", "--repo", "lab/set", "-q"]
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "published, private" in done.stdout, done.stderr
    for path in Path(copy).rglob("*"):
        assert not path.is_file() or WRITER.encode() not in path.read_bytes(), path
