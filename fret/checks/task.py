"""Whether a task, the instruction that stands before a query, is fit to be used."""

import re

from fret.checks import Fault
from fret.checks.copying import find_longest_run
from fret.figures import count
from fret.language.words import count_words
from fret.reasons import Reason
from fret.retrieval.tokenize import is_run, tokenize

_NOUN = r"passage|article|text|excerpt|extract|paragraph|snippet|document|webpage|web page|page"
_THIS = re.compile(
    rf"\b(?:this|these|the above) (?:{_NOUN})s?\b|\bthe (?:{_NOUN})s? (?:above|below)\b|"
    r"\bdiese[rsmn]? (?:Text|Artikel|Abschnitt|Absatz|Dokument|Beitrag|Seite)\w*|"
    r"\b(?:ce texte|cet article|ce passage|cet extrait|ce document|cette page)\b|"
    r"\best[ea] (?:texto|artículo|pasaje|fragmento|documento|página)\b|"
    r"\bэт(?:от|ом|ого|ой|у|а) (?:текст|стать|отрыв|абзац|страниц)\w*|"
    r"这篇|本文|この(?:文章|記事|本文|テキスト)",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    rf"\b(?:an?|some|pairs? of|two) (?:[\w-]+ ){{0,2}}(?:{_NOUN})s?\b", re.IGNORECASE
)


def check_task_standing(task: str) -> Fault | None:
    """Find a task that points at the page of its query; "given an article, … this article" does
    not."""
    found = _THIS.search(task)
    if found is None or _GIVEN.search(task[: found.start()]):
        return None
    detail = f"its task points at its page with {found.group()!r}: {task[:80]!r}"
    return Fault(Reason.NOT_SELF_CONTAINED, detail)


def check_task_length(task: str, *, max_words: int) -> Fault | None:
    """Find a task of too many words; two characters without spaces between them are one."""
    words, characters = count_words(task)
    n = words + -(-characters // 2)
    if n <= max_words:
        return None
    return Fault(Reason.QUERY_TOO_LONG, f"its task has {count(n, 'word')}: {task[:80]!r}")


def check_task_copied(task: str, passage: str, *, run_words: int) -> Fault | None:
    """Find a task with so many words in a row of the passage; two characters count as one."""
    words = tokenize(task)
    start, size = find_longest_run(words, tokenize(passage))
    unit = 2 if size and is_run(words[start]) else 1
    if size < run_words * unit:
        return None
    run = " ".join(words[start : start + size])
    return Fault(
        Reason.COPIED, f"{size} words in a row of its task are the passage's: {run[:160]!r}"
    )
