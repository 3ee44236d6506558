"""Numbers as people read them: with their nouns (`1 page`, `2 queries`), and as shares."""


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


def percent(share: float) -> str:
    """Write a share: never as none or all of something where it is not."""
    if 0 < share < 0.001:
        return "under 0.1%"
    if 0.999 < share < 1:
        return "over 99.9%"
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def money(usd: float) -> str:
    """Write a sum: of less than ten cents a hundredth of a cent counts."""
    return f"${usd:,.2f}" if usd >= 0.1 else f"${usd:.4f}"


def span(low: float, high: float) -> str:
    """Write a sum that is known within bounds."""
    return money(low) if money(low) == money(high) else f"{money(low)} to {money(high)}"


def _make_plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun}s"
