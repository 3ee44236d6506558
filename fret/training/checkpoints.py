"""Checkpoints that a kill cannot spoil: one counts only when it was marked as whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fret.durable import flush, make_folder, remove

_MARK = "whole"
_STATE = "state.pt"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of a loop of our own: of several, the newest."""

    folder: Path
    every: int
    """Steps between them."""

    @property
    def last_step(self) -> int:
        """After how many steps the newest was written; 0 where there is none."""
        last = find_checkpoint(self.folder)
        return step_of(last) if last else 0

    def read(self) -> Any:
        """Return what the newest holds; None where there is none."""
        import torch

        last = find_checkpoint(self.folder)
        return last and torch.load(last / _STATE, weights_only=True, map_location="cpu")

    def write(self, step: int, state: Any) -> None:
        """Write one, then remove those before."""
        import torch

        before = list(self.folder.glob("checkpoint-*"))
        made = self.folder / f"checkpoint-{step}"
        make_folder(made)
        torch.save(state, made / _STATE)
        mark_whole(made)
        for each in before:
            remove(each)


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
