"""Time and memory of each export of a large run, each in a process of its own.

    python tests/benchmarks/exports.py --examples 1000000 [--to FORMAT…] [--folder DIR]

Prints processor seconds per thousand examples, so that two sizes can be compared while others work.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fret.export import FORMATS, export_run
from fret.store import Run
from written_run import write_run


def measure(folder: Path, to: str) -> None:
    """Export in this process and print what it took, as JSON."""
    started = time.monotonic()
    exported = export_run(Run(folder, "written"), to, folder / "out" / to)
    used = resource.getrusage(resource.RUSAGE_SELF)
    size = sum(p.stat().st_size for p in (folder / "out" / to).rglob("*") if p.is_file())
    print(
        json.dumps(
            {
                "cpu_s": used.ru_utime + used.ru_stime,
                "wall_s": time.monotonic() - started,
                "peak_mb": used.ru_maxrss / 1024,
                "size_mb": size / 1e6,
                "rows": sum(exported.files.values()),
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--to", nargs="*", default=list(FORMATS))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.folder, given.measure)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "written").exists():
            write_run(folder, given.examples)
        print(f"{given.examples} examples over {5 * given.examples} passages")
        for to in given.to:
            command = [sys.executable, __file__, "--folder", str(folder), "--measure", to]
            told = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(told.stdout)
            print(
                f"{to:<22} {found['cpu_s'] * 1000 / given.examples:6.3f} s/1000  "
                f"{found['wall_s']:7.1f} s  peak {found['peak_mb']:6.0f} MB  "
                f"{found['size_mb']:8.1f} MB on disk  {found['rows']} rows",
                flush=True,
            )


if __name__ == "__main__":
    main()
