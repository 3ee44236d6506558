"""Sources: what is there is found in one order, and what is wrong is told with file and line."""

import gzip
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fret.errors import SourceError
from fret.reasons import Reason
from fret.records import Dropped
from fret.sources import RawPage, Source
from fret.sources.columns import Columns
from fret.sources.html import HtmlFolder
from fret.sources.tables import TextTables, read_jsonl


def tables(path: Path, **columns: str | None) -> TextTables:
    names: dict[str, Any] = {name: name for name in ("text", "title", "url", "id")}
    names |= columns
    return TextTables(path, Columns(**names))


def pages_of(source: Source, size: int = 1000) -> list[RawPage]:
    return [page for part in source.parts(size) for page in part]


def write_jsonl(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix.lower() == ".gz" else data)
    return path


def write_parquet(path: Path, **columns: list[Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def problem(make: Callable[[], Any]) -> str:
    with pytest.raises(SourceError) as caught:
        make()
    assert caught.value.exit_code == 2
    return str(caught.value)


# -- a folder of HTML


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pages"
    for name in ("b.html", "a/z.htm", "a/y/x.HTML", "c.html.gz", "a.htm.gz", "d.txt", "e.html.bak"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"<p>{name}".encode())
    (root / "folder.html").mkdir()
    return root


def test_html_files_are_found_at_any_depth_in_the_order_of_their_names(folder: Path) -> None:
    names = ["a/y/x.HTML", "a/z.htm", "a.htm.gz", "b.html", "c.html.gz"]
    pages = pages_of(HtmlFolder(folder))
    assert [page.name for page in pages] == names
    assert [page.path for page in pages] == [str(folder / name) for name in names]
    assert HtmlFolder(folder).describe().n_pages == 5


def test_pages_come_in_parts_of_the_size_asked_for(folder: Path, tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "t.jsonl", *({"text": f"t{i}"} for i in range(5)))
    for source in (HtmlFolder(folder), tables(rows)):
        parts = list(source.parts(2))
        assert [len(part) for part in parts] == [2, 2, 1]
        assert [page for part in parts for page in part] == pages_of(source)
        assert [len(part) for part in source.parts(5)] == [5]


def test_one_html_file_is_a_source_too(folder: Path) -> None:
    (page,) = pages_of(HtmlFolder(folder / "b.html"))
    assert (page.name, page.path) == ("b.html", str(folder / "b.html"))


def test_a_folder_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    missing = problem(HtmlFolder(tmp_path / "nowhere").describe)
    assert f"{tmp_path / 'nowhere'} does not exist" in missing and "pages.source.path" in missing
    assert "holds no HTML files (.html, .htm" in problem(HtmlFolder(tmp_path / "empty").describe)
    assert "holds no HTML files" in problem(HtmlFolder(tmp_path / "empty" / "notes.txt").describe)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_a_name_that_is_no_utf_8_can_be_stored(tmp_path: Path) -> None:
    with Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfc\xdf.html")).open("w") as file:
        file.write("<p>x")
    source = HtmlFolder(tmp_path)
    (page,) = pages_of(source)
    assert page.name == "gr\ufffd\ufffd.html"
    assert page.path is not None and Path(page.path).read_text() == "<p>x"
    assert len(source.describe().sha256) == 64


def test_a_file_that_is_there_but_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    path = Path("/proc/self/mem")  # a file that fails when it is read, for root too
    if not path.exists():
        pytest.skip("no /proc here: a file that cannot be read")
    (tmp_path / "a.html").symlink_to(path)
    assert f"{tmp_path / 'a.html'} cannot be read" in problem(HtmlFolder(tmp_path).describe)


# -- tables


ROWS: list[dict[str, Any]] = [
    {"text": "Erster Text, größer.", "title": "Eins", "url": "https://a.example/1", "more": 1},
    {"text": "日本", "title": None},
    {"text": "", "url": ""},
]
FOUND = [
    ("Erster Text, größer.", "Eins", "https://a.example/1"),
    ("日本", "", ""),
    ("", "", ""),
]


def contents(pages: list[RawPage]) -> list[tuple[str, str, str]]:
    return [(page.text, page.title, page.url) for page in pages]


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "T.JSONL", "t.JSONL.GZ"])
def test_jsonl_is_read_packed_or_not_with_its_lines_as_names(tmp_path: Path, name: str) -> None:
    path = write_jsonl(tmp_path / name, *ROWS)
    pages = pages_of(tables(path))
    assert contents(pages) == FOUND
    assert [page.name for page in pages] == [f"{name}:1", f"{name}:2", f"{name}:3"]
    assert tables(path).describe().n_pages == 3


