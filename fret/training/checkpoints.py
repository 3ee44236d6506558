"""Checkpoints that a kill cannot spoil: one counts only when it was marked as whole."""

from pathlib import Path

from fret.durable import flush, remove

_MARK = "whole"


def mark_whole(checkpoint: Path) -> None:
    """Mark a checkpoint that was written to its end; after that it is on the disk."""
    for part in checkpoint.rglob("*"):
        flush(part)
    mark = checkpoint / _MARK
    mark.touch()
    flush(mark)
    flush(checkpoint)


def find_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint, and remove those that were cut off."""
    whole = []
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / _MARK).exists():
            whole.append(checkpoint)
        else:
            remove(checkpoint)
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """Return after how many steps a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])
