"""The log of a run for programs: every event a JSON line, whatever it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from fret.errors import ModelError
from fret.log_json import JsonLog
from fret.stages.base import Silence
from test_cli import call


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_run_and_its_continuation_are_one_log(small: Path) -> None:
    log = small.with_name("log.jsonl")
    command = ["run", small.name, "--quiet", "--log-json", str(log)]
    assert call(*command, "pages", "passages").exit_code == 0
    assert call(*command).exit_code == 0
    told = events(log)
    assert [e["event"] for e in told].count("run_starts") == 2
    ends = [(e["stage"], e["skipped"]) for e in told if e["event"] == "stage_ends"]
    assert ends[:4] == [("pages", False), ("passages", False), ("pages", True), ("passages", True)]
    for event in told:
        assert event["time"].endswith("+00:00")
        if event["event"] == "stage_ends":
            assert event["rows"] > 0 and event["seconds"] >= 0
    assert told[-1] == {"time": told[-1]["time"], "event": "run_ends", "ok": True, "exit_status": 0}


def test_an_error_is_the_last_event(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with pytest.raises(ModelError), JsonLog(log, Silence(), run="r") as observer:
        observer.warned("odd \ud800 \u2028 text\n")
        raise ModelError("the key is wrong")
    start, warning, end = events(log)
    assert (start["event"], start["run"]) == ("run_starts", "r")
    assert warning["message"] == "odd \ud800 \u2028 text\n"
    assert (end["ok"], end["error"], end["exit_status"]) == (False, "ModelError", 3)
    assert end["message"] == "the key is wrong"


def test_a_log_that_cannot_be_written_is_told_before_any_work(small: Path) -> None:
    done = call("run", small.name, "--log-json", "no/such/folder/log.jsonl")
    assert done.exit_code == 2 and "cannot be written" in " ".join(done.output.split())
    assert not small.with_name("data").exists()
