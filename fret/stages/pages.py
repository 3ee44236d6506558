"""pages: the main text and metadata of each web page."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from fret.config import PagesSettings
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Dropped, Page, Record
from fret.sources import IDENTITY, RawPage
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.stages.page_sources import build_source
from fret.store import Run
from fret.text.extract import MainText, Method, Unusable, detect_language
from fret.text.isolate import IsolatedPool, Outcome

# What extracts pages, by what the source holds; texts are taken as they are.
_EXTRACTORS = {
    "files": "fret.text.extract:extract_file",
    "bodies": "fret.text.extract:extract_body",
}

# A worker takes as long to start as so many pages to extract.
_PAGES_PER_WORKER = 30
# A title goes into every passage of its page, and into every prompt.
_TITLE_CHARACTERS = 300

_FAILURES = {
    "timed_out": Reason.TIMED_OUT,
    "crashed": Reason.CRASHED,
    "out_of_memory": Reason.OUT_OF_MEMORY,
    "failed": Reason.EXTRACTION_FAILED,
}


class Pages(Stage):
    """Reads the source and extracts; a page that hangs or crashes its worker is dropped."""

    name: ClassVar[str] = "pages"
    version: ClassVar[int] = 5
    record: ClassVar[type[Record]] = Page
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, context: Context) -> None:
        self._settings: PagesSettings = context.settings.pages
        self._context = context
        self._source = build_source(context)
        self._contents = self._source.describe()
        self._pool: IsolatedPool | None = None
        self._n_told = 0
        self.counts_in = self._source.counts_in

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["source"] |= self._contents.identity
        return identity

    def has_grown_from(self, identity: dict[str, Any]) -> bool:
        """Whether pages have only been added, after those that were there."""
        now, then = self.identity(), dict(identity)
        was = then.pop("source", {})
        contents = {key: was[key] for key in IDENTITY if key in was}
        source = {k: v for k, v in now.pop("source").items() if k not in IDENTITY}
        is_same = (now, source | contents) == (then, was)
        return is_same and self._source.begins_with(contents)

    def open(self, run: Run) -> None:
        self._fetch()
        if extractor := _EXTRACTORS.get(self._source.holds):
            self._pool = IsolatedPool(
                extractor,
                workers=self._settings.workers or _count_workers(self._contents.n_pages),
                timeout_s=self._settings.timeout_s,
                memory_mb=self._settings.memory_mb,
            )

    def _fetch(self) -> None:
        """Fetch all pages before the first is read: so that slow hosts keep no other waiting."""
        observer = self._context.observer
        self._source.fetch(
            lambda done, total: observer.starts("fetching", done, total),
            lambda: observer.advanced("fetching", {}),
            failed_again=self._context.ask_failed_again,
        )

    def inputs(self, run: Run) -> Iterator[Iterable[RawPage | Dropped]]:
        return self._source.parts(self._settings.shard_pages, _FinishedParts(run))

    def n_units(self, run: Run) -> int:
        return self._source.count_units() or self._contents.n_pages or 0

    def n_done(self, run: Run) -> int:
        finished = _FinishedParts(run)
        names = finished.names(finished.n - 1) if self.counts_in and finished.n else ()
        self._n_told = max((self._source.count_units(name) or 0 for name in names), default=0)
        return self._n_told if self.counts_in else super().n_done(run)

    def process(self, rows: Iterable[RawPage | Dropped], tick: Tick) -> Iterator[Page | Dropped]:
        waiting: deque[RawPage | Dropped] = deque()
        for outcome in self._extract(rows, waiting):
            row = waiting.popleft()
            yield row if isinstance(row, Dropped) else _make_page(row, outcome)
            self._advance(row, tick)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _extract(
        self, rows: Iterable[RawPage | Dropped], waiting: deque[RawPage | Dropped]
    ) -> Iterator[Outcome]:
        """Yield an outcome per row; rows that were read and have none yet are in `waiting`."""
        jobs = self._read_jobs(rows, waiting)
        return self._pool.map(jobs) if self._pool else (Outcome() for _ in jobs)

    def _read_jobs(
        self, rows: Iterable[RawPage | Dropped], waiting: deque[RawPage | Dropped]
    ) -> Iterator[tuple[Any, ...] | None]:
        limit = self._settings.max_bytes
        method = Method(self._settings.extractor, self._settings.focus)
        for row in rows:
            if isinstance(row, Dropped) or (row.path is None and row.body is None):
                waiting.append(row)
                yield None
            elif row.body is None:
                waiting.append(row)
                yield row.path, limit, method
            else:
                waiting.append(replace(row, body=b""))  # not kept twice
                yield row.body, row.encodings, row.charset, row.url, limit, method

    def _advance(self, row: RawPage | Dropped, tick: Tick) -> None:
        n = self._source.count_units(row.record_id if isinstance(row, Dropped) else row.name)
        for _ in range(1 if n is None else n - self._n_told):
            tick()
        self._n_told = n or 0


class _FinishedParts:
    """The parts whose shards are finished, and their rows."""

    def __init__(self, run: Run) -> None:
        self._folder = run.stage(Pages.name)

    @property
    def n(self) -> int:
        return len(self._folder.require().shards)

    def n_rows(self, index: int) -> int:
        return self._folder.require().shards[index].read

    def names(self, index: int) -> Iterator[str]:
        for page in self._folder.rows(Page, index):
            yield page.source
        for dropped in self._folder.rows(Dropped, index, dropped=True):
            yield dropped.record_id


def _count_workers(n_pages: int | None) -> int:
    cores = os.cpu_count() or 1
    return cores if n_pages is None else min(cores, n_pages // _PAGES_PER_WORKER + 1)


def _take_text(raw: RawPage) -> MainText | Unusable:
    text = raw.text.strip()
    if not text:
        return Unusable(Reason.NO_MAIN_TEXT, "the row's text is empty")
    title = " ".join(raw.title.split())
    return MainText(title, text, raw.url, detect_language(text), date="", site="", licence="")


def _make_page(raw: RawPage, outcome: Outcome) -> Page | Dropped:
    if outcome.failure:
        return Dropped("pages", raw.name, _FAILURES[outcome.failure], outcome.detail)
    found: MainText | Unusable = outcome.value or _take_text(raw)
    if isinstance(found, Unusable):
        return Dropped("pages", raw.name, found.reason, found.detail)
    text, url = _clean(found.text), _clean(raw.url or found.url or raw.name)
    return Page(
        id=Page.make_id(url, text),
        url=url,
        title=_clean(found.title)[:_TITLE_CHARACTERS],
        text=text,
        language=found.language,
        date=found.date,
        site=_clean(found.site),
        source=raw.name,
        licence=_clean(found.licence),
        source_id=_clean(raw.id),
    )


def _clean(text: str) -> str:
    """Replace what no UTF-8 file can hold (halves of surrogate pairs) and drop NUL characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
