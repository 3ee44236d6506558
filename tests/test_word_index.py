"""The kept BM25 index: made once, made anew where anything in it differs or is damaged."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fret.config import Bm25Settings
from fret.lookup import PassageLookup, write_lookup
from fret.manifest import Manifest
from fret.records import Passage
from fret.stages.base import Silence
from fret.stages.word_index import open_word_index
from fret.store import Run

TEXTS = ["boil the kettle", "kettles and stoves", "a cold fridge", "fridges, stoves and kettles"]
QUERIES = ["kettle", "stove fridge", "unknown"]
SETTINGS = Bm25Settings(backend="bm25s")


class Told(Silence):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.built = 0

    def starts(self, work: str, done: int, total: int) -> None:
        assert (work, done, total) == ("indexing (thousands)", 0, 1)
        self.built += 1

    def warned(self, message: str) -> None:
        self.warnings.append(message)


class Spent:
    read = 4
    usage: dict[str, float] = {}  # noqa: RUF012  # as the protocol has it


def make_run(folder: Path, texts: list[str]) -> Run:
    stage = Run(folder, "run").stage("passages")
    stage.begin(Manifest("passages", 1, "f", {}, {}))
    rows = [
        Passage(Passage.make_id("", text), "page", i, "", text, "en", 3, "")
        for i, text in enumerate(texts)
    ]
    stage.write_shard(0, Passage, rows, count=Spent())
    stage.finish(seconds=0, measures={})
    return Run(folder, "run")


def find(run: Run, settings: Bm25Settings, told: Told) -> list[list[tuple[int, float]]]:
    lookup = PassageLookup(
        run.stage("passages").kept("lookup", lambda path: write_lookup(path, run.rows(Passage)))
    )
    index = open_word_index(run, lookup, settings, told)
    found = index.search(QUERIES, 3, languages=["en"] * len(QUERIES))
    return [[(hit.row, hit.score) for hit in hits] for hits in found]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path, TEXTS)


def kept(run: Run) -> list[Path]:
    return sorted((run.path / "passages" / "kept" / "bm25").glob("*"))


def test_an_index_is_made_once(run: Run) -> None:
    told = Told()
    first = find(run, SETTINGS, told)
    assert [[row for row, _ in hits] for hits in first] == [[0, 1, 3], [3, 1, 2], []]
    assert find(run, SETTINGS, told) == first
    assert find(run, Bm25Settings(backend="bm25s", pool=7), told) == first  # not the index's own
    assert told.built == 1 and told.warnings == [] and len(kept(run)) == 1


@pytest.mark.parametrize(
    "changed",
    [{"k1": 0.9}, {"b": 0.4}, {"variant": "robertson"}, {"stem": False}, {"stopwords": True}],
    ids=str,
)
def test_another_setting_makes_another_index_and_only_that_is_kept(
    run: Run, changed: dict[str, Any]
) -> None:
    told = Told()
    find(run, SETTINGS, told)
    (before,) = kept(run)
    settings = SETTINGS.model_copy(update=changed)
    found = find(run, settings, told)
    assert told.built == 2 and before not in kept(run) and len(kept(run)) == 1
    assert found == find(run, settings.model_copy(update={"backend": "rank-bm25"}), told)


def test_other_passages_make_another_index(run: Run, tmp_path: Path) -> None:
    told = Told()
    find(run, SETTINGS, told)
    (before,) = kept(run)
    other = make_run(tmp_path / "other", [*TEXTS, "one more kettle"])
    moved = other.path / "passages" / "kept" / "bm25"
    moved.mkdir(parents=True)
    before.rename(moved / before.name)
    found = find(other, SETTINGS, told)
    assert told.built == 2 and {row for row, _ in found[0]} >= {4}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FILES = [
    "data.csc.index.npy",
    "indices.csc.index.npy",
    "indptr.csc.index.npy",
    "vocab.index.json",
    "params.index.json",
    "sha256.json",
]


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_index_is_told_and_made_anew(
    run: Run, name: str, damage: Callable[[Path], None]
) -> None:
    told = Told()
    expected = find(run, SETTINGS, told)
    (folder,) = kept(run)
    damage(folder / name)
    assert find(run, SETTINGS, told) == expected
    if told.built == 2:
        assert len(told.warnings) == 1 and str(folder) in told.warnings[0]
    else:  # the last line end of the seal says nothing
        assert (name, damage) == ("sha256.json", cut)
    find(run, SETTINGS, told)
    assert told.built <= 2


def test_half_an_index_of_a_killed_process_is_in_nobodys_way(run: Run) -> None:
    told = Told()
    expected = find(run, SETTINGS, told)
    (folder,) = kept(run)
    half = folder.with_name(f".{folder.name}.tmp")
    folder.rename(half)
    (half / "data.csc.index.npy").write_bytes(b"half")
    (half / "more").mkdir()
    assert find(run, SETTINGS, told) == expected
    assert kept(run) == [folder] and told.warnings == []


def _find(path: Path) -> list[list[tuple[int, float]]]:
    return find(Run(path, "run"), SETTINGS, Told())


def test_processes_read_one_index_at_once(run: Run, tmp_path: Path) -> None:
    expected = find(run, SETTINGS, Told())
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_find, [tmp_path] * 4) == [expected] * 4


def test_for_few_passages_nothing_is_kept(run: Run) -> None:
    told = Told()
    expected = find(run, SETTINGS, told)
    kept(run)[0].rename(run.path / "away")
    assert find(run, Bm25Settings(), told) == expected
    assert kept(run) == [] and told.built == 1
