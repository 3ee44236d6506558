"""Which pages the stage passages splits, and what is left of them."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

from fret.figures import agree, count
from fret.reasons import Reason
from fret.records import Dropped, Page, hash_json
from fret.stages.context import Context
from fret.stages.shard_notes import ShardNotes
from fret.stages.text_workers import TextWorkers
from fret.store import Run
from fret.text.filters import BlockedDomains, Fault, PageRules, Refined, SiteLines, read_domains

# Pages that go to a worker together.
_PAGES_PER_BLOCK = 32


class PageFilters:
    """The filters of `passages.filters`, and the replacement of personal data."""

    def __init__(self, context: Context) -> None:
        self._context, self._settings = context, context.settings.passages.filters
        passages = context.settings.passages
        families = {
            name: getattr(self._settings, name).model_dump() for name in self._settings.quality
        }
        self._rules = PageRules(
            replace_personal_data=passages.replace_personal_data,
            min_words=self._settings.min_words or 1,
            max_words=self._settings.max_words,
            **families,
        )
        self._repeated: SiteLines | None = None

    def identity(self) -> dict[str, Any]:
        """Return what of files that the settings name can change the passages."""
        domains = sorted(self._blocked.domains)
        return {"blocked_domains": {"sha256": hash_json(domains)} if domains else None}

    def open(self, run: Run) -> None:
        """Count the lines of all pages, where those go that a site repeats."""
        settings = self._settings.repeated_lines
        if settings is None:
            return
        observer = self._context.observer
        observer.starts("counting lines", 0, run.n_rows(Page))
        self._repeated = SiteLines(share=settings.share, min_pages=settings.min_pages)
        for page in run.rows(Page):
            self._repeated.add(page.url, page.text)
            observer.advanced("counting lines", {})
        self._repeated.finish()

    def refine(
        self, pages: Iterable[Page], workers: TextWorkers, notes: ShardNotes
    ) -> Iterator[Page | Dropped]:
        """Yield what is left of each page, or why nothing is."""
        waiting: deque[list[Page | Dropped]] = deque()
        for found in workers.map(self._make_jobs(pages, waiting, notes)):
            refined = iter(found)
            for page in waiting.popleft():
                yield page if isinstance(page, Dropped) else _apply(page, next(refined), notes)

    def _make_jobs(
        self, pages: Iterable[Page], waiting: deque[list[Page | Dropped]], notes: ShardNotes
    ) -> Iterator[tuple[Any, ...]]:
        rows = iter(pages)
        while block := list(itertools.islice(rows, _PAGES_PER_BLOCK)):
            looked = [self._look_at(page, notes) for page in block]
            waiting.append(looked)
            left = [page for page in looked if isinstance(page, Page)]
            yield "refine_pages", self._rules, [(p.title, p.text, p.language) for p in left]

    def _look_at(self, page: Page, notes: ShardNotes) -> Page | Dropped:
        """Check what takes no time, and remove what the site repeats."""
        fault = self._blocked.check(page.url) or self._check_language(page)
        if fault is None and self._repeated is not None:
            text, n_lines = self._repeated.remove(page.url, page.text)
            notes.count("repeated_lines", n_lines)
            if not text:
                stands = f"{count(n_lines, 'line')} {agree(n_lines, 'stands', 'stand')}"
                what = f"all of it, {stands} on many pages of its site: {page.url[:200]}"
                fault = Fault(Reason.ONLY_REPEATED_LINES, what)
            page = replace(page, text=text)
        return page if fault is None else _drop(page, fault)

    def _check_language(self, page: Page) -> Fault | None:
        wanted, language = self._settings.languages, page.language
        unknown_stays = not language and self._settings.keep_unknown_language
        if not wanted or language in wanted or unknown_stays:
            return None
        what = f"the page is in {language or 'no known language'}, not in {', '.join(wanted)}"
        return Fault(Reason.OTHER_LANGUAGE, what)

    @cached_property
    def _blocked(self) -> BlockedDomains:
        named = self._settings.blocked_domains
        found = read_domains(self._context.find_path(named)) if isinstance(named, str) else named
        return BlockedDomains(found)


def _apply(page: Page, found: Refined | Fault, notes: ShardNotes) -> Page | Dropped:
    if isinstance(found, Fault):
        return _drop(page, found)
    notes.count("emails", found.n_emails)
    notes.count("ips", found.n_ips)
    notes.count("c4_lines", found.n_lines)
    return replace(page, title=found.title, text=found.text)


def _drop(page: Page, fault: Fault) -> Dropped:
    return Dropped("passages", page.id, fault.reason, fault.detail)
