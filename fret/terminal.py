"""The two streams of a terminal, and text that is safe to send there."""

import sys

from rich.console import Console

# Into a file or another program lines go whole: whoever reads them there breaks them.
_WIDE = 10_000

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)


def clean(text: str) -> str:
    """Show control characters, which could drive a terminal, as replacement characters."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