@pytest.mark.parametrize("name", ["t.parquet", "T.PARQUET"])
def test_parquet_is_read_with_its_rows_as_names(tmp_path: Path, name: str) -> None:
    columns = {key: [row.get(key) for row in ROWS] for key in ("text", "title", "url")}
    path = write_parquet(tmp_path / name, **columns, other=[1, 2, 3])
    pages = pages_of(tables(path))
    assert contents(pages) == FOUND
    assert [page.name for page in pages] == [f"{name}:1", f"{name}:2", f"{name}:3"]


def test_ids_of_rows_are_text_and_may_be_missing(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", text=["a", "b", "c"], docid=[0, 7, None])
    assert [page.id for page in pages_of(tables(path, id="docid"))] == ["0", "7", ""]
    assert {page.id for page in pages_of(tables(path))} == {""}
    assert {page.id for page in pages_of(tables(path, id=None))} == {""}


def test_rows_of_a_large_parquet_file_are_numbered_through(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", text=[f"t{i}" for i in range(700)])
    pages = pages_of(tables(path))
    assert [page.name for page in pages] == [f"t.parquet:{i}" for i in range(1, 701)]
    assert [page.text for page in pages] == [f"t{i}" for i in range(700)]


def test_a_folder_of_tables_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "b.jsonl", {"text": "second"})
    write_jsonl(tmp_path / "c" / "d.jsonl.gz", {"text": "third"})
    write_parquet(tmp_path / "a.parquet", text=["first"])
    (tmp_path / "notes.txt").write_text("no table")
    pages = pages_of(tables(tmp_path))
    assert [page.text for page in pages] == ["first", "second", "third"]
    assert [page.name for page in pages] == ["a.parquet:1", "b.jsonl:1", "c/d.jsonl.gz:1"]


def test_columns_have_the_names_that_are_given_and_may_be_none(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", {"body": "b", "head": 7, "title": "t", "url": "u"})
    assert contents(pages_of(tables(path, text="body"))) == [("b", "t", "u")]
    other = tables(path, text="body", title="head", url=None)
    assert contents(pages_of(other)) == [("b", "7", "")]


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\n\n  \n{"text": "b"}')
    assert [page.name for page in pages_of(tables(path))] == ["t.jsonl:1", "t.jsonl:4"]


def test_a_table_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    assert "does not exist" in problem(tables(tmp_path / "t.jsonl").describe)
    (tmp_path / "t.jsonl").write_text("\n\n")
    assert f"{tmp_path / 't.jsonl'} holds no rows" in problem(tables(tmp_path / "t.jsonl").describe)
    (tmp_path / "t.txt").touch()
    assert "holds no tables of texts" in problem(tables(tmp_path / "t.txt").describe)
    write_parquet(tmp_path / "t.parquet", text=pa.array([], pa.string()))
    assert "holds no rows" in problem(tables(tmp_path / "t.parquet").describe)


def test_a_file_without_the_column_is_told_with_the_columns_that_are_there(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", {"body": "b", "title": "t"}, {"body": "c"})
    told = "holds no row that can be read. line 1: no column 'text' (there are: body, title)"
    assert f"{path} {told}" in problem(tables(path).describe)
    assert "pages.source.text" in problem(tables(path).describe)
    path = write_parquet(tmp_path / "t.parquet", body=["b"], title=["t"], x=[1])
    told = "holds no row that can be read. row 1: no column 'text' (there are: body, title, x)"
    assert f"{path} {told}" in problem(tables(path).describe)


def test_a_file_without_any_page_is_told_though_others_have_some(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in" / "a.jsonl", {"text": "a"})
    broken = write_jsonl(tmp_path / "in" / "b.jsonl", {"text": 1}, {"text": 2})
    assert str(broken) in problem(tables(tmp_path / "in").describe)


def test_one_empty_row_stops_nothing(tmp_path: Path) -> None:
    """It is dropped later, with its reason."""
    path = write_jsonl(tmp_path / "t.jsonl", {"text": "a"}, {"text": None}, {"text": "b"})
    assert [page.text for page in pages_of(tables(path))] == ["a", "", "b"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"text": 123}', "the column 'text' holds a number where text is wanted: 123"),
        ('{"text": true}', "holds true or false where"),
        ('{"text": ["a"]}', "holds a list where text is wanted: ['a']"),
        ('{"text": {"a": 1}}', "holds an object where"),
        ('{"body": "b"}', "no column 'text' (there are: body)"),
        ('{"text": "cut', "not JSON"),
        ("text", "not JSON"),
        ("{'text': 'a'}", "not JSON"),
        ('{"text": "a"} {"text": "b"}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('["a"]', "no JSON object"),
        ('"a"', "no JSON object"),
        ("null", "no JSON object"),
        ('{"text": "\udcff"}', "not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_a_bad_line_is_dropped_with_its_file_and_number(
    tmp_path: Path, name: str, line: str, told: str
) -> None:
    path = tmp_path / name
    data = f'{{"text": "a"}}\n\n{line}\n{{"text": "b"}}\n'.encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    first, bad, last = pages_of(tables(path))
    assert isinstance(first, RawPage) and isinstance(last, RawPage)
    assert isinstance(bad, Dropped) and (first.text, last.text) == ("a", "b")
    assert (bad.stage, bad.record_id, bad.reason) == ("pages", f"{name}:3", Reason.BAD_ROW)
    assert bad.detail.startswith("line 3: ") and told in bad.detail
    assert tables(path).describe().n_pages == 3


def test_a_row_of_parquet_whose_text_is_none_is_dropped(tmp_path: Path) -> None:
    text = pa.array([b"bytes"], pa.binary())
    path = write_parquet(tmp_path / "t.parquet", text=text)
    assert "row 1: the column 'text' holds bytes where text is wanted" in problem(
        tables(path).describe
    )


def test_lines_of_the_users_own_queries_must_all_be_good(tmp_path: Path) -> None:
    """They are few and written by hand: there a broken one is a mistake to be mended."""
    path = tmp_path / "q.jsonl"
    path.write_text('{"text": "a"}\n{"text": \n')
    assert problem(lambda: list(read_jsonl(path))).startswith(f"{path}, line 2: not JSON")


@pytest.mark.parametrize("damage", ["cut", "stream", "no gzip"])
def test_a_damaged_table_is_told_with_its_name(tmp_path: Path, damage: str) -> None:
    path = write_jsonl(
        tmp_path / "t.jsonl.gz", *({"text": f"text {i} {i * i}"} for i in range(999))
    )
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-500],
            "stream": whole[:10] + b"\xff" * 50,
            "no gzip": b"no gzip at all",
        }[damage]
    )
    assert f"{path} cannot be read after line " in problem(lambda: list(read_jsonl(path)))


def test_a_damaged_parquet_file_is_told_with_its_name(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", text=["a"] * 100)
    for data in (b"", b"PAR1 nothing PAR1", path.read_bytes()[:-10]):
        path.write_bytes(data)
        assert f"{path} cannot be read as parquet" in problem(tables(path).describe)


# -- what is there, as a hash


def test_the_same_contents_at_another_path_give_the_same_hash(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = HtmlFolder(folder).describe()
    shutil.copytree(folder, tmp_path / "elsewhere" / "renamed")
    assert HtmlFolder(tmp_path / "elsewhere" / "renamed").describe() == first
    monkeypatch.chdir(tmp_path)
    assert HtmlFolder(Path("pages")).describe() == first
    write_jsonl(tmp_path / "t.jsonl", *ROWS)
    write_jsonl(tmp_path / "other" / "t.jsonl", *ROWS)
    assert tables(Path("t.jsonl")).describe() == tables(tmp_path / "other/t.jsonl").describe()


def test_files_that_are_no_pages_do_not_matter(folder: Path) -> None:
    first = HtmlFolder(folder).describe()
    (folder / "d.txt").write_text("changed")
    (folder / "new.css").touch()
    assert HtmlFolder(folder).describe() == first


def change_a_byte(folder: Path) -> None:
    (folder / "b.html").write_text("<p>B.html")


def add(folder: Path) -> None:
    (folder / "new.html").touch()


def remove(folder: Path) -> None:
    (folder / "b.html").unlink()


def rename(folder: Path) -> None:
    (folder / "b.html").rename(folder / "b2.html")


def move(folder: Path) -> None:
    (folder / "b.html").rename(folder / "a" / "b.html")


def exchange(folder: Path) -> None:
    one, other = (folder / "b.html").read_bytes(), (folder / "a" / "z.htm").read_bytes()
    (folder / "b.html").write_bytes(other)
    (folder / "a" / "z.htm").write_bytes(one)


@pytest.mark.parametrize("change", [change_a_byte, add, remove, rename, move, exchange])
def test_changed_contents_give_another_hash(folder: Path, change: Callable[[Path], None]) -> None:
    first = HtmlFolder(folder).describe()
    change(folder)
    assert HtmlFolder(folder).describe().sha256 != first.sha256


def test_a_changed_row_gives_another_hash_and_identity(tmp_path: Path) -> None:
    first = tables(write_jsonl(tmp_path / "t.jsonl", *ROWS)).describe()
    other = tables(write_jsonl(tmp_path / "t.jsonl", *ROWS[::-1])).describe()
    more = tables(write_jsonl(tmp_path / "t.jsonl", *ROWS, ROWS[0])).describe()
    assert len({c.sha256 for c in (first, other, more)}) == 3
    assert first.identity == {"pages": 3, "sha256": first.sha256}
    assert more.identity["pages"] == 4
