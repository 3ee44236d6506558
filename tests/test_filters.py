"""What is left out before pages are split: personal data, unfit pages, repeated lines, domains."""

import json
from pathlib import Path
from typing import Any

import pytest

import fret
from fret.config import C4Rules, FineWebRules, GopherRules
from fret.errors import ConfigError, SourceError
from fret.reasons import Reason
from fret.records import Dropped, Page, Passage
from fret.text.filters import (
    BlockedDomains,
    Fault,
    PageRules,
    Refined,
    SiteLines,
    read_domains,
    refine_page,
)
from fret.text.filters.lines import ends_sentence, list_lines, marks_sentences
from fret.text.personal_data import EMAILS, IPS_4, IPS_6, replace_personal_data
from test_cli import call

SHARED = Path(__file__).parents[2] / "shared" / "data"
PROSE = (
    "The lighthouse keeper wrote that the storm had come in the night. "
    "He climbed to the lamp with a can of oil and trimmed the wick before the ships passed.\n"
    "In the morning the harbour was full of broken masts, and the pilots counted the boats. "
    "Nobody had been lost, which the priest called a wonder.\n"
    "They mended the sea wall that summer with stone from the old quarry."
)


def replaced(text: str) -> str:
    (found,) = replace_personal_data([text]).texts
    return found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to Jane.Doe+news@Mail.Example-Corp.COM today", f"Write to {EMAILS[0]} today"),
        ("a@x.org, b@x.org, A@X.ORG.", f"{EMAILS[0]}, {EMAILS[1]}, {EMAILS[0]}."),
        ("jürgen.müller@straße-köln.de", EMAILS[0]),
        ("post@bücher.рф (post)", f"{EMAILS[0]} (post)"),
        ("o'brien@x.ie and 'quoted@x.ie'", f"{EMAILS[0]} and '{EMAILS[1]}'"),
        ("邮箱me@x.org或电话", f"邮箱{EMAILS[0]}或电话"),
        ("Office ......me@x.org", f"Office ......{EMAILS[0]}"),
        ("me@x.org/you@x.org", f"{EMAILS[0]}/{EMAILS[1]}"),
        ("@handle, 5 @ 3, a@b, x@y.1", "@handle, 5 @ 3, a@b, x@y.1"),
        ("you@example.com, a@shop.example", "you@example.com, a@shop.example"),
        ("from 93.184.216.34:80", f"from {IPS_4[0]}:80"),
        ("http://93.184.216.34/x", f"http://{IPS_4[0]}/x"),
        ("10.0.0.1 192.168.1.17 300.1.10.1", "10.0.0.1 192.168.1.17 300.1.10.1"),
        ("1.2.3.4 and 5.12.3.4.5 and v12.4.17.36", "1.2.3.4 and 5.12.3.4.5 and v12.4.17.36"),
        ("version 12.4.17.36, Firmware: 62.4.17.36", "version 12.4.17.36, Firmware: 62.4.17.36"),
        ("host 2a00:1450:4001:81b::200e up", f"host {IPS_6[0]} up"),
        ("2001:db8::7 fe80::1 std::ab 12:30:45", "2001:db8::7 fe80::1 std::ab 12:30:45"),
    ],
)  # fmt: skip
def test_addresses_of_people_are_replaced_and_what_only_looks_so_stays(
    text: str, left: str
) -> None:
    assert replaced(text) == left
    assert replaced(left) == left, "what was replaced stays"


def test_replacements_are_counted_and_agree_between_title_and_text() -> None:
    found = replace_personal_data(["To b@x.org", "a@x.org b@x.org 93.184.216.34"])
    assert found.texts == (f"To {EMAILS[0]}", f"{EMAILS[1]} {EMAILS[0]} {IPS_4[0]}")
    assert (found.n_emails, found.n_ips) == (3, 1)


