"""What a finished run of N examples needs to become a dataset: seconds and peak memory per part.

    python tests/benchmarks/dataset_size.py [10000,100000] [--keep FOLDER]

Time should grow with N, and memory hardly; 1000000 takes some minutes and 10 GB of disk. Each part
runs in a process of its own, so that its peak is its own. The first column of memory is what the
process holds before the part begins, with its libraries loaded.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from big_run import make_big_run

from fret.card.facts import gather_facts
from fret.dataset import build_dataset
from fret.export import FORMATS, export_run
from fret.held_out import HeldOut
from fret.report import write_report
from fret.store import Run


def build(run: Run) -> None:
    """The whole folder: data files and card."""
    build_dataset(run, publish={"licence": "odc-by"})


def facts(run: Run) -> None:
    """What the card reads of the run."""
    gather_facts(run)


def held_out(run: Run) -> None:
    """The rows of the held-out split."""
    split = HeldOut(run, "test")
    for _ in split.passages():
        pass
    for _ in split.queries():
        pass


def report(run: Run) -> None:
    """The page and its pictures."""
    write_report(run.path / "report", run)


def export(to: str, run: Run) -> None:
    """One format."""
    export_run(run, to, run.path / "exports" / to)


PARTS: dict[str, Callable[[Run], Any]] = {
    "card: facts": facts,
    "held-out rows": held_out,
    "dataset and card": build,
    "report": report,
    **{f"export {name}": partial(export, name) for name in FORMATS},
}
"""Functions of a finished run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="?", default="10000,100000")
    parser.add_argument("--keep", type=Path, help="where the runs stay, to be used again")
    wanted = parser.parse_args()
    print(
        f"{'examples':>9}  {'part':20} {'seconds':>8} {'CPU':>8} {'MB before':>10} {'MB peak':>8}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        for n in map(int, wanted.sizes.split(",")):
            folder = (wanted.keep or Path(temporary)) / str(n)
            if not (folder / "runs" / "big" / "examples" / "kept").exists():
                make_big_run(folder, n)
            for name in PARTS:
                _report(n, name, *_measure(folder, name))


def _report(n: int, name: str, seconds: float, cpu: float, before: float, peak: float) -> None:
    print(f"{n:>9}  {name:20} {seconds:>8.1f} {cpu:>8.1f} {before:>10.0f} {peak:>8.0f}", flush=True)


def _measure(folder: Path, name: str) -> tuple[float, float, float, float]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_do, (folder, name))


def _do(folder: Path, name: str) -> tuple[float, float, float, float]:
    import datasets  # the card needs it; loading it is not the part's memory

    assert datasets
    run = Run(folder / "runs", "big")
    before, started, cpu = _peak_mb(), time.monotonic(), time.process_time()
    PARTS[name](run)
    return time.monotonic() - started, time.process_time() - cpu, before, _peak_mb()


def _peak_mb() -> float:
    # Kilobytes on Linux, bytes on macOS.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
