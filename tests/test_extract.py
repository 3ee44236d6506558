"""Main text of HTML: structure, methods, metadata, encodings, quality on real pages."""

import random
import subprocess
import sys

import pytest
from lxml.html import document_fromstring
from trafilatura import bare_extraction, load_html

from articles import FOLDER, read_pages, read_truth, score_texts
from fret.config import PagesSettings
from fret.reasons import Reason
from fret.text.extract import (
    GaveUpError,
    MainText,
    Method,
    Unusable,
    detect_language,
    extract_html,
)
from fret.text.main_text import find_text
from fret.text.structure import drop_title, render_blocks

METHODS = [Method(), Method("resiliparse")]
BOTH = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.extractor)
SENTENCE = (
    "The river rose by two metres in the night before the bridge was closed to all traffic, and "
    "the town had to wait until the water fell again. "
)


def whole(body: str, head: str = "<title>The bridge</title>") -> bytes:
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{body}</body></html>".encode()


def article(inside: str) -> bytes:
    """Return a page with blocks between long paragraphs."""
    return whole(f"<article><h1>The bridge</h1><p>{SENTENCE}{SENTENCE}</p>{inside}</article>")


def lines_of(data: bytes, method: Method = METHODS[0]) -> list[str]:
    found = extract_html(data, method=method)
    assert isinstance(found, MainText), found
    return found.text.split("\n")


def render(body: str) -> list[str]:
    tree = document_fromstring(f"<html><body>{body}</body></html>").find("body")
    return render_blocks(tree).split("\n")


# -- structure

LONG = SENTENCE.strip()


@BOTH
def test_headings_have_their_level_and_the_title_is_not_repeated(method: Method) -> None:
    page = article(f"<h2>After the flood</h2><p>{LONG}</p><h4>Costs</h4><p>{LONG}</p>")
    assert lines_of(page, method)[1:] == ["## After the flood", LONG, "#### Costs", LONG]
    assert lines_of(page, method)[0] == f"{LONG} {LONG}"


@BOTH
def test_items_of_lists_are_one_line_each(method: Method) -> None:
    items = "".join(f"<li>{LONG} Number {i}</li>" for i in range(3))
    # resiliparse takes such a <ul> for a menu.
    for kind in ("ul", "ol") if method.extractor == "trafilatura" else ("ol",):
        lines = lines_of(article(f"<{kind}>{items}</{kind}><p>{LONG}</p>"), method)
        marks = ["- "] * 3 if kind == "ul" else ["1. ", "2. ", "3. "]
        assert lines[1:] == [*(f"{mark}{LONG} Number {i}" for i, mark in enumerate(marks)), LONG]


def test_items_have_the_numbers_that_the_page_shows() -> None:
    lists = (
        f"<ol start=3><li>c {LONG}</li><li value=9>i</li><li>j</li></ol><p>{LONG}</p>"
        f"<ol reversed><li>two</li><li>one</li></ol><p>{LONG}</p>"
        f"<ol start=1999><li>a year</li></ol><ol start=-1><li>below</li><li value=x>none</li></ol>"
        f"<p>{LONG}</p>"
    )
    items = [line for line in lines_of(article(lists))[1:] if line != LONG]
    assert items == [
        f"3. c {LONG}", "9. i", "10. j", "2. two", "1. one", "- a year", "- below", "0. none"
    ]  # fmt: skip


def test_lists_in_lists_are_indented() -> None:
    inner = f"<ol><li>first {LONG}</li><li><p>second</p><p>and on</p></li></ol>"
    page = article(f"<ul><li>one {LONG}{inner}</li><li>two</li></ul><p>{LONG}</p>")
    assert lines_of(page)[1:] == [
        f"- one {LONG}",
        f"  1. first {LONG}",
        "  2. second and on",
        "- two",
        LONG,
    ]


@BOTH
def test_tables_are_a_row_a_line(method: Method) -> None:
    table = (
        "<table><thead><tr><th>Year</th><th>Metres</th></tr></thead>"
        f"<tr><td>1997</td><td>2.1</td></tr><tr><td>2002</td><td>{LONG}</td></tr></table>"
    )
    assert lines_of(article(f"{table}<p>{LONG}</p>"), method)[1:] == [
        "| Year | Metres |",
        "| 1997 | 2.1 |",
        f"| 2002 | {LONG} |",
        LONG,
    ]


def test_a_cell_is_one_line_whatever_is_in_it() -> None:
    assert render(
        "<table><row><cell>a|b<lb></lb>c</cell><cell><p>d</p><p>e</p></cell>"
        "<cell><list><item>f</item><item>g</item></list></cell><cell></cell></row>"
        "<row><cell> </cell></row></table>after"
    ) == ["| a\\|b c | d e | f g |  |", "after"]


