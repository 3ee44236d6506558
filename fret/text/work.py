"""What worker processes do with texts: one function, told by name what to do."""

from collections.abc import Callable, Sequence
from typing import Any

from fret.text.filters import Fault, PageRules, Refined, refine_page
from fret.text.near_duplicates import Bands, Signs, sign_texts


def do_work(job: str, *arguments: Any) -> Any:
    """Do the job of this name; called in a worker, or at once where there are few texts."""
    return _JOBS[job](*arguments)


def _refine_pages(rules: PageRules, pages: Sequence[tuple[str, str, str]]) -> list[Refined | Fault]:
    """Refine pages, each given as (title, text, language)."""
    return [refine_page(*page, rules) for page in pages]


def _sign_texts(texts: Sequence[str], ngram: int, bands: Bands | None) -> Signs:
    return sign_texts(texts, ngram=ngram, bands=bands)


_JOBS: dict[str, Callable[..., Any]] = {"refine_pages": _refine_pages, "sign_texts": _sign_texts}
