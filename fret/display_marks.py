"""Which words of a text are those of a query, as BM25 counts them: forms of a word are one."""

from typing import Final

from rich.text import Text

from fret.retrieval.tokenize import Tokenizer, find_tokens
from fret.terminal import clean

# Marks on "what is the" show nothing, so stop words are left out.
_TOKENIZER: Final = Tokenizer(stem=True, stopwords=True, default="en")
# Seen on light and on dark ground; without colours, bold is left.
_MARK: Final = "bold black on yellow"


class QueryWords:
    """The words of a query, to be marked in passages."""

    def __init__(self, query: str = "", language: str = "") -> None:
        self._language = language
        self._words = frozenset(_TOKENIZER.tokenize(query, language)) if query else frozenset()
        self._known: dict[str, bool] = {}

    def mark(self, text: str, style: str = "") -> Text:
        """Return a text that is safe to show, with the query's words marked."""
        text = clean(text)
        marked = Text(text, style=style)
        if self._words:
            for start, stop in find_tokens(text):
                if self._is_known(text[start:stop]):
                    marked.stylize(_MARK, start, stop)
        return marked

    def _is_known(self, token: str) -> bool:
        if token not in self._known:
            found = _TOKENIZER.tokenize(token, self._language)
            self._known[token] = bool(found) and self._words.issuperset(found)
        return self._known[token]
