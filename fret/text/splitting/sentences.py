"""Sentences in any language, by rules."""

import re

from fret.text.splitting.words import NO_SPACES

# A stop, what closes with it, white space (in dumps of chats, also an escaped line end), and the
# first letter of what follows; in scripts without spaces a stop is enough.
_END = re.compile(
    r"(?<=[.!?…؟۔।॥։።။។])[\"'”’“»«)\]]*(?:\s|\\n)+(?=[\"'“‘„«»(\[¿¡*_]*([^\W_]))"
    r"|(?<=[。！？｡])[”’」』）]*(?![”’」』）\ufe00-\ufe0f])"
)
# The number of a list's item; a letter alone, or after a stop as in "U.S." and "z.B."; days; words.
_ABBREVIATION = (
    rf"(?:^\s*\d{{1,3}}|(?:^|[\s(.])[^\W\d_{NO_SPACES}]|(?:^|[\s(])(?:\d{{1,2}}|Mr|Mrs|Ms|Dr|Prof|Ph|St|Sr|Jr|Gov|"
    r"Sen|Rep|Gen|Lt|Col|Sgt|Capt|Rev|Hon|vs|Nos?|Nr|Figs?|Eqs?|Refs?|Vols?|Inc|Ltd|Co|Corp|Dept|"
    r"Univ|approx|ca|al|etc|bzw|usw|Bd|Sra?|Mme|av|env|cf|pp?|ed|eds|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|"
    r"Nov|Dec|им|ул|см|рис|стр|млн|млрд|тыс|проф|акад))\.$"
)
_ABBREVIATIONS = {
    False: re.compile(_ABBREVIATION),
    True: re.compile(_ABBREVIATION, re.IGNORECASE),
}
# No abbreviation is longer; looking at more of a sentence would cost its square in time.
_ABBREVIATION_REACH = 16

# Thai and Lao have no stop: a space parts clauses and sentences (Aroonmanakun, Thoughts on Word
# and Sentence Segmentation in Thai, 2007). Khmer and Burmese have one that many writers leave out.
_SPACED = re.compile(
    r"(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\s+(?=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"
)
_HAS_STOPS = re.compile(r"[។။]")
# Characters: a shorter clause is rather a name or a part of a list.
_SHORTEST_CLAUSE = 30

# A line without any of these is one sentence, which is soon seen.
_MAY_END = re.compile(r"[.!?…؟۔।॥։።။。！？｡\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")

# How much of a text is looked at to see whether it has capitals, and how many letters that takes.
_SEEN, _FEWEST_LETTERS = 20_000, 40


def lacks_capitals(text: str) -> bool:
    """Whether a text is written in small letters throughout, as chats and some corpora are."""
    seen = text[:_SEEN]
    n_small = sum(map(str.islower, seen))
    return n_small >= _FEWEST_LETTERS and sum(map(str.isupper, seen)) * 200 < n_small


def split_sentences(paragraph: str) -> list[str]:
    """Split a paragraph after its sentences' ends, leaving abbreviations and initials whole.

    A sentence begins with no small letter, unless the paragraph has no others. Thai and Lao are
    split at the spaces between clauses.
    """
    spans = find_sentences(paragraph, small_starts=lacks_capitals(paragraph))
    return [paragraph[start:end] for start, end in spans]


def find_sentences(paragraph: str, *, small_starts: bool) -> list[tuple[int, int]]:
    """Return where each sentence begins and ends; between them is white space or nothing."""
    if not _MAY_END.search(paragraph):
        return [span] if (span := _strip(paragraph, 0, len(paragraph))) else []
    spans, start = [], 0
    abbreviation = _ABBREVIATIONS[small_starts]
    for match in _END.finditer(paragraph):
        if match[1] and match[1].islower() and not small_starts:
            continue
        end = match.start() + len(match[0].rstrip())
        tail = paragraph[max(start, end - _ABBREVIATION_REACH) : end]
        if tail and not abbreviation.search(tail):
            spans += _find_clauses(paragraph, start, end)
            start = match.end()
    return spans + _find_clauses(paragraph, start, len(paragraph))


def _find_clauses(paragraph: str, start: int, end: int) -> list[tuple[int, int]]:
    spans = []
    if _SPACED.search(paragraph, start, end) and not _HAS_STOPS.search(paragraph, start, end):
        for match in _SPACED.finditer(paragraph, start, end):
            if match.start() - start >= _SHORTEST_CLAUSE:
                spans.append((start, match.start()))
                start = match.end()
    spans.append((start, end))
    return [span for each in spans if (span := _strip(paragraph, *each))]


def _strip(text: str, start: int, end: int) -> tuple[int, int] | None:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return (start, start + len(part.strip())) if part.strip() else None