@BOTH
def test_code_keeps_its_lines_and_indents(method: Method) -> None:
    code = "def rise(metres):\n    if metres &gt; 2:\n        return True\n\n    return False\n"
    lines = lines_of(article(f"<pre><code>{code}</code></pre><p>{LONG}</p>"), method)
    assert lines[1:] == [
        "```",
        "def rise(metres):",
        "    if metres > 2:",
        "        return True",
        "",
        "    return False",
        "```",
        LONG,
    ]


def test_code_within_a_sentence_stays_in_it() -> None:
    page = article(
        f"<p>Call <code>rise(3)</code> and <b>then</b> <a href='/x'>wait</a>. {LONG}</p>"
    )
    assert lines_of(page)[1:] == [f"Call rise(3) and then wait. {LONG}"]


def test_preformatted_prose_keeps_its_lines_without_a_fence() -> None:
    poem = "The river rose\nand took the bridge\n\nand all was still"
    assert lines_of(article(f"<pre>{poem}</pre><p>{LONG}</p>"))[1:] == [
        "The river rose",
        "and took the bridge",
        "and all was still",
        LONG,
    ]


def test_a_fence_within_code_ends_no_code() -> None:
    assert render("<code>a\n```\nb\n</code>c") == ["```", "a", "\\```", "b", "```", "c"]


def test_a_break_is_a_new_line_and_a_line_of_the_source_is_not() -> None:
    page = article(f"<p>{LONG}<br>Second\nline, <b>still</b>\n the same.</p>")
    assert lines_of(page)[1:] == [LONG, "Second line, still the same."]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# 1 in the charts", "\\# 1 in the charts"),
        ("#1 in the charts", "#1 in the charts"),
        ("| a | b |", "\\| a | b |"),
        ("```", "\\```"),
        ("- by hand", "- by hand"),
        ("1. by hand", "1. by hand"),
        ("a # b", "a # b"),
    ],
)
def test_a_paragraph_never_becomes_structure(text: str, line: str) -> None:
    assert render(f"<p>{text}</p>") == [line]
    assert render(f"<head_></head_><list><item>{text}</item></list>") == [f"- {text}"]


def test_what_nobody_sees_is_left_out_and_joiners_stay() -> None:
    assert render("<p>Not\u00adfall\ufeff ab\u200bc می\u200cخواهم</p>") == [
        "Notfall abc می\u200cخواهم"
    ]


def test_headings_one_in_another_and_tails_lose_nothing() -> None:
    assert render(
        "a<list>b<item>c<list><item>d</item></list>e</item></list>f<quote>g<p>h</p>i</quote>j"
    ) == ["a", "b", "- c", "  - d", "e", "f", "g", "h", "i", "j"]


def test_the_title_goes_once_wherever_it_is_a_heading() -> None:
    assert drop_title("# The bridge\nText\n# The bridge", "the bridge") == "Text\n# The bridge"
    assert drop_title("By A. Writer\n# The bridge\nText", "The bridge") == "By A. Writer\nText"
    assert drop_title("# The bridge: closed\nText", "The bridge, closed") == "Text"
    assert drop_title("Text\nThe bridge", "The bridge") == "Text\nThe bridge"
    assert drop_title("Text", "") == "Text"


# -- methods


