"""passages: pages split into passages, exact duplicates dropped."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fret.config import PassagesSettings
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Dropped, Page, Passage, Record
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.store import Run
from fret.text.split import count_words, split_text


class Passages(Stage):
    """Splits along paragraphs and sentences; of equal texts the first one stays."""

    name: ClassVar[str] = "passages"
    version: ClassVar[int] = 1
    record: ClassVar[type[Record]] = Passage
    reads: ClassVar[tuple[str, ...]] = ("pages",)

    def __init__(self, context: Context) -> None:
        self._settings: PassagesSettings = context.settings.passages
        self._seen: set[bytes] = set()

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        return settings

    def inputs(self, run: Run) -> Iterator[Iterable[Page]]:
        finished = run.stage(self.name)
        for shard in range(run.n_shards(Page)):
            if finished.has_shard(shard):
                self._seen.update(_hash_text(p.text) for p in run.rows(Passage, shard))
            yield run.rows(Page, shard)

    def n_units(self, run: Run) -> int:
        return run.n_rows(Page)

    def process(self, rows: Iterable[Page], tick: Tick) -> Iterator[Passage | Dropped]:
        for page in rows:
            yield from self._split(page)
            tick()

    def _split(self, page: Page) -> Iterator[Passage | Dropped]:
        n_words = count_words(page.text)
        if n_words < self._settings.min_words:
            yield Dropped(self.name, page.id, Reason.TOO_SHORT, f"the page has {n_words} words")
            return
        for position, text in enumerate(self._pieces(page)):
            key = _hash_text(text)
            if key in self._seen:
                passage_id = Passage.make_id(page.title, text)
                yield Dropped(
                    self.name, passage_id, Reason.DUPLICATE_TEXT, f"in {page.url}: {text[:80]}"
                )
                continue
            self._seen.add(key)
            yield _make_passage(page, position, text)

    def _pieces(self, page: Page) -> list[str]:
        if self._settings.split == "none":
            return [page.text]
        return split_text(
            page.text, max_words=self._settings.max_words, min_words=self._settings.min_words
        )


def _make_passage(page: Page, position: int, text: str) -> Passage:
    return Passage(
        id=Passage.make_id(page.title, text),
        page_id=page.id,
        position=position,
        title=page.title,
        text=text,
        language=page.language,
        n_tokens=count_words(text),
        url=page.url,
    )


def _hash_text(text: str) -> bytes:
    """Hash a text so that case and white space do not count; 12 bytes, to keep many in memory."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).digest()[:12]
