"""How a stage is made: what it asks sent off, then its shards, and what they came to.

Shards are made one by one, or each begun as the one before runs dry.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from fret.errors import EmptyStage, Waiting
from fret.llm.types import Tally, counted_for
from fret.plan import Part
from fret.records import Dropped, Record
from fret.stages.base import Observer, Stage, Tick
from fret.stages.context import Context
from fret.stages.lanes import LANES
from fret.store import Run, StageFolder

# Shards in work at once: one that waits for its last answers, and the next.
_SHARDS_AT_ONCE = 2

Rows = Iterable[Any]
Made = Iterator[tuple[int, Iterable[Record | Dropped], "Counted"]]
"""For each shard its number, what became of its rows, and how many there were."""


class Counted:
    """Rows on their way into a stage, and what it asks for them; see `fret.store.Count`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.read = 0
        self.tally = Tally()
        self.drained = threading.Event()

    @property
    def usage(self) -> dict[str, float]:
        """Replies and tokens behind the rows, whether asked now or found in the store."""
        names = ("requests", "input_tokens", "output_tokens")
        return {name: n for name in names if (n := getattr(self.tally, name))}

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            self.read += 1
            yield row
        self.drained.set()


def make_stage(run: Run, part: Part, context: Context, observer: Observer) -> None:
    """Make every shard of a stage that is not there yet."""
    stage, folder = part.stage, part.folder
    if part.finished:
        observer.stage_ends(stage.name, folder.require(), skipped=True)
        return
    folder.begin(part.manifest, has_grown=part.has_grown)
    started = time.monotonic()
    try:
        if stage.questions():
            _gather(run, stage, folder, context, observer)
        _make_shards(run, stage, folder, context, observer)
        _refuse_emptiness(folder)
        measures = stage.measure(run)
    except BaseException:
        folder.add_seconds(time.monotonic() - started)
        raise
    finally:
        stage.close()
    folder.finish(seconds=time.monotonic() - started, measures=measures)
    observer.stage_ends(stage.name, folder.require(), skipped=False)


def _gather(
    run: Run, stage: Stage, folder: StageFolder, context: Context, observer: Observer
) -> None:
    """Where requests travel by batch or file: send off all that a stage will ask.

    Raises:
        Waiting: not all of it is answered yet.
    """
    if context.lane not in LANES:
        return
    for line in context.models.lanes.take_in():
        observer.warned(line)
    stage.open(run)
    for index, rows in enumerate(stage.inputs(run)):
        if not folder.has_shard(index):
            stage.gather(rows)
    if told := context.models.lanes.dispatch():
        if context.ask_failed_again:
            told.append("Leave --redo out then: it asks anew whatever could not be used.")
        raise Waiting(f"The stage {stage.name} waits for answers. " + "\n".join(told))


def _refuse_emptiness(folder: StageFolder) -> None:
    """Stop when a stage kept nothing of what it read: no dataset could come of it."""
    manifest = folder.require()
    if manifest.read and not manifest.rows:
        reasons = ", ".join(f"{n} {reason}" for reason, n in manifest.reasons.items())
        first = next(folder.rows(Dropped, dropped=True), None)
        detail = f" (the first: {first.detail})" if first else ""
        raise EmptyStage(
            f"The stage {manifest.stage} dropped all that it read: {reasons}{detail}. See all with "
            f"`fret show PIPELINE {manifest.stage} --dropped`, mend the cause (its settings: "
            f"`fret settings {manifest.stage}`), and make it anew with `fret run PIPELINE --redo "
            f"{manifest.stage}`."
        )


def _make_shards(
    run: Run, stage: Stage, folder: StageFolder, context: Context, observer: Observer
) -> None:
    stage.open(run)
    work = f"{stage.name} ({stage.counts_in})" if stage.counts_in else stage.name
    observer.starts(work, stage.n_done(run), stage.n_units(run))

    def tick() -> None:
        observer.advanced(work, context.usage())

    todo = ((i, rows) for i, rows in enumerate(stage.inputs(run)) if not folder.has_shard(i))
    # A model's server must not fall idle at the end of each shard; what computes here, on all
    # cores already, gains nothing from a second shard beside it.
    make = _make_overlapping if stage.questions() else _make_one
    n_admitted = 0
    for index, records, counted in make(stage, todo, tick):
        for finished in range(n_admitted, index):
            stage.remember(folder.rows(stage.record, finished))
        folder.write_shard(index, stage.record, stage.admit(records), count=counted)
        n_admitted = index + 1


def _make_one(stage: Stage, todo: Iterable[tuple[int, Rows]], tick: Tick) -> Made:
    """Make one shard after the other; its records stream."""
    for index, rows in todo:
        counted = Counted(rows)
        yield index, stage.process(counted, tick), counted


def _make_overlapping(stage: Stage, todo: Iterable[tuple[int, Rows]], tick: Tick) -> Made:
    """Begin each shard as soon as the one before has read its rows; yield them in order."""
    stopping, ticking = threading.Event(), threading.Lock()

    def tick_or_stop() -> None:
        if stopping.is_set():
            raise _Stopped
        with ticking:
            tick()

    executor = ThreadPoolExecutor(_SHARDS_AT_ONCE, thread_name_prefix="fret-shard")
    working: deque[tuple[int, Counted, Future[list[Record | Dropped]]]] = deque()
    try:
        for index, rows in todo:
            counted = Counted(rows)
            future = executor.submit(_make_whole, stage, counted, tick_or_stop)
            working.append((index, counted, future))
            counted.drained.wait()
            while len(working) >= _SHARDS_AT_ONCE or (working and working[0][2].done()):
                done_index, done_counted, done = working.popleft()
                yield done_index, done.result(), done_counted
        for done_index, done_counted, done in working:
            yield done_index, done.result(), done_counted
    finally:
        stopping.set()
        # Not waited for: they end when the models they ask are closed.
        executor.shutdown(wait=False, cancel_futures=True)


def _make_whole(stage: Stage, rows: Counted, tick: Tick) -> list[Record | Dropped]:
    try:
        with counted_for(rows.tally):
            return list(stage.process(rows, tick))
    finally:
        rows.drained.set()


class _Stopped(Exception):
    """The run has ended; nobody wants this shard any more."""
