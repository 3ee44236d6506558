"""passages: pages filtered and split; evaluation sets and what repeats earlier texts left out.

Order: each page through its filters, and split; each passage held against evaluation sets, then
against all passages before it.
"""

import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from fret.config import PassagesSettings
from fret.fingerprint import identity_of
from fret.language.normal import normalise
from fret.reasons import Reason
from fret.records import Dropped, Page, Passage, Record, join_title
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.stages.evaluation_texts import EvaluationSets
from fret.stages.page_filters import PageFilters
from fret.stages.shard_notes import ShardNotes
from fret.stages.text_workers import TextWorkers
from fret.store import Run
from fret.text.decontaminate import EvaluationTexts, Match
from fret.text.filters import check_unbroken
from fret.text.near_duplicates import BLOCK, KeptTexts, Repeat, Signs, choose_bands
from fret.text.splitting import Measure, Piece, TokenCounter, count_each, split_text

_Row = Passage | Dropped


class Passages(Stage):
    """Filters and splits pages; of texts that repeat each other the first one stays."""

    name: ClassVar[str] = "passages"
    version: ClassVar[int] = 3
    record: ClassVar[type[Record]] = Passage
    reads: ClassVar[tuple[str, ...]] = ("pages",)

    _notes: ShardNotes

    def __init__(self, context: Context) -> None:
        self._settings: PassagesSettings = context.settings.passages
        name = self._settings.tokenizer
        self._measure: Measure = count_each if name is None else context.tokenizer(name)
        self._filters = PageFilters(context)
        against = self._settings.decontamination
        self._sets = EvaluationSets(context, against) if against else None
        self._evaluation: EvaluationTexts | None = None
        self._kept = self._new_kept()
        self._workers = TextWorkers(None, n_pages=0)

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        if isinstance(self._measure, TokenCounter):
            settings["tokenizer"] = self._measure.identify()
        settings["filters"] |= self._filters.identity()
        if self._sets:
            settings["decontamination"]["sha256"] = self._sets.identity()
        return settings

    def open(self, run: Run) -> None:
        self._workers = TextWorkers(self._settings.workers, n_pages=run.n_rows(Page))
        self._notes = ShardNotes(run.stage(self.name))
        self._kept = self._new_kept()
        self._evaluation = self._sets.load() if self._sets else None
        self._filters.open(run)

    def inputs(self, run: Run) -> Iterator[Iterable[Page]]:
        return (run.rows(Page, shard) for shard in range(run.n_shards(Page)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Page)

    def process(self, rows: Iterable[Page], tick: Tick) -> Iterator[_Row]:
        for page in self._filters.refine(rows, self._workers, self._notes):
            if isinstance(page, Dropped):
                yield page
            else:
                yield from self._split(page)
            tick()

    def admit(self, records: Iterable[Record | Dropped]) -> Iterator[Record | Dropped]:
        for block, signs in self._sign(records):
            passages = [row for row in block if isinstance(row, Passage)]
            repeats = iter(self._kept.admit([p.id for p in passages], signs))
            for row in block:
                repeat = next(repeats) if isinstance(row, Passage) else None
                yield _drop_repeat(row, repeat) if isinstance(row, Passage) and repeat else row
        self._notes.finish_shard()

    def remember(self, records: Iterable[Record]) -> None:
        for block, signs in self._sign(records):
            self._kept.keep([row.key for row in block], signs)
        self._notes.pass_over()

    def measure(self, run: Run) -> dict[str, Any]:
        notes = ShardNotes(run.stage(self.name))
        measures: dict[str, Any] = {"passages": dict(notes.total())}
        if self._settings.decontamination:
            rows = list(notes.rows())
            run.stage(self.name).kept("contamination.jsonl", lambda path: _write_rows(path, rows))
            measures["passages"]["contamination"] = {
                "matches": len(rows),
                "passages": len({row["passage_id"] for row in rows}),
            }
        return measures

    def close(self) -> None:
        self._workers.close()

    def _split(self, page: Page) -> Iterator[_Row]:
        pieces = self._pieces(page)
        size = sum(piece.size for piece in pieces)
        if size < self._settings.min_size:
            unit = "tokens" if self._settings.tokenizer else "words"
            yield Dropped(self.name, page.id, Reason.TOO_SHORT, f"the page has {size} {unit}")
            return
        for position, piece in enumerate(pieces):
            passage = _make_passage(page, position, piece)
            if fault := check_unbroken(piece.text):
                yield Dropped(self.name, passage.id, fault.reason, fault.detail)
            else:
                yield self._decontaminate(passage)

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

    def _decontaminate(self, passage: Passage) -> _Row:
        """Note what of evaluation sets a passage holds, and drop it where that is wanted."""
        if self._evaluation is None or self._settings.decontamination is None:
            return passage
        matches = self._evaluation.find(f"{passage.full_title}\n{passage.text}")
        for match in matches:
            self._notes.add({"passage_id": passage.id, "url": passage.url, **match._asdict()})
        if matches and self._settings.decontamination.action == "drop":
            detail = _describe_match(matches[0], len(matches), passage.url)
            return Dropped(self.name, passage.id, Reason.IN_EVALUATION_SET, detail)
        return passage

    def _new_kept(self) -> KeptTexts:
        near = self._settings.duplicates.near
        return KeptTexts(
            exact=self._settings.duplicates.exact,
            threshold=near.threshold if near else 1.0,
            same_names=near is None or near.same_names,
        )

    def _sign(
        self, records: Iterable[Record | Dropped]
    ) -> Iterator[tuple[list[Record | Dropped], Signs]]:
        """Yield records in blocks, with the signs of the passages among them."""
        near = self._settings.duplicates.near
        ngram, bands = (near.ngram, choose_bands(near.threshold)) if near else (1, None)
        waiting: deque[list[Record | Dropped]] = deque()

        def make_jobs() -> Iterator[tuple[Any, ...]]:
            rows = iter(records)
            while block := list(itertools.islice(rows, BLOCK)):
                waiting.append(block)
                texts = [row.text for row in block if isinstance(row, Passage)]
                yield "sign_texts", texts, ngram, bands

        for signs in self._workers.map(make_jobs()):
            yield waiting.popleft(), signs


def _make_passage(page: Page, position: int, piece: Piece) -> Passage:
    # Sites set the same title with other signs in <title> and in <h1>.
    title = normalise(page.title)
    headings = tuple(h for h in piece.headings if normalise(h) != title)
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


def _drop_repeat(passage: Passage, repeat: Repeat) -> Dropped:
    reason = Reason.DUPLICATE_TEXT if repeat.similarity is None else Reason.NEAR_DUPLICATE_TEXT
    how = "equals" if repeat.similarity is None else f"is {repeat.similarity:.2f} like"
    detail = f"it {how} the passage {repeat.earlier_id}; in {passage.url}: {passage.text[:80]}"
    return Dropped(Passage.STAGE, passage.id, reason, detail)


def _describe_match(match: Match, n: int, url: str) -> str:
    more = f" (and {n - 1} more)" if n > 1 else ""
    shared = match.matched if len(match.matched) <= 120 else f"{match.matched[:119]}…"
    return f"it holds {shared!r} of the {match.kind} {match.item} in {match.set_name}{more}: {url}"


def _write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
