"""Split pages into passages: along headings, then blocks, then sentences; of any language."""

from fret.text.splitting.parts import Measure
from fret.text.splitting.passages import Piece, split_text
from fret.text.splitting.sentences import split_sentences
from fret.text.splitting.tokens import TokenCounter
from fret.text.splitting.words import count_each, count_words

__all__ = [
    "Measure",
    "Piece",
    "TokenCounter",
    "count_each",
    "count_words",
    "split_sentences",
    "split_text",
]
