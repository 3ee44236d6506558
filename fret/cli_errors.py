"""How commands end: errors as messages and exit statuses, Ctrl-C as a clean stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer


@contextmanager
def report_errors(again: str = "") -> Iterator[None]:
    """Turn fret's errors into a message and an exit status; Ctrl-C into a clean end."""
    from fret.display import print_error
    from fret.errors import EmptyStage, FretError, UserError

    previous = signal.signal(signal.SIGTERM, _interrupt)
    how = f" Go on with: {again}" if again else ""
    try:
        yield
    except FretError as error:
        says_how = isinstance(error, UserError | EmptyStage)
        print_error(str(error) if says_how else f"{error}{how}")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        print_error(f"Stopped. What is finished, and every answer so far, is kept.{how}")
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: Any) -> None:
    """End on SIGTERM as on Ctrl-C: cluster schedulers send it."""
    raise KeyboardInterrupt
