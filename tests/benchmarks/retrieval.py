"""How fast and how good is BM25, against bm25s and rank-bm25 alone, and how it grows?

    PYTHONPATH=. python tests/benchmarks/retrieval.py [--passages 1000000] [--only a,b,c]

a: one index over 100,000 passages of 30 words (Zipf): fret against bm25s with numba, in turns, and
against rank-bm25 on a few queries; where rank-bm25 stops being the quicker choice. b: growth from
10,000 passages up to `--passages`, each in a process of its own, with the lookup of passages by id.
c: nDCG@10 and recall@100 on Cranfield and XQuAD, with and without stems and stop words.

Prints only. Ratios within one run say something; seconds depend on the machine.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from beir import Collection  # after the path
from fret.lookup import PassageLookup, write_lookup
from fret.records import Passage, make_id
from fret.retrieval.bm25 import Formula
from fret.retrieval.bm25_reference import ReferenceBM25
from fret.retrieval.bm25_sparse import SparseBM25, save_index
from fret.retrieval.tokenize import Tokenizer

WORDS, QUERY_WORDS, VOCABULARY, K = 30, 8, 200_000, 100
N_QUERIES, N_SLOW = 500, 10
ROUNDS = 7


def draw_texts(n: int, length: int, seed: int) -> Iterator[str]:
    """Texts of words whose frequencies follow Zipf's law."""
    words = np.array([f"w{i}" for i in range(VOCABULARY)])
    ends = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    draw = np.random.default_rng(seed)
    for start in range(0, n, 1000):
        places = draw.random((min(1000, n - start), length)) * ends[-1]
        for line in words[np.minimum(np.searchsorted(ends, places), VOCABULARY - 1)].tolist():
            yield " ".join(line)


def measure_least(work: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, float]:
    """Least seconds of each, in turns, so that a busy machine is so to all of them."""
    least = dict.fromkeys(work, float("inf"))
    for call in work.values():
        call()  # compiled, and in the caches
    for _ in range(rounds):
        for name, call in work.items():
            started = time.perf_counter()
            call()
            least[name] = min(least[name], time.perf_counter() - started)
    return least


def compare(n: int) -> None:
    import bm25s

    texts = list(draw_texts(n, WORDS, seed=0))
    queries = list(draw_texts(N_QUERIES, QUERY_WORDS, seed=1))
    tokens, query_tokens = [t.split() for t in texts], [q.split() for q in queries]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        save_index(
            Path(folder) / "x", ((t, "") for t in texts), formula=Formula(), tokenizer=Tokenizer()
        )
        build = time.perf_counter() - started
        index = SparseBM25(Path(folder) / "x", n_threads=1)
        started = time.perf_counter()
        bare = bm25s.BM25(k1=1.5, b=0.75, method="lucene", backend="numba")
        bare.index(tokens, show_progress=False)
        bare_build = time.perf_counter() - started
        least = measure_least(
            {
                "fret": lambda: index.search(queries, K),
                "bm25s": lambda: bare.retrieve(query_tokens, k=K, show_progress=False),
            }
        )
    slow = ReferenceBM25((t, "") for t in texts)
    least |= measure_least({"rank-bm25": lambda: slow.search(queries[:N_SLOW], K)}, rounds=2)
    rates = {name: (N_SLOW if name == "rank-bm25" else N_QUERIES) / s for name, s in least.items()}
    print(f"{n:,} passages, one thread, queries per second (best of {ROUNDS}, in turns):")
    for name, rate in rates.items():
        print(f"  {name:<10} {rate:10.1f}   fret is {rates['fret'] / rate:.2f} times as fast")
    print(f"  index from texts: fret {build:.1f} s, bm25s {bare_build:.1f} s from ready tokens")


def find_switch() -> None:
    """Where one query for each passage, the usual case, takes both the same time."""
    print("one query for each passage, all of it, from texts, in seconds (auto switches at 1,000):")
    for n in (250, 500, 1_000, 2_000):
        texts = [(t, "") for t in draw_texts(n, 100, seed=0)]
        queries = list(draw_texts(n, QUERY_WORDS, seed=1))
        started = time.perf_counter()
        ReferenceBM25(texts).search(queries, K)
        slow, script = (
            time.perf_counter() - started,
            f"import {Path(__file__).stem} as r; r.search_all({n})",
        )
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            cwd=Path.cwd(),
            env={"PYTHONPATH": f"{Path.cwd()}:{Path(__file__).parent}"},
        )
        fast = time.perf_counter() - started
        print(f"  {n:6,} passages: rank-bm25 {slow:6.2f}, bm25s in a new process {fast:6.2f}")


