"""How commands end: errors as messages and exit statuses, Ctrl-C as a clean stop."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from fret.next_command import meaning, say_again

__all__ = ["report_errors", "say_again"]


@contextmanager
def report_errors(
    again: str = "",
    *,
    pipeline: str = "",
    overrides: Sequence[str] | None = None,
    kept: str = "What is finished, and every answer so far, is kept.",
) -> Iterator[None]:
    """Turn fret's errors into a message and an exit status; Ctrl-C into a clean end.

    Args:
        again: the command by which to go on.
        pipeline: what PIPELINE means in the commands that messages name.
        overrides: what followed each --set.
        kept: said where the user stops it.
    """
    from fret.display import print_error
    from fret.errors import EmptyStage, FretError, StoppedByFirst, UserError

    previous = signal.signal(signal.SIGTERM, _interrupt)
    how = f" Go on with: {again}" if again else ""
    with meaning(pipeline, overrides):
        try:
            yield
        except StoppedByFirst as error:
            raise typer.Exit(error.exit_code) from None
        except FretError as error:
            says_how = isinstance(error, UserError | EmptyStage)
            print_error(str(error) if says_how else f"{error}{how}")
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print_error(f"Stopped. {kept}{how}")
            raise typer.Exit(130) from None
        finally:
            signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: Any) -> None:
    """End on SIGTERM as on Ctrl-C: cluster schedulers send it."""
    raise KeyboardInterrupt
