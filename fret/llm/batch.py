"""The batch lane: parcels sent to OpenAI's Batch API, by one process, and collected by any later.

Every step is on the disk before the next one. The only call that is never repeated blindly is
`batches.create`: its answer may be lost though a batch was made, which would be paid twice. So the
intent is noted first, and whoever finds it looks for a batch with the parcel's name in its metadata
before making one.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fret.errors import ModelError
from fret.figures import agree, count
from fret.llm.batch_service import BatchService
from fret.llm.budget import BudgetError
from fret.llm.file_lane import describe
from fret.llm.packer import file_of
from fret.llm.parcels import Ledger, Parcel, TakenIn
from fret.llm.stored import Source

_ENDED = {"completed", "expired", "cancelled"}
# Tokens that wait are counted by the service; four bytes of English are about one.
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Status:
    """One parcel, as a person sees it."""

    name: str
    batch_id: str
    state: str
    n: int
    n_done: int
    n_failed: int
    created: float
    detail: str


class BatchLane:
    """Parcels of one model.

    Args:
        folder: where the files of requests lie until their answers are there.
        max_enqueued_tokens: the service's allowance of tokens that wait, where it is known.
        usd_left: tells what the budget leaves for further batches.
    """

    lists_after_s = 60.0
    """How long a batch may be missing from the service's list though it was made."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        source: Source,
        name: str,
        *,
        service: BatchService,
        max_enqueued_tokens: int | None = None,
        usd_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._ledger, self._folder, self._source, self._name = ledger, folder, source, name
        self._service = service
        self._max_enqueued_tokens, self._usd_left = max_enqueued_tokens, usd_left
        self.statuses: list[Status] = []
        """What the last `take_in` has seen."""

    def take_in(self, *, give_up: bool = False) -> list[str]:
        """Ask once after every batch, and take in the answers of those that have ended.

        Args:
            give_up: forget batches and files that the service no longer has, instead of refusing to
                go on.
        """
        told, self.statuses = [], []
        for parcel in self._parcels():
            if not parcel.batch_id:
                self.statuses.append(_status(parcel, None))
                continue
            try:
                batch = self._service.retrieve(parcel.batch_id)
                told += self._look_at(parcel, batch)
            except ModelError as error:
                if error.status != 404:
                    raise
                if not give_up:
                    raise self._gone(parcel) from None
                self._end(parcel)
                told.append(f"batch {parcel.batch_id}: the service does not know it, or its files")
        return told

    def _gone(self, parcel: Parcel) -> ModelError:
        return ModelError(
            f"The service does not know the batch {parcel.batch_id}, or its files (it keeps them "
            "for 30 days). If the key and its project are right, forget it with `fret batch cancel "
            f"PIPELINE`: its {count(parcel.n, 'request')} will then be sent anew, and paid anew."
        )

    def look(self) -> list[Status]:
        """Ask once after every batch, and take nothing in."""
        return [
            _status(
                parcel,
                self._service.retrieve(parcel.batch_id) if parcel.batch_id else None,
            )
            for parcel in self._parcels()
        ]

    def dispatch(self) -> str:
        """Send off what the allowance and the budget let through; say what is out.

        Raises:
            BudgetError: nothing is out, and the budget lets nothing through.
        """
        unpaid, waiting = [], self._parcels()
        for parcel in waiting:
            if parcel.batch_id or not self._has_room(parcel):
                continue
            if parcel.sent or parcel.most_usd <= self._usd_left():
                self._submit(parcel)
            else:
                unpaid.append(parcel)
        parcels = self._parcels()
        out = [parcel for parcel in parcels if parcel.batch_id]
        n = sum(parcel.n for parcel in out)
        if unpaid and not any(p.sent for p in self._ledger.parcels(self._source.run, "batch")):
            raise self._without_money(unpaid)
        text = (
            f"{count(n, 'request')} to {self._source.model} {agree(n, 'is', 'are')} out in "
            f"{count(len(out), 'batch')}, which may take up to 24 hours"
        )
        if lost := len(waiting) - len(parcels):
            text += f"; {count(lost, 'lost file')} of requests will be written anew by the next run"
        if unpaid:
            wait = agree(len(unpaid), "waits", "wait")
            text += f"; {len(unpaid)} more {wait} until it shows how much of the budget these take"
        if held := len(parcels) - len(out) - len(unpaid):
            text += f"; {held} more {agree(held, 'waits', 'wait')} for room in the service's queue"
        return (
            text + ". Look with `fret batch status PIPELINE`, and run the same command again later."
        )

    def _without_money(self, unpaid: list[Parcel]) -> BudgetError:
        return BudgetError(
            f"The budget allows no further batch: {self._usd_left():.4f} USD are left, and the "
            f"smallest of the {len(unpaid)} that wait may cost "
            f"{min(parcel.most_usd for parcel in unpaid):.4f}. All answers so far are kept; raise "
            "budget.usd to go on, or end them with `fret batch cancel PIPELINE`."
        )

    def cancel(self) -> None:
        """Cancel every batch; what it has answered by then is taken in, for it is paid."""
        for parcel in self._parcels():
            batch_id = parcel.batch_id
            if parcel.state == "creating" and (made := self._find_made(parcel)):
                batch_id = made.id
            if batch_id:
                with suppress(ModelError):  # it has ended by itself, or is gone
                    self._service.cancel(batch_id)
                self._ledger.note(parcel, state="cancelling", batch_id=batch_id)
            else:
                self._end(parcel)

    def _parcels(self) -> list[Parcel]:
        return self._ledger.parcels(self._source.run, "batch", self._name)

    def _has_room(self, parcel: Parcel) -> bool:
        waiting = [p for p in self._parcels() if p.batch_id]
        if parcel.state == "queued":  # it was refused for want of room: one at a time from now on
            return not waiting
        if self._max_enqueued_tokens is None or not waiting:
            return True
        n_bytes = parcel.bytes + sum(p.bytes for p in waiting)
        return n_bytes / _BYTES_PER_TOKEN <= self._max_enqueued_tokens

    def _submit(self, parcel: Parcel) -> None:
        """Upload a parcel and make a batch of it, each step noted before the next."""
        if parcel.state == "creating":
            if batch := self._find_made(parcel):
                self._ledger.note(parcel, state="submitted", batch_id=batch.id)
                return
            if time.time() - float(parcel.detail or 0) < self.lists_after_s:
                raise _unsure()
        path = file_of(self._folder, parcel.id)
        if not path.exists():
            self._end(parcel)  # what it held is asked anew, in a new parcel
            return
        if not parcel.file_id:
            file_id = self._service.upload(path)
            parcel = self._ledger.note(parcel, file_id=file_id, state="uploaded")
        parcel = self._ledger.note(parcel, state="creating", detail=str(time.time()))
        batch = self._create(parcel)
        self._ledger.note(parcel, state="submitted", batch_id=batch.id, detail="")

    def _create(self, parcel: Parcel) -> Any:
        """Make the batch, once; where the answer was lost, look for what came of it."""
        try:
            batch = self._service.create(
                parcel.file_id, endpoint=self._endpoint(parcel), metadata=self._metadata(parcel)
            )
        except ModelError as error:  # it says that no batch was made
            self._ledger.note(parcel, state="uploaded", detail=str(error)[:300])
            raise
        if found := batch or self._find_made(parcel):
            return found
        raise _unsure()

    def _find_made(self, parcel: Parcel) -> Any:
        """Return the batch that was made of a parcel, if there is one that has not failed.

        The same requests may have travelled before, so when the parcel was written counts too.
        """
        wanted = self._metadata(parcel)
        for batch in self._service.list_all():
            if (
                (batch.metadata or {}) == wanted
                and batch.id not in parcel.past_ids
                and batch.status != "failed"
            ):
                return batch
        return None

    def _metadata(self, parcel: Parcel) -> dict[str, str]:
        written = f"{parcel.created:.6f}"
        run = self._source.run
        return {"fret_parcel": parcel.id, "fret_run": run, "fret_written": written}

    def _endpoint(self, parcel: Parcel) -> str:
        import orjson

        with file_of(self._folder, parcel.id).open("rb") as file:
            return str(orjson.loads(file.readline())["url"])

    def _look_at(self, parcel: Parcel, batch: Any) -> list[str]:
        self.statuses.append(_status(parcel, batch))
        if batch.status in _ENDED:
            return [f"batch {batch.id} ({batch.status}): {describe(self._collect(parcel, batch))}"]
        if batch.status == "failed":
            return [self._take_failure(parcel, batch)]
        return []

    def _take_failure(self, parcel: Parcel, batch: Any) -> str:
        errors = getattr(batch.errors, "data", None) or []
        said = "; ".join(f"{error.code}: {error.message}" for error in errors) or "no reason given"
        said = self._service.clean(said)
        past = (*parcel.past_ids, batch.id)
        if any(error.code == "token_limit_exceeded" for error in errors):
            changes = {"state": "queued", "batch_id": "", "past_ids": past, "detail": said}
            self._ledger.note(parcel, **changes)
            return f"batch {batch.id}: no room in the service's queue; it is sent again later"
        self._end(parcel)
        raise ModelError(
            f"The service refused the batch {batch.id}: {said}. Its {count(parcel.n, 'request')} "
            f"{agree(parcel.n, 'was', 'were')} not "
            "answered; mend the cause and run again, and they are sent anew."
        )

    def _collect(self, parcel: Parcel, batch: Any) -> TakenIn:
        """Take in the answers of an ended batch, from both of its files."""
        total = TakenIn()
        self._folder.mkdir(parents=True, exist_ok=True)
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                path = self._folder / f".answers-{parcel.id[:12]}.jsonl"
                self._service.download(file_id, path)
                self._ledger.take_in(path, self._source, total, secret=self._service.secret or "")
                path.unlink()
        total.again = self._ledger.count_left(parcel.id)
        self._end(parcel)
        return total

    def _end(self, parcel: Parcel) -> None:
        self._ledger.end(parcel)
        file_of(self._folder, parcel.id).unlink(missing_ok=True)


def _unsure() -> ModelError:
    return ModelError(
        "It is not known whether a batch was made: the service's answer was lost, and its list "
        "shows none yet. Nothing was repeated, so nothing is paid twice; run again in a minute."
    )


def _status(parcel: Parcel, batch: Any) -> Status:
    counts = getattr(batch, "request_counts", None)
    return Status(
        name=parcel.name,
        batch_id=parcel.batch_id,
        state=batch.status if batch else parcel.state,
        n=parcel.n,
        n_done=counts.completed if counts else 0,
        n_failed=counts.failed if counts else 0,
        created=parcel.created,
        detail=parcel.detail,
    )
