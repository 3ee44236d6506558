"""Pages to text: decoding, main text, work in processes of its own."""

import gzip
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fret.reasons import Reason
from fret.text.decode import decode_html
from fret.text.extract import MainText, Unusable, detect_language, extract_file, extract_html
from fret.text.isolate import IsolatedPool, Outcome

GERMAN = (
    "Über die Brücke fährt die Straßenbahn nach Köln, „schöne Häuser“ säumen den Weg – und "
    "größere Gärten. Früher hörte man dort täglich die Glöckner; heute läuten die Kühe. "
)
POLISH = (
    "Książka leży na stole, obok stoi świeca. Wśród wysokich gór płynie rzeka, a nad nią młyn. "
    "Żółw i źrebię mieszkały kiedyś w łódzkim ogrodzie, gdzie rosły gruszki i śliwy. "
)
JAPANESE = "駅前の図書館は毎朝九時に開きます。本を借りるにはカードが必要です。"
CHINESE = "图书馆每天早上九点开门，借书需要带上借书证。星期一闭馆，请注意时间安排。"


# -- decode


def html(text: str, charset: str = "") -> str:
    declared = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{declared}<title>t</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "utf-8", ""),
        (GERMAN, "utf-8", "iso-8859-1"),  # pages lie
        (GERMAN, "utf-8", "no-such-encoding"),
        (GERMAN, "windows-1252", "windows-1252"),
        (GERMAN, "windows-1252", "iso-8859-1"),  # browsers read that as windows-1252
        (GERMAN, "windows-1252", "utf-8"),
        (GERMAN, "windows-1252", ""),
        (POLISH, "iso-8859-2", "iso-8859-2"),
        (JAPANESE, "shift_jis", "shift_jis"),
        (JAPANESE, "shift_jis", "Shift-JIS"),
        (JAPANESE, "shift_jis", "utf-8"),
        (JAPANESE, "shift_jis", ""),
        (JAPANESE, "euc_jp", "euc-jp"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),  # its bytes are plain ASCII
        (CHINESE, "gbk", "gb2312"),
        (CHINESE, "gbk", "utf-8"),
        (CHINESE, "gbk", ""),
        (CHINESE, "gb18030", "gb18030"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_text_is_read_whatever_its_encoding(text: str, encoding: str, declared: str) -> None:
    page = html(text * 4, declared)
    assert decode_html(page.encode(encoding)) == page


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding_whatever_is_declared(encoding: str) -> None:
    page = html(GERMAN, "iso-8859-1")
    assert decode_html(page.encode(encoding)) == page
    swapped = b"\xfe\xff" + page.encode("utf-16-be")
    assert decode_html(swapped) == page


def test_an_encoding_may_be_declared_in_other_ways() -> None:
    text = POLISH * 3
    for head in (
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2">',
        "<META CHARSET = ISO-8859-2 >",
        '<?xml version="1.0" encoding="iso-8859-2"?>',
    ):
        page = f"{head}<p>{text}"
        assert decode_html(page.encode("iso-8859-2")) == page


def test_what_the_server_says_comes_before_what_the_page_says() -> None:
    for said, declared in (("iso-8859-2", "windows-1252"), ("no-such-encoding", "iso-8859-2")):
        page = html(POLISH * 3, declared)
        assert decode_html(page.encode("iso-8859-2"), said) == page
    page = html(POLISH * 3, "utf-8")
    assert decode_html(page.encode(), "iso-8859-1") == page


@pytest.mark.parametrize("declared", ["utf-8", "", "no-such-encoding"])
def test_one_broken_byte_costs_itself_and_no_other_letter(declared: str) -> None:
    page = html(GERMAN * 5, declared)
    data = page.encode()
    place = data.index("Gärten".encode()) + 2  # the second byte of the ä
    found = decode_html(data[:place] + data[place + 1 :])
    assert found == page.replace("Gärten", "G\ufffdrten", 1)


def test_one_broken_byte_in_declared_shift_jis_costs_little() -> None:
    page = html(JAPANESE * 5, "shift_jis")
    data = page.encode("shift_jis").replace(b"</p>", b"\x82</p>")
    assert decode_html(data).count(JAPANESE) == 5


def test_any_bytes_at_all_are_decoded_to_something() -> None:
    noise = random.Random(1)
    for size in (0, 1, 2, 3, 50, 3000):
        for _ in range(5):
            assert isinstance(decode_html(noise.randbytes(size)), str)


# -- extract

ARTICLE = [
    "The river rose by two metres in the night before the bridge was closed to all traffic.",
    "Engineers of the town had warned for years that the northern pillar stood on loose gravel.",
    "On Tuesday the council decided to build a new bridge upstream, with money from the county.",
]
PAGE = f"""<!doctype html><html lang="en"><head><title>Bridge closed | The Valley News</title>
<meta property="og:title" content="Bridge closed after flood">
<meta property="og:site_name" content="The Valley News">
<meta property="article:published_time" content="2023-04-05T10:00:00Z">
<link rel="canonical" href="https://news.example/bridge"></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport pages</a></li></ul></nav>
<aside class="advert"><p>Buy one kettle, get one free, today only in our shop.</p></aside>
<article><h1>Bridge closed after flood</h1>{"".join(f"<p>{p}</p>" for p in ARTICLE)}</article>
<div id="comments" class="comments"><h3>Comments</h3><div class="comment"><p>First! I was there
and saw it all with my own eyes, what a pity for everybody in the town.</p></div></div>
<footer><p>Imprint, privacy and cookies of the publisher</p></footer></body></html>"""


def extracted(data: bytes) -> MainText:
    found = extract_html(data)
    assert isinstance(found, MainText), found
    return found


def unusable(found: MainText | Unusable) -> Unusable:
    assert isinstance(found, Unusable), found
    return found


def test_the_main_text_is_kept_and_what_stands_around_it_is_gone() -> None:
    found = extracted(PAGE.encode())
    assert found.text.split("\n") == ARTICLE
    for rest in ("Home", "Sport", "kettle", "Comments", "First!", "Imprint"):
        assert rest not in found.text


def test_a_page_says_its_title_address_language_site_and_date() -> None:
    found = extracted(PAGE.encode())
    assert found.title == "Bridge closed after flood"
    assert found.url == "https://news.example/bridge"
    assert found.language == "en"
    assert found.site == "The Valley News"
    assert found.date == "2023-04-05"


def test_the_language_is_that_of_the_text_not_of_its_tags() -> None:
    page = html(f"<article><p>{GERMAN}</p><p>{GERMAN}</p></article>").replace(
        "<html>", '<html lang="en">'
    )
    assert extracted(page.encode()).language == "de"


@pytest.mark.parametrize(
    ("head", "language"),
    [
        ('<html lang="fr">', "fr"),
        ("<html lang=pt-BR>", "pt"),
        ('<html class="x" xml:lang="nl-BE">', "nl"),
        ("<HTML LANG='DE'>", "de"),
        ('<html><link rel="alternate" hreflang="es" href="/es">', ""),
        ('<html data-lang="xx">', ""),
        ('<html lang="">', ""),
        ("<html>", ""),
    ],
)
def test_a_short_text_has_the_language_that_its_page_declares(head: str, language: str) -> None:
    page = f"{head}<body><article><p>Tickets, taxis, hotel: 1234.</p></article></body></html>"
    assert extracted(page.encode()).language == language


def test_a_text_too_short_to_tell_has_no_language() -> None:
    assert detect_language("Bonjour") == ""
    assert (
        detect_language("Bonjour à tous, la bibliothèque est fermée le lundi et le mardi.") == "fr"
    )
    assert (
        detect_language("half a pair \ud800 in an otherwise quite ordinary English sentence")
        == "en"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7 <</Type /Catalog>>", Reason.NOT_HTML),
        (b"\x89PNG\r\n\x1a\n<x>", Reason.NOT_HTML),
        (b'{"html": "<p>x</p>"}', Reason.NOT_HTML),
        (b"PK\x03\x04<", Reason.NOT_HTML),
        (b"Just a line of text.", Reason.NOT_HTML),
        (b"", Reason.NO_MAIN_TEXT),
        (b"<html><body></body></html>", Reason.NO_MAIN_TEXT),
        (b"<html><head><title>Only a title</title></head></html>", Reason.NO_MAIN_TEXT),
        (b"<!-- -->", Reason.NO_MAIN_TEXT),
        (b"<", Reason.NO_MAIN_TEXT),
    ],
)
def test_what_gives_no_text_is_unusable_for_a_reason(data: bytes, reason: Reason) -> None:
    assert unusable(extract_html(data)).reason == reason


