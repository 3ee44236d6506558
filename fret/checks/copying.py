"""Words that a query copies: from its passage, or from the examples of the prompt.

A query that repeats its passage teaches a model to match words (AIR-Bench rewrites queries for that
reason), and prompt examples are known to come back in the output.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from fret.checks import Fault
from fret.language.words import find_content
from fret.reasons import Reason
from fret.retrieval.tokenize import is_run, tokenize

# Keywords and titles are names of things, and may be a phrase of the text.
_NAMES_MAY = 1.5
# A run of words from an example that is no chance, if a word of it is not the passage's.
_LEAKED_RUN = 5
_NAMING = ("keyword", "title", "headline", "heading")


def find_longest_run(query: Sequence[str], text: Sequence[str]) -> tuple[int, int]:
    """Return (start in the query, length) of the longest run of tokens that both have."""
    match = SequenceMatcher(None, query, text, autojunk=False).find_longest_match()
    return match.a, match.size


def measure_overlap(query: str, passage: str, language: str) -> tuple[float, float, int]:
    """Measure what a query has from a passage.

    Returns:
        The share of its content words that the passage has; the longest common run of tokens as a
        share of the query's tokens; the same in tokens. (Papers call them coverage and longest
        common n-gram over |q|.)
    """
    words, content = tokenize(query), find_content(query, language)
    known = set(find_content(passage, language))
    _, size = find_longest_run(words, tokenize(passage))
    coverage = sum(word in known for word in content) / len(content) if content else 0.0
    return coverage, size / len(words) if words else 0.0, size


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """From where on words count as copied; see `fret.config.checks`."""

    run_words: int
    run_share: float
    content_words: int
    content_share: float


def check_copied(
    query: str, passage: str, *, language: str, task_type: str, limits: CopyLimits
) -> Fault | None:
    """Find a query that is a piece of its passage, or made of the passage's words alone."""
    words = tokenize(query)
    if not words:
        return None
    # A character pair is half a word; a name of something may be longer.
    unit = 2.0 if is_run(words[0]) else 1.0
    unit *= _NAMES_MAY if any(kind in task_type.casefold() for kind in _NAMING) else 1.0
    start, size = find_longest_run(words, tokenize(passage))
    if size >= limits.run_words * unit and size / len(words) >= limits.run_share:
        run = " ".join(words[start : start + size])
        return Fault(Reason.COPIED, f"{size} of its {len(words)} words in a row: {run[:160]!r}")
    content, known = set(find_content(query, language)), set(find_content(passage, language))
    n_known = len(content & known)
    if len(content) < limits.content_words * unit:
        return None
    if n_known / len(content) >= limits.content_share:
        return Fault(
            Reason.COPIED,
            f"{n_known} of its {len(content)} content words are the passage's: {query[:160]!r}",
        )
    return None


class LeakCheck:
    """Finds what came from the prompt's examples and not from the passage.

    Args:
        shown: texts of the examples: their queries and tasks.
        words: so many content words are shared with one of them that the passage does not have;
        share: and they are this share of the query's content words.
    """

    def __init__(self, shown: Iterable[str], *, words: int, share: float) -> None:
        self._shown = tuple(dict.fromkeys(text for text in shown if text))
        self._words, self._share = words, share

    def check(self, query: str, passage: str, language: str) -> Fault | None:
        content = set(find_content(query, language))
        foreign = content - set(find_content(passage, language))
        words = tokenize(query)
        for example in self._shown if foreign else ():
            shared = foreign & set(find_content(example, language))
            if not shared:
                continue
            many = len(shared) >= self._words and len(shared) >= self._share * len(content)
            start, size = find_longest_run(words, tokenize(example))
            run = words[start : start + size]
            long = size >= _LEAKED_RUN and size >= self._share * len(words)
            if many or (long and shared & set(find_content(" ".join(run), language))):
                what = ", ".join(sorted(shared)) if many else " ".join(run)
                detail = f"{query[:80]!r} has from the prompt's example {example[:80]!r}: {what}"
                return Fault(Reason.LEAKED_EXAMPLE, detail)
        return None
