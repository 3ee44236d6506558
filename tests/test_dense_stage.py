"""Dense retrieval in a run: vectors kept for all runs, saved indexes, and the first retriever."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import fret
from conftest import SMALL_PIPELINE
from fret.display_measures import describe_candidates
from fret.errors import ConfigError, StageError, StoreError
from fret.pipeline import Pipeline
from fret.records import Candidates, Passage
from fret.retrieval.approximate import SavedIndex, build_index
from fret.retrieval.bootstrap import Pair, Training, in_batch_loss, may_answer, train_retriever
from fret.retrieval.encode import Embedder
from fret.stages import encoding
from fret.stages.base import Silence
from fret.vectors import VectorStore, as_keys, make_key
from tiny_models import save_embedder

TRAINING = "training the first retriever"
STAGES = ["pages", "passages", "queries", "candidates"]


class Watching(Silence):
    """Counts what is encoded and trained, and may stop after some of it."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.begun: dict[str, tuple[int, int]] = {}
        self.done: dict[str, int] = {}
        self._stop_after = stop_after

    def starts(self, work: str, done: int, total: int) -> None:
        self.begun[work] = done, total

    def advanced(self, work: str, usage: Mapping[str, float]) -> None:
        self.done[work] = self.done.get(work, 0) + 1
        if work == "encoding" and self.done[work] == self._stop_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_embedder(tmp_path_factory.mktemp("models"))


PLACES = ["harbour", "mill", "quarry", "orchard", "library", "bakery", "tower", "canal"]
THINGS = ["lamp", "ferry", "kettle", "organ", "ladder", "clock"]


