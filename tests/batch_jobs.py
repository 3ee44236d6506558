"""One batch of the test server: its plan of what goes wrong, its checks, its output lines."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
"""Answers one request, given its path and body, with a status and a body."""

TERMINAL = ("failed", "completed", "expired", "cancelled")


@dataclass
class Plan:
    """What goes wrong with one batch; by default nothing."""

    fail_code: str = ""
    """The batch is created, then fails as a whole with this code."""
    expire: float | None = None
    """It expires when this share of its lines is done."""
    fail_share: float = 0.0
    """The share of lines that are answered with `fail_status`, and not paid."""
    fail_status: int = 500
    """0 for a line without response, whose `error` says why."""
    fail_in: Literal["error", "output"] = "error"
    """The file in which lines with a status other than 200 are delivered."""
    duplicates: int = 0
    """How many lines stand twice in the output."""
    strangers: int = 0
    """How many lines of the output have a custom_id that nobody sent."""
    torn: bool = False
    """The last line of the output is cut in half."""
    cancel_after: float = 0.5
    """The share of lines that is done when a running batch is cancelled."""


@dataclass
class Limits:
    """What a batch may hold, as of OpenAI (apis.md 1.3); tests set less."""

    lines: int = 50_000
    bytes: int = 200_000_000
    custom_id: int | None = None
    """The longest custom_id; not documented, so not checked unless set."""


@dataclass
class Results:
    """What a batch delivers."""

    output: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    paid: Counter[str] = field(default_factory=Counter)
    usage: Counter[str] = field(default_factory=Counter)


@dataclass
class Job:
    """One batch as the server keeps it."""

    data: dict[str, Any]
    raw: bytes
    plan: Plan
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.data["status"])

    def move_to(self, status: str) -> None:
        self.data["status"] = status
        self.data[f"{status}_at"] = int(time.time())

    def fail(self, errors: list[dict[str, Any]]) -> None:
        self.move_to("failed")
        self.data["errors"] = {"object": "list", "data": errors}

    def count(self) -> int:
        """How many lines the file has, whether good or not."""
        return len(self.raw.splitlines())


def describe(
    code: str, message: str, line: int | None = None, param: str | None = None
) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": param}


def token_limit(model: str = "tiny") -> dict[str, Any]:
    message = (
        f"Enqueued token limit reached for {model} in organization org-test. Limit: 90,000 "
        "enqueued tokens. Please try again once some in_progress batches have been completed."
    )
    return describe("token_limit_exceeded", message)


def check_lines(
    raw: bytes, endpoint: str, limits: Limits
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read an input file; return its lines and what is wrong with it."""
    if len(raw) > limits.bytes:
        return [], [describe("file_too_large", f"The file exceeds {limits.bytes} bytes.")]
    rows = raw.splitlines()
    if not rows:
        return [], [describe("empty_file", "The input file is empty.")]
    if len(rows) > limits.lines:
        return [], [describe("too_many_tasks", f"More than {limits.lines} requests.")]
    lines: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        try:
            line = json.loads(row)
        except ValueError:
            said = "This line is not parseable as valid JSON."
            errors.append(describe("invalid_json_line", said, number))
            continue
        wrong = _check_line(line, lines[0] if lines else line, seen, endpoint, limits)
        errors += [wrong | {"line": number}] if wrong else []
        seen.add(line.get("custom_id"))
        lines.append(line)
    return lines, errors


def _check_line(
    line: dict[str, Any], first: dict[str, Any], seen: set[str], endpoint: str, limits: Limits
) -> dict[str, Any] | None:
    for name in ("custom_id", "method", "url", "body"):
        if not line.get(name):
            code = "missing_required_parameter"
            return describe(code, f"Missing required parameter: '{name}'.", param=name)
    name = line["custom_id"]
    if name in seen:
        said = f"The custom_id '{name}' for this request is a duplicate of another request."
        return describe("duplicate_custom_id", said, param="custom_id")
    if limits.custom_id and len(name) > limits.custom_id:
        return describe("string_above_max_length", "custom_id is too long.", param="custom_id")
    if line["url"] != endpoint or line["method"] != "POST":
        said = f"The URL provided for this request does not match the batch endpoint {endpoint}."
        return describe("url_mismatch", said, param="url")
    if line["body"].get("model") != first["body"].get("model"):
        said = "The model of this request differs from the first one's."
        return describe("model_mismatch", said, param="body.model")
    return None


def work(job: Job, answer: Answer, share: float, unfinished: str) -> Results:
    """Answer a share of the lines; the others are reported with the code `unfinished`."""
    luck = random.Random(job.data["id"])
    order = luck.sample(job.lines, len(job.lines))
    n_done = round(share * len(order))
    n_failed = round(job.plan.fail_share * len(order))
    results = Results()
    for number, line in enumerate(order[:n_done]):
        status = job.plan.fail_status if number < n_failed else None
        _answer_line(job, line, answer, status, results)
    for line in order[n_done:]:
        error = {"code": unfinished, "message": _UNFINISHED[unfinished]}
        results.errors.append(_output_line(job, line["custom_id"], None, error))
    _spoil(job, results)
    luck.shuffle(results.output)
    luck.shuffle(results.errors)
    return results


_UNFINISHED = {
    "batch_expired": ("This request could not be executed before the completion window expired."),
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}


def _answer_line(
    job: Job, line: dict[str, Any], answer: Answer, planted: int | None, results: Results
) -> None:
    if planted == 0:
        error = {"code": "server_error", "message": "planted"}
        target = results.output if job.plan.fail_in == "output" else results.errors
        target.append(_output_line(job, line["custom_id"], None, error))
        return
    if planted is None:
        status, body = answer(line["url"], line["body"])
    else:
        said = {"message": "on purpose", "type": "planted", "param": None, "code": "planted"}
        status, body = planted, {"error": said}
    response = {"status_code": status, "request_id": f"req-{line['custom_id']}", "body": body}
    made = _output_line(job, line["custom_id"], response, None)
    if status == 200:
        results.paid[line["custom_id"]] += 1
        results.usage.update({k: v for k, v in body["usage"].items() if isinstance(v, int)})
    good = status == 200 or job.plan.fail_in == "output"
    (results.output if good else results.errors).append(made)


def _output_line(
    job: Job, custom_id: str, response: dict[str, Any] | None, error: dict[str, Any] | None
) -> dict[str, Any]:
    number = f"batch_req_{job.data['id'][6:]}_{custom_id}"
    return {"id": number, "custom_id": custom_id, "response": response, "error": error}


def _spoil(job: Job, results: Results) -> None:
    doubles = results.output[: job.plan.duplicates]
    for number in range(job.plan.strangers if results.output else 0):
        copied = json.loads(json.dumps(results.output[number % len(results.output)]))
        results.output.append(copied | {"custom_id": f"stranger-{number}"})
    results.output += doubles


def as_file(lines: list[dict[str, Any]], torn: bool) -> bytes:
    """Lines of an output file; torn: the last one is cut in half."""
    rows = [_encode(line) for line in lines]
    if torn:
        return b"\n".join([*rows[:-1], rows[-1][: len(rows[-1]) // 2]])
    return b"".join(row + b"\n" for row in rows)


def _encode(line: dict[str, Any]) -> bytes:
    try:
        # Not escaped: a reader that breaks lines at U+2028 shall be found out.
        return json.dumps(line, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(line).encode()
