"""The report as a person meets it, in a real browser."""

import json
from pathlib import Path
from typing import Any

import pytest

from browser import CHROMIUM, Browser, browse, wait_until
from fret.pipeline import Pipeline
from fret.records import Example
from fret.single_page import show_controls
from page_checks import LUMINANCE, UNNAMED
from report_runs import HOSTILE, WORD, run_hostile, run_single

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)

BODIES = "[...document.querySelectorAll('.body')].map((e) => e.textContent)"
LISTED = "[...document.querySelectorAll('#list .q')].map((e) => e.textContent)"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return run_hostile(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(pipeline: Pipeline) -> Path:
    return pipeline.report()


def assert_alone(browser: Browser, page: Path) -> None:
    """Nothing but the page itself was fetched, and nothing went wrong."""
    assert {r.partition("#")[0] for r in browser.requests} == {page.as_uri()}
    assert browser.complaints == []


async def set_view(browser: Browser, width: int, scheme: str) -> None:
    await browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=844,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    await browser.call("Emulation.setEmulatedMedia", features=[feature])


async def count_of(browser: Browser, text: str) -> None:
    """Wait until the count says this: the search waits for a pause in typing."""
    for _ in range(100):
        if await browser.text_of("#count") == text:
            return
        await browser.value("new Promise((done) => setTimeout(done, 30))")
    raise AssertionError(await browser.text_of("#count"))


def test_hostile_text_stays_text(pipeline: Pipeline, page: Path, tmp_path: Path) -> None:
    rows = list(pipeline.rows(Example))

    async def visit(browser: Browser) -> set[str]:
        await browser.open(page)
        elements = "document.querySelectorAll('*').length"
        seen: set[str] = set()
        for number in range(len(rows)):
            head = await browser.text_of("#example h3")
            assert head == f"Example {number + 1} of {len(rows)}"
            while await browser.value("!!document.querySelector('.passage button')"):
                await browser.click(".passage button")
            seen |= set(await browser.value(BODIES))
            seen.add(await browser.text_of(".query"))
            inside = "[...document.querySelectorAll('.body *')].every((e) => e.tagName === 'MARK')"
            assert await browser.value(inside) and await browser.value(elements) < 3_000
            await browser.press("j")
        assert await browser.value("document.title") == "Report on hostile"
        assert await browser.value("document.querySelectorAll('script').length") == 2
        assert await browser.value("document.querySelectorAll('img, base, iframe').length") == 0
        assert_alone(browser, page)
        return seen

    seen = browse(tmp_path, visit)
    used = {text for row in rows for text in (row.positive, *row.negatives, row.query)}
    assert seen >= {show_controls(text) for text in used if len(text) < 5_000}
    assert len(used & set(HOSTILE)) >= 5  # the run's own filters leave them in
    assert any(WORD[:1_000] in text for text in seen)


def test_search_finds_words_in_any_form(page: Path, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> None:
        await browser.open(page)
        total = (await browser.text_of("#count")).split()[2]
        await browser.press("/")
        assert await browser.value("document.activeElement.id") == "search"
        await browser.type("SHIPS part")
        listed = []
        await wait_for(browser, f"{LISTED}.length < {total}")
        listed = await browser.value(LISTED)
        assert any(text.startswith("ships of part") for text in listed)
        await browser.value("document.getElementById('search').value = ''")
        await browser.type("nothing has this word")
        await count_of(browser, f"0 of {total} examples")
        assert "Nothing fits" in await browser.text_of("#list")
        assert await browser.text_of("#example") == ""
        await browser.click("button[type=reset]")
        await count_of(browser, f"{total} of {total} examples")
        await browser.click("#search")
        await browser.type("東京")
        await wait_for(browser, f"{LISTED}.includes('東京の桜 春 三月')")
        await browser.press("Escape")
        assert await browser.value("document.activeElement.id") != "search"
        assert_alone(browser, page)

    browse(tmp_path, visit)


async def wait_for(browser: Browser, condition: str) -> None:
    for _ in range(100):
        if await browser.value(condition):
            return
        await browser.value("new Promise((done) => setTimeout(done, 30))")
    raise AssertionError(condition)


def test_filters_show_what_they_name(pipeline: Pipeline, page: Path, tmp_path: Path) -> None:
    rows = list(pipeline.rows(Example))

    async def choose(browser: Browser, select: str, value: str) -> None:
        await browser.value(
            f"(() => {{ const s = document.getElementById('{select}');"
            f"s.value = {json.dumps(value)}; s.dispatchEvent(new Event('change')); }})()"
        )

    async def visit(browser: Browser) -> None:
        await browser.open(page)
        for kind in {row.task_type for row in rows}:
            await choose(browser, "type", show_controls(kind))
            n = sum(row.task_type == kind for row in rows)
            await count_of(browser, f"{n} of {len(rows)} examples")
            assert len(await browser.value(LISTED)) == n
        await choose(browser, "type", "")
        for language in {row.language for row in rows}:
            await choose(browser, "language", language)
            n = sum(row.language == language for row in rows if language) or len(rows)
            await count_of(browser, f"{n} of {len(rows)} examples")
        await choose(browser, "language", "")
        for reason in {r for row in rows for r in row.refused_reasons}:
            await choose(browser, "negative", f"refused {reason}")
            n = sum(reason in row.refused_reasons for row in rows)
            await count_of(browser, f"{n} of {len(rows)} examples")
        # What cannot part the examples is not offered.
        assert await browser.value("document.getElementById('split').closest('label').hidden")
        assert_alone(browser, page)

    browse(tmp_path, visit)


def test_keys_move_and_an_address_leads_back(page: Path, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> tuple[str, str]:
        await browser.open(page)
        first = await browser.text_of(".query")
        await browser.press("j", "j", "k")
        second = await browser.text_of(".query")
        current = "document.querySelector('[aria-current=\"true\"] .q').textContent"
        assert second == await browser.value(current) != first
        await browser.click('[aria-current="true"]')
        await browser.press("ArrowDown")
        assert await browser.value("document.activeElement.getAttribute('aria-current')") == "true"
        await browser.press("ArrowUp")
        assert await browser.text_of(".query") == second
        assert (
            await browser.value("document.querySelectorAll('#list [tabindex=\"0\"]').length") == 1
        )
        await browser.reload()
        assert await browser.text_of(".query") == second
        await browser.click("#example .steps button:last-child")
        assert await browser.text_of(".query") != second
        assert_alone(browser, page)
        return first, second

    first, second = browse(tmp_path, visit)
    assert first != second


OVERFLOWS = """[...document.querySelectorAll('main *, header *, nav, footer')].filter((e) => {
  const box = e.getBoundingClientRect();
  return box.width && !e.closest('.scroll, .ways, svg, .unseen, .list .m') &&
    (box.right > innerWidth + 1 || box.left < -1);
}).map((e) => e.tagName + '.' + e.className)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_readable_on_laptop_and_phone_by_day_and_night(
    scheme: str, width: int, page: Path, tmp_path: Path
) -> None:
    async def visit(browser: Browser) -> None:
        await set_view(browser, width, scheme)
        await browser.open(page)
        assert await browser.value(LUMINANCE) == []
        assert await browser.value(UNNAMED) == []
        await browser.value("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        for _ in range(20):
            assert await browser.value(OVERFLOWS) == []
            assert await browser.value("document.documentElement.scrollWidth") <= width
            await browser.press("j")
        assert await browser.value(LUMINANCE) == []
        heights = (
            "[...document.querySelectorAll('button, select, input')].map((b) => b.offsetHeight)"
        )
        assert all(height >= 38 for height in await browser.value(heights) if height)
        letters = "[...document.querySelectorAll('svg text')].map((t) => getComputedStyle(t).fill)"
        background = await browser.value("getComputedStyle(document.body).backgroundColor")
        assert background not in await browser.value(letters)

    browse(tmp_path, visit)


def test_colours_of_charts_follow_the_scheme(page: Path, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> list[Any]:
        found = []
        for scheme in ("light", "dark"):
            await set_view(browser, 1280, scheme)
            await browser.open(page)
            script = "getComputedStyle(document.querySelector('svg .fill-main')).fill"
            found.append(await browser.value(script))
        unpainted = (
            "[...document.querySelectorAll('svg [class]')].filter((e) => "
            "e.getAttribute('class').startsWith('fill-') "
            "&& getComputedStyle(e).fill === 'rgb(0, 0, 0)').length"
        )
        assert await browser.value(unpainted) == 0
        return found

    light, dark = browse(tmp_path, visit)
    assert light == "rgb(11, 92, 173)" and dark != light


def test_what_is_printed_is_the_charts_and_the_example(page: Path, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> None:
        await set_view(browser, 1280, "dark")
        await browser.open(page)
        await browser.call("Emulation.setEmulatedMedia", media="print")
        shown = "(s) => document.querySelector(s).checkVisibility()"
        for selector, is_shown in (
            ("svg", True),
            ("#example .query", True),
            ("#filters", False),
            ("#list", False),
            (".ways", False),
        ):
            assert await browser.value(f"({shown})('{selector}')") is is_shown, selector
        white = await browser.value("getComputedStyle(document.body).backgroundColor")
        assert white == "rgb(255, 255, 255)"

    browse(tmp_path, visit)


def test_one_example_can_be_read(tmp_path: Path) -> None:
    page = run_single(tmp_path).report()

    async def visit(browser: Browser) -> None:
        await browser.open(page)
        assert await browser.text_of("#count") == "1 of 1 examples"
        assert await browser.value("document.querySelectorAll('.passage mark').length") > 0
        disabled = "[...document.querySelectorAll('.steps button')].every((b) => b.disabled)"
        assert await browser.value(disabled)
        await wait_until(lambda: not browser.complaints)
        assert_alone(browser, page)

    browse(tmp_path / "browser", visit)


def test_without_scripts_the_charts_are_there(page: Path, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> None:
        await browser.call("Emulation.setScriptExecutionDisabled", value=True)
        await browser.open(page)
        root = (await browser.call("DOM.getDocument"))["root"]["nodeId"]

        async def text_at(selector: str) -> str:
            node = await browser.call("DOM.querySelector", nodeId=root, selector=selector)
            return str((await browser.call("DOM.getOuterHTML", nodeId=node["nodeId"]))["outerHTML"])

        assert "<svg" in await text_at("figure") and "needs JavaScript" in await text_at("noscript")
        assert "hidden" in await text_at("#reader")
        assert_alone(browser, page)

    browse(tmp_path, visit)