def write_pages(n: int = 48) -> None:
    lines = []
    for i in range(n):
        place, thing = PLACES[i % 8], THINGS[i // 8 % 6]
        text = (
            f"The {place} keeps an old {thing} that was made in the year {1800 + i}. Visitors may "
            f"see the {thing} on Sundays, when the warden of the {place} tells its story."
        )
        page = {"url": f"https://a.example/{i}", "title": f"The {thing} of the {place}"}
        lines.append(json.dumps({**page, "text": text}))
    Path("things.jsonl").write_text("\n".join(lines), "utf-8")


def pipeline(model: Path, *, run: str = "small", **dense: Any) -> Pipeline:
    if not Path("things.jsonl").exists():
        write_pages()
    settings = {"model": str(model), "device": "cpu", **dense}
    data = {
        **SMALL_PIPELINE,
        "run": run,
        "pages": {"source": {"kind": "jsonl", "path": "things.jsonl"}, "shard_pages": 20},
        "candidates": {"top_k": 6, "dense": settings},
    }
    Path(f"{run}.yaml").write_text(yaml.safe_dump(data), "utf-8")
    return fret.load(f"{run}.yaml")


def go(made: Pipeline, watching: Watching | None = None) -> Watching:
    watching = watching or Watching()
    made.run(STAGES, observer=watching)
    return watching


def n_stored() -> int:
    """Return how many vectors lie in the store, doubles counted."""
    return sum(len(np.load(part)["keys"]) for part in Path("data/vectors").rglob("part-*.npz"))


def view_of(made: Pipeline) -> Path:
    (path,) = (made.stored.path / "passages" / "kept" / "vectors").glob("*.npy")
    return path


def measures_of(made: Pipeline) -> dict[str, Any]:
    found: dict[str, Any] = made.stored.stage("candidates").require().measures
    return found


def status_of(made: Pipeline) -> str:
    """What `fret status` says of the candidates, as one line."""
    return " ".join(describe_candidates(measures_of(made)))


# -- vectors on disk


def test_the_vectors_of_a_run_are_those_of_its_passages_in_their_order(
    workplace: Path, models: Path
) -> None:
    made = pipeline(models)
    go(made)
    passages = [(passage.title, passage.text) for passage in made.rows(Passage)]
    expected = Embedder(str(models)).encode_passages(passages)
    assert np.load(view_of(made)) == pytest.approx(expected, abs=1e-3)
    assert all(score is not None for row in made.rows(Candidates) for score in row.dense_scores)


def test_only_passages_that_no_run_encoded_are_encoded(workplace: Path, models: Path) -> None:
    first = pipeline(models, run="first")
    seen = go(first)
    n = first.stored.n_rows(Passage)
    assert seen.begun["encoding"] == (0, n) and seen.done["encoding"] == n == n_stored()
    write_pages(51)
    second = pipeline(models, run="second")
    seen = go(second)
    n_new = second.stored.n_rows(Passage) - n
    assert n_new == 3
    assert seen.begun["encoding"] == (n, n + n_new) and seen.done["encoding"] == n_new
    assert n_stored() == n + n_new
    # Again from the start: nothing is encoded.
    second.run(STAGES, redo="passages", observer=(again := Watching()))
    assert "encoding" not in again.begun


def test_a_kill_loses_one_part_and_the_result_is_that_of_an_unbroken_run(
    workplace: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_PASSAGES_PER_PART", 8)
    made = pipeline(models)
    with pytest.raises(KeyboardInterrupt):
        go(made, Watching(stop_after=20))
    assert n_stored() == 16
    seen = go(made)
    assert seen.begun["encoding"] == (16, made.stored.n_rows(Passage))
    broken = view_of(made).read_bytes()
    shutil.rmtree("data")
    go(made)
    assert view_of(made).read_bytes() == broken


def test_a_model_that_changed_under_its_name_encodes_anew(workplace: Path) -> None:
    for n, seed in enumerate((1, 2), 1):
        model = save_embedder(Path(f"made{seed}"), prompts={"any": str(seed)})
        shutil.rmtree("model", ignore_errors=True)
        shutil.copytree(model, "model")
        made = pipeline(Path("model"), run=f"run{seed}")
        go(made)
        assert n_stored() == n * made.stored.n_rows(Passage)


@pytest.mark.parametrize("damage", ["cut", "flipped", "text"])
def test_a_damaged_part_is_named_and_made_again_once_removed(
    workplace: Path, models: Path, damage: str
) -> None:
    made = pipeline(models)
    go(made)
    (part,) = Path("data/vectors").rglob("part-*.npz")
    whole = part.read_bytes()
    at = len(whole) - 1500  # within the vectors, which come last
    part.write_bytes(
        {
            "cut": whole[:-100],
            "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
            "text": b"no archive",
        }[damage]
    )
    with pytest.raises(StoreError, match=rf"{part.name} is damaged: .*Remove it; the passages"):
        made.run(STAGES, redo="passages")
    part.unlink()
    seen = go(made)
    assert seen.done["encoding"] == made.stored.n_rows(Passage)


def test_parts_of_two_processes_lie_beside_each_other(tmp_path: Path) -> None:
    keys = as_keys([make_key("", text) for text in "abcdef"])
    vectors = np.arange(24, dtype=np.float32).reshape(6, 4) / 24
    one, other = (VectorStore(tmp_path, about={}) for _ in range(2))
    one.add(keys[:4], vectors[:4])
    other.add(keys[2:], vectors[2:])
    store = VectorStore(tmp_path, about={})
    assert store.holds(keys).all() and not store.holds(as_keys([make_key("p", "a")])).any()
    order = [5, 0, 3, 3, 1, 2, 4]
    store.write_rows(tmp_path / "rows.npy", keys[order])
    assert np.array_equal(np.load(tmp_path / "rows.npy"), vectors[order].astype(np.float16))


def test_parts_of_other_dimensions_are_refused(tmp_path: Path) -> None:
    keys = as_keys([make_key("", text) for text in "ab"])
    store = VectorStore(tmp_path, about={})
    store.add(keys[:1], np.ones((1, 4)))
    store.add(keys[1:], np.ones((1, 5)))
    with pytest.raises(StoreError, match=r"holds vectors of \d numbers, others .*Remove"):
        VectorStore(tmp_path, about={}).write_rows(tmp_path / "rows.npy", keys)


def test_no_passages_make_an_empty_file(tmp_path: Path) -> None:
    VectorStore(tmp_path, about={}).write_rows(tmp_path / "rows.npy", as_keys([]))
    assert len(np.load(tmp_path / "rows.npy")) == 0


def test_a_prompt_and_a_text_cannot_be_taken_for_another_pair() -> None:
    assert make_key("a: ", "b") != make_key("a", ": b") != make_key("", "a: b")


def test_a_model_that_is_nowhere_is_named(workplace: Path) -> None:
    with pytest.raises(ConfigError, match=r"nobody/nothing is neither a folder nor cached"):
        go(pipeline(Path("nobody/nothing")))


# -- saved indexes


def spread(n: int, seed: int) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_an_index_finds_most_of_the_nearest(tmp_path: Path, kind: str) -> None:
    vectors, queries = spread(4000, 1).astype(np.float16), spread(50, 2)
    build_index(vectors, tmp_path / "index", kind=kind, seed=3)
    nearest = np.argsort(-(queries @ vectors.astype(np.float32).T), axis=1)[:, :10]
    recalls = []
    for width in (4, 32, 1000):
        index = SavedIndex(tmp_path / "index", shape=(4000, 16), width=width)
        pairs = zip(index.find(queries, 10), nearest, strict=True)
        recalls.append(np.mean([len(set(a) & set(b)) / 10 for a, b in pairs]))
    assert recalls[0] <= recalls[1] <= recalls[2] > 0.97


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_a_run_reports_the_recall_of_its_index_and_keeps_it(
    workplace: Path, models: Path, kind: str
) -> None:
    made = pipeline(models, search=kind, pool=5)
    go(made)
    found = measures_of(made)["dense"]["search"]
    assert found["kind"] == kind and found["recall@5"] > 0.9 and found["queries"] > 20
    told = f"{kind} index: {found['recall@5']:.3f} of the 5 nearest passages found"
    assert told in status_of(made)
    (index,) = view_of(made).parent.glob("*.faiss")
    before = index.stat().st_mtime_ns
    made.run(STAGES, redo="candidates")
    assert index.stat().st_mtime_ns == before
    for damaged in (index.read_bytes()[:-5000], b"no index", b""):
        index.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"\.faiss is damaged or cannot be read: .*Remove"):
            made.run(STAGES, redo="candidates")
    index.unlink()
    go(made)


def test_an_index_of_other_vectors_is_refused(tmp_path: Path) -> None:
    build_index(spread(100, 1).astype(np.float16), tmp_path / "index", kind="ivf", seed=0)
    with pytest.raises(StoreError, match="is of 100 vectors of 16 numbers, the passages have 90"):
        SavedIndex(tmp_path / "index", shape=(90, 16), width=1)


def test_auto_searches_exactly_up_to_a_number(workplace: Path, models: Path) -> None:
    few, many = (pipeline(models, run=f"to{n}", exact_up_to=n) for n in (1_000_000, 3))
    go(few)
    go(many)
    assert "dense" not in measures_of(few)
    assert measures_of(many)["dense"]["search"]["kind"] == "ivf"


# -- the first retriever


def make_pairs(n: int) -> list[Pair]:
    names = ["kettle", "ferry", "octopus", "garden", "chimney", "bridge", "winter", "jazz"]
    texts = [f"{names[i % 8]} {names[i // 8 % 8]} {i}" for i in range(n)]
    return [Pair("", text, "", f"about {text} here", f"page{i}") for i, text in enumerate(texts)]


def test_passages_that_may_answer_as_well_are_no_negatives() -> None:
    pairs = [
        Pair("", "q", "", text, page)
        for text, page in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "3")]
    ]
    assert may_answer(pairs).astype(int).tolist() == [
        [0, 1, 1, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_the_loss_is_that_of_the_formula() -> None:
    pairs = [Pair("", "q", "", text, page) for text, page in [("a", "1"), ("b", "1"), ("c", "2")]]
    queries, passages = spread(3, 1), spread(3, 2)
    cosines = queries @ passages.T / 0.1
    sums = [[0, 2], [1, 2], [0, 1, 2]]  # the first two are of one page
    expected = [np.log(np.exp(cosines[i][s]).sum()) - cosines[i, i] for i, s in enumerate(sums)]
    found = in_batch_loss(torch.from_numpy(queries), torch.from_numpy(passages), pairs, 0.1)
    assert float(found) == pytest.approx(np.mean(expected), abs=1e-5)


def test_training_is_the_same_from_the_same_seed(models: Path, tmp_path: Path) -> None:
    how = Training(pairs_per_step=8, learning_rate=1e-3)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        ticks: list[None] = []
        train_retriever(
            Embedder(str(models)),
            make_pairs(20),
            tmp_path / name,
            how=how,
            seed=seed,
            tell=lambda ticks=ticks: ticks.append(None),
        )
        assert len(ticks) == how.n_steps(20) == 2
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_too_few_pages_cannot_train(models: Path, tmp_path: Path) -> None:
    for pairs in ([], make_pairs(1), [make_pairs(1)[0]] * 9):
        with pytest.raises(StageError, match=r"no negatives.*bootstrap: null"):
            train_retriever(
                Embedder(str(models)),
                pairs,
                tmp_path / "out",
                how=Training(),
                seed=0,
                tell=lambda: None,
            )


def test_a_run_mines_with_the_retriever_that_it_trained(workplace: Path, models: Path) -> None:
    training = {"epochs": 4, "pairs_per_step": 16, "learning_rate": 3e-3, "held_out": 0.3}
    made = pipeline(models, bootstrap=training)
    seen = go(made)
    gain = measures_of(made)["dense"]["bootstrap"]
    assert gain["held_out_queries"] > 5 and gain["pairs"] > 20
    assert gain["after"]["reciprocal_rank"] > gain["before"]["reciprocal_rank"]
    assert (
        seen.done["training the first retriever"] == seen.begun["training the first retriever"][1]
    )
    shares = gain["before"]["recall@1"], gain["after"]["recall@1"]
    assert f"held-out queries found @1 {shares[0]:.2f} to {shares[1]:.2f}" in status_of(made)
    (folder,) = (made.stored.path / "queries" / "kept").glob("retriever-*")
    row = next(made.rows(Candidates))
    trained = Embedder(str(folder / "model"))
    passages = {p.id: p for p in made.rows(Passage)}
    texts = [(passages[i].title, passages[i].text) for i in row.passage_ids]
    query = next(q for q in made.rows(fret.records.Query) if q.id == row.query_id)
    cosines = trained.encode_passages(texts) @ trained.encode_queries([(query.task, query.text)])[0]
    assert list(row.dense_scores) == pytest.approx(cosines.tolist(), abs=2e-3)
    # Made anew, the stage takes the retriever that is there.
    made.run(STAGES, redo="candidates", observer=(again := Watching()))
    assert not again.begun.keys() & {TRAINING, "encoding"}
    assert json.loads((folder / "gain.json").read_text("utf-8")) == gain


def test_a_training_that_was_cut_off_leaves_no_retriever(workplace: Path, models: Path) -> None:
    class Stopping(Watching):
        def advanced(self, work: str, usage: Mapping[str, float]) -> None:
            super().advanced(work, usage)
            if work == TRAINING and self.done[work] == 2:
                raise KeyboardInterrupt

    made = pipeline(models, bootstrap={"pairs_per_step": 16, "held_out": 0.3})
    with pytest.raises(KeyboardInterrupt):
        go(made, Stopping())
    kept = made.stored.path / "queries" / "kept"
    assert not list(kept.glob("retriever-*"))
    go(made)
    assert len(list(kept.iterdir())) == 1
