"""Is resident memory flat over many pages from a WARC, and what does reading cost?

    PYTHONPATH=. python tests/benchmarks/warc_memory.py [--pages 50000] [--workers 2]

Writes an archive (gzip per record; pages of so many kB, each another text), reads it alone, then
runs the stage `pages` on it in a process of its own, and looks at that process's memory, and at
its workers', ten times a second. Prints only.
"""

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from archives import make_html, page_record, write_record  # after the path
from fret.sources import RawPage
from fret.sources.warc import WarcFiles

MB = 1_000_000
ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kilobytes", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = write_big(Path(folder) / "big.warc.gz", options.pages, options.kilobytes)
        print(f"{options.pages} pages, {path.stat().st_size / MB:.0f} MB packed")
        read_alone(path)
        run_watched(path, options.pages, options.workers)


def write_big(path: Path, n_pages: int, kilobytes: int) -> Path:
    filler = b"<div class='menu'><a href='/x'>A link of the menu</a></div>\n" * (kilobytes * 17)
    with path.open("wb") as file:
        for number in range(n_pages):
            html = make_html(number).replace(b"<article>", filler + b"<article>")
            record = page_record(number, html=html)
            request = write_record("request", b"GET / HTTP/1.1\r\n\r\n", url="https://a.example")
            for part in (request, record):
                file.write(gzip.compress(part, 1, mtime=0))
    return path


def read_alone(path: Path) -> None:
    process = psutil.Process()
    before, started, n_pages, n_bytes = process.memory_info().rss, time.monotonic(), 0, 0
    for part in WarcFiles([str(path)], max_bytes=5_000_000).parts(500):
        for row in part:
            assert isinstance(row, RawPage) and row.body
            n_pages, n_bytes = n_pages + 1, n_bytes + len(row.body)
    seconds = time.monotonic() - started
    grown = (process.memory_info().rss - before) / MB
    print(
        f"read alone: {n_pages / seconds:.0f} pages/s, {n_bytes / seconds / MB:.0f} MB/s unpacked; "
        f"memory grew by {grown:.1f} MB"
    )


def run_watched(path: Path, n_pages: int, workers: int) -> None:
    source = {"kind": "warc", "path": path.name}
    settings = {
        "run": "memory",
        "pages": {"source": source, "workers": workers},
        "queries": {"writer": {"kind": "template"}},
        "candidates": {"dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    (path.parent / "big.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    command = [sys.executable, "-m", "fret", "run", "big.yaml", "pages", "--quiet"]
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # the checkout, wherever it runs
    child = subprocess.Popen(command, cwd=path.parent, env=environment)
    process, samples = psutil.Process(child.pid), []
    while child.poll() is None:
        samples.append(look_at(process))
        time.sleep(0.1)
    seconds = time.monotonic() - started
    print(f"run: status {child.returncode}, {n_pages / seconds:.0f} pages/s with {workers} workers")
    tenth = max(1, len(samples) // 10)
    for name, series in (("parent", 0), ("largest worker", 1)):
        means = [
            statistics.mean(sample[series] for sample in samples[i : i + tenth]) / MB
            for i in range(0, len(samples) - tenth + 1, tenth)
        ]
        print(f"{name}, MB by tenths of the run: " + " ".join(f"{mean:.0f}" for mean in means))


def look_at(process: psutil.Process) -> tuple[int, int]:
    """Return resident bytes of a process, and of the largest of its children."""
    try:
        children = [child.memory_info().rss for child in process.children()]
        return process.memory_info().rss, max(children, default=0)
    except psutil.NoSuchProcess:
        return 0, 0


if __name__ == "__main__":
    main()
