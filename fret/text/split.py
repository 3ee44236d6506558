"""Split main text into passages along paragraphs and sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Characters of scripts that put no spaces between words: CJK, kana, Thai, Lao, Burmese, Khmer.
_NO_SPACES = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W{_NO_SPACES}]+(?:['’][^\W{_NO_SPACES}]+)*")
_END = re.compile(
    r"(?<=[.!?…])[\"'”’“»«)\]]*\s+(?=[\"'“‘„«»(\[¿¡]*[^\Wa-zß-ÿ_])|(?<=[。！？])[”’」』）]*"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|\d{1,2}|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|No|Nr|Fig|Vol|Inc|Ltd|Co|approx|ca|etc|e\.g|i\.e|"
    r"z\.\s?B|bzw|usw|d\.\s?h|Bd|Sra?|M|Mme|av|env|cf|pp?|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)\.$"
)


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    n_words: int
    ends_paragraph: bool


def count_words(text: str) -> int:
    """Count words; a character of a script without spaces counts as one."""
    return sum(1 for _ in _WORD.finditer(text))


def split_sentences(paragraph: str) -> list[str]:
    """Split a paragraph after its sentences' ends, leaving abbreviations and initials whole."""
    sentences, start = [], 0
    for match in _END.finditer(paragraph):
        head = paragraph[start : match.end()].rstrip()
        if head and not _ABBREVIATION.search(head):
            sentences.append(head)
            start = match.end()
    if rest := paragraph[start:].strip():
        sentences.append(rest)
    return sentences


def split_text(text: str, *, max_words: int, min_words: int) -> list[str]:
    """Split a text into passages of at most `max_words` words, breaking at paragraphs where that is near.

    A piece under `min_words` joins the one before it; if the two are too long for that, they are
    divided anew in the middle. A text that is shorter as a whole comes back as it is.
    """
    pieces: list[list[_Sentence]] = [[]]
    for sentence in _sentences_of(text, max_words):
        size = _size(pieces[-1])
        full = size + sentence.n_words > max_words
        # Past the middle, the end of a paragraph is a better place to stop than a few words more.
        at_break = size > max_words / 2 and pieces[-1][-1].ends_paragraph
        if pieces[-1] and (full or at_break):
            pieces.append([])
        pieces[-1].append(sentence)
    return [_join(piece) for piece in _mend_short(pieces, max_words, min_words) if piece]


def _sentences_of(text: str, max_words: int) -> Iterator[_Sentence]:
    for paragraph in text.split("\n"):
        parts = [p for s in split_sentences(paragraph) for p in _cut(s, max_words)]
        for number, part in enumerate(parts, 1):
            yield _Sentence(part, count_words(part), number == len(parts))


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
            mended += _divide(mended.pop() + piece, max_words)
        else:
            mended.append(piece)
    return mended


def _divide(sentences: list[_Sentence], max_words: int) -> list[list[_Sentence]]:
    if _size(sentences) <= max_words:
        return [sentences]
    half, best = _size(sentences) / 2, 1
    for cut in range(1, len(sentences)):
        if abs(_size(sentences[:cut]) - half) < abs(_size(sentences[:best]) - half):
            best = cut
    return [sentences[:best], sentences[best:]]


def _size(sentences: list[_Sentence]) -> int:
    return sum(sentence.n_words for sentence in sentences)


def _join(sentences: list[_Sentence]) -> str:
    parts = [s.text + ("\n" if s.ends_paragraph else " ") for s in sentences]
    return "".join(parts).strip()