@pytest.mark.parametrize(
    "piece", ["a@", ".", "a.", "1.", "a", "a'", "a@a.", "2001:", ":", "+", " .a", "é", "a-", "@."]
)
@pytest.mark.timeout(60)
def test_five_megabytes_of_near_addresses_take_linear_time(piece: str) -> None:
    """It takes a second; quadratic time would take hours, and the limit ends that."""
    text = piece * (5_000_000 // len(piece)) + "@"
    assert replace_personal_data([text]).n_emails == 0


def refine(text: str, language: str = "en", **families: Any) -> Refined | Fault:
    rules = {name: value.model_dump() for name, value in families.items()}
    page_rules = PageRules(replace_personal_data=False, min_words=1, max_words=None, **rules)
    return refine_page("Title", text, language, page_rules)


def fault_of(text: str, language: str = "en", **families: Any) -> str:
    found = refine(text, language, **families)
    return found.detail if isinstance(found, Fault) else ""


def test_prose_passes_every_family() -> None:
    found = refine(PROSE, gopher=GopherRules(), c4=C4Rules(), fineweb=FineWebRules())
    assert found == Refined("Title", PROSE)


WORDS = "the lamp and that night with ships of oil to be seen have come " * 5
RARE = "lamp ships night storm harbour masts boats wall summer stone "
LINES = PROSE.split("\n")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("The lamp and the sea.", "5 words, fewer than 50"),
        ("we do so as it is to be of no use " * 6, "characters to a word, fewer than 3"),
        ("unverhältnismäßigkeitsgrundsätze " * 60, "32.00 characters to a word, more than 10"),
        (f"{WORDS} {'# ' * 12}", "hash signs per word, more than 0.10"),
        (f"{WORDS} {'... ' * 12}", "ellipses per word, more than 0.10"),
        (f"- {PROSE}".replace("\n", "\n- "), "of the lines begin with a bullet, more than 0.90"),
        ("\n".join(f"{line} …" for line in LINES), "1.00 of the lines end with an ellipsis"),
        (f"{PROSE} {'123 456 ' * 20}", "of the words hold a letter, less than 0.80"),
        (RARE * 6, "0 different stop words, fewer than 2"),
        (f"{PROSE}\n" * 3, "0.67 of the lines repeat an earlier one, more than 0.30"),
        (f"{PROSE}\n{LINES[0]}", "are in lines that repeat an earlier one, more than 0.20"),
        (f"{PROSE} {'best price ' * 12}", "are in one run of 2 words, more than 0.20"),
        (f"{PROSE} {LINES[0]}", "are in repeated runs of 5 words, more than 0.15"),
    ],
)  # fmt: skip
def test_each_rule_of_gopher_drops_and_says_the_value_and_the_threshold(
    text: str, detail: str
) -> None:
    assert detail in fault_of(text, gopher=GopherRules())


def test_a_rule_that_is_null_is_off() -> None:
    text = "\n".join(f"{line} …" for line in LINES)
    assert fault_of(text, gopher=GopherRules())
    assert not fault_of(text, gopher=GopherRules(max_ellipsis_lines=None))
    short = "The lamp and the sea."
    assert not fault_of(short, gopher=GopherRules(min_words=None))


def test_gopher_knows_stop_words_of_other_languages_and_none_of_unknown_ones() -> None:
    german = (
        "Der Wärter schrieb, dass der Sturm in der Nacht gekommen war und die Boote zerschlug. "
        "Er stieg mit einer Kanne Öl zur Lampe hinauf und schnitt den Docht, bevor Schiffe kamen. "
        "Am Morgen lag der Hafen voll zerbrochener Masten, aber niemand war verloren gegangen. "
        "Sie besserten im Sommer die Mauer mit Steinen aus dem alten Bruch wieder aus."
    )
    assert not fault_of(german, "de", gopher=GopherRules())
    assert "stop words" in fault_of(german, "en", gopher=GopherRules())
    assert not fault_of(german, "", gopher=GopherRules())


def test_light_markdown_is_read_as_structure() -> None:
    kinds = [line.kind for line in list_lines("# Title\n- item\n1. first\n| a | b |\nText.\n\n")]
    assert kinds == ["heading", "item", "item", "row", "text"]
    table = "\n".join(f"| part {n} | {n * 7} mm | steel |" for n in range(30))
    page = f"# The lamp\n\n{PROSE}\n\n## Parts\n\n{table}"
    assert not fault_of(page, fineweb=FineWebRules())
    headings = "\n\n".join(f"### Step {n}\n\n{line}" for n, line in enumerate(LINES))
    assert not fault_of(headings, gopher=GopherRules(), fineweb=FineWebRules())
    cleaned = refine(f"# Lamps\n\n- oil\n\n{PROSE}", c4=C4Rules(terminal_punctuation=True))
    assert isinstance(cleaned, Refined)
    assert cleaned.text.startswith("# Lamps\n\n- oil") and cleaned.n_lines == 0


