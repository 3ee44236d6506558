"""One process at a time: a folder that is held, and who holds it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fret.durable import make_folder, write_json
from fret.errors import RunLocked, StoreError

_LOCK, _HOLDER = ".lock", ".holder.json"


def is_unused(folder: Path) -> bool:
    """Return whether a folder has no file below it but those by which it is held."""
    return {each.name for each in folder.rglob("*") if not each.is_dir()} <= {_LOCK, _HOLDER}


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder for this process, and make it where it is not there.

    Args:
        what: names it in messages, such as `run`.

    Raises:
        RunLocked: another process holds it; the message says which.
    """
    make_folder(folder)
    lock, holder = FileLock(folder / _LOCK), folder / _HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunLocked(
            f"The {what} in {folder} is held by {_name_holder(holder)}. Wait until it ends, or "
            "stop it; nothing was done here."
        ) from None
    except OSError as error:
        raise StoreError(f"{folder} cannot be locked: {error.strerror}.") from error
    try:
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname()})
        yield
        holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _name_holder(holder: Path) -> str:
    try:
        data = json.loads(holder.read_text("utf-8"))
        return f"process {data['pid']} on {data['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