def test_a_page_in_utf_16_is_read() -> None:
    assert extracted(PAGE.encode("utf-16")).text.split("\n") == ARTICLE


def test_a_packed_page_is_read_whatever_its_name(tmp_path: Path) -> None:
    for name, data in {"a.html.gz": gzip.compress(PAGE.encode()), "b.html": PAGE.encode()}.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / f"odd-{name}.html").write_bytes(data)
        for path in (tmp_path / name, tmp_path / f"odd-{name}.html"):
            found = extract_file(str(path), 100_000)
            assert isinstance(found, MainText) and found.text.split("\n") == ARTICLE


def test_the_limit_is_for_the_page_as_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.html.gz"
    path.write_bytes(gzip.compress(PAGE.encode()))
    n = len(PAGE.encode())
    assert isinstance(extract_file(str(path), n), MainText)
    found = unusable(extract_file(str(path), n - 1))
    assert (found.reason, found.detail) == (Reason.TOO_LARGE, f"over {n - 1} bytes")


def test_a_small_file_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    # The same packed block again and again: four gigabytes in four megabytes, made in no time.
    block = gzip.compress(b"<p>" + b"\0" * 20_000_000)
    (tmp_path / "bomb.html.gz").write_bytes(block * 200)
    started = time.monotonic()
    found = unusable(extract_file(str(tmp_path / "bomb.html.gz"), 5_000_000))
    assert found.reason == Reason.TOO_LARGE
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("damage", ["cut", "header only", "stream", "checksum"])
def test_a_damaged_packed_page_is_unreadable(tmp_path: Path, damage: str) -> None:
    whole = gzip.compress(PAGE.encode())
    data = {
        "cut": whole[:-200],
        "header only": whole[:6],
        "stream": whole[:10] + b"\xff" * 50,
        "checksum": whole[:-8] + b"\0" * 8,
    }[damage]
    path = tmp_path / "a.html.gz"
    path.write_bytes(data)
    found = unusable(extract_file(str(path), 100_000))
    assert found.reason == Reason.UNREADABLE
    assert str(tmp_path) not in found.detail


