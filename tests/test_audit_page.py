"""The audit page as a person meets it, in a real browser."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fret
from audit_run import HOSTILE, LONG, QUERIES, run_hostile
from browser import CHROMIUM, Browser, browse, wait_until
from fret.audit.files import Key, read_key
from fret.cli import app
from fret.single_page import show_controls
from page_checks import LUMINANCE, UNNAMED

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)

N = 3


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    run_hostile(folder)
    return folder


class Made:
    """A page of three queries, with its key."""

    def __init__(self, place: Path, page: Path, **options: Any) -> None:
        made = fret.load(place / "hostile.yaml").audit(out=page, **options)
        self.page, self.id = page, made.id
        self.key: Key = read_key(made.id, page, made.key)


@pytest.fixture
def made(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.chdir(place)
    yield Made(place, tmp_path / "page.html", n=N, seed=5)


async def saved(browser: Browser) -> dict[str, Any]:
    await browser.click("#save")
    return dict(json.loads((await browser.downloaded()).read_text("utf-8")))


def assert_alone(browser: Browser, page: Path) -> None:
    """Nothing but the page itself was fetched, and nothing went wrong."""
    assert {r for r in browser.requests if not r.startswith("blob:")} == {page.as_uri()}
    assert browser.complaints == []


def test_marked_by_keys_saved_and_scored(made: Made, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> Path:
        await browser.open(made.page)
        assert await browser.text_of("#where") == "Query 1 of 3"
        await browser.click("#marker")
        await browser.type("Ada ✓")
        await browser.value("document.activeElement.blur()")
        await browser.press("1", "2", "3", "1", "ArrowRight")  # marks move on by themselves
        await browser.press("j", "3", "k", "k", "2")  # b, then c; back to b and a
        await browser.press("ArrowRight", "x", "ArrowRight")  # the last one makes no sense
        assert await browser.text_of("#count") == "2 of 3 queries, 6 passages marked"
        await browser.press("n")
        assert await browser.text_of("#where") == "Query 2 of 3"
        await browser.press("1", "1", "1")
        await browser.click("#note")
        await browser.type("x 1 2 3 notes are no keys")
        assert await browser.text_of("#finished") == (
            "All 3 queries are done. Save the file and send it back."
        )
        await browser.click("#save")
        path = await browser.downloaded()
        assert_alone(browser, made.page)
        return path

    path = browse(tmp_path, visit)
    assert path.name == f"fret-audit-{made.id}-Ada.json"
    data = json.loads(path.read_text("utf-8"))
    assert data["marker"] == "Ada ✓" and data["audit"] == made.id
    marks = data["marks"]
    assert marks["1"]["passages"] == {"a": 2, "b": 1, "c": 0, "d": 2}
    assert marks["2"]["passages"].keys() == {"a", "b", "c", "d"}
    assert marks["2"]["note"] == "x 1 2 3 notes are no keys"
    assert marks["3"]["nonsense"] is True

    done = CliRunner().invoke(
        app, ["audit", "--score", str(path), "--json", str(tmp_path / "s.json")]
    )
    assert done.exit_code == 0, done.output
    assert "3 of 3 queries and 8 of 12 passages" in " ".join(done.output.split())
    shares = json.loads((tmp_path / "s.json").read_text())["people"][0]["shares"]
    for role in ("positive", "negative"):
        letters = [
            next(x for x, p in made.key.queries[n].passages.items() if p.role == role) for n in "12"
        ]
        expected = sum(marks[n]["passages"][x] == 2 for n, x in zip("12", letters, strict=True))
        assert (shares[f"{role}s relevant"]["n"], shares[f"{role}s relevant"]["of"]) == (
            expected,
            2,
        )


def test_marked_by_mouse_taken_back_skipped_and_kept(made: Made, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> dict[str, Any]:
        await browser.open(made.page)
        await browser.click("li:nth-child(2) .mark2")
        await browser.click("li:nth-child(3) .mark1")
        await browser.click("li:nth-child(3) .mark1")  # pressed again: no mark
        await browser.click("li:nth-child(4) .mark0")
        pressed = "document.querySelectorAll('.marks [aria-pressed=\"true\"]').length"
        assert await browser.value(pressed) == 2
        await browser.click("#next")
        await browser.click("#skip")
        await browser.reload()
        assert await browser.text_of("#where") == "Query 2 of 3"
        assert await browser.text_of("#count") == "1 of 3 queries, 2 passages marked"
        assert await browser.value("document.getElementById('storage').hidden")
        await browser.press("1")  # who marks a passage does not skip
        assert_alone(browser, made.page)
        return await saved(browser)

    marks = browse(tmp_path, visit)["marks"]
    assert marks["1"]["passages"] == {"b": 2, "d": 0}
    assert marks["2"] == {"passages": {"a": 2}, "nonsense": False, "skipped": False, "note": ""}


def test_a_saved_file_goes_on_in_another_browser(made: Made, tmp_path: Path) -> None:
    async def begin(browser: Browser) -> Path:
        await browser.open(made.page)
        await browser.press("1", "2", "3", "1")
        await browser.click("#save")
        return await browser.downloaded()

    first = browse(tmp_path / "one", begin)
    foreign, broken = tmp_path / "foreign.json", tmp_path / "broken.json"
    foreign.write_text(first.read_text().replace(made.id, "<b>other</b>"))
    broken.write_text(first.read_text()[:50])

    async def go_on(browser: Browser) -> dict[str, Any]:
        await browser.open(made.page)
        assert await browser.text_of("#count") == "0 of 3 queries, 0 passages marked"
        for path, message in (
            (foreign, "This file belongs to another audit (<b>other</b>), not to this page."),
            (broken, "This file cannot be read: it is damaged, or no file of marks."),
            (first, "Loaded: 4 passages marked."),
            (first, "Loaded: 4 passages marked."),
        ):
            await browser.value("document.getElementById('told').textContent = ''")
            await browser.choose_file("#file", path)
            await wait_for_text(browser, "#told", message)
        assert browser.dialogs == [
            "confirm: Put the marks of the file in the place of the 4 marks here?"
        ]
        assert await browser.text_of("#where") == "Query 2 of 3"  # the first that is open
        await browser.press("3")
        assert_alone(browser, made.page)
        return await saved(browser)

    marks = browse(tmp_path / "two", go_on)["marks"]
    assert marks["1"]["passages"] == {"a": 2, "b": 1, "c": 0, "d": 2}
    assert marks["2"]["passages"] == {"a": 0}


async def wait_for_text(browser: Browser, selector: str, text: str) -> None:
    for _ in range(200):
        if await browser.text_of(selector) == text:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{selector} says {await browser.text_of(selector)!r}")


@pytest.mark.parametrize(
    "fault",
    [
        "get() { throw new DOMException('denied', 'SecurityError'); }",
        "get() { return null; }",
        "get() { return {setItem() { throw new DOMException('full', 'QuotaExceededError'); }}; }",
    ],
)
def test_without_storage_the_page_works_and_says_so(fault: str, made: Made, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> dict[str, Any]:
        source = f"Object.defineProperty(window, 'localStorage', {{ {fault} }})"
        await browser.call("Page.addScriptToEvaluateOnNewDocument", source=source)
        await browser.open(made.page)
        assert await browser.value("!document.getElementById('storage').hidden")
        await browser.press("1", "1")
        data = await saved(browser)
        await browser.press("3")
        await browser.reload()  # asks before what is not saved is lost
        assert browser.dialogs == ["beforeunload: "]
        assert await browser.text_of("#count") == "0 of 3 queries, 0 passages marked"
        assert_alone(browser, made.page)
        return data

    assert browse(tmp_path, visit)["marks"]["1"]["passages"] == {"a": 2, "b": 2}


@pytest.mark.parametrize("kept", ["{", "[]", '{"marks":{"1":{"passages":{"a":9,"z":1}}},"at":77}'])
def test_what_storage_holds_of_others_does_no_harm(kept: str, made: Made, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> None:
        await browser.open(made.page)
        await browser.value(f"localStorage.setItem('fret-audit-{made.id}', {json.dumps(kept)})")
        await browser.reload()
        assert await browser.text_of("#count") == "0 of 3 queries, 0 passages marked"
        await browser.press("1")
        assert await browser.text_of("#count") == "0 of 3 queries, 1 passages marked"
        assert_alone(browser, made.page)

    browse(tmp_path, visit)


def test_hostile_text_stays_text(place: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(place)
    made = Made(place, tmp_path / "page.html", n=100, per_query=26)

    async def visit(browser: Browser) -> tuple[set[str], set[str]]:
        await browser.open(made.page)
        passages, queries = set(), set()
        for number in range(len(made.key.queries)):
            assert (
                await browser.text_of("#where") == f"Query {number + 1} of {len(made.key.queries)}"
            )
            queries.add(await browser.text_of("#text"))
            passages |= set(await browser.value(BODIES))
            isolating = (
                "[...document.querySelectorAll('#task, #text, .title, .body')].every((e) => "
                "['isolate', 'plaintext'].includes(getComputedStyle(e).unicodeBidi))"
            )
            assert await browser.value(isolating)
            inside = "document.querySelectorAll('dd *, .body *, .title *').length"
            assert await browser.value(inside) == 0
            if LONG.strip() not in passages and await browser.value(MORE):
                await browser.click(".more")
                passages |= set(await browser.value(BODIES))
            await browser.press("ArrowRight")
        assert await browser.value("document.title") == "Audit of hostile"
        assert (
            await browser.value("document.querySelectorAll('script, img, svg, a, base').length")
            == 2
        )
        assert_alone(browser, made.page)
        return passages, queries

    passages, queries = browse(tmp_path, visit)
    assert passages >= set(map(show_controls, HOSTILE))
    assert LONG.strip() in passages
    shown = {show_controls(q["text"]) for q in QUERIES}
    assert queries <= shown and len(queries) >= 10


MORE = "document.querySelector('.more') !== null"
BODIES = "[...document.querySelectorAll('.body')].map((e) => e.textContent)"


def test_the_policy_lets_nothing_out(made: Made, tmp_path: Path) -> None:
    """Even code that got into the page could send nothing, load nothing, run nothing inline."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        port = listener.getsockname()[1]

        async def visit(browser: Browser) -> None:
            await browser.open(made.page)
            await browser.value(
                f"fetch('http://127.0.0.1:{port}/').catch(() => 0);"
                f"new Image().src = 'http://127.0.0.1:{port}/i.png';"
                "document.body.insertAdjacentHTML('beforeend',"
                " '<img src=x onerror=\"document.title=1\"><style>p{color:red}</style>');"
                "const s = document.createElement('script');"
                "s.textContent = 'document.title = 2'; document.body.append(s); 0"
            )
            await wait_until(lambda: len(browser.complaints) >= 5)
            assert all("Content Security Policy" in said for said in browser.complaints)
            assert await browser.value("document.title") == "Audit of hostile"

        browse(tmp_path, visit)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_readable_on_laptop_and_phone_by_day_and_night(
    scheme: str, width: int, made: Made, tmp_path: Path
) -> None:
    async def visit(browser: Browser) -> None:
        await browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await browser.call("Emulation.setEmulatedMedia", features=[feature])
        await browser.open(made.page)
        assert await browser.value(LUMINANCE) == []
        await browser.press("1", "2", "3")
        assert await browser.value(LUMINANCE) == []
        assert await browser.value(UNNAMED) == []
        # Nothing sticks out to the side, and every button can be hit with a thumb.
        assert await browser.value("document.documentElement.scrollWidth") <= width
        heights = "[...document.querySelectorAll('button')].map((b) => b.offsetHeight)"
        assert all(height >= 40 for height in await browser.value(heights) if height)
        focused = (
            "document.activeElement.className + document.activeElement.getAttribute('aria-label')"
        )
        assert await browser.value(focused) == "passagePassage D"

    browse(tmp_path, visit)


def test_texts_run_in_their_own_direction(place: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(place)
    made = Made(place, tmp_path / "page.html", n=100, per_query=26)

    async def visit(browser: Browser) -> None:
        await browser.open(made.page)
        directions: dict[str, str] = {}
        for _ in made.key.queries:
            script = (
                "[...document.querySelectorAll('#text, .body')].map((e) => "
                "[e.textContent, getComputedStyle(e).direction])"
            )
            directions |= dict(await browser.value(script))
            await browser.press("ArrowRight")
        assert directions["هل الماء ضروري"] == "rtl" and directions["東京の桜 春 三月"] == "ltr"
        assert all(d == "rtl" for text, d in directions.items() if text.startswith("هل"))

    browse(tmp_path, visit)
