"""Which characters make up text that people read: what may stand on one line of a prompt."""

# They join or part letters and show nothing: Persian and Hindi words, joined emoji, soft hyphens.
_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d\u00ad"))


def is_printable(text: str) -> bool:
    """Say whether a text has no line ends, control characters, marks of direction or halves of
    surrogate pairs; joiners and spaces are no harm."""
    return text.translate(_JOINERS).isprintable()


def is_blank(text: str) -> bool:
    """Say whether a text shows nothing at all."""
    return not text.translate(_JOINERS).strip()
