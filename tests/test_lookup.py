"""Passages by id and by row, from a file that is read in place."""

import random
import shutil
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fret.errors import StoreError
from fret.lookup import PassageLookup, write_lookup
from fret.records import Passage

N = 3000


def passage(number: int) -> Passage:
    title, text = f"Title {number % 7}", f"Passage number {number}, “Grüße”, 日本"
    return Passage(
        id=Passage.make_id(title, text),
        page_id=f"page{number // 3}",
        position=number % 3,
        title=title,
        text=text,
        language="de",
        n_tokens=number,
        url="",
    )


PASSAGES = [passage(i) for i in range(N)]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 passages: three whole batches of the file, without a rest."""
    path = tmp_path_factory.mktemp("lookup") / "lookup"
    write_lookup(path, iter(PASSAGES))
    return path


@pytest.fixture
def lookup(table: Path) -> PassageLookup:
    return PassageLookup(table)


def test_every_passage_is_found_by_its_id_and_by_its_row(lookup: PassageLookup) -> None:
    assert len(lookup) == N
    for row in [*range(0, N, 37), 999, 1000, 1999, 2000, N - 1]:
        assert lookup.id_of(row) == PASSAGES[row].id
        assert lookup.row_of(PASSAGES[row].id) == row
        assert lookup.at(row) == PASSAGES[row]


def test_passages_come_in_the_order_that_was_asked_for(lookup: PassageLookup) -> None:
    rows = random.Random(1).choices(range(N), k=50)
    rows += rows[:3]  # one may be asked for twice
    assert lookup.get([PASSAGES[row].id for row in rows]) == [PASSAGES[row] for row in rows]
    assert lookup.get([]) == []


def test_iteration_gives_all_passages_in_the_order_of_their_rows(lookup: PassageLookup) -> None:
    assert list(lookup) == PASSAGES
    assert list(lookup) == PASSAGES  # and again


@pytest.mark.parametrize("n", [1, 999, 1000, 1001, 2500])
def test_a_last_batch_of_any_size_is_read(tmp_path: Path, n: int) -> None:
    write_lookup(tmp_path / "x", PASSAGES[:n])
    lookup = PassageLookup(tmp_path / "x")
    assert len(lookup) == n
    assert lookup.at(n - 1) == PASSAGES[n - 1]
    assert list(lookup) == PASSAGES[:n]
    assert lookup.row_of(PASSAGES[n].id) is None


@pytest.mark.parametrize(
    "unknown",
    ["", "0" * 20, "f" * 20, "zz", PASSAGES[5].id[:-1], PASSAGES[5].id + "0", "é", "日本"],
)
def test_an_unknown_id_has_no_row(lookup: PassageLookup, unknown: str) -> None:
    assert lookup.row_of(unknown) is None


def test_an_unknown_id_among_others_is_told(lookup: PassageLookup) -> None:
    with pytest.raises(StoreError, match=r"passage 00000 is not in the stage passages.*--redo"):
        lookup.get([PASSAGES[3].id, "00000", PASSAGES[4].id])


def test_the_main_language_is_that_of_most_passages_that_have_one(tmp_path: Path) -> None:
    languages = [*["", "en", "de"] * 500, *["", "", "de"] * 10]
    passages = [replace(p, language=each) for p, each in zip(PASSAGES, languages, strict=False)]
    for name, rows, main in (("a", passages, "de"), ("b", passages[:1500], "de"), ("c", [], "")):
        write_lookup(tmp_path / name, rows)
        assert PassageLookup(tmp_path / name).find_main_language() == main  # of equals the first


def test_no_passages_at_all_can_be_looked_through(tmp_path: Path) -> None:
    write_lookup(tmp_path / "x", [])
    lookup = PassageLookup(tmp_path / "x")
    assert (len(lookup), list(lookup), lookup.row_of("a" * 20)) == (0, [], None)


def test_passages_are_streamed_to_the_file(tmp_path: Path) -> None:
    """What is written does not wait for the last passage: memory does not grow with the corpus."""
    path = tmp_path / "x"
    sizes: list[int] = []

    def passages() -> Iterator[Passage]:
        for number, item in enumerate(PASSAGES):
            if number % 1000 == 1:
                sizes.append((path / "passages.arrow").stat().st_size)
            yield item

    write_lookup(path, passages())
    assert sizes[0] < sizes[1] < sizes[2]


FILES = ["passages.arrow", "ids.npy", "order.npy"]


@pytest.fixture
def copy(tmp_path: Path, table: Path) -> Path:
    return shutil.copytree(table, tmp_path / "x")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"x" * 500], ids=["empty", "other"])
def test_a_damaged_file_is_told_with_its_folder(copy: Path, name: str, content: bytes) -> None:
    (copy / name).write_bytes(content)
    with pytest.raises(StoreError, match=r"x cannot be read.*Remove that folder"):
        PassageLookup(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_told_with_its_folder(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:-100])
    with pytest.raises(StoreError, match=r"x cannot be read"):
        PassageLookup(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_there_is_told(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(StoreError, match=r"x cannot be read"):
        PassageLookup(copy)


def test_files_of_two_lookups_do_not_go_together(copy: Path, tmp_path: Path) -> None:
    write_lookup(tmp_path / "other", PASSAGES[:5])
    for name in FILES[1:]:
        shutil.copy(tmp_path / "other" / name, copy / name)
    with pytest.raises(StoreError, match="not of one length"):
        PassageLookup(copy)


def test_memory_does_not_grow_with_the_passages(tmp_path: Path) -> None:
    """What Python and numpy hold of their own, whatever the system keeps of the mapped files."""
    held = []
    for n in (30, N):
        write_lookup(tmp_path / str(n), PASSAGES[:n])
        tracemalloc.start()
        lookup = PassageLookup(tmp_path / str(n))
        assert lookup.row_of(PASSAGES[n - 1].id) == n - 1
        assert lookup.rows_of([p.id for p in PASSAGES[:n:10]]) == list(range(0, n, 10))
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert held[1] - held[0] < N * 20  # less than the ids alone
