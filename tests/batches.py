"""Files and batches of the test server, as OpenAI keeps them; a test moves the batches on.

A batch is validating, in_progress, finalizing, then completed, failed, expired or cancelled. It
moves when the test says `advance()` or `finish()`, or with every look at it (`auto`). Lines are
answered, and paid, when a batch leaves in_progress.
"""

import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from batch_jobs import (
    TERMINAL,
    Answer,
    Job,
    Limits,
    Plan,
    Results,
    as_file,
    check_lines,
    describe,
    token_limit,
    work,
)

_ENQUEUED = ("validating", "in_progress")
_STAMPED = (
    "in_progress",
    "finalizing",
    "completed",
    "failed",
    "expired",
    "cancelling",
    "cancelled",
)


@dataclass
class Batches:
    """`server.batches`: the files and batches of a server, and what shall go wrong with them."""

    answer: Answer
    auto: bool = False
    """A batch is finished when somebody looks at it."""
    auto_step: bool = False
    """A batch moves one step when somebody looks at it."""
    limits: Limits = field(default_factory=Limits)
    max_enqueued_lines: int | None = None
    """More lines than this in batches that wait or run: the batch fails with
    `token_limit_exceeded`."""
    cut_after: Literal["", "upload", "create", "content", "half content", "cancel"] = ""
    """The next such call is carried out, then the connection is cut without an answer (or in the
    middle of it)."""
    unseen_files: int = 0
    """So many creates do not find a file that was just uploaded."""
    list_lags: bool = False
    """The list of batches shows none, as it may for a while after they were made."""
    plans: deque[Plan] = field(default_factory=deque)
    """Plans of the batches to come, in order; see also `expire` and the others."""
    n_created: int = 0
    lines_paid: Counter[str] = field(default_factory=Counter)
    """How often each custom_id was answered with status 200, over all batches."""
    calls: Counter[str] = field(default_factory=Counter)
    """How often each call came: upload, create, retrieve, list, cancel, content, …"""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    """All batches, oldest first."""
    faults: deque[str] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()  # the test and the server's thread both move batches

    # What a test says.

    def fail_calls(self, *kinds: str) -> None:
        """Let the next calls fail before they do anything.

        Kinds: a status, `429 soon`, `cut`, `hang`, `html`, and `ok` for none.
        """
        self.faults.extend(kinds)

    def plan(self, batch_id: str | None = None, **changes: Any) -> None:
        """Change the plan of a batch, or of the next one that is created."""
        if batch_id is not None:
            job = self.jobs[batch_id]
            job.plan = replace(job.plan, **changes)
        else:
            self.plans = self.plans or deque([Plan()])
            self.plans[0] = replace(self.plans[0], **changes)

    def expire(self, share: float, batch_id: str | None = None) -> None:
        """Let a batch expire when a share of its lines is done."""
        self.plan(batch_id, expire=share)

    def fail_lines(
        self,
        share: float,
        status: int = 500,
        *,
        where: Literal["error", "output"] = "error",
        batch_id: str | None = None,
    ) -> None:
        """Let a share of a batch's lines fail."""
        self.plan(batch_id, fail_share=share, fail_status=status, fail_in=where)

    def error_file_only(self, status: int = 400, batch_id: str | None = None) -> None:
        """Let all lines fail: completed, with an error file and no output file."""
        self.fail_lines(1.0, status, batch_id=batch_id)

    def fail(self, code: str = "token_limit_exceeded", batch_id: str | None = None) -> None:
        """Let a batch fail as a whole, after it was created."""
        self.plan(batch_id, fail_code=code)

    def advance(self, batch_id: str | None = None) -> None:
        """Move one batch, or all, one step on."""
        with self.lock:
            for job in [self.jobs[batch_id]] if batch_id else list(self.jobs.values()):
                self._step(job)

    def finish(self, batch_id: str | None = None) -> None:
        """Move one batch, or all, to their end."""
        with self.lock:
            for job in [self.jobs[batch_id]] if batch_id else list(self.jobs.values()):
                while job.status not in TERMINAL:
                    self._step(job)

    def statuses(self) -> list[str]:
        return [job.status for job in self.jobs.values()]

    def lines_of(self, file_id: str) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.contents[file_id].splitlines()]

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Make a batch of a file that is there."""
        self.n_created += 1
        now = int(time.time())
        data = {
            "id": f"batch_{self.n_created:06d}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": now,
            "expires_at": now + 86_400,
            **{f"{status}_at": None for status in _STAMPED},
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        plan = self.plans.popleft() if self.plans else Plan()
        self.jobs[data["id"]] = Job(data, self.contents[asked["input_file_id"]], plan)
        return data

    def cancel(self, batch_id: str) -> None:
        """Begin to cancel a batch: what is done by then is delivered, and paid."""
        job = self.jobs[batch_id]
        if job.status == "in_progress":
            share = job.plan.cancel_after
            self._deliver(job, work(job, self.answer, share, "batch_cancelled"))
        job.move_to("cancelling")

    def look(self, batch_id: str) -> None:
        """Somebody looks at a batch: it moves if it shall move by itself."""
        if self.auto:
            self.finish(batch_id)
        elif self.auto_step:
            self.advance(batch_id)

    def _step(self, job: Job) -> None:
        match job.status:
            case "validating":
                self._validate(job)
            case "in_progress":
                self._run(job)
            case "finalizing":
                job.move_to("completed" if job.plan.expire is None else "expired")
            case "cancelling":
                job.move_to("cancelled")

    def _validate(self, job: Job) -> None:
        job.lines, errors = check_lines(job.raw, job.data["endpoint"], self.limits)
        if job.lines:
            job.data["model"] = (job.lines[0].get("body") or {}).get("model")
        if job.plan.fail_code == "token_limit_exceeded" or self._is_crowded(job):
            errors = [token_limit(str(job.data["model"]))]
        elif job.plan.fail_code:
            errors = [describe(job.plan.fail_code, "planted")]
        if errors:
            job.fail(errors)
            return
        job.data["request_counts"]["total"] = len(job.lines)
        job.move_to("in_progress")

    def _is_crowded(self, job: Job) -> bool:
        if self.max_enqueued_lines is None:
            return False
        others = list(self.jobs.values())
        before = others[: others.index(job)]
        enqueued = [other.count() for other in before if other.status in _ENQUEUED]
        return sum(enqueued) + job.count() > self.max_enqueued_lines

    def _run(self, job: Job) -> None:
        share = 1.0 if job.plan.expire is None else job.plan.expire
        self._deliver(job, work(job, self.answer, share, "batch_expired"))
        job.move_to("finalizing")

    def _deliver(self, job: Job, results: Results) -> None:
        self.lines_paid += results.paid
        counts = job.data["request_counts"]
        counts["completed"] = sum(results.paid.values())
        counts["failed"] = counts["total"] - counts["completed"]
        read, written = results.usage["prompt_tokens"], results.usage["completion_tokens"]
        job.data["usage"] = {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        }
        for kind, lines in (("output", results.output), ("error", results.errors)):
            if lines:
                torn = kind == "output" and job.plan.torn
                name = f"{job.data['id']}_{kind}.jsonl"
                made = self.keep_file(name, as_file(lines, torn), "batch_output")
                job.data[f"{kind}_file_id"] = made["id"]

    def keep_file(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        file_id = f"file-{len(self.files) + 1:06d}"
        self.contents[file_id] = content
        self.files[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "expires_at": None,
            "filename": name,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        return self.files[file_id]