def test_c4_removes_lines_and_drops_pages() -> None:
    page = f"Menu\nPlease enable JavaScript to go on.\nRead our Privacy Policy here.\n{PROSE}"
    found = refine(page, c4=C4Rules())
    assert isinstance(found, Refined) and (found.text, found.n_lines) == (PROSE, 3)
    unended = f"{PROSE}\nA line that ends without a stop"
    assert refine(unended, c4=C4Rules()) == Refined("Title", unended)
    strict = refine(unended, c4=C4Rules(terminal_punctuation=True))
    assert isinstance(strict, Refined) and strict.text == PROSE
    assert "curly bracket" in fault_of(f"{PROSE}\nfunction f() {{ }}", c4=C4Rules())
    assert "lorem ipsum" in fault_of(f"{PROSE}\nLorem ipsum dolor sit.", c4=C4Rules())
    assert fault_of(LINES[0], c4=C4Rules()) == "2 sentences, fewer than 5"
    assert "word" not in fault_of(f"{PROSE}\n{'x' * 1001} and more text.", c4=C4Rules())


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("\n".join(f"a line that goes on and on number {n} with more words" for n in range(9)),
         "0.00 of the lines end as a sentence does, not over 0.12"),
        ("\n".join(f"A line, {n}." for n in range(9)), "1.00 of the lines have 30 characters"),
        (f"{PROSE}\n{LINES[0]}", "of the characters are in lines that repeat an earlier one"),
        ("\n".join(f"{'x' * 30}{n}." for n in range(9)),
         "line ends per word, more than 0.30"),
    ],
)  # fmt: skip
def test_each_rule_of_fineweb_drops_and_says_the_value_and_the_threshold(
    text: str, detail: str
) -> None:
    assert detail in fault_of(text, fineweb=FineWebRules())


def test_sentences_end_in_all_scripts() -> None:
    ends = ["Ende.", "What?", "«Да!»", "終わり。", "انتهى؟", "समाप्त।", "ပြီးပြီ။", 'He said "no"']
    assert all(map(ends_sentence, ends))
    assert not any(map(ends_sentence, ["More…", "More...", "Menu", "", "a, b"]))
    assert not marks_sentences("ภาษาไทยไม่มีจุด") and marks_sentences("Text, ภาษา only")


@pytest.mark.parametrize("language", ["de", "ru", "ar", "th", "zh"])
def test_real_paragraphs_of_other_languages_mostly_pass(language: str) -> None:
    path = SHARED / "retrieval" / "xquad" / language / "corpus.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    gopher = [fault_of(text, language, gopher=GopherRules()) for text in texts]
    fineweb = [fault_of(text, language, fineweb=FineWebRules()) for text in texts]
    # They are paragraphs, some of them short or cut before their stop.
    assert sum(map(bool, gopher)) <= 12 and sum(map(bool, fineweb)) <= 18


def test_length_is_measured_after_lines_went() -> None:
    rules = PageRules(replace_personal_data=False, min_words=10, max_words=30)
    short = refine_page("", "Five words and no more", "en", rules)
    assert short == Fault(Reason.TOO_SHORT, "the page has 5 words, under 10")
    long = refine_page("", PROSE, "en", rules)
    assert isinstance(long, Fault) and long.reason is Reason.TOO_LONG
    cleaned = PageRules(False, 10, None, c4=C4Rules(min_sentences=0).model_dump())
    found = refine_page("", "Read our privacy policy, please do read all of it now.", "en", cleaned)
    assert isinstance(found, Fault) and found.reason is Reason.TOO_SHORT


def count_site(pages: dict[str, str], **options: Any) -> SiteLines:
    lines = SiteLines(**{"share": 0.3, "min_pages": 3, **options})
    for url, text in pages.items():
        lines.add(url, text)
    lines.finish()
    return lines


def test_lines_that_many_pages_of_a_site_share_are_removed() -> None:
    pages = {f"https://a.example/{n}": f"MENU\n\nText {n}\nmenu\n Foot  note" for n in range(8)}
    pages |= {f"https://a.example/plain/{n}": f"Other {n}" for n in range(2)}
    pages["https://b.example/"] = "Menu\nText 1"
    lines = count_site(pages)
    assert lines.remove("https://www.a.example/0", pages["https://a.example/0"]) == ("Text 0", 3)
    assert lines.remove("https://b.example/", "Menu\nText 1") == ("Menu\nText 1", 0)
    assert lines.remove("https://a.example/x", "Menu") == ("", 1)


