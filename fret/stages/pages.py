"""pages: the main text and metadata of each web page."""

import os
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fret.config import HtmlSource, PagesSettings
from fret.fingerprint import identity_of
from fret.records import Dropped, Page, Reason, Record
from fret.sources import RawPage, Source
from fret.sources.html import HtmlFolder
from fret.sources.tables import TextTables
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.store import Run
from fret.text.extract import MainText, Unusable, detect_language
from fret.text.isolate import IsolatedPool, Outcome

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
        self._source = _build_source(context)
        self._contents = self._source.describe()
        self._pool: IsolatedPool | None = None

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["source"] |= self._contents.identity
        return identity

    def open(self, run: Run) -> None:
        if isinstance(self._settings.source, HtmlSource):
            self._pool = IsolatedPool(
                "fret.text.extract:extract_file",
                workers=self._settings.workers or os.cpu_count() or 1,
                timeout_s=self._settings.timeout_s,
                memory_mb=self._settings.memory_mb,
            )

    def inputs(self, run: Run) -> Iterator[Iterable[RawPage]]:
        return self._source.parts(self._settings.shard_pages)

    def n_units(self, run: Run) -> int:
        return self._contents.n_pages

    def process(self, rows: Iterable[RawPage], tick: Tick) -> Iterator[Page | Dropped]:
        rows = list(rows)
        for raw, outcome in zip(rows, self._extract(rows), strict=True):
            yield _make_page(raw, outcome)
            tick()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _extract(self, rows: list[RawPage]) -> Iterator[Outcome]:
        if self._pool is None:
            return (Outcome(_take_text(raw)) for raw in rows)
        return self._pool.map((raw.path, self._settings.max_bytes) for raw in rows)


def _build_source(context: Context) -> Source:
    source = context.settings.pages.source
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
    text, url = _clean(found.text), _clean(found.url or raw.name)
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
