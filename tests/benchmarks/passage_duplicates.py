"""Exact and near duplicates among many passages, through the stage's own code.

    python tests/benchmarks/passage_duplicates.py [--passages N] [--workers N [N …]]

Pages of one passage each are made from a seed, 30 words of a vocabulary with Zipf's frequencies; of
every hundred, one repeats an earlier one in other case and punctuation, two have a word more or one
less, and one has another number in the same words, which is no double. For each number of workers
it prints time, peak memory of the parent and of the largest worker, how many of those planted are
dropped, and how many others; the passages must be the same for all.
"""

import argparse
import hashlib
import itertools
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fret.config import PipelineSettings
from fret.manifest import Manifest
from fret.plan import Part
from fret.records import Dropped, Page, Passage
from fret.shards import make_stage
from fret.stages.base import Silence
from fret.stages.context import Context
from fret.stages.passages import Passages
from fret.store import Run

_WORDS = 30
_PER_SHARD = 10_000


def make_texts(n: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (what it is, text) n times; earlier texts that are repeated are among the last 50,000,
    so that memory here stays small."""
    rng = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "ai", "or")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(50_000)]
    total, weights = 0.0, []
    for rank in range(len(words)):
        total += 1 / (rank + 10)
        weights.append(total)
    earlier: list[str] = []
    for place in range(n):
        kind = {97: "exact", 98: "near", 99: "near", 96: "number"}.get(place % 100, "new")
        if kind == "new" or not earlier:
            text = f"{' '.join(rng.choices(words, cum_weights=weights, k=_WORDS - 1))} {place}."
            if len(earlier) < 50_000:
                earlier.append(text)
            else:
                earlier[rng.randrange(50_000)] = text
        else:
            text = change(earlier[rng.randrange(len(earlier))], kind, place)
        yield kind, text


def change(text: str, kind: str, place: int) -> str:
    words = text.split()
    match kind:
        case "exact":
            return text.upper().replace(" ", "  ").replace(".", "!")
        case "number":
            return " ".join([*words[:-1], f"{place}."])
        case _:
            return " ".join(words[1:] if place % 2 else ["more", *words])


def write_pages(run: Run, n: int) -> None:
    folder = run.stage(Page.STAGE)
    folder.begin(Manifest(Page.STAGE, 1, "benchmark", {}, {}))
    texts = enumerate(make_texts(n))
    for shard in range(-(-n // _PER_SHARD)):
        count = type("Count", (), {"read": _PER_SHARD, "usage": {}})()
        pages = (
            Page(
                id=f"{number:020x}", url=f"https://a.example/{number}", title="", text=text,
                language="en", date="", site="", source=kind, licence="",
            )
            for number, (kind, text) in itertools.islice(texts, _PER_SHARD)
        )  # fmt: skip
        folder.write_shard(shard, Page, pages, count=count)
    folder.finish(seconds=0, measures={})


def measure(folder: Path, workers: int, answers: Any) -> None:
    """Make the passages in this process, and say what it took."""
    data = {
        "run": "r",
        "runs_dir": str(folder),
        "pages": {"source": {"kind": "jsonl", "path": "none"}},
        "passages": {"workers": workers, "min_size": 10},
        "queries": {"writer": {"kind": "template"}},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    settings = PipelineSettings.model_validate(data)
    run = Run(folder, "r")
    context = Context(settings, beside=Path(), observer=Silence())
    run.stage("passages").clear()
    stage = Passages(context)
    part = Part(stage, run.stage("passages"), Manifest("passages", 1, f"{workers}", {}, {}))
    started = time.perf_counter()
    make_stage(run, part, context, Silence())
    seconds = time.perf_counter() - started
    seconds_of_cores = sum(os.times()[:4])
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    answers.put((seconds, seconds_of_cores, *peaks))


def report(folder: Path, n: int, workers: int) -> str:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=measure, args=(folder, workers, answers))
    process.start()
    seconds, seconds_of_cores, parent, worker = answers.get()
    process.join()
    run = Run(folder, "r")
    kinds = {page.url: page.source for page in run.rows(Page)}
    planted = Counter(kinds.values())
    kept: Counter[str] = Counter()
    digest = hashlib.sha256()
    for passage in run.rows(Passage):
        kept[kinds[passage.url]] += 1
        digest.update(passage.id.encode())
    reasons = Counter(row.reason for row in run.stage("passages").rows(Dropped, dropped=True))
    found = ", ".join(
        f"{planted[kind] - kept[kind]} of {planted[kind]} {kind} dropped"
        for kind in ("exact", "near", "number", "new")
    )
    print(
        f"{workers} workers: {n} passages in {seconds:.0f} s, "
        f"{seconds_of_cores:.0f} s of a core; peak memory {parent:.0f} MB, "
        f"of a worker {worker:.0f} MB; {found}; {dict(reasons)}",
        flush=True,
    )
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, default=200_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 1])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Run(Path(folder), "r"), options.passages)
        digests = {report(Path(folder), options.passages, n) for n in options.workers}
    print("the same passages each time" if len(digests) == 1 else "DIFFERENT passages")


if __name__ == "__main__":
    main()
