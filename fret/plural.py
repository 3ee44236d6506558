"""Numbers with their nouns: `1 page`, `2 queries`."""


def count(n: float, noun: str, *, parted: bool = False) -> str:
    """Return a number with its noun, in the plural where it is not one.

    Args:
        noun: in the singular; of several words the last is changed.
        parted: whether thousands are parted by commas.
    """
    written = f"{n:,.0f}" if parted else f"{n:.0f}"
    return f"{written} {noun if n == 1 else _make_plural(noun)}"


def agree(n: float, one: str, many: str) -> str:
    """Return the form of a word that goes with a number, as of `is` and `are`."""
    return one if n == 1 else many


def _make_plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun}s"