@pytest.mark.parametrize(("n", "goes"), [(3, False), (4, True)])
def test_more_than_the_share_and_no_fewer_than_the_least_pages(n: int, goes: bool) -> None:
    pages = {f"https://a.example/{k}": "Menu" if k < n else f"Text {k}" for k in range(10)}
    assert count_site(pages).remove("https://a.example/0", "Menu") == (
        ("", 1) if goes else ("Menu", 0)
    )
    assert count_site(pages, min_pages=5).remove("https://a.example/0", "Menu") == ("Menu", 0)


def test_counting_in_parts_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {f"https://a.example/{n}": f"Menu\nText {n % 7}\n{n}" for n in range(50)}
    whole = count_site(pages)
    monkeypatch.setattr("fret.text.filters.repeated_lines._WAITING", 7)
    parts = count_site(pages)
    for url, text in pages.items():
        assert parts.remove(url, text) == whole.remove(url, text)


@pytest.mark.parametrize(
    ("url", "blocked"),
    [
        ("https://example.org/a", True),
        ("http://www.EXAMPLE.org:8080/", True),
        ("https://deep.shop.example.org/", True),
        ("https://notexample.org/", False),
        ("https://example.org.evil.net/", False),
        ("https://xn--bcher-kva.de/", True),
        ("https://shop.bücher.de/", True),
        ("https://192.0.2.7/x", True),
        ("page.html", False),
        ("https://[broken", False),
    ],
)
def test_blocked_domains_cover_subdomains_in_any_writing(url: str, blocked: bool) -> None:
    domains = BlockedDomains(["www.Example.org", "*.bücher.de", "http://192.0.2.7/"])
    assert (domains.check(url) is not None) == blocked


PIPELINE = """
run: r
pages: {source: {kind: jsonl, path: pages.jsonl}}
passages:
  min_size: 10
  filters:
    languages: [eng]
    keep_unknown_language: false
    min_words: 10
    max_words: 100
    quality: gopher
    gopher: {min_words: 20}
    blocked_domains: blocked.txt
    repeated_lines: {}
queries: {writer: {kind: template}}
judgements: {scorers: [{kind: unigram}]}
"""


def test_each_page_that_is_left_out_has_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(PIPELINE, "utf-8")
    (tmp_path / "blocked.txt").write_text("0.0.0.0 ads.example\n", "utf-8")
    notice = "All of our shops are closed on Sunday and on every public holiday."
    texts = {
        "https://a.example/kept": f"{notice}\n{PROSE} Mail me@x.org.",
        "https://www.ads.example/": PROSE,
        "https://a.example/de": f"{notice}\nDer Wärter schrieb, dass der Sturm in der Nacht kam, "
        "und er stieg mit einer Kanne Öl zur Lampe hinauf, bevor die Schiffe kamen.",
        "https://a.example/long": f"{notice}\n{PROSE}\n{PROSE[::2]} {PROSE}",
        "https://a.example/short": f"{notice}\nThe storm came in the night and nobody slept then.",
        "https://a.example/bare": f"{notice}\nThe storm.",
        "https://a.example/menu": f"{notice}\n{notice.upper()}",
    }
    rows = [{"url": url, "text": text} for url, text in texts.items()]
    (tmp_path / "pages.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    pipeline = fret.load("p.yaml")
    pipeline.run(["pages", "passages"])
    urls = {page.id: page.url.rpartition("/")[2] for page in pipeline.rows(Page)}
    dropped = pipeline.stored.stage("passages").rows(Dropped, dropped=True)
    assert {urls[row.record_id]: row.reason for row in dropped} == {
        "": "blocked_domain",
        "de": "other_language",
        "long": "too_long",
        "short": "gopher_rule",
        "bare": "too_short",
        "menu": "only_repeated_lines",
    }
    (passage,) = pipeline.rows(Passage)
    assert passage.text == f"{PROSE} Mail {EMAILS[0]}."
    shown = " ".join(call("status", "p.yaml").output.split())
    assert "1 e-mail address replaced, 6 lines removed that many pages" in shown


def test_lists_of_domains_are_read_as_they_are_published(tmp_path: Path) -> None:
    path = tmp_path / "domains"
    path.write_text(
        "# a comment\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 ads.example  # why\n"
        "0.0.0.0 a.example b.example\nplain.example\n\n.dotted.example\n",
        "utf-8",
    )
    assert BlockedDomains(read_domains(path)).domains == {
        "ads.example", "a.example", "b.example", "plain.example", "dotted.example",
    }  # fmt: skip
    path.write_text("# nothing\n", "utf-8")
    with pytest.raises(SourceError, match="holds no domain"):
        read_domains(path)
    with pytest.raises(ConfigError, match="no domain"):
        BlockedDomains(["two words"])
