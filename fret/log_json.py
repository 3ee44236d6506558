"""What happens in a run as JSON lines, one event each, for whoever watches it with a program.

Events: `run_starts`, `stage_starts`, `progress`, `warning`, `stage_ends`, `run_ends`; each has
`time` (UTC) and `event`. A file that is there is added to: a run that goes on is one story.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from fret.errors import FretError, UserError
from fret.manifest import Manifest
from fret.stages.base import Observer

# Progress is told this often; a run of a million queries is to leave a log that one can read.
_PROGRESS_S = 5.0


class JsonLog:
    """An observer that writes events to a file, and passes them on to another.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, path: Path, inner: Observer, *, run: str) -> None:
        self._inner = inner
        self._done = self._total = 0
        self._told = 0.0
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise UserError(f"The log {path} cannot be written: {error}.") from error
        self._write("run_starts", run=run)

    def __enter__(self) -> "JsonLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._write("run_ends", ok=True, exit_status=0)
        else:
            status = error.exit_code if isinstance(error, FretError) else 130
            if not isinstance(error, FretError | KeyboardInterrupt):
                status = 1
            name = type(error).__name__
            self._write("run_ends", ok=False, error=name, message=str(error), exit_status=status)
        self._file.close()

    def starts(self, work: str, done: int, total: int) -> None:
        self._done, self._total, self._told = done, total, time.monotonic()
        self._write("stage_starts", stage=work, done=done, total=total)
        self._inner.starts(work, done, total)

    def advanced(self, work: str, usage: Mapping[str, float]) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._told >= _PROGRESS_S:
            self._told = now
            self._write(
                "progress", stage=work, done=self._done, total=self._total, usage=dict(usage)
            )
        self._inner.advanced(work, usage)

    def stage_ends(self, stage: str, manifest: Manifest, *, skipped: bool) -> None:
        self._write(
            "stage_ends",
            stage=stage,
            skipped=skipped,
            read=manifest.read,
            rows=manifest.rows,
            dropped=manifest.dropped,
            reasons=manifest.reasons,
            usage=manifest.usage,
            seconds=round(manifest.seconds, 3),
        )
        self._inner.stage_ends(stage, manifest, skipped=skipped)

    def warned(self, message: str) -> None:
        self._write("warning", message=message)
        self._inner.warned(message)

    def _write(self, event: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        # ASCII: names of files and words of servers may hold half a surrogate pair.
        self._file.write(json.dumps({"time": now, "event": event, **fields}) + "\n")
        self._file.flush()