def test_a_page_that_is_gone_is_unreadable_and_named_without_its_folder(tmp_path: Path) -> None:
    found = unusable(extract_file(str(tmp_path / "gone.html"), 1000))
    assert found.reason == Reason.UNREADABLE
    assert "gone.html" in found.detail and str(tmp_path) not in found.detail


# -- isolate


LIMITED = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits address space")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., IsolatedPool]]:
    """Makes pools of functions in isolate_targets.py; closes them."""
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))
    pools: list[IsolatedPool] = []

    def make(function: str, **settings: float) -> IsolatedPool:
        knobs = {"workers": 2, "timeout_s": 20, "memory_mb": 1000, **settings}
        target = f"isolate_targets:{function}"
        pools.append(IsolatedPool(target, **knobs))  # type: ignore[arg-type]
        return pools[-1]

    yield make
    for each in pools:
        each.close()


def test_outcomes_come_in_the_order_of_the_items(pool: Callable[..., IsolatedPool]) -> None:
    outcomes = pool("slow_first", workers=3).map((i,) for i in range(40))
    assert list(outcomes) == [Outcome(i) for i in range(40)]


def test_arguments_and_results_travel_whole(pool: Callable[..., IsolatedPool]) -> None:
    values = [None, "日本 \ud800", b"\0" * 3_000_000, {"a": (1, [2.5])}, MainText(*"abcdefg")]
    outcomes = pool("echo").map((value,) for value in values)
    assert [outcome.value for outcome in outcomes] == values


