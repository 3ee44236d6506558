"""How long a person waits for what should not make one wait.

    python tests/benchmarks/startup.py [RUNS]

Prints the median and the extremes, in seconds, of `fret --help`, of `fret run quickstart` when all
is done already, and of a bare `python -c pass` for comparison. The quickstart is run once first, in
a fresh folder.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure(command: list[str], folder: Path, runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return times


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    fret = [sys.executable, "-m", "fret"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (first,) = measure([*fret, "run", "quickstart"], folder, 1)
        print(f"{'quickstart, first run':<28} {first:7.2f}")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "fret --help": [*fret, "--help"],
            "quickstart, second run": [*fret, "run", "quickstart"],
        }
        for label, command in commands.items():
            times = measure(command, folder, runs)
            low, high = min(times), max(times)
            print(f"{label:<28} {statistics.median(times):7.2f}   ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
