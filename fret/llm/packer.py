"""Requests written to files, a new file when one is full."""

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

from fret.llm.budget import Price, bound_cost
from fret.llm.job import Job
from fret.llm.parcels import Ledger, Parcel
from fret.llm.stored import Source


@dataclass(frozen=True, slots=True)
class Limits:
    """The most in one file of requests."""

    lines: int
    bytes: int
    usd: float = math.inf
    """By the most that its requests can cost; one request may cost more and goes alone."""


class Packer:
    """Writes requests to files as they come, a new file when one is full.

    Args:
        folder: where the files lie; made when the first request comes.
        price: what the model costs, where it is known.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        source: Source,
        *,
        name: str,
        limits: Limits,
        price: Price | None = None,
    ) -> None:
        self._ledger, self._folder, self._source, self._name = ledger, folder, source, name
        self._limits, self._price = limits, price
        self._open: dict[str, _Writing] = {}

    def add(self, job: Job) -> None:
        """Write one request; all of a file go to one path, as the Batch API wants it."""
        head = f'{{"custom_id":"{job.key}","method":"POST","url":"{job.form.path}","body":'
        line = head.encode() + job.body + b"}\n"
        path = job.form.path
        writing = self._open.get(path)
        most_usd = self._bound(job)
        if writing and not writing.has_room(len(line), most_usd, self._limits):
            self._close(path)
            writing = None
        if writing is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._folder / f".{path.strip('/').replace('/', '-')}.new"
            writing = self._open[path] = _Writing(place)
        writing.add(line, job, most_usd)

    def close(self) -> None:
        """Finish all files, and note them as out."""
        for path in list(self._open):
            self._close(path)

    def discard(self) -> None:
        """Throw away what is not finished."""
        for writing in self._open.values():
            writing.file.close()
            writing.path.unlink(missing_ok=True)
        self._open.clear()

    def _bound(self, job: Job) -> float:
        if self._price is None:
            return 0.0
        n_output = job.form.longest_output(job.request)
        return bound_cost(self._price, len(job.body), n_output, lane=self._source.lane)

    def _close(self, path: str) -> None:
        writing = self._open.pop(path)
        digest = hashlib.sha256("".join(key for key, _ in writing.keys).encode()).hexdigest()
        writing.finish(file_of(self._folder, digest))
        size = (len(writing.keys), writing.n_bytes, writing.most_usd)
        parcel = Parcel(digest, self._source, self._name, "written", *size)
        self._ledger.send_off(parcel, writing.keys)


class _Writing:
    """One file on its way."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, path.open("wb")
        self.keys: list[tuple[str, str]] = []
        self.n_bytes, self.most_usd = 0, 0.0

    def has_room(self, n_bytes: int, most_usd: float, limits: Limits) -> bool:
        return (
            len(self.keys) < limits.lines
            and self.n_bytes + n_bytes <= limits.bytes
            and self.most_usd + most_usd <= limits.usd
        )

    def add(self, line: bytes, job: Job, most_usd: float) -> None:
        self.file.write(line)
        self.keys.append((job.key, job.form.kind))
        self.n_bytes += len(line)
        self.most_usd += most_usd

    def finish(self, place: Path) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self.path.replace(place)


def file_of(folder: Path, parcel_id: str) -> Path:
    """Return where the requests of a parcel lie."""
    return folder / f"requests-{parcel_id[:12]}.jsonl"
