"""pages: the main text and metadata of each web page."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from fret.config import HtmlSource, PagesSettings, UrlsSource, WarcSource
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Dropped, Page, Record
from fret.sources import RawPage, Source
from fret.sources.html import HtmlFolder
from fret.sources.tables import TextTables
from fret.sources.warc import WarcFiles
from fret.sources.web import Manners
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.store import Run
from fret.text.extract import MainText, Method, Unusable, detect_language
from fret.text.isolate import IsolatedPool, Outcome

if TYPE_CHECKING:
    from fret.sources.urls import UrlList

# What extracts pages of each kind of source; other sources hold texts.
_EXTRACTORS = {
    HtmlSource: "fret.text.extract:extract_file",
    WarcSource: "fret.text.extract:extract_body",
    UrlsSource: "fret.text.extract:extract_body",
}

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
    version: ClassVar[int] = 3
    record: ClassVar[type[Record]] = Page
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, context: Context) -> None:
        self._settings: PagesSettings = context.settings.pages
        self._context = context
        self._source = _build_source(context)
        self._contents = self._source.describe()
        self._pool: IsolatedPool | None = None
        self._mb_done = 0
        if isinstance(self._source, WarcFiles):
            self.counts_in = "MB"

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["source"] |= self._contents.identity
        return identity

    def has_grown_from(self, identity: dict[str, Any]) -> bool:
        """Whether the source has got new files, all of them after those that were there."""
        if not isinstance(self._source, WarcFiles):
            return False
        now, then = self.identity(), dict(identity)
        was = then.pop("source", {})
        source = now.pop("source") | {key: was.get(key) for key in ("files", "bytes", "sha256")}
        return (
            (now, source) == (then, was)
            and isinstance(was.get("files"), int)
            and self._source.begins_with(was["files"], str(was["sha256"]))
        )

    def open(self, run: Run) -> None:
        if isinstance(self._settings.source, UrlsSource):
            self._fetch(cast("UrlList", self._source))
        if extractor := _EXTRACTORS.get(type(self._settings.source)):
            self._pool = IsolatedPool(
                extractor,
                workers=self._settings.workers or os.cpu_count() or 1,
                timeout_s=self._settings.timeout_s,
                memory_mb=self._settings.memory_mb,
            )

    def _fetch(self, source: "UrlList") -> None:
        """Fetch all pages before the first is read: so that slow hosts keep no other waiting."""
        observer = self._context.observer
        source.fetch(
            lambda done, total: observer.starts("fetching", done, total),
            lambda: observer.advanced("fetching", {}),
            failed_again=self._context.ask_failed_again,
        )

    def inputs(self, run: Run) -> Iterator[Iterable[RawPage | Dropped]]:
        if isinstance(self._source, WarcFiles):
            return self._source.parts(self._settings.shard_pages, _FinishedRows(run))
        return self._source.parts(self._settings.shard_pages)

    def n_units(self, run: Run) -> int:
        if isinstance(self._source, WarcFiles):
            return self._source.count_mb()
        return self._contents.n_pages or 0

    def n_done(self, run: Run) -> int:
        if not isinstance(self._source, WarcFiles):
            return super().n_done(run)
        finished = _FinishedRows(run)
        names = finished.names(finished.n - 1) if finished.n else ()
        self._mb_done = max(map(self._source.count_mb, names), default=0)
        return self._mb_done

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
        if not isinstance(self._source, WarcFiles):
            tick()
            return
        mb = self._source.count_mb(row.record_id if isinstance(row, Dropped) else row.name)
        while self._mb_done < mb:
            self._mb_done += 1
            tick()


class _FinishedRows:
    """The names of the rows of the shards of pages that are finished."""

    def __init__(self, run: Run) -> None:
        self._folder = run.stage(Pages.name)

    @property
    def n(self) -> int:
        return len(self._folder.require().shards)

    def names(self, index: int) -> Iterator[str]:
        for page in self._folder.rows(Page, index):
            yield page.source
        for dropped in self._folder.rows(Dropped, index, dropped=True):
            yield dropped.record_id


def _build_source(context: Context) -> Source:
    settings = context.settings
    source = settings.pages.source
    if isinstance(source, WarcSource):
        patterns = [source.path] if isinstance(source.path, str) else source.path
        return WarcFiles(context.find_patterns(patterns), max_bytes=settings.pages.max_bytes)
    if isinstance(source, UrlsSource):
        # Loaded where it is needed: its HTTP client takes a moment.
        from fret.sources.urls import UrlList

        return UrlList(
            context.find_path(source.path) if source.path else None,
            sitemaps=source.sitemaps,
            manners=Manners(
                contact=source.contact,
                delay_s=source.delay_s,
                max_crawl_delay_s=source.max_crawl_delay_s,
                max_wait_s=source.max_wait_s,
                timeout_s=source.timeout_s,
                max_redirects=source.max_redirects,
                max_bytes=settings.pages.max_bytes,
                hosts_at_once=source.hosts_at_once,
                allow_private=source.allow_private,
            ),
            # Beside the stage's folder, which --redo removes.
            kept=Path(settings.runs_dir) / settings.run / "crawl.sqlite",
            max_age_s=source.max_age_s,
        )
    path = context.find_path(source.path)
    if isinstance(source, HtmlSource):
        return HtmlFolder(path)
    return TextTables(path, text=source.text, title=source.title, url=source.url, id=source.id)


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
