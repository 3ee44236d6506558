"""One page through all that looks at it alone: personal data, lines, rules, length."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fret.figures import count
from fret.reasons import Reason
from fret.text.filters.c4 import check_c4, clean_lines
from fret.text.filters.fault import Fault
from fret.text.filters.fineweb import check_fineweb
from fret.text.filters.gopher import check_gopher
from fret.text.filters.lines import list_lines
from fret.text.personal_data import replace_personal_data
from fret.text.splitting import count_words


@dataclass(frozen=True, slots=True)
class PageRules:
    """What is asked of a page; the thresholds of a family of rules, or None where it is off."""

    replace_personal_data: bool
    min_words: int
    max_words: int | None
    gopher: Mapping[str, Any] | None = None
    c4: Mapping[str, Any] | None = None
    fineweb: Mapping[str, Any] | None = None


class Refined(NamedTuple):
    """What is left of a page, and how much was changed."""

    title: str
    text: str
    n_emails: int = 0
    n_ips: int = 0
    n_lines: int = 0
    """Lines that C4's rules removed."""


def refine_page(title: str, text: str, language: str, rules: PageRules) -> Refined | Fault:
    """Return a page without personal data and unfit lines, or what is wrong with it."""
    page = Refined(title, text)
    if rules.replace_personal_data:
        found = replace_personal_data((title, text))
        page = Refined(found.texts[0], found.texts[1], found.n_emails, found.n_ips)
    if rules.c4 is not None:
        cleaned, n_lines = clean_lines(page.text, rules.c4)
        page = page._replace(text=cleaned, n_lines=n_lines)
    return _check(page, language, rules) or page


def _check(page: Refined, language: str, rules: PageRules) -> Fault | None:
    n_words = count_words(page.text)
    if n_words < rules.min_words:
        return Fault(
            Reason.TOO_SHORT, f"the page has {count(n_words, 'word')}, under {rules.min_words}"
        )
    if rules.max_words is not None and n_words > rules.max_words:
        return Fault(
            Reason.TOO_LONG, f"the page has {count(n_words, 'word')}, over {rules.max_words}"
        )
    lines = list_lines(page.text)
    fault = None
    if rules.gopher is not None:
        fault = check_gopher(page.text, lines, language, rules.gopher)
    if fault is None and rules.c4 is not None:
        fault = check_c4(page.text, lines, rules.c4)
    if fault is None and rules.fineweb is not None:
        fault = check_fineweb(lines, rules.fineweb)
    return fault
