"""passages: pages split into passages, exact duplicates dropped."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fret.config import PassagesSettings
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Dropped, Page, Passage, Record, join_title
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.store import Run
from fret.text.splitting import Measure, Piece, TokenCounter, count_each, split_text


class Passages(Stage):
    """Splits along headings, blocks and sentences; of equal texts the first one stays."""

    name: ClassVar[str] = "passages"
    version: ClassVar[int] = 2
    record: ClassVar[type[Record]] = Passage
    reads: ClassVar[tuple[str, ...]] = ("pages",)

    def __init__(self, context: Context) -> None:
        self._settings: PassagesSettings = context.settings.passages
        self._seen: set[bytes] = set()
        name = self._settings.tokenizer
        self._measure: Measure = count_each if name is None else context.tokenizer(name)

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        if isinstance(self._measure, TokenCounter):
            settings["tokenizer"] = self._measure.identify()
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
        pieces = self._pieces(page)
        size = sum(piece.size for piece in pieces)
        if size < self._settings.min_size:
            unit = "tokens" if self._settings.tokenizer else "words"
            yield Dropped(self.name, page.id, Reason.TOO_SHORT, f"the page has {size} {unit}")
            return
        for position, piece in enumerate(pieces):
            passage = _make_passage(page, position, piece)
            key = _hash_text(piece.text)
            if key in self._seen:
                detail = f"in {page.url}: {piece.text[:80]}"
                yield Dropped(self.name, passage.id, Reason.DUPLICATE_TEXT, detail)
                continue
            self._seen.add(key)
            yield passage

    def _pieces(self, page: Page) -> list[Piece]:
        if self._settings.split == "none":
            return [Piece(page.text, (), self._measure([page.text])[0])]
        return split_text(
            page.text,
            max_size=self._settings.max_size,
            min_size=self._settings.min_size,
            overlap=self._settings.overlap,
            measure=self._measure,
        )


def _make_passage(page: Page, position: int, piece: Piece) -> Passage:
    title = page.title.casefold().split()
    headings = tuple(h for h in piece.headings if h.casefold().split() != title)
    return Passage(
        id=Passage.make_id(join_title(page.title, headings), piece.text),
        page_id=page.id,
        position=position,
        title=page.title,
        text=piece.text,
        language=page.language,
        n_tokens=piece.size,
        url=page.url,
        headings=headings,
    )


def _hash_text(text: str) -> bytes:
    """Hash a text so that case and white space do not count; 12 bytes, to keep many in memory."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).digest()[:12]
