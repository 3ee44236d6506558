"""Gopher's rules for quality and repetition (Rae et al. 2021, arXiv 2112.11446, table A1).

Two things follow datatrove, by which most data sets of today were filtered: a stretch of words
that repeats an earlier one counts once, and shares of characters are of the text without spaces.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

from fret.figures import count
from fret.reasons import Reason
from fret.retrieval.tokenize import list_stopwords
from fret.text.filters.fault import Fault, find_over, find_under
from fret.text.filters.lines import Line, has_ellipsis, list_words, writes_spaces

_PARAGRAPH = re.compile(r"\n\s*\n")
# The eight of the paper.
_ENGLISH = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])


def check_gopher(
    text: str, lines: Sequence[Line], language: str, rules: Mapping[str, Any]
) -> Fault | None:
    """Say which rule a page breaks first.

    Args:
        rules: thresholds as in `fret settings passages.filters.gopher`.
    """
    words = [word for line in lines for word in list_words(line.text) if word != "|"]
    checks = [_check_words(text, words, rules), _check_lines(text, lines, rules)]
    if writes_spaces(words):
        checks += [_check_spelling(words, language, rules), _check_ngrams(words, rules)]
    found = next(chain.from_iterable(checks), None)
    return Fault(Reason.GOPHER_RULE, found) if found else None


def _check_words(text: str, words: Sequence[str], rules: Mapping[str, Any]) -> Iterator[str]:
    real = _leave_out_signs(words)
    n = len(real)
    if rules["min_words"] and n < rules["min_words"]:
        yield f"{count(n, 'word')}, fewer than {rules['min_words']}"
    if rules["max_words"] and n > rules["max_words"]:
        yield f"{count(n, 'word')}, more than {rules['max_words']}"
    signs = {
        "hash signs per word": sum(word.count("#") for word in words),
        "ellipses per word": text.count("...") + text.count("…"),
    }
    for what, n_signs in signs.items():
        if found := find_over(n_signs / max(1, n), rules["max_symbols"], what):
            yield found
    letters = sum(any(map(str.isalpha, word)) for word in real) / max(1, n)
    if found := find_under(letters, rules["min_letter_words"], "of the words hold a letter"):
        yield found


def _leave_out_signs(words: Sequence[str]) -> list[str]:
    return [word for word in words if any(map(str.isalnum, word))]


def _check_spelling(words: Sequence[str], language: str, rules: Mapping[str, Any]) -> Iterator[str]:
    """Check what only words between spaces have."""
    words = _leave_out_signs(words)
    mean = sum(map(len, words)) / max(1, len(words))
    shortest, longest = rules["min_word_length"], rules["max_word_length"]
    if shortest is not None and mean < shortest:
        yield f"{mean:.2f} characters to a word, fewer than {shortest:g}"
    if longest is not None and mean > longest:
        yield f"{mean:.2f} characters to a word, more than {longest:g}"
    stops = _ENGLISH if language == "en" else list_stopwords(language)
    if rules["min_stop_words"] and stops:
        n = len(stops.intersection(word.strip(".,;:!?\"'()").lower() for word in words))
        if n < rules["min_stop_words"]:
            yield f"{n} different stop words, fewer than {rules['min_stop_words']}"


def _check_lines(text: str, lines: Sequence[Line], rules: Mapping[str, Any]) -> Iterator[str]:
    n = max(1, len(lines))
    bullets = sum(line.kind == "item" for line in lines) / n
    ellipses = sum(has_ellipsis(line.text) for line in lines) / n
    whole = [line.whole for line in lines]
    paragraphs = [part.strip() for part in _PARAGRAPH.split(text) if part.strip()]
    characters = sum(map(len, whole))
    limits = (
        (bullets, "max_bullet_lines", "of the lines begin with a bullet"),
        (ellipses, "max_ellipsis_lines", "of the lines end with an ellipsis"),
        (_share(whole), "max_repeated_lines", "of the lines repeat an earlier one"),
        (_share(paragraphs), "max_repeated_paragraphs", "of the paragraphs repeat an earlier one"),
        (
            count_repeated(whole) / max(1, characters),
            "max_repeated_line_characters",
            "of the characters are in lines that repeat an earlier one",
        ),
        (
            count_repeated(paragraphs) / max(1, characters),
            "max_repeated_paragraph_characters",
            "of the characters are in paragraphs that repeat an earlier one",
        ),
    )
    for value, rule, what in limits:
        if found := find_over(value, rules[rule], what):
            yield found


def _check_ngrams(words: Sequence[str], rules: Mapping[str, Any]) -> Iterator[str]:
    ends = list(accumulate(map(len, words), initial=0))
    total = max(1, ends[-1])
    folded = [word.casefold() for word in words]
    for n, limit in enumerate(rules["max_top_ngrams"], 2):
        share = _measure_top(folded, n) / total
        if found := find_over(share, limit, f"of the characters are in one run of {n} words"):
            yield found
    for n, limit in enumerate(rules["max_repeated_ngrams"], 5):
        share = _measure_repeated(folded, ends, n) / total
        if found := find_over(share, limit, f"of the characters are in repeated runs of {n} words"):
            yield found


def count_repeated(parts: Sequence[str]) -> int:
    """Count the characters of those that repeat an earlier one."""
    seen: set[str] = set()
    n = 0
    for part in parts:
        if part in seen:
            n += len(part)
        seen.add(part)
    return n


def _share(parts: Sequence[str]) -> float:
    return 1 - len(set(parts)) / max(1, len(parts))


def _measure_top(words: Sequence[str], n: int) -> int:
    """Return the characters in all occurrences of the run of n words that is most frequent."""
    runs = Counter(zip(*(words[place:] for place in range(n)), strict=False))
    if not runs:
        return 0
    # Of several that are as frequent, the longest.
    most = max(runs.values())
    return max(sum(map(len, run)) for run, k in runs.items() if k == most) * most if most > 1 else 0


def _measure_repeated(words: Sequence[str], ends: Sequence[int], n: int) -> int:
    """Return the characters of all runs that repeat an earlier one; none counts twice."""
    seen: set[tuple[str, ...]] = set()
    total = place = 0
    while place + n <= len(words):
        run = tuple(words[place : place + n])
        if run in seen:
            total += ends[place + n] - ends[place]
            place += n
        else:
            seen.add(run)
            place += 1
    return total
