"""Keys are nowhere: no file of a run, no message, no answer, no command line of a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from batch_jobs import describe
from conftest import LLM_PIPELINE
from fret.cli import app
from fret.llm.upkeep import Choice, export
from llm_server import LLMServer
from prepared import Prepared

KEY = "sk-secret-0123456789abcdef"


@pytest.fixture
def keyed(workplace: Path, server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRET_TEST_KEY", KEY)
    text = LLM_PIPELINE.format(url=server.url)
    path = workplace / "keyed.yaml"
    path.write_text(text.replace("model: tiny", "model: tiny, api_key_env: FRET_TEST_KEY"), "utf-8")
    return path


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(keyed: Path, prepared_fret: Prepared) -> Run:
    """Run `fret` in a process of its own."""
    return partial(prepared_fret.run, keyed.parent)


def assert_the_key_is_nowhere(folder: Path, *ended: "subprocess.CompletedProcess[str]") -> None:
    for process in ended:
        assert KEY not in process.stdout + process.stderr
    store = folder / "data" / "answers.sqlite"
    if store.exists():  # its answers are compressed
        export(store, folder / "answers.jsonl", Choice())
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path
    (folder / "answers.jsonl").unlink(missing_ok=True)


def test_a_run_leaves_no_key_behind(keyed: Path, server: LLMServer, run: Run) -> None:
    ended = [
        run("doctor", "keyed.yaml"),
        run("run", "keyed.yaml"),
        run("status", "keyed.yaml"),
        run("answers", "stats"),
    ]
    assert [process.returncode for process in ended] == [0, 0, 0, 0], ended[1].stderr
    assert any(KEY in str(asked) for asked in server.keys), "the server must have been told"
    assert_the_key_is_nowhere(keyed.parent, *ended)


def test_a_server_that_repeats_the_key_in_its_errors_does_not_make_us_repeat_it(
    keyed: Path, server: LLMServer, run: Run
) -> None:
    ended = []
    for fault in ("401", "400", "500"):
        server.fail(*[fault] * 3)
        ended.append(run("run", "keyed.yaml"))
    assert ended[0].returncode == 3
    assert_the_key_is_nowhere(keyed.parent, *ended)


def test_no_process_has_the_key_in_its_command_line(keyed: Path, server: LLMServer) -> None:
    server.latency_s = 0.2
    command = [sys.executable, "-m", "fret", "run", "keyed.yaml", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while len(server.asked) < 8:
            assert process.poll() is None
        lines: list[Any] = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(entry.read_bytes())
            except OSError:
                continue  # it has ended
        assert lines and not any(KEY.encode() in line for line in lines)
    finally:
        process.kill()
        process.wait()


def test_a_key_or_password_in_the_pipeline_file_is_refused_and_not_repeated(
    keyed: Path, run: Run
) -> None:
    text = keyed.read_text("utf-8")
    keyed.write_text(text.replace("http://", f"http://user:{KEY}@"), "utf-8")
    ended = run("run", "keyed.yaml")
    assert ended.returncode == 2 and KEY not in ended.stdout + ended.stderr
    assert os.environ["FRET_TEST_KEY"] == KEY


def test_the_batch_api_repeating_the_key_does_not_make_us_repeat_it(
    keyed: Path, server: LLMServer, run: Run
) -> None:
    text = keyed.read_text("utf-8").replace("{kind: query_likelihood, model: teacher}, ", "")
    keyed.write_text(text, "utf-8")
    server.batches.fail_calls("401")
    refused = run("run", "keyed.yaml", "--lane", "batch")
    assert refused.returncode == 3 and "status 401" in refused.stderr
    waiting = run("run", "keyed.yaml", "--lane", "batch")
    assert waiting.returncode == 4, waiting.stderr
    assert_the_key_is_nowhere(keyed.parent, refused, waiting)


@pytest.fixture
def keyed_lanes(lanes_pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRET_TEST_KEY", KEY)
    text = lanes_pipeline.read_text("utf-8")
    text = text.replace("model: tiny", "model: tiny, api_key_env: FRET_TEST_KEY")
    lanes_pipeline.write_text(text, "utf-8")
    return lanes_pipeline


def call(*arguments: str) -> str:
    """Run a command in this process, which is quicker; return all that it says."""
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.output


def repeat_the_key(server: LLMServer) -> None:
    """Let lines of finished batches repeat the key: in an answer, and in a refusal."""
    for job in server.batches.jobs.values():
        file_id = job.data["output_file_id"]
        lines = server.batches.lines_of(file_id)
        message = lines[0]["response"]["body"]["choices"][0]["message"]
        message["content"] = message["content"].replace("{", f'{{"key": "{KEY}", ', 1)
        said = {"error": {"message": f"Incorrect API key provided: {KEY}"}}
        lines[1]["response"] |= {"status_code": 400, "body": said}
        rows = [json.dumps(line).encode() + b"\n" for line in lines]
        server.batches.contents[file_id] = b"".join(rows)


def test_batches_files_and_estimates_leave_no_key_behind(
    keyed_lanes: Path, server: LLMServer
) -> None:
    path, stages = keyed_lanes.name, ["pages", "passages", "queries"]
    told = [call("run", path, *stages, "--lane", "batch"), call("batch", "status", path)]
    server.batches.finish()
    repeat_the_key(server)
    told += [call("batch", "collect", path), call("run", path, *stages, "--lane", "batch")]
    told += [call("show", path, "queries", "--dropped"), call("show", path, "queries")]
    told += [call("estimate", path), call("run", path, "--lane", "file")]
    told += [call("status", path), call("answers", "stats")]
    assert "48 requests to tiny are out" in " ".join(told[0].split())
    assert "rejected_request" in told[4] and any(KEY in str(asked) for asked in server.keys)
    assert list(Path("data/runs/lanes/file").rglob("requests-*.jsonl"))
    assert not any(KEY in text for text in told)
    assert_the_key_is_nowhere(keyed_lanes.parent)


def test_a_batch_that_fails_with_the_key_in_its_reason_does_not_make_us_repeat_it(
    keyed_lanes: Path, server: LLMServer
) -> None:
    told = [call("run", keyed_lanes.name, "--lane", "batch")]
    for job, code in zip(
        server.batches.jobs.values(), ["token_limit_exceeded", "no"], strict=False
    ):
        job.fail([describe(code, f"Nothing is left for {KEY}.")])
    told += [call("batch", "collect", keyed_lanes.name), call("batch", "status", keyed_lanes.name)]
    assert "Nothing is left for (key)" in " ".join(told[1].split())
    assert not any(KEY in text for text in told)
    assert_the_key_is_nowhere(keyed_lanes.parent)
