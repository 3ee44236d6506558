"""WARC files: every whole page comes out, and nothing else; what is lost is told with its place."""

import gzip
import hashlib
import json
import random
import shutil
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import brotli
import fsspec
import pytest
import yaml

from archives import (
    answer,
    chunked,
    make_html,
    pack,
    page_record,
    write_archive,
    write_record,
)
from fret.errors import SourceError, StageError
from fret.records import Dropped, Page, Passage
from fret.sources import RawPage
from fret.sources.warc import WarcFiles
from fret.store import Run
from fret.text.extract import MainText, Unusable, extract_body
from fret.unpack import BombError, UnpackError, unpack
from test_cli import call, said

SAMPLES = Path(__file__).parents[2] / "shared" / "data" / "warc"
FORMS = ["members", "one", "plain"]
MAX_BYTES = 100_000
N_PAGES = 12


def archive(*paths: Path | str) -> WarcFiles:
    return WarcFiles([str(path) for path in paths], max_bytes=MAX_BYTES)


def rows_of(source: WarcFiles, size: int = 1000) -> list[RawPage | Dropped]:
    return [row for part in source.parts(size) for row in part]


def read(*paths: Path | str) -> tuple[list[RawPage], list[Dropped]]:
    rows = rows_of(archive(*paths))
    pages = [row for row in rows if isinstance(row, RawPage)]
    return pages, [row for row in rows if isinstance(row, Dropped)]


def read_one(tmp_path: Path, *records: bytes, form: str = "members") -> RawPage | Dropped:
    """Read an archive that gives one row."""
    (row,) = rows_of(archive(write_archive(tmp_path / "one.warc", records, form)))
    return row


def reason(row: RawPage | Dropped) -> str:
    assert isinstance(row, Dropped), row
    return row.reason


def some_records() -> list[bytes]:
    """Pages among records that are none."""
    found = [
        write_record("warcinfo", b"software: test\r\n", content_type="application/warc-fields")
    ]
    for number in range(N_PAGES):
        url = f"https://a.example/{number}"
        found.append(write_record("request", b"GET / HTTP/1.1\r\n\r\n", url=url))
        found.append(page_record(number, version="1.1" if number % 2 else "1.0"))
        found.append(write_record("metadata", b"a: b\r\n", content_type="application/warc-fields"))
    return found


BODIES = {make_html(number) for number in range(N_PAGES)}


# -- whole files


@pytest.mark.parametrize("form", FORMS)
def test_every_page_comes_out_with_its_address_and_place(tmp_path: Path, form: str) -> None:
    path = write_archive(tmp_path / "a.warc.gz", some_records(), form)
    pages, dropped = read(path)
    assert [page.body for page in pages] == [make_html(number) for number in range(N_PAGES)]
    assert [page.url for page in pages] == [f"https://a.example/{n}" for n in range(N_PAGES)]
    assert {page.charset for page in pages} == {"utf-8"}
    assert dropped == []
    data = path.read_bytes()
    for page in pages:
        name, _, place = page.name.partition(":")
        member, _, inner = place.partition("+")
        assert name == "a.warc.gz"
        text = zlib.decompress(data[int(member) :], 31) if form == "one" else b""
        if form == "members":
            text = zlib.decompressobj(31).decompress(data[int(member) :])
        text = text or data[int(member) :]
        assert text[int(inner or 0) :].startswith(b"WARC/1")


@pytest.mark.parametrize("version", ["0.17", "0.18", "1.0", "1.1", "2.0"])
@pytest.mark.parametrize("form", FORMS)
def test_any_version_is_read(tmp_path: Path, version: str, form: str) -> None:
    row = read_one(tmp_path, page_record(3, version=version), form=form)
    assert isinstance(row, RawPage) and row.body == make_html(3)


