"""The two streams of a terminal, and text that is safe to send there."""

from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def clean(text: str) -> str:
    """Show control characters, which could drive a terminal, as replacement characters."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
