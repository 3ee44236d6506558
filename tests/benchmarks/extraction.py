"""How well is main text found, and how fast, beside the bare libraries and other extractors?

    PYTHONPATH=. python tests/benchmarks/extraction.py
    PYTHONPATH=. python tests/benchmarks/extraction.py --speed [--pages 5000] [--workers 2]
        [--rounds 1]

Quality: precision, recall and F1 by the article extraction benchmark. Speed: its pages again and
again as files, through `fret run` and through one process that calls bare trafilatura on the same
files in a loop; both are timed whole, imports included, by turns in each round: a shared machine
may give one of them a third more for a minute. Prints only.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from articles import list_peers, read_pages, read_peers, read_truth, score_texts  # after the path
from fret.text.decode import decode_html
from fret.text.extract import MainText, Method, extract_html

ROOT = Path(__file__).parents[2]
BARE = """
import sys
from pathlib import Path
from trafilatura import bare_extraction
n = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    page = bare_extraction(path.read_bytes(), include_comments=False, with_metadata=True)
    n += page is not None
print(n)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    if options.speed:
        compare_speed(options.pages, options.workers, options.rounds)
    else:
        compare_quality()


def compare_quality() -> None:
    truth = read_truth()
    pages = dict(read_pages(truth))
    print(f"{len(pages)} pages; precision, recall, F1")
    for name, extract in _list_extractors().items():
        show(name, {page: extract(data) for page, data in pages.items()}, truth)
    for peer in list_peers():
        show(f"peer {peer}", read_peers(peer), truth)


def show(name: str, texts: dict[str, str], truth: dict[str, str]) -> None:
    score = score_texts(texts, truth)
    print(f"{name:40} {score.precision:.3f} {score.recall:.3f} {score.f1:.4f}", flush=True)


def _list_extractors() -> dict[str, Callable[[bytes], str]]:
    bare = {"include_comments": False}
    quiet = {"comments": False, "post_meta": False}
    return {
        "fret trafilatura, balanced (default)": partial(by_fret, Method()),
        "fret trafilatura, precision": partial(by_fret, Method(focus="precision")),
        "fret trafilatura, recall": partial(by_fret, Method(focus="recall")),
        "fret resiliparse": partial(by_fret, Method("resiliparse")),
        "bare trafilatura": partial(by_trafilatura, {}),
        "bare trafilatura, no comments": partial(by_trafilatura, bare),
        "bare trafilatura, … fast": partial(by_trafilatura, bare | {"fast": True}),
        "bare trafilatura, … precision": partial(by_trafilatura, bare | {"favor_precision": True}),
        "bare trafilatura, … recall": partial(by_trafilatura, bare | {"favor_recall": True}),
        "bare resiliparse, main content": partial(by_resiliparse, {}),
        "bare resiliparse, … no comments": partial(by_resiliparse, quiet),
    }


def by_fret(method: Method, data: bytes) -> str:
    found = extract_html(data, method=method)
    return found.text if isinstance(found, MainText) else ""


def by_trafilatura(given: dict[str, Any], data: bytes) -> str:
    from trafilatura import bare_extraction

    page: Any = bare_extraction(data, **given)
    return page.text if page else ""


def by_resiliparse(given: dict[str, Any], data: bytes) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(decode_html(data), main_content=True, alt_texts=False, **given)


def compare_speed(n_pages: int, workers: int, n_rounds: int) -> None:
    ratios: dict[str, list[float]] = {"trafilatura": [], "resiliparse": []}
    for _ in range(n_rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_pages(folder / "pages", n_pages)
            command = [sys.executable, "-c", BARE, str(folder / "pages")]
            bare, bare_cpu = time_command(command, folder)
            show_speed("bare trafilatura, 1 process", n_pages, bare, bare_cpu)
            for extractor, found in ratios.items():
                seconds, cpu = time_fret(folder, extractor, workers)
                show_speed(f"fret, {extractor}, {workers} workers", n_pages, seconds, cpu)
                found.append(bare / seconds)
                print(f"    {found[-1]:.2f} x bare; CPU per page {cpu / bare_cpu:.2f} x bare's")
    for extractor, found in ratios.items():
        print(f"{extractor}: {median(found):.2f} x bare, the median of {n_rounds}")


def show_speed(name: str, n_pages: int, seconds: float, cpu: float) -> None:
    print(
        f"{name}: {n_pages / seconds:.1f} pages/s, {1000 * cpu / n_pages:.1f} ms of CPU per page",
        flush=True,
    )


def write_pages(folder: Path, n_pages: int) -> None:
    folder.mkdir()
    pages = [data for _, data in read_pages(read_truth())]
    for number in range(n_pages):
        # Each page is another: an address of its own in a comment at its end.
        data = pages[number % len(pages)] + b"<!-- %d -->" % number
        (folder / f"{number:06}.html").write_bytes(data)


def time_fret(folder: Path, extractor: str, workers: int) -> tuple[float, float]:
    source = {"kind": "html", "path": "pages"}
    settings = {
        "run": extractor,
        "pages": {"source": source, "workers": workers, "extractor": extractor},
        "queries": {"writer": {"kind": "template"}},
        "candidates": {"dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    (folder / "speed.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return time_command(
        [sys.executable, "-m", "fret", "run", "speed.yaml", "pages", "--quiet"], folder
    )


def time_command(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds that a command takes, and those of CPU time, its children's included."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},  # the checkout, wherever it runs
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu


if __name__ == "__main__":
    main()