@pytest.mark.parametrize(
    ("how", "failure", "detail"),
    [
        ("exit", "crashed", "status 3"),
        ("sys.exit", "crashed", "status 4"),
        ("die", "crashed", "killed, as systems do"),
        ("raise", "failed", "ValueError: number 3 is wrong"),
        ("recurse", "failed", "RecursionError"),
        pytest.param("eat", "out_of_memory", "more than 600 MB", marks=LIMITED),
        pytest.param("eat slowly", "out_of_memory", "more than 600 MB", marks=LIMITED),
        ("unpicklable", "crashed", "status 1"),
        ("print", None, ""),
    ],
)
def test_an_item_that_goes_wrong_costs_only_itself(
    pool: Callable[..., IsolatedPool], how: str, failure: str | None, detail: str
) -> None:
    items = [("well", 0), ("well", 1), (how, 3), (how, 3), *(("well", i) for i in range(4, 8))]
    outcomes = list(pool("misbehave", memory_mb=600).map(items))
    assert [outcome.failure for outcome in outcomes] == [None, None, failure, failure, *[None] * 4]
    assert [outcome.value for outcome in outcomes if not outcome.failure][-4:] == [4, 5, 6, 7]
    assert detail in outcomes[2].detail


@pytest.mark.parametrize("how", ["hang", "spin"])
def test_an_item_that_hangs_is_ended_in_time(pool: Callable[..., IsolatedPool], how: str) -> None:
    started = time.monotonic()
    items = [("well", 0), (how, 1), ("well", 2), (how, 3), ("well", 4)]
    outcomes = list(pool("misbehave", timeout_s=0.5).map(items))
    assert [o.failure for o in outcomes] == [None, "timed_out", None, "timed_out", None]
    assert outcomes[1].detail == "took longer than 0.5 s"
    assert time.monotonic() - started < 5  # not by the kernel's timer, which is a last resort


def test_the_start_of_a_worker_is_not_held_against_its_first_item(
    pool: Callable[..., IsolatedPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_START_S", "1.5")
    assert list(pool("echo", timeout_s=1, workers=1).map([(1,)])) == [Outcome(1)]


def test_each_worker_prepares_once_before_any_item(pool: Callable[..., IsolatedPool]) -> None:
    for outcome in pool("prepared", workers=2).map(() for _ in range(20)):
        worker, prepared = outcome.value
        assert prepared == [worker]


def test_modules_in_the_current_folder_are_not_run(
    pool: Callable[..., IsolatedPool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's notes may be called random.py, or a stranger's may."""
    for name in ("pickle", "random", "isolate_targets", "fret"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run from the current folder')")
    monkeypatch.chdir(tmp_path)
    assert list(pool("echo").map([(1,), (2,)])) == [Outcome(1), Outcome(2)]


def test_a_worker_is_used_again_until_it_is_lost(pool: Callable[..., IsolatedPool]) -> None:
    workers = pool("misbehave", workers=2)
    first = {outcome.value for outcome in workers.map(("pid", i) for i in range(30))}
    again = {outcome.value for outcome in workers.map(("pid", i) for i in range(30))}
    assert len(first | again) <= 2 and os.getpid() not in first


def test_closing_ends_what_still_works_and_leaves_no_process(
    pool: Callable[..., IsolatedPool],
) -> None:
    workers = pool("misbehave", timeout_s=60, workers=1)
    outcomes = workers.map([("pid", 0), *[("hang", i) for i in range(30)]])
    first = next(outcomes)
    os.kill(first.value, 0)  # it lives
    started = time.monotonic()
    workers.close()
    assert time.monotonic() - started < 10
    names = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("fret-isolate") for name in names)
    with pytest.raises(ProcessLookupError):
        os.kill(first.value, 0)


def test_items_are_taken_as_there_is_room_for_them(pool: Callable[..., IsolatedPool]) -> None:
    taken: list[int] = []

    def items() -> Iterator[tuple[int]]:
        for i in range(1000):
            taken.append(i)
            yield (i,)

    outcomes = pool("echo", workers=2).map(items())
    for _ in range(5):
        next(outcomes)
    assert len(taken) < 30
