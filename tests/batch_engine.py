"""What answers files of requests: an engine such as `vllm run-batch`, or the Batch API in time."""

import json
import random
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fret
from fret.errors import Waiting
from llm_server import LLMServer

Change = Callable[[dict[str, Any]], dict[str, Any]]


def answer_file(
    server: LLMServer,
    requests: Path,
    answers: Path,
    *,
    share: float = 1.0,
    change: Change = lambda body: body,
) -> None:
    """Answer a share of the requests, in any order, by asking the test server live.

    Args:
        change: makes of what the server says what stands in the file.
    """
    lines = [json.loads(line) for line in requests.read_text("utf-8").split("\n") if line]
    random.Random(1).shuffle(lines)
    written = []
    for line in lines[: round(len(lines) * share)]:
        asked = urllib.request.Request(
            server.url.removesuffix("/v1") + line["url"],
            json.dumps(line["body"]).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(asked) as answer:
            body = change(json.load(answer))
        response = {"status_code": 200, "request_id": "r", "body": body}
        written.append({"id": "i", "custom_id": line["custom_id"], "response": response})
    answers.write_text("".join(json.dumps(line) + "\n" for line in written), "utf-8")


def run_by_batch(
    pipeline: Path,
    server: LLMServer,
    *,
    overrides: Sequence[str] = (),
    stages: Sequence[str] = (),
    most: int = 40,
) -> int:
    """Run again and again, each time as a new process would; return how often."""
    for n in range(1, most + 1):
        try:
            fret.load(pipeline, overrides=overrides).run(stages, lane="batch")
        except Waiting:
            server.batches.finish()
        else:
            return n
    raise AssertionError("it never ended")
