"""FineWeb's own rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fret.reasons import Reason
from fret.text.filters.fault import Fault
from fret.text.filters.gopher import count_repeated
from fret.text.filters.lines import Line, ends_sentence, list_words, marks_sentences


def check_fineweb(lines: Sequence[Line], rules: Mapping[str, Any]) -> Fault | None:
    """Say which rule a page breaks first.

    Args:
        rules: thresholds as in `fret settings passages.filters.fineweb`.
    """
    found = next(_check(lines, rules), None)
    return Fault(Reason.FINEWEB_RULE, found) if found else None


def _check(lines: Sequence[Line], rules: Mapping[str, Any]) -> Iterator[str]:
    texts = [line.text for line in lines if line.kind != "row"]
    if not texts:  # a table and nothing else
        return
    ended = sum(map(ends_sentence, texts)) / len(texts)
    limit = rules["min_ended_lines"]
    if limit is not None and ended <= limit and marks_sentences("".join(texts)):
        yield f"{ended:.2f} of the lines end as a sentence does, not over {limit:.2f}"
    short = sum(len(text) <= rules["short_line"] for text in texts) / len(texts)
    limit = rules["max_short_lines"]
    if limit is not None and short >= limit:
        what = f"of the lines have {rules['short_line']} characters or fewer"
        yield f"{short:.2f} {what}, not under {limit:.2f}"
    repeated = count_repeated(texts) / max(1, sum(map(len, texts)))
    limit = rules["max_repeated_characters"]
    if limit is not None and repeated >= limit:
        what = "of the characters are in lines that repeat an earlier one"
        yield f"{repeated:.2f} {what}, not under {limit:.2f}"
    n_words = sum(len(list_words(text)) for text in texts)
    per_word = (len(texts) - 1) / max(1, n_words)
    limit = rules["max_lines_per_word"]
    if limit is not None and per_word > limit:
        yield f"{per_word:.2f} line ends per word, more than {limit:.2f}"
