"""Hostile pages between good ones: each ends within its limits, and costs no other page anything.

Real files, the real stage, real worker processes. A page of this folder may come out as a page or
as a dropped record with a reason; what may never be is that it is missing, that it takes another
with it, or that it outlives its limit.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import fret
from archives import answer, write_archive, write_record
from fret.records import Dropped, Page
from fret.text.isolate import IsolatedPool, Outcome

GOOD = "".join(
    f"<p>Paragraph {i} of the article says that the river rose by two metres in the night before "
    "the bridge was closed to all traffic, and that the town had to wait.</p>"
    for i in range(6)
)
MARK = "Paragraph 5 of the article"


def page(body: str, head: str = "<title>The bridge</title>", text: str = GOOD) -> bytes:
    return f"<html><head>{head}</head><body>{text}{body}</body></html>".encode()


# What must come of each: `text` (a page with the good text), `any` (either way), or a reason.
PAGES: dict[str, tuple[bytes, str]] = {
    "tags 30,000 deep": (page("<div>" * 30_000 + GOOD, text=""), "extraction_failed"),
    "text, then tags 30,000 deep": (page("<div>" * 30_000), "text"),
    "spans 20,000 deep": (page("<span>" * 20_000 + "deep"), "any"),
    "bold and italic in turns": (page("<b><i>" * 10_000 + "x"), "any"),
    "svg in svg": (page("<svg>" * 10_000 + "x"), "any"),
    "lists in lists": (page("<ul><li>x" * 10_000), "any"),
    "an attribute of 20 MB": (page(f"<p title='{'x' * 20_000_000}'>"), "too_large"),
    "an attribute of 300 kB": (page(f"<p title='{'x' * 300_000}'>"), "text"),
    "50,000 attributes": (page(f"<p {' a' * 50_000}>"), "any"),
    "spans of 10^15 cells": (
        page(f"<table>{f'<tr><td colspan={10**15} rowspan={10**15}>x' * 20}</table>"),
        "text",
    ),
    "1,500 tables in each other": (page("<table><tr><td>x" * 1500), "any"),
    "3,000 rows": (page(f"<table>{'<tr><td>a<td>b' * 3000}</table>"), "any"),
    "50 MB of links": (page("<a href='/x'>link</a> " * 2_400_000), "too_large"),
    "200 kB of links": (page("<a href='/x'>link</a> " * 10_000), "any"),
    "entities of entities": (
        b'<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(20))
        + b"]>"
        + page("&u;&u;&u;"),
        "text",
    ),
    "a paragraph of 30 MB": (page(f"<p>{'word ' * 6_000_000}"), "too_large"),
    "a paragraph of 300 kB": (page(f"<p>{'word ' * 60_000}"), "text"),
    "150 kB of <p>": (page("<p>" * 50_000), "any"),
    "300 kB of <": (page("<" * 300_000), "any"),
    "300 kB of &": (page("&" * 300_000), "any"),
    "bytes that are no UTF-8": (page("") + b"\xff\xfe\x80\xc0" * 1000, "text"),
    "NUL bytes": (page("").replace(b"river", b"ri\0ver") + b"\0" * 1000, "text"),
    "UTF-16 without a mark": (page("").decode().encode("utf-16-le"), "text"),
    "claims UTF-7": (page("", '<meta charset="utf-7">'), "text"),
    "claims an encoding of Python's": (page("", '<meta charset="zlib_codec">'), "text"),
    "an open comment": (page(f"<!-- {GOOD}"), "text"),
    "nothing but an open comment": (page(f"<!-- {GOOD}", text=""), "no_main_text"),
    "an open script": (page(f"<script>let x = '{GOOD}"), "text"),
    "50,000 open scripts": (page("<script" * 50_000), "any"),
    "one giant <pre>": (page("<pre>" + "a line of plain text in it\n" * 10_000), "any"),
    "2,000 forms": (page("<form><input></form>" * 2000), "text"),
    "2,000 forms in each other": (page("<form><input>" * 2000), "any"),
    "base and refresh": (
        page("", '<base href="http://[::1"><meta http-equiv="refresh" content="0;url=//evil">'),
        "text",
    ),
    "an address that is none": (page("", '<link rel="canonical" href="http://[bad">'), "text"),
    "a title of 300 kB": (page("", f"<title>{'t ' * 150_000}</title>"), "text"),
    "2,000 titles": (page("<h1>x</h1>" * 2000), "any"),
    "2,000 metas": (page("", '<meta property="og:title" content="x">' * 2000), "text"),
    "a date of 250 kB": (page(f'<time datetime="{"2020-" * 50_000}">'), "text"),
    "20,000 dates": (page(f"<p>{'2019-01-01 ' * 20_000}"), "any"),
    "JSON-LD 50,000 deep": (
        page("", f'<script type="application/ld+json">{"[" * 50_000}</script>'),
        "any",
    ),
    "JSON-LD of any shape": (
        page("", '<script type="application/ld+json">[{"@graph": 7}, [null], "x"]</script>'),
        "text",
    ),
    "JSON-LD that a regular expression loops on": (
        page("", f'<script type="application/ld+json">{{"author": {chr(34) * 20_000}</script>'),
        "any",
    ),
    "no HTML": (b"%PDF-1.7 <html>", "not_html"),
    "empty": (b"", "no_main_text"),
}  # fmt: skip
LIMITS = {"max_bytes": 400_000, "timeout_s": 10.0, "memory_mb": 1000, "workers": 2}
REASONS = {"extraction_failed", "timed_out", "out_of_memory", "no_main_text", "crashed"}


def run_pages(folder: Path, source: dict[str, Any], **settings: Any) -> dict[str, Page | Dropped]:
    """Run the stage; return what came of each row by the row's name."""
    pipeline = {
        "run": "hostile",
        "runs_dir": str(folder / "runs"),
        "pages": {"source": source, **LIMITS, **settings},
        "queries": {"writer": {"kind": "template"}},
        "candidates": {"dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    (folder / "hostile.yaml").write_text(yaml.safe_dump(pipeline), "utf-8")
    loaded = fret.load(str(folder / "hostile.yaml"))
    loaded.run(["pages"])
    stage = loaded.stored.stage("pages")
    found: dict[str, Page | Dropped] = {}
    for shard in range(len(stage.require().shards)):
        found |= {row.source: row for row in stage.rows(Page, shard)}
        found |= {row.record_id: row for row in stage.rows(Dropped, shard, dropped=True)}
    return found


@pytest.mark.parametrize("extractor", ["trafilatura", "resiliparse"])
def test_hostile_pages_cost_the_good_ones_nothing(tmp_path: Path, extractor: str) -> None:
    names = {}
    for number, (name, (data, _)) in enumerate(PAGES.items()):
        names[f"{number:03}-bad.html"] = name
        (tmp_path / f"{number:03}-bad.html").write_bytes(data)
        (tmp_path / f"{number:03}-good.html").write_bytes(page(f"<p>Good page {number}.</p>"))
    found = run_pages(tmp_path, {"kind": "html", "path": str(tmp_path)}, extractor=extractor)
    assert len(found) == 2 * len(PAGES)
    for file, row in found.items():
        if file.endswith("good.html"):
            assert isinstance(row, Page) and MARK in row.text, file
            continue
        name = names[file]
        expected = PAGES[name][1]
        got = "text" if isinstance(row, Page) and MARK in row.text else getattr(row, "reason", "")
        # resiliparse reads trees of any depth, in time that grows with its square.
        if expected == "any" or (extractor == "resiliparse" and "deep" in name):
            assert isinstance(row, Page) or row.reason in REASONS, (name, row)
        else:
            assert got == expected, (name, row)
        if isinstance(row, Page):
            assert "\0" not in row.text and len(row.title) <= 300, name


def test_a_body_that_unpacks_to_hundreds_of_megabytes_is_too_large(tmp_path: Path) -> None:
    bomb = gzip.compress(gzip.compress(b"<p>" + b"\0" * 300_000_000, 9), 9)
    assert len(bomb) < 2000
    bodies = [(page(""), []), (bomb, ["Content-Encoding: gzip, gzip"]), (page("<p>2</p>"), [])]
    records = [
        write_record("response", answer(body, *headers), url=f"https://a.example/{number}")
        for number, (body, headers) in enumerate(bodies)
    ]
    archive = write_archive(tmp_path / "a.warc.gz", records)
    rows = list(run_pages(tmp_path, {"kind": "warc", "path": str(archive)}).values())
    assert sorted(getattr(row, "reason", "page") for row in rows) == ["page", "page", "too_large"]


def test_a_page_that_hangs_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    """300,000 titles: trafilatura takes minutes."""
    (tmp_path / "1.html").write_bytes(page("<h1>x</h1>" * 300_000))
    (tmp_path / "2.html").write_bytes(page(""))
    source = {"kind": "html", "path": str(tmp_path)}
    found = run_pages(tmp_path, source, timeout_s=1.5, max_bytes=5_000_000, workers=1)
    first, second = found["1.html"], found["2.html"]
    assert isinstance(first, Dropped) and first.reason == "timed_out"
    assert first.detail == "took longer than 1.5 s"
    assert isinstance(second, Page)


@pytest.fixture
def small_pool() -> Iterator[IsolatedPool]:
    target = "fret.text.extract:extract_body"
    pool = IsolatedPool(target, workers=1, timeout_s=60, memory_mb=512)
    yield pool
    pool.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux limits memory")
def test_a_page_that_eats_memory_is_dropped_as_such(small_pool: IsolatedPool) -> None:
    eaters = {
        "a tree that the parser cannot hold": page("<p>x" * 1_000_000),
        "a table that is a hundred times its source": page(
            f"<table>{('<tr>' + '<td colspan=100>x' * 40) * 600}</table>"
        ),
    }
    for name, data in eaters.items():
        jobs = [(body, (), "", "", 50_000_000) for body in (data, page(""))]
        eaten, well = small_pool.map(jobs)
        assert eaten == Outcome(failure="out_of_memory", detail="needs more than 512 MB"), name
        assert MARK in well.value.text
