"""Commands that messages name, as the shell takes them: `fret show PIPELINE passages` and others.

Part of the command line. What lies below it does not know how a pipeline was named, or what --set
changed, so its messages say PIPELINE.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Two words for the likes of `fret batch status`.
_COMMAND = re.compile(r"\b(fret (?:[a-z]+ ){1,2})PIPELINE\b")
# One command at a time is worked on, and messages come from any of its threads.
_meant: list[str] = []


@contextmanager
def meaning(pipeline: str, overrides: Sequence[str] | None = None) -> Iterator[None]:
    """Say what PIPELINE stands for in what is printed.

    Args:
        pipeline: as the user named it; empty for none.
        overrides: what followed each --set: without it a command would be about another run.
    """
    words = [pipeline, *(word for each in overrides or () for word in ("--set", each))]
    before = list(_meant)
    _meant[:] = [shlex.join(words)] if pipeline else []
    try:
        yield
    finally:
        _meant[:] = before


def fill_in(message: str) -> str:
    """Put the pipeline and its --set options into the commands that a message names."""
    if not _meant:
        return message
    return _COMMAND.sub(lambda found: found[1] + _meant[0], message)


def say_again() -> str:
    """Return the command that goes on where this one stops: repeating --redo would begin anew."""
    arguments = sys.argv[1:]
    kept = [
        argument
        for before, argument in zip(["", *arguments], arguments, strict=False)
        if before != "--redo" and not argument.startswith("--redo")
    ]
    return shlex.join(["fret", *kept])
