"""Which words of a text are those of a query."""

from collections.abc import Iterator
from typing import Final

from fret.retrieval.tokenize import Tokenizer, find_tokens

# As BM25 counts them, but stop words: marks on "what is the" show nothing.
_TOKENIZER: Final = Tokenizer(stem=True, stopwords=True)


def list_words(query: str, language: str) -> frozenset[str]:
    """Return the words of a query that are worth marking, as `mark_words` takes them."""
    return frozenset(_TOKENIZER.tokenize(query, language))


def mark_words(text: str, words: frozenset[str], language: str) -> list[str]:
    """Cut a text into pieces: every second one, from the second on, is a word of the query.

    Joined, the pieces are the text; the first may be empty.
    """
    pieces, end = [], 0
    for start, stop in _merge(_find(text, words, language)):
        pieces += [text[end:start], text[start:stop]]
        end = stop
    return [*pieces, text[end:]]


def _find(text: str, words: frozenset[str], language: str) -> Iterator[tuple[int, int]]:
    known: dict[str, bool] = {}
    for start, stop in find_tokens(text):
        token = text[start:stop]
        if token not in known:
            found = _TOKENIZER.tokenize(token, language)
            known[token] = bool(found) and words.issuperset(found)
        if known[token]:
            yield start, stop


def _merge(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join spans that overlap, as the pairs of characters of Chinese do."""
    start, stop = 0, 0
    for first, last in spans:
        if first >= stop:
            if stop:
                yield start, stop
            start = first
        stop = last
    if stop:
        yield start, stop