def search_all(n: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = ((t, "") for t in draw_texts(n, 100, seed=0))
        save_index(Path(folder) / "x", texts, formula=Formula(), tokenizer=Tokenizer())
        SparseBM25(Path(folder) / "x").search(list(draw_texts(n, QUERY_WORDS, seed=1)), K)


def grow(n: int) -> None:
    """Called in a process of its own: one size, all parts, one line."""
    queries = list(draw_texts(N_QUERIES, QUERY_WORDS, seed=1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        texts = ((text, "") for text in draw_texts(n, WORDS, seed=0))
        save_index(folder / "x", texts, formula=Formula(), tokenizer=Tokenizer())
        build, peak = time.perf_counter() - started, peak_mb()
        index = SparseBM25(folder / "x")
        index.search(queries[:20], K)
        started = time.perf_counter()
        index.search(queries, K)
        rate = N_QUERIES / (time.perf_counter() - started)
        size = sum(file.stat().st_size for file in (folder / "x").iterdir()) / 1e6
        print(
            f"{n:9,} passages: index {build:6.1f} s, peak {peak:5,} MB, on disk {size:6.1f} MB; "
            f"{rate:7.1f} queries/s, peak {peak_mb():5,} MB"
        )


def look_up(n: int) -> None:
    """Likewise, for passages by id."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lookup"
        started = time.perf_counter()
        write_lookup(folder, make_passages(n))
        built, peak, before = time.perf_counter() - started, peak_mb(), own_mb()
        lookup = PassageLookup(folder)
        ids = [lookup.id_of(i) for i in range(0, n, max(1, n // 10_000))]
        started = time.perf_counter()
        lookup.rows_of(ids)
        found = (time.perf_counter() - started) / len(ids)
        started = time.perf_counter()
        lookup.get(ids)
        read = (time.perf_counter() - started) / len(ids)
        size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        print(
            f"{n:9,} passages: lookup {built:6.1f} s, peak {peak:5,} MB, on disk {size:6.1f} MB; "
            f"open it holds {own_mb() - before:.0f} MB; a row by id {found * 1e6:.1f} us, "
            f"a passage {read * 1e6:.1f} us"
        )


def make_passages(n: int) -> Iterator[Passage]:
    for number, text in enumerate(draw_texts(n, WORDS, seed=0)):
        page_id = make_id(str(number // 4))
        url = f"https://home.example/{number // 4}"
        yield Passage(make_id(text), page_id, number % 4, "", text, "en", WORDS, url)


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def own_mb() -> float:
    """Memory of the process without pages of mapped files, which the system may take back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def measure_quality() -> None:
    print("nDCG@10 / recall@100 of BM25, gain 1 for anything relevant (k1 1.5, b 0.75):")
    ways = {
        "plain": Tokenizer(),
        "stopwords": Tokenizer(stopwords=True),
        "stem": Tokenizer(stem=True),
        "both": Tokenizer(stem=True, stopwords=True),
    }
    for name in ("cranfield", *(f"xquad/{code}" for code in ("en", "de", "ru", "ar", "th", "zh"))):
        collection = Collection(name)
        queries = list(collection.queries.values())
        figures = []
        for way, tokenizer in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "x"
                save_index(place, collection.texts, formula=Formula(), tokenizer=tokenizer)
                found = SparseBM25(place, tokenizer=tokenizer).search(
                    queries, K, languages=[collection.language] * len(queries)
                )
                ndcg, recall = collection.measure_ndcg(found), collection.measure_recall(found)
            figures.append(f"{way} {ndcg:.3f} / {recall:.3f}")
        print(f"  {name:<10} " + ", ".join(figures))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--only", default="a,b,c")
    parser.add_argument("--part", choices=["grow", "look_up"], help="for the processes of b")
    options = parser.parse_args()
    if options.part:
        {"grow": grow, "look_up": look_up}[options.part](options.passages)
        return
    only = options.only.split(",")
    if "a" in only:
        compare(min(100_000, options.passages))
        find_switch()
    if "b" in only:
        for part in ("grow", "look_up"):
            for n in (10_000, 100_000, 1_000_000):
                if n <= options.passages:
                    command = [sys.executable, __file__, "--part", part, "--passages", str(n)]
                    subprocess.run(command, check=True)
    if "c" in only:
        measure_quality()


if __name__ == "__main__":
    main()