def test_newlines_without_returns_and_folded_headers_are_read(tmp_path: Path) -> None:
    block = b"HTTP/1.0 200\nContent-Type:\n text/html\n\n<p>x"
    head = f"WARC/1.0\nwarc-type: response\ncontent-length: {len(block)}\n\n"
    row = read_one(tmp_path, head.encode() + block + b"\n\n", form="plain")
    assert isinstance(row, RawPage) and row.body == b"<p>x"


def test_members_that_cut_through_records_are_joined(tmp_path: Path) -> None:
    whole = pack(some_records(), "plain")
    pieces = [gzip.compress(whole[i : i + 700]) for i in range(0, len(whole), 700)]
    pages, dropped = read(write_archive(tmp_path / "a.warc.gz", pieces, "plain"))
    assert {page.body for page in pages} == BODIES and dropped == []


# -- what is no page


def test_answers_that_are_no_pages_are_dropped_each_with_its_reason(tmp_path: Path) -> None:
    url = "https://a.example/x"

    def reason_of(kind: str, block: bytes, **options: Any) -> str:
        return reason(read_one(tmp_path, write_record(kind, block, url=url, **options)))

    assert reason_of("revisit", answer(b"")) == "revisit"
    assert reason_of("response", answer(b"x", status="404 Not Found")) == "status_not_200"
    assert reason_of("response", answer(b"x", status="301 Moved")) == "status_not_200"
    assert reason_of("response", answer(b"x", content_type="image/png")) == "not_html"
    assert reason_of("response", b"1.2.3.4", content_type="text/dns") == "not_html"
    assert reason_of("resource", b"x", content_type="image/png") == "not_html"
    assert reason_of("response", answer(b"x"), more="WARC-Truncated: length") == "truncated"
    assert reason_of("response", answer(b"x"), more="WARC-Segment-Number: 1") == "truncated"
    assert reason_of("continuation", b"x") == "truncated"
    assert reason_of("response", answer(b"abc", "Content-Length: 4")) == "truncated"
    assert reason_of("response", b"HTTP/1.1 200 OK\r\nContent-Type: te") == "truncated"
    assert reason_of("response", answer(b"x" * 300_000)) == "too_large"
    assert reason_of("strange", b"x") == "damaged"
    detail = read_one(tmp_path, write_record("revisit", b"", url=url))
    assert isinstance(detail, Dropped) and url in detail.detail


def test_xhtml_resources_and_texts_are_pages_too(tmp_path: Path) -> None:
    xhtml = write_record("response", answer(b"<p>1", content_type="application/xhtml+xml"))
    resource = write_record(
        "resource", b"<p>2", url="<file:///x>", content_type="text/html; charset=Big5"
    )
    text = write_record("conversion", "Größe".encode(), url="u", content_type="text/plain")
    named = write_record(
        "response", b"HTTP/1.1 200 OK\r\n\r\n<p>3", more="WARC-Identified-Payload-Type: text/html"
    )
    path = write_archive(tmp_path / "a.warc", [xhtml, resource, text, named])
    pages, dropped = read(path)
    assert dropped == []
    assert [page.body for page in pages] == [b"<p>1", b"<p>2", None, b"<p>3"]
    assert (pages[1].url, pages[1].charset) == ("file:///x", "Big5")
    assert (pages[2].url, pages[2].text) == ("u", "Größe")


def test_a_digest_of_the_payload_is_checked_where_none_of_the_block_is(tmp_path: Path) -> None:
    body = b"<p>abc"

    good = f"WARC-Payload-Digest: md5:{hashlib.md5(body).hexdigest()}"
    for block in (answer(body), answer(chunked(body), "Transfer-Encoding: chunked")):
        record = write_record("response", block, digest=False, more=good)
        row = read_one(tmp_path, record)
        assert isinstance(row, RawPage) and row.body == body
        bad = record.replace(good.encode(), good[:-1].encode() + b"z")
        assert reason(read_one(tmp_path, bad)) == "damaged"
    unknown = write_record("response", answer(body), digest=False, more=good.replace("md5", "b3"))
    assert isinstance(read_one(tmp_path, unknown), RawPage)


