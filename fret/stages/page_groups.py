"""Pages that share equal or nearly equal passages, so that a split cannot part them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from fret.config.filters import NearDuplicates
from fret.durable import read_records, write_records
from fret.lookup import PassageLookup
from fret.records import Page, Passage, Record, hash_json
from fret.stages.context import Context
from fret.stages.text_workers import TextWorkers
from fret.store import Run
from fret.text.near_duplicates import BLOCK, KeptTexts, choose_bands

# What is nearly equal by default, whatever the pipeline file leaves standing.
_NEAR = NearDuplicates()
# Raised when other groups come of the same passages.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class GroupedPage(Record):
    """A page of a group."""

    STAGE: ClassVar[str] = "passages"
    KEY: ClassVar[str] = "page_id"

    page_id: str
    group: str
    """The page that is drawn for all of its group: the first of it that was met."""


class PageGroups:
    """Finds groups where the stage passages has left repeated texts standing; else there are none.

    Memory holds hashes of all passages (see `KeptTexts`) while they are looked for, and afterwards
    the ids of pages in groups. They are kept beside the passages, and found once for all splits.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        duplicates = context.settings.passages.duplicates
        near = duplicates.near
        self.are_looked_for = not (
            duplicates.exact and near is not None and near.threshold <= _NEAR.threshold
        )

    def find(self, run: Run, lookup: PassageLookup) -> Mapping[str, str] | None:
        """Return the page that stands for its group for each page that is in one."""
        if not self.are_looked_for:
            return None
        folder = run.stage(Passage.STAGE)
        sums = [shard.sha256 for shard in folder.require().shards]
        name = hash_json([_VERSION, _NEAR.model_dump(), sums])[:16]

        def make(path: Path) -> None:
            path.mkdir()
            groups = self._group(run, lookup)
            pages = (GroupedPage(page, group) for page, group in groups.items())
            write_records(path / "pages.parquet", GroupedPage, pages)

        path = folder.kept_newest("page_groups", name, make, warn=self._context.observer.warned)
        rows = read_records(path / "pages.parquet", GroupedPage)
        return {row.page_id: row.group for row in rows}

    def _group(self, run: Run, lookup: PassageLookup) -> dict[str, str]:
        kept = KeptTexts(exact=True, threshold=_NEAR.threshold, same_names=_NEAR.same_names)
        workers = TextWorkers(self._context.settings.passages.workers, n_pages=run.n_rows(Page))
        union = _Union()
        try:
            pages, ids = lookup.page_ids(), iter(lookup.ids())
            for signs in workers.map(_jobs(lookup)):
                names = list(islice(ids, len(signs.exact)))
                # In this order: what is read first must not run on when the block ends.
                for repeats, page in zip(kept.relate(names, signs), pages, strict=False):
                    for earlier in lookup.rows_of(repeats):
                        union.join(lookup.page_of(earlier), page)
        finally:
            workers.close()
        return union.groups()


def _jobs(lookup: PassageLookup) -> Iterator[tuple[Any, ...]]:
    texts, bands = lookup.texts(), choose_bands(_NEAR.threshold)
    while block := list(islice(texts, BLOCK)):
        yield "sign_texts", block, _NEAR.ngram, bands


class _Union:
    """Pages joined into groups; each group goes by the page of it that was met first."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._number: dict[str, int] = {}

    def join(self, earlier: str, page: str) -> None:
        if earlier == page:
            return
        for each in (earlier, page):
            self._number.setdefault(each, len(self._number))
        one, other = self._top(earlier), self._top(page)
        if one != other:
            first, second = sorted((one, other), key=self._number.__getitem__)
            self._above[second] = first

    def groups(self) -> dict[str, str]:
        return {page: self._top(page) for page in self._number}

    def _top(self, page: str) -> str:
        while page in self._above:
            above = self._above[page]
            # Half the way next time.
            self._above[page] = self._above.get(above, above)
            page = above
        return page
