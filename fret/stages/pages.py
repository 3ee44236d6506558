"""pages: the main text and metadata of each web page."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from fret.config import HtmlSource, JsonlSource, PagesSettings, UrlsSource
from fret.fingerprint import identity_of
from fret.records import Dropped, Page, Reason, Record
from fret.sources import RawPage, Source
from fret.sources.html import HtmlFolder
from fret.sources.tables import TextTables
from fret.sources.web import Manners
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.store import Run
from fret.text.extract import MainText, Unusable, detect_language
from fret.text.isolate import IsolatedPool, Outcome

if TYPE_CHECKING:
    from fret.sources.urls import UrlList

# A title goes into every passage of its page, and into every prompt.
_TITLE_CHARACTERS = 300

_FAILURES = {
    "timed_out": Reason.TIMED_OUT,
    "crashed": Reason.CRASHED,
    "failed": Reason.EXTRACTION_FAILED,
}


class Pages(Stage):
    """Reads the source and extracts; a page that hangs or crashes its worker is dropped."""

    name: ClassVar[str] = "pages"
    version: ClassVar[int] = 2
    record: ClassVar[type[Record]] = Page
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, context: Context) -> None:
        self._settings: PagesSettings = context.settings.pages
        self._context = context
        self._source = _build_source(context)
        self._contents = self._source.describe()
        self._pool: IsolatedPool | None = None

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["source"] |= self._contents.identity
        return identity

    def open(self, run: Run) -> None:
        source = self._settings.source
        if isinstance(source, UrlsSource):
            self._fetch(cast("UrlList", self._source))
        if not isinstance(source, JsonlSource):
            self._pool = IsolatedPool(
                f"fret.text.extract:extract_{'file' if isinstance(source, HtmlSource) else 'body'}",
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

    def inputs(self, run: Run) -> Iterator[Iterable[RawPage]]:
        return self._source.parts(self._settings.shard_pages)

    def n_units(self, run: Run) -> int:
        return self._contents.n_pages

    def process(self, rows: Iterable[RawPage], tick: Tick) -> Iterator[Page | Dropped]:
        for raw, outcome in self._extract(rows):
            yield _make_page(raw, outcome)
            tick()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _extract(self, rows: Iterable[RawPage]) -> Iterator[tuple[RawPage, Outcome]]:
        """Extract in the workers, in order; few bodies are in memory at a time."""
        pool = self._pool
        if pool is None:
            yield from ((raw, Outcome(_take_text(raw))) for raw in rows)
            return
        waiting: deque[RawPage] = deque()

        def send() -> Iterator[tuple[Any, ...]]:
            for raw in rows:
                waiting.append(replace(raw, body=b""))
                if raw.reason is None:
                    yield self._arguments(raw)

        for outcome in pool.map(send()):
            yield from _take_missing(waiting)
            yield waiting.popleft(), outcome
        yield from _take_missing(waiting)

    def _arguments(self, raw: RawPage) -> tuple[Any, ...]:
        if raw.path is not None:
            return raw.path, self._settings.max_bytes
        return raw.body, raw.charset, raw.url, self._settings.max_bytes


def _take_missing(waiting: deque[RawPage]) -> Iterator[tuple[RawPage, Outcome]]:
    """Take the pages from the front that the source could not get."""
    while waiting and waiting[0].reason is not None:
        raw = waiting.popleft()
        assert raw.reason is not None
        yield raw, Outcome(Unusable(raw.reason, raw.detail))


def _build_source(context: Context) -> Source:
    settings = context.settings
    source = settings.pages.source
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
    found: MainText | Unusable = outcome.value
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
