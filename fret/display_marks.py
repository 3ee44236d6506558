"""The words of a query, marked in what the terminal shows. Part of the command line."""

from typing import Final

from rich.text import Text

from fret.retrieval.query_words import QueryWords
from fret.terminal import clean

# Seen on light and on dark ground; without colours, bold is left.
_MARK: Final = "bold black on yellow"


def mark(words: QueryWords, text: str, style: str = "") -> Text:
    """Return a text that is safe to show, with the query's words marked."""
    text = clean(text)
    marked = Text(text, style=style)
    for span in words.find(text):
        marked.stylize(_MARK, *span)
    return marked
