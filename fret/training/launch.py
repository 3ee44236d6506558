"""Starting several processes that train one model, one on each GPU."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from fret.retrieval.devices import choose_device
from fret.training.team import count_launched

# Tells a process that `launch` started it.
_LAUNCHED = "FRET_LAUNCHED_BY"
_LOOK_S = 1.0


def count_wanted(device: str, wanted: int | None) -> int:
    """Return how many processes to start: what was asked for, else one for each GPU.

    In a process that a launcher started it is 1: that process trains.
    """
    import torch

    if count_launched() > 1:
        return 1
    if wanted is None:
        is_any_gpu = choose_device(device)[0] == "cuda"
        return max(1, torch.cuda.device_count()) if is_any_gpu else 1
    return wanted


def launch(n_processes: int, arguments: Sequence[str]) -> int:
    """Run `fret` with these arguments in so many processes, which train together.

    Returns:
        The exit status of the first that ended otherwise than well, else 0.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.CRITICAL)  # fret tells of failures; this process does nothing else
    os.environ[_LAUNCHED] = str(os.getpid())
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=n_processes,
        run_id="fret",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        monitor_interval=0.2,
    )
    try:
        elastic_launch(config, entrypoint=sys.executable)("-m", "fret", *arguments)
    except ChildFailedError as error:
        return abs(error.get_first_failure()[1].exitcode) or 1
    except SignalException:
        raise KeyboardInterrupt from None
    return 0


def follow_launcher() -> None:
    """In a process that `launch` started: leave signals to it, and end when it was killed."""
    parent = os.environ.get(_LAUNCHED)
    if parent is None:
        return
    # One that waits in the network hears no signal in Python; nothing is lost with it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