# -- encodings


def deflate_bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "bare": ("deflate", deflate_bare),
    "brotli": ("br", brotli.compress),
    "two": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "two members": ("gzip", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])),
    "unpacked already": ("gzip", lambda data: data),
    "br unpacked already": ("br", lambda data: data),
    "identity": ("identity", lambda data: data),
}


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("how", list(PACKERS))
def test_content_and_transfer_encodings_are_undone(
    tmp_path: Path, how: str, is_chunked: bool
) -> None:
    encoding, packer = PACKERS[how]
    html = make_html(1, 3000)
    headers, body = [f"Content-Encoding: {encoding}"], packer(html)
    if is_chunked:
        headers, body = [*headers, "Transfer-Encoding: chunked"], chunked(body)
    row = read_one(tmp_path, write_record("response", answer(body, *headers)))
    assert isinstance(row, RawPage) and row.body is not None
    assert unpack(row.body, row.encodings, MAX_BYTES) == html


@pytest.mark.parametrize("how", ["gzip", "zlib", "bare", "brotli", "two"])
def test_a_page_that_is_packed_and_cut_off_is_never_whole(how: str) -> None:
    encoding, packer = PACKERS[how]
    names, data = encoding.split(", "), packer(make_html(1))
    for n_bytes in range(1, len(data)):
        with pytest.raises(UnpackError):
            unpack(data[:n_bytes], names, MAX_BYTES)


def test_a_chunked_body_that_is_cut_off_is_never_whole(tmp_path: Path) -> None:
    body = chunked(make_html(1), 150)
    for n_bytes in range(1, len(body) - 4, 7):
        block = answer(body[:n_bytes], "Transfer-Encoding: chunked")
        row = read_one(tmp_path, write_record("response", block))
        # One that has not even a size is taken for joined already: it has no page in it either.
        assert reason(row) == "truncated" if n_bytes > 3 else row


def test_a_chunked_body_that_was_joined_already_is_read(tmp_path: Path) -> None:
    block = answer(b"<p>joined", "Transfer-Encoding: chunked")
    row = read_one(tmp_path, write_record("response", block))
    assert isinstance(row, RawPage) and row.body == b"<p>joined"


