"""Split main text into passages along paragraphs and sentences."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Characters of scripts that put no spaces between words: CJK, kana, Thai, Lao, Burmese, Khmer.
_NO_SPACES = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# Vowel signs and accents in those scripts: part of the character before them.
_NO_SPACES_MARKS = (
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e"
    r"\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a"
)
# And in the others, which Python's \w leaves out: accents, Hebrew and Arabic points, Indic scripts.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    r"\u0670\u0900-\u0963\u0966-\u0df3"
)
_LETTER = rf"[^\W{_NO_SPACES}]"
_WORD = re.compile(
    rf"[{_NO_SPACES}][{_NO_SPACES_MARKS}]*|{_LETTER}{{1,40}}(?:(?:[{_MARKS}]+|['’](?={_LETTER})){_LETTER}{{0,40}})*"
)
_END = re.compile(
    r"(?<=[.!?…؟۔।॥])[\"'”’“»«)\]]*\s+(?=[\"'“‘„«»(\[¿¡]*[^\Wa-zß-ÿ_])|(?<=[。！？])[”’」』）]*"
)
# A letter alone, or after a stop as in "U.S." and "z.B."; days; words.
_ABBREVIATION = re.compile(
    r"(?:(?:^|[\s(.])[A-Za-z]|(?:^|[\s(])(?:\d{1,2}|Mr|Mrs|Ms|Dr|Prof|Ph|St|Sr|Jr|Gov|Sen|Rep|Gen|Lt|"
    r"Col|Sgt|vs|No|Nr|Fig|Vol|Inc|Ltd|Co|Corp|approx|ca|etc|bzw|usw|Bd|Sra?|Mme|av|env|cf|pp?|"
    r"Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec))\.$"
)


# No abbreviation is longer; looking at more of a sentence would cost its square in time.
_ABBREVIATION_REACH = 16


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    n_words: int
    gap: str
    """What stands between it and the next one: nothing, a space, or the end of a paragraph."""

    @property
    def ends_paragraph(self) -> bool:
        return self.gap == "\n"


def count_words(text: str) -> int:
    """Count words; a character of a script without spaces counts as one."""
    return sum(1 for _ in _WORD.finditer(text))


def split_sentences(paragraph: str) -> list[str]:
    """Split a paragraph after its sentences' ends, leaving abbreviations and initials whole."""
    sentences, start = [], 0
    for match in _END.finditer(paragraph):
        end = match.start() + len(match[0].rstrip())
        tail = paragraph[max(start, end - _ABBREVIATION_REACH) : end]
        if tail and not _ABBREVIATION.search(tail):
            sentences.append(paragraph[start:end].strip())
            start = match.end()
    if rest := paragraph[start:].strip():
        sentences.append(rest)
    return sentences


def split_text(text: str, *, max_words: int, min_words: int) -> list[str]:
    """Split a text into passages of at most `max_words` words, breaking at paragraphs if near.

    A piece under `min_words` joins the one before it; if the two are too long for that, they are
    divided anew in the middle. A text that is shorter as a whole comes back as it is.
    """
    pieces: list[list[_Sentence]] = [[]]
    size = 0
    for sentence in _sentences_of(text, max_words):
        full = size + sentence.n_words > max_words
        # Past the middle, the end of a paragraph is a better place to stop than a few words more.
        at_break = size > max_words / 2 and pieces[-1][-1].ends_paragraph
        if pieces[-1] and (full or at_break):
            pieces.append([])
            size = 0
        pieces[-1].append(sentence)
        size += sentence.n_words
    return [_join(piece) for piece in _mend_short(pieces, max_words, min_words) if piece]


def _sentences_of(text: str, max_words: int) -> Iterator[_Sentence]:
    for paragraph in text.split("\n"):
        parts = [p for s in split_sentences(paragraph) for p in _cut(s, max_words)]
        end = 0
        for number, part in enumerate(parts, 1):
            end = paragraph.index(part, end) + len(part)
            gap = " " if paragraph[end : end + 1].isspace() else ""
            yield _Sentence(part, count_words(part), "\n" if number == len(parts) else gap)


def _cut(sentence: str, max_words: int) -> Iterator[str]:
    """Cut a sentence that is longer than a passage may be."""
    words = list(_WORD.finditer(sentence))
    starts = [words[i].start() for i in range(max_words, len(words), max_words)]
    for begin, end in zip([0, *starts], [*starts, len(sentence)], strict=True):
        yield sentence[begin:end].strip()


def _mend_short(
    pieces: list[list[_Sentence]], max_words: int, min_words: int
) -> list[list[_Sentence]]:
    mended: list[list[_Sentence]] = []
    for piece in pieces:
        if mended and min(_size(piece), _size(mended[-1])) < min_words:
            halves = _divide(mended.pop() + piece, max_words)
            # Divided anew, the first one may have become short in its turn.
            short = _size(halves[0]) < min_words
            if mended and short and _size(mended[-1]) + _size(halves[0]) <= max_words:
                mended[-1] = mended[-1] + halves.pop(0)
            mended += halves
        else:
            mended.append(piece)
    return mended


def _divide(sentences: list[_Sentence], max_words: int) -> list[list[_Sentence]]:
    total = _size(sentences)
    if total <= max_words:
        return [sentences]
    sizes = list(itertools.accumulate(sentence.n_words for sentence in sentences))
    best = min(range(1, len(sentences)), key=lambda cut: abs(sizes[cut - 1] - total / 2))
    return [sentences[:best], sentences[best:]]


def _size(sentences: list[_Sentence]) -> int:
    return sum(sentence.n_words for sentence in sentences)


def _join(sentences: list[_Sentence]) -> str:
    return "".join(sentence.text + sentence.gap for sentence in sentences).strip()
