"""Which words of a text are those of a query, as BM25 counts them: forms of a word are one."""

from collections.abc import Iterator
from typing import Final

from fret.retrieval.tokenize import Tokenizer, find_tokens

# Marks on "what is the" show nothing, so stop words are left out.
_TOKENIZER: Final = Tokenizer(stem=True, stopwords=True, default="en")


class QueryWords:
    """The words of a query, to be marked in passages.

    Args:
        language: the query's, as ISO 639-1; empty where unknown, which is read as English.
    """

    def __init__(self, query: str = "", language: str = "") -> None:
        self._language = language
        self._words = frozenset(_TOKENIZER.tokenize(query, language)) if query else frozenset()
        self._known: dict[str, bool] = {}

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the query's words begin and end in a text.

        Places that overlap are one, as with the pairs of characters of Chinese.
        """
        start, stop = 0, 0
        for first, last in self._find(text) if self._words else ():
            if first >= stop:
                if stop:
                    yield start, stop
                start = first
            stop = last
        if stop:
            yield start, stop

    def cut(self, text: str) -> list[str]:
        """Cut a text into pieces: every second one, from the second on, is of the query.

        Joined, the pieces are the text; the first may be empty.
        """
        pieces, end = [], 0
        for start, stop in self.find(text):
            pieces += [text[end:start], text[start:stop]]
            end = stop
        return [*pieces, text[end:]]

    def _find(self, text: str) -> Iterator[tuple[int, int]]:
        return (span for span in find_tokens(text) if self._is_known(text[slice(*span)]))

    def _is_known(self, token: str) -> bool:
        if token not in self._known:
            found = _TOKENIZER.tokenize(token, self._language)
            self._known[token] = bool(found) and self._words.issuperset(found)
        return self._known[token]
