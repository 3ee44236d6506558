"""Several processes that train one model together, and what only the first of them does.

A launcher (`fret train --processes`, torchrun, accelerate) starts them and says through the
environment who they are; each has a device of its own.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from fret.errors import ConfigError, FretError, StoppedByFirst

# The others wait while the first reads the data or measures, which may take hours; torch's own ten
# minutes would end them. A process that died is noticed by the launcher, not by this.
PATIENCE = timedelta(days=2)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """Who this process is among those that train one model."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    """Where this process computes."""

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def lead(self, work: Callable[[], T]) -> T:
        """Do something in the first process alone, and return its result in all of them.

        Raises:
            FretError: what the work raised, in the first process.
            StoppedByFirst: it raised that there; in the others.
        """
        if self.size == 1:
            return work()
        if not self.is_first:
            heard: T = self._hear()
            return heard
        try:
            result = work()
        except FretError as error:
            self._tell((False, error.exit_code))
            raise
        self._tell((True, result))
        return result

    def _tell(self, what: tuple[bool, Any]) -> None:
        import torch.distributed as dist

        dist.broadcast_object_list([what])

    def _hear(self) -> Any:
        import torch.distributed as dist

        box: list[Any] = [None]
        dist.broadcast_object_list(box)
        is_done, result = box[0]
        if not is_done:
            raise StoppedByFirst(result)
        return result


ALONE = Team()


def join_team(device: str) -> Team:
    """Meet the other processes, where a launcher started several.

    Args:
        device: what the training file says, made out: cpu, cuda, mps or cuda:0.

    Raises:
        ConfigError: the device is one GPU among several, which the trainer cannot be told.
    """
    if device.startswith("cuda:") and device != "cuda:0":
        raise ConfigError(
            f"Training takes the first GPU that it sees, not {device}. Set `device: cuda`, and "
            f"CUDA_VISIBLE_DEVICES={device.partition(':')[2]} in the environment."
        )
    size = count_launched()
    if size == 1:
        return Team(device=device)
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu", timeout=PATIENCE)
    own = "cpu" if device == "cpu" else str(state.device)  # such as cuda:3
    return Team(state.process_index, state.num_processes, own)


def count_launched() -> int:
    """Return how many processes a launcher says that there are; it gives each of them a rank."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
