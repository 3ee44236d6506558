"""How commands end: errors as messages and exit statuses, Ctrl-C as a clean stop."""

import re
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

_COMMAND = re.compile(r"(fret [a-z]+ )PIPELINE\b")


@contextmanager
def report_errors(again: str = "", *, pipeline: str = "") -> Iterator[None]:
    """Turn fret's errors into a message and an exit status; Ctrl-C into a clean end.

    Args:
        again: the command by which to go on.
        pipeline: what stands for PIPELINE in the commands that a message names.
    """
    from fret.display import print_error
    from fret.errors import EmptyStage, FretError, StoppedByFirst, UserError

    previous = signal.signal(signal.SIGTERM, _interrupt)
    how = f" Go on with: {again}" if again else ""
    try:
        yield
    except StoppedByFirst as error:
        raise typer.Exit(error.exit_code) from None
    except FretError as error:
        says_how = isinstance(error, UserError | EmptyStage)
        told = _COMMAND.sub(rf"\1{_quote(pipeline)}", str(error)) if pipeline else str(error)
        print_error(told if says_how else f"{told}{how}")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        print_error(f"Stopped. What is finished, and every answer so far, is kept.{how}")
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def say_again() -> str:
    """Return the command that goes on where this one stops: repeating --redo would begin anew."""
    arguments = sys.argv[1:]
    kept = [
        argument
        for before, argument in zip(["", *arguments], arguments, strict=False)
        if before != "--redo" and not argument.startswith("--redo")
    ]
    return shlex.join(["fret", *kept])


def _quote(pipeline: str) -> str:
    """Write a name as a shell takes it, for a pattern's replacement."""
    return shlex.quote(pipeline).replace("\\", r"\\")


def _interrupt(*_: Any) -> None:
    """End on SIGTERM as on Ctrl-C: cluster schedulers send it."""
    raise KeyboardInterrupt