def test_resiliparse_is_loaded_only_when_it_is_asked_for() -> None:
    code = (
        "import sys; from fret.text.extract import extract_html, prepare; prepare();"
        "print([name for name in sys.modules if name.startswith('resiliparse')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_a_focus_that_means_nothing_is_refused_with_the_reason() -> None:
    source = {"kind": "html", "path": "pages"}
    PagesSettings.model_validate({"source": source, "extractor": "resiliparse"})
    with pytest.raises(ValueError, match="focus: recall is for the extractor trafilatura"):
        PagesSettings.model_validate(
            {"source": source, "extractor": "resiliparse", "focus": "recall"}
        )


def test_precision_leaves_out_more_than_recall() -> None:
    teaser = f"<div class='teaser'><p>{LONG} Read on in the paper of tomorrow.</p></div>"
    page = article(f"{teaser}<p>{LONG}</p>")
    texts = {
        focus: "\n".join(lines_of(page, Method(focus=focus)))  # type: ignore[arg-type]
        for focus in ("balanced", "precision", "recall")
    }
    assert "tomorrow" in texts["recall"] and "tomorrow" not in texts["precision"]


# -- metadata


@BOTH
def test_both_methods_read_the_same_metadata(method: Method) -> None:
    head = (
        '<title>Bridge closed | The Valley News</title><meta property="og:title" content="Closed">'
        '<script type="application/ld+json">{"@context": "https://schema.org",'
        '"@type": "NewsArticle", "datePublished": "2023-04-05",'
        '"publisher": {"name": "Valley &amp; Hill"}}</script>'
        '<link rel="canonical" href="https://news.example/bridge">'
    )
    licence = '<a rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">CC</a>'
    page = whole(f"<article><p>{LONG * 4}</p></article><footer>{licence}</footer>", head)
    found = extract_html(page, method=method)
    assert isinstance(found, MainText)
    assert (found.title, found.url, found.date, found.site, found.licence) == (
        "Closed",
        "https://news.example/bridge",
        "2023-04-05",
        "Valley & Hill",
        "CC BY-SA 4.0",
    )


@pytest.mark.parametrize(
    ("head", "site"),
    [
        ("", "www.news.example"),
        ('<meta property="og:site_name" content="@valleynews">', "Valleynews"),
        ('<meta property="og:site_name" content="https://www.valley.example">', "valley.example"),
        ('<script type="application/ld+json">[[{"publisher": 7}, null]]</script>', "news.example"),
    ],
)
def test_a_site_is_a_name_or_a_host(head: str, site: str) -> None:
    page = whole(f"<article><p>{LONG * 4}</p></article>", head)
    found = extract_html(page, url="https://www.news.example/a")
    assert isinstance(found, MainText)
    assert found.site.removeprefix("www.") == site.removeprefix("www.")


def test_metadata_of_megabytes_are_cut() -> None:
    for tag in ("<title>{}</title>", '<meta property="og:site_name" content="{}">'):
        found = extract_html(
            whole(f"<article><p>{LONG * 4}</p></article>", tag.format("t " * 10**6))
        )
        assert isinstance(found, MainText)
        assert len(found.title) <= 1000 and len(found.site) <= 1000


TEXTS = {
    "de": "Über die Brücke fährt die Straßenbahn nach Köln, schöne Häuser säumen den Weg.",
    "pl": "Książka leży na stole, obok stoi świeca. Wśród wysokich gór płynie rzeka, nad nią młyn",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy, řeka teče kolem starého mlýna a zahrady.",
    "ru": "Библиотека у вокзала открывается каждое утро в девять часов. Нужна карточка.",
    "ja": "駅前の図書館は毎朝九時に開きます。本を借りるにはカードが必要です。",
    "zh": "图书馆每天早上九点开门，借书需要带上借书证。星期一闭馆，请注意时间安排。",
    "tw": "圖書館每天早上九點開門，借書需要帶上借書證。星期一閉館，請注意時間安排。",
    "ko": "도서관은 매일 아침 아홉 시에 문을 엽니다. 책을 빌리려면 카드가 필요합니다.",
    "el": "Η βιβλιοθήκη ανοίγει κάθε πρωί στις εννέα. Χρειάζεται κάρτα.",
    "th": "ห้องสมุดเปิดทุกวันเวลาเก้าโมงเช้า การยืมหนังสือต้องใช้บัตรห้องสมุด และปิดในวันจันทร์",
    "ar": "تفتح المكتبة كل صباح في الساعة التاسعة. لاستعارة كتاب تحتاج إلى بطاقة.",
}


@pytest.mark.parametrize("language", ["zh", "ja", "th", "ko", "ar", "ru", "el", "de", "pl", "cs"])
def test_the_language_of_short_texts_is_told_in_every_script(language: str) -> None:
    assert detect_language(TEXTS[language] * 2) == language


# -- encodings

ENCODINGS = [
    ("de", "windows-1252"), ("pl", "iso-8859-2"), ("pl", "windows-1250"), ("cs", "iso-8859-2"),
    ("cs", "windows-1250"), ("ru", "windows-1251"), ("ru", "koi8-r"), ("ru", "iso-8859-5"),
    ("ja", "shift_jis"), ("ja", "euc-jp"), ("ja", "iso-2022-jp"), ("zh", "gbk"),
    ("zh", "gb18030"), ("tw", "big5"), ("ko", "euc-kr"), ("el", "iso-8859-7"),
    ("de", "utf-16-le"), ("ru", "utf-16-be"), ("ja", "utf-16-le"), ("ja", "utf-16-be"),
]  # fmt: skip
# Nothing tells them from true windows-1252: few letters differ, and every byte means something.
HOPELESS = {("pl", "iso-8859-2"), ("pl", "windows-1250"), ("cs", "iso-8859-2")}


DECLARED = ["header", "meta", "nowhere", "utf-8", "iso-8859-1", "utf-7"]


@pytest.mark.parametrize(
    ("language", "encoding", "declared"),
    [
        (*each, declared)
        for each in ENCODINGS
        for declared in DECLARED
        if declared != "iso-8859-1" or each not in HOPELESS
    ],
)
def test_a_page_says_the_same_in_every_encoding(
    language: str, encoding: str, declared: str
) -> None:
    says = {"header": "", "meta": encoding, "nowhere": ""}.get(declared, declared)
    head = "<title>Seite</title>" + (f'<meta charset="{says}">' if says else "")
    text = TEXTS[language] * 4
    page = f"<html><head>{head}</head><body><article><p>{text}</p></article></body></html>"
    found = extract_html(page.encode(encoding), charset=encoding if declared == "header" else "")
    assert isinstance(found, MainText)
    assert found.text == text


# -- what is given up


def test_a_page_that_is_too_deep_is_not_called_empty() -> None:
    for depth in (300, 100_000):
        with pytest.raises(GaveUpError, match="too deep"):
            extract_html(whole("<div>" * depth + f"<p>{LONG * 3}</p>"))


@pytest.mark.parametrize(
    "body",
    [
        f"<!-- {LONG * 9} -->",
        f"<!-- {LONG * 9}",
        f"<script>{LONG * 9}</script>",
        f"<style>{LONG * 9}",
        f"<div title='{LONG * 9}'></div>",
    ],
)
def test_what_nobody_sees_is_no_text(body: str) -> None:
    found = extract_html(whole(body))
    assert not isinstance(found, MainText) and found.reason == "no_main_text"


def test_a_fragment_is_a_page() -> None:
    assert lines_of(f"<p>{LONG}</p>".encode()) == [LONG]
    assert lines_of(f"<title>A</title>\n<p>{LONG}</p><p>{LONG} Ends.</p>".encode()) == [
        LONG,
        f"{LONG} Ends.",
    ]


# -- quality

MEASURED = pytest.mark.skipif(not FOLDER.exists(), reason="needs ../shared/data/pages_en")


@MEASURED
@pytest.mark.parametrize(("method", "floor"), [(METHODS[0], 0.965), (METHODS[1], 0.93)])
def test_real_articles_are_found(method: Method, floor: float) -> None:
    """tests/benchmarks/extraction.py has 0.970 and 0.940 for all 181; these are every third."""
    truth = dict(list(read_truth().items())[::3])
    texts = {}
    for name, data in read_pages(truth):
        found = extract_html(data, method=method)
        texts[name] = found.text if isinstance(found, MainText) else ""
        if texts[name]:
            assert isinstance(found, MainText)
            assert found.language and found.title and len(found.site) < 100
            assert texts[name].count("```") % 2 == 0
    assert score_texts(texts, truth).f1 > floor


@MEASURED
def test_where_precision_loses_the_article_the_default_finds_it() -> None:
    name = next(name for name in read_truth() if name.startswith("f8ff621a"))
    ((_, data),) = read_pages([name])
    precise = "\n".join(lines_of(data, Method(focus="precision")))
    assert len("\n".join(lines_of(data))) > 10 * len(precise)


@MEASURED
def test_text_of_real_pages_is_neither_lost_nor_doubled() -> None:
    """Its letters and digits are those of the text that trafilatura makes, in the same order."""
    for _, data in list(read_pages(read_truth()))[::10]:
        tree = load_html(data)
        page = bare_extraction(tree, include_comments=False, favor_precision=True)
        ours = find_text(tree, "", "precision")
        assert [c for c in ours if c.isalnum()] == [c for c in page.text if c.isalnum()]


@pytest.mark.parametrize("reference", ["&#x1b;", "&#1;", "&#8;", "&#xFFFE;", "&#xD800;", "&#0;"])
def test_a_reference_to_no_character_costs_that_alone(reference: str) -> None:
    page = article(f"<p>{LONG} The {reference}end.</p><p>{LONG} &#233;t&#xe9;</p>")
    assert lines_of(page)[1:] == [f"{LONG} The end.", f"{LONG} été"]


def test_bytes_that_are_no_text_are_no_html() -> None:
    noise = random.Random(7).randbytes(50_000)
    assert b"<" in noise
    found = extract_html(noise)
    assert isinstance(found, Unusable) and found.reason == Reason.NOT_HTML


def test_an_empty_page_is_told_as_such() -> None:
    assert extract_html(b" \n") == Unusable(Reason.NO_MAIN_TEXT, "the file is empty")