@pytest.mark.parametrize("how", ["gzip", "zlib", "bare", "brotli", "two"])
def test_a_bomb_stops_at_the_bytes_that_are_allowed(how: str) -> None:
    encoding, packer = PACKERS[how]
    bomb = packer(b"<p>" + b"0" * 100_000_000)
    tracemalloc.start()
    with pytest.raises(BombError, match="over 100000 bytes"):
        unpack(bomb, encoding.split(", "), MAX_BYTES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000
    found = extract_body(bomb, tuple(encoding.split(", ")), "", "", MAX_BYTES)
    assert isinstance(found, Unusable) and found.reason == "too_large"


def test_an_unknown_encoding_is_told() -> None:
    found = extract_body(b"x", ("zstd",), "", "", MAX_BYTES)
    assert isinstance(found, Unusable) and found.reason == "unreadable" and "zstd" in found.detail


def test_the_server_s_word_on_charset_comes_before_the_page_s() -> None:
    text = "Zażółć gęślą jaźń, mówi strona, i mówi to w całym zdaniu, które jest dość długie. " * 3
    html = f"<html><meta charset=windows-1252><body><article><p>{text}</p></article></body></html>"
    found = extract_body(html.encode("iso-8859-2"), (), "ISO-8859-2", "https://a.pl/b", MAX_BYTES)
    assert isinstance(found, MainText) and found.text.startswith("Zażółć gęślą jaźń")


# -- damage


def spread(n_bytes: int, seed: int) -> list[int]:
    return sorted(random.Random(seed).sample(range(n_bytes), 200))


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_costs_no_whole_page_and_gives_no_short_one(tmp_path: Path, form: str) -> None:
    records = some_records()
    whole = pack(records, form)
    ends = [len(pack(records[: i + 1], form)) for i in range(len(records))]
    for n_bytes in spread(len(whole), 1):
        (tmp_path / "a.warc.gz").write_bytes(whole[:n_bytes])
        pages, dropped = read(tmp_path / "a.warc.gz")
        assert [page.body for page in pages] == [make_html(i) for i in range(len(pages))]
        if form != "one":
            # The newlines after a plain record need not be there.
            slack = 4 if form == "plain" else 0
            n_whole = sum(end - slack <= n_bytes for end in ends)
            # A page whose digest fits is whole, though the last bytes of its member are gone.
            assert len(pages) in {n_whole // 3, (n_whole + 1) // 3}
            is_between = any(0 <= end - n_bytes <= slack for end in ends)
            assert len(dropped) == (not is_between), n_bytes
        else:
            assert len(dropped) == 1
        assert {row.reason for row in dropped} <= {"damaged"}


@pytest.mark.parametrize("form", FORMS)
def test_a_flipped_bit_costs_one_page_at_most_and_gives_no_wrong_one(
    tmp_path: Path, form: str
) -> None:
    whole = pack(some_records(), form)
    draw = random.Random(2)
    for at in spread(len(whole), 3):
        data = bytearray(whole)
        data[at] ^= 1 << draw.randrange(8)
        (tmp_path / "a.warc.gz").write_bytes(data)
        pages, dropped = read(tmp_path / "a.warc.gz")
        assert {page.body for page in pages} <= BODIES
        assert len({page.body for page in pages}) == len(pages)
        if form != "one":  # there all that follows is lost
            assert len(pages) >= N_PAGES - 1
        assert len(pages) == N_PAGES or dropped, at


@pytest.mark.parametrize("form", FORMS)
def test_without_digests_a_cut_gives_no_short_page(tmp_path: Path, form: str) -> None:
    whole = pack([page_record(number, digest=False) for number in range(3)], form)
    for n_bytes in spread(len(whole), 4):
        (tmp_path / "a.warc.gz").write_bytes(whole[:n_bytes])
        pages, _ = read(tmp_path / "a.warc.gz")
        assert {page.body for page in pages} <= BODIES


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("digest", [True, False])
@pytest.mark.parametrize("off", [-500, -20, 20, 500, 3000, 10**15])
def test_a_wrong_length_costs_its_own_record_only(
    tmp_path: Path, form: str, digest: bool, off: int
) -> None:
    block = answer(make_html(1))
    wrong = write_record("response", block, url="u", digest=digest, length=len(block) + off)
    path = tmp_path / "a.warc"
    write_archive(path, [page_record(0), wrong, page_record(2), page_record(3)], form)
    pages, dropped = read(path)
    assert [page.body for page in pages] == [make_html(0), make_html(2), make_html(3)]
    assert len(dropped) == 1 and dropped[0].reason == "damaged"
    assert "a.warc, offset" in dropped[0].detail


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", ["", "x", "-5", "1_0", "9" * 5000, "٣"])
def test_a_length_that_is_no_number_is_told(tmp_path: Path, form: str, length: str) -> None:
    bad = page_record(1, length=7777).replace(b"7777", length.encode())
    path = write_archive(tmp_path / "a.warc", [page_record(0), bad, page_record(2)], form)
    pages, dropped = read(path)
    assert [page.body for page in pages] == [make_html(0), make_html(2)]
    assert [row.reason for row in dropped] == ["damaged"]


@pytest.mark.parametrize(
    "garbage", [b"\0" * 700, b"garbage", b"\x1f\x8b\x08" * 50, bytes(range(256))]
)
def test_garbage_between_members_costs_nothing(tmp_path: Path, garbage: bytes) -> None:
    packed = [gzip.compress(page_record(number)) for number in range(3)]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(garbage.join(packed))
    pages, dropped = read(path)
    assert [page.body for page in pages] == [make_html(number) for number in range(3)]
    assert [row.record_id for row in dropped] == [
        f"a.warc.gz:{len(packed[0])}",
        f"a.warc.gz:{len(packed[0] + garbage + packed[1])}",
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><p>A page",
        gzip.compress(b"<!doctype html><p>A page"),
        b"\0" * 200_000,
        b"\x1f\x8b\x08",
        b"WARC/1.0\r\n" * 20_000,
        b"WARC/1.0\r\nWARC-Type: response",
        gzip.compress(b"WARC/1.0\r\n" * 20_000),
        random.Random(5).randbytes(200_000),
        b"WARC/1.0\r\nWARC-" * 2000,
    ],
    ids=["empty", "html", "gz", "zeros", "magic", "heads", "cut", "gz heads", "noise", "starts"],
)
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
@pytest.mark.timeout(60)
def test_what_is_no_warc_is_told_and_ends_soon(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    pages, dropped = read(tmp_path / name)
    assert pages == [] and dropped and {row.reason for row in dropped} == {"damaged"}
    assert all(f"{name}, offset " in row.detail for row in dropped)


def test_a_member_that_is_a_bomb_ends_and_the_next_is_read(tmp_path: Path) -> None:
    head = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 1000000000000000\r\n\r\n"
    packer = zlib.compressobj(wbits=31)
    zeros = bytes(1 << 20)
    bomb = packer.compress(head) + b"".join(packer.compress(zeros) for _ in range(120))
    bomb += packer.flush()
    path = tmp_path / "a.warc.gz"
    path.write_bytes(bomb + gzip.compress(page_record(1)))
    pages, dropped = read(path)
    assert [page.body for page in pages] == [make_html(1)]
    assert len(dropped) == 1 and "decompression bomb" in dropped[0].detail


# -- shards


def row_name(row: RawPage | Dropped) -> str:
    return row.record_id if isinstance(row, Dropped) else row.name


class Done:
    """The finished parts of an earlier reading."""

    def __init__(self, parts: Sequence[Sequence[RawPage | Dropped]]) -> None:
        self._parts, self.n = parts, len(parts)

    def names(self, index: int) -> Iterator[str]:
        return map(row_name, self._parts[index])


def damaged_archive(form: str) -> bytes:
    data = bytearray(pack(some_records(), form))
    for share in (0.2, 0.5, 0.8) if form != "one" else (0.8,):
        data[int(len(data) * share)] ^= 8
    return bytes(data[:-100])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_reading_goes_on_after_any_part_as_if_it_had_not_stopped(
    tmp_path: Path, form: str, size: int
) -> None:
    (tmp_path / "b.warc.gz").write_bytes(damaged_archive(form))
    write_archive(tmp_path / "a.warc", some_records(), form)
    write_archive(tmp_path / "c.wet", [page_record(0)], form)
    parts = [list(part) for part in archive(tmp_path).parts(size)]
    for part in parts:  # of one file each
        assert len({row_name(row).partition(":")[0] for row in part}) == 1
    assert max(map(len, parts)) <= size
    for n in range(len(parts) + 1):
        again = archive(tmp_path).parts(size, Done(parts[:n]))
        finished = [next(again) for _ in range(n)]
        assert [list(part) for part in again] == parts[n:]
        for part, true in zip(finished, parts, strict=False):  # a shard's file may be lost
            assert list(part) == true


def test_parts_that_nobody_reads_are_passed_over(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.warc", some_records())
    assert len([part for part in archive(tmp_path).parts(5)]) == 3


# -- files


def names(source: WarcFiles) -> list[str]:
    return [file.name for file in source.files]


def test_files_folders_globs_and_lists_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b.warc", "a.warc.gz", "deep/c.wet.gz", "deep/d.WARC", "e.txt", "other/b.warc"):
        write_archive(tmp_path / name, [page_record(0)])
    everything = ["a.warc.gz", "b.warc", "deep/c.wet.gz", "deep/d.WARC", "other/b.warc"]
    assert names(archive(tmp_path)) == everything
    assert names(archive(tmp_path / "b.warc")) == ["b.warc"]
    assert names(archive(tmp_path / "e.txt")) == ["e.txt"]
    assert names(archive(tmp_path / "*.warc*")) == ["a.warc.gz", "b.warc"]
    assert names(archive(tmp_path / "**/*.w*")) == [
        "a.warc.gz",
        "b.warc",
        *everything[2:3],
        "other/b.warc",
    ]
    two = archive(tmp_path / "b.warc", tmp_path / "other" / "b.warc", tmp_path / "b.warc")
    assert names(two) == [f"{tmp_path}/b.warc", f"{tmp_path}/other/b.warc"]
    for nothing in ("nowhere.warc", "*.nothing", "e"):
        with pytest.raises(SourceError, match=r"finds no files.*pages\.source\.path"):
            archive(tmp_path / nothing).describe()


def test_remote_files_are_read_through_fsspec(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        memory.pipe("/crawl/a.warc.gz", pack(some_records(), "members"))
        memory.pipe("/crawl/b.warc", pack([page_record(99)], "plain"))
        for pattern in ("memory://crawl", "memory://crawl/*.warc*"):
            source = archive(pattern)
            assert source.describe().n_files == 2
            pages = rows_of(source)
            assert len(pages) == N_PAGES + 1
            assert isinstance(pages[-1], RawPage) and pages[-1].name == "b.warc:0"
    finally:
        memory.rm("/crawl", recursive=True)
    with pytest.raises(SourceError, match=r"cannot be reached|finds no files"):
        archive("nosuchscheme://x/y.warc").describe()


def test_a_file_that_cannot_be_read_any_more_stops_the_stage(tmp_path: Path) -> None:
    """Not a damage: a row dropped for a lost connection would be lost for good."""
    path = write_archive(tmp_path / "a.warc.gz", some_records())
    source = archive(path)
    assert source.describe()
    path.unlink()
    with pytest.raises(StageError, match="cannot be read"):
        rows_of(source)


@pytest.mark.timeout(60)
def test_a_huge_file_is_described_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(page_record(0))
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    contents = archive(path).describe()
    assert contents.n_pages is None and contents.n_bytes == 1 << 40
    assert set(contents.identity) == {"files", "bytes", "sha256"}


def test_contents_are_known_by_name_size_and_ends(tmp_path: Path) -> None:
    write_archive(tmp_path / "x" / "a.warc", some_records() * 20, "plain")
    first = archive(tmp_path / "x").describe()
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    assert archive(tmp_path / "y").describe() == first
    data = bytearray((tmp_path / "y" / "a.warc").read_bytes())
    for at in (0, -1):
        changed = bytearray(data)
        changed[at] ^= 1
        (tmp_path / "y" / "a.warc").write_bytes(changed)
        assert archive(tmp_path / "y").describe().sha256 != first.sha256
    (tmp_path / "y" / "a.warc").write_bytes(data + b"\n")
    assert archive(tmp_path / "y").describe().sha256 != first.sha256


# -- files that others wrote


@pytest.mark.parametrize(
    ("name", "sizes", "reasons"),
    [
        # By hand: one response, chunked, one chunk of 0x1c37 bytes.
        ("example-iana.org-chunked.warc", [0x1C37], []),
        # The response's length is two bytes short, so its digest does not fit either.
        ("example-trunc.warc", [], ["damaged"]),
        # The response lies in two members, is a byte short, and its block digest does not fit.
        ("example-wrong-chunks.warc.gz", [], ["damaged"]),
        ("example.warc", [606], ["revisit"]),
        ("example.warc.gz", [606], ["revisit"]),
        ("post-test.warc.gz", [], ["not_html"] * 3),  # three answers in JSON
        (
            "warcfile.warc.gz",
            [
                *(36331, 104567, 15261, 8090, 14928, 37751, 23135, 15046),
                *(33402, 36537, 35214, 10815, 108253, 10593, 15496, 7806),
            ],
            [],
        ),
    ],
)
def test_a_file_of_others_ends_in_what_it_holds(
    name: str, sizes: list[int], reasons: list[str]
) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} is not there")
    pages, dropped = read(SAMPLES / name)
    assert [len(page.body or b"") for page in pages] == sizes
    assert [row.reason for row in dropped] == reasons
    for page in pages:
        assert b"<" in unpack(page.body or b"", page.encodings, 2_000_000)


# -- a run


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_archive(tmp_path / "crawl" / "a.warc.gz", some_records())
    (tmp_path / "crawl" / "b.warc.gz").write_bytes(damaged_archive("members"))
    text = write_record(
        "conversion", b"A text in a WET file, long enough.", url="https://a.example/text",
        content_type="text/plain",
    )  # fmt: skip
    write_archive(tmp_path / "crawl" / "c.wet.gz", [text])
    data: dict[str, Any] = {
        "run": "warc",
        "pages": {
            "source": {"kind": "warc", "path": "crawl/*.w*"},
            "shard_pages": 5,
            "workers": 1,
        },
        "passages": {"max_size": 60, "min_size": 5},
        "queries": {"writer": {"kind": "template"}, "checks": False},
        "candidates": {"top_k": 6, "dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    (tmp_path / "warc.yaml").write_text(yaml.safe_dump(data))
    return tmp_path / "warc.yaml"


def pages_folder() -> Path:
    return Path("data/runs/warc/pages")


def test_a_run_from_archives_shows_pages_and_what_was_dropped(pipeline: Path) -> None:
    result = call("run", str(pipeline), "pages")
    assert result.exit_code == 0, said(result)
    run = Run(Path("data/runs"), "warc")
    pages = list(run.rows(Page))
    assert {page.url for page in pages} == {f"https://a.example/{n}" for n in range(N_PAGES)} | {
        "https://a.example/text"
    }
    assert all("The page number" in page.text or "WET file" in page.text for page in pages)
    manifest = run.stage("pages").require()
    assert manifest.reasons["damaged"] >= 3
    assert manifest.read == manifest.rows + manifest.dropped
    shown = call("show", str(pipeline), "pages", "--n", "1", "--first")
    assert shown.exit_code == 0 and "https://a.example/0" in shown.output
    dropped = call("show", str(pipeline), "pages", "--dropped", "--n", "1")
    assert "damaged" in dropped.output and "b.warc.gz, offset" in " ".join(dropped.output.split())
    assert call("run", str(pipeline), "pages").exit_code == 0


def test_a_run_that_was_stopped_ends_in_the_same_bytes(pipeline: Path) -> None:
    assert call("run", str(pipeline), "pages").exit_code == 0
    folder = pages_folder()
    whole = {file.name: file.read_bytes() for file in folder.glob("*.parquet")}
    assert len(whole) == 3 + 3 + 1
    for n in (2, 4):
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["shards"], manifest["state"] = manifest["shards"][:n], "running"
        (folder / "manifest.json").write_text(json.dumps(manifest))
        for file in list(folder.rglob("*.parquet")):
            if int(file.stem[-5:]) >= n:
                file.unlink()
        assert call("run", str(pipeline), "pages").exit_code == 0
        assert {file.name: file.read_bytes() for file in folder.glob("*.parquet")} == whole


def test_a_shard_whose_file_was_lost_is_made_again(pipeline: Path) -> None:
    assert call("run", str(pipeline), "pages").exit_code == 0
    folder = pages_folder()
    lost = [folder / "part-00001.parquet", folder / "part-00002.parquet"]
    whole = [file.read_bytes() for file in lost]
    for file in lost:
        file.unlink()
    assert call("run", str(pipeline), "pages").exit_code == 0
    assert [file.read_bytes() for file in lost] == whole


def test_archives_without_a_page_end_in_a_message(pipeline: Path) -> None:
    shutil.rmtree("crawl")
    write_archive(Path("crawl/a.warc.gz"), [b"<!doctype html><p>no archive"])
    result = call("run", str(pipeline), "pages")
    assert result.exit_code == 1
    assert "no WARC record begins here" in said(result) and "a.warc.gz" in said(result)
    shutil.rmtree("crawl")
    result = call("run", str(pipeline), "pages")
    assert result.exit_code == 2 and "crawl/*.w*" in said(result)


# -- a source that grows


def test_new_files_only_add(pipeline: Path) -> None:
    later = write_archive(Path("crawl/d.warc.gz"), [page_record(77), page_record(78)])
    assert call("run", str(pipeline), "pages").exit_code == 0
    whole = {file.name: file.read_bytes() for file in pages_folder().glob("*.parquet")}
    data = later.read_bytes()
    later.unlink()
    shutil.rmtree("data")
    assert call("run", str(pipeline), "pages").exit_code == 0
    made = {file: file.stat().st_mtime_ns for file in pages_folder().glob("*.parquet")}
    later.write_bytes(data)
    assert call("run", str(pipeline), "pages").exit_code == 0
    assert {file.name: file.read_bytes() for file in pages_folder().glob("*.parquet")} == whole
    assert {file: file.stat().st_mtime_ns for file in made} == made
    manifest = Run(Path("data/runs"), "warc").stage("pages").require()
    assert manifest.identity["source"]["files"] == 4
    assert manifest.read == manifest.rows + manifest.dropped


def test_a_file_that_comes_between_others_or_has_changed_is_told(pipeline: Path) -> None:
    assert call("run", str(pipeline), "pages").exit_code == 0
    between = write_archive(Path("crawl/b2.warc.gz"), [page_record(77)])
    result = call("run", str(pipeline), "pages")
    assert result.exit_code == 2 and "pages.source.files: was 3, is now 4" in said(result)
    between.unlink()
    write_archive(Path("crawl/c.wet.gz"), [page_record(77)])
    write_archive(Path("crawl/d.warc.gz"), [page_record(78)])
    assert call("run", str(pipeline), "pages").exit_code == 2


def test_what_was_made_of_a_grown_stage_is_made_anew_when_asked_to(pipeline: Path) -> None:
    assert call("run", str(pipeline), "pages", "passages").exit_code == 0
    write_archive(Path("crawl/d.warc.gz"), [page_record(77)])
    result = call("run", str(pipeline), "passages")
    assert result.exit_code == 2 and "--redo passages" in said(result)
    made = (pages_folder() / "part-00000.parquet").stat().st_mtime_ns
    result = call("run", str(pipeline), "pages", "passages", "--redo", "passages")
    assert result.exit_code == 0, said(result)
    assert (pages_folder() / "part-00000.parquet").stat().st_mtime_ns == made
    assert any("77" in passage.title for passage in Run(Path("data/runs"), "warc").rows(Passage))


def test_progress_is_told_in_megabytes(pipeline: Path) -> None:
    noise = random.Random(6).randbytes(1_200_000)
    image = write_record("response", answer(noise, content_type="image/png"))
    write_archive(Path("crawl/a.warc.gz"), [page_record(0), image, page_record(1), image])
    assert call("run", str(pipeline), "pages", "--log-json", "log").exit_code == 0
    events = [json.loads(line) for line in Path("log").read_text().splitlines()]
    starts = [event for event in events if event["event"] == "stage_starts"]
    assert [(e["stage"], e["done"], e["total"]) for e in starts] == [("pages (MB)", 0, 3)]
    source = archive("crawl/*.w*")
    assert [source.count_units(row_name(row)) for row in rows_of(source)][:4] == [0, 0, 1, 1]
