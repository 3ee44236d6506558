"""Numbers and their nouns, as one reads them where there is one of something."""

import json
import re
from pathlib import Path

import pytest

from conftest import SUBJECTS, page_text
from fret.figures import agree, count
from test_cli import call

_MISMATCH = re.compile(r"(?<![\d.@,/-])1 (?!is\b|has\b|was\b|this\b|as\b)[a-z-]+s\b")


@pytest.mark.parametrize(
    ("n", "noun", "text"),
    [
        (1, "page", "1 page"),
        (0, "page", "0 pages"),
        (2, "query", "2 queries"),
        (1, "query", "1 query"),
        (3, "key", "3 keys"),
        (2, "batch", "2 batches"),
        (2, "mail address", "2 mail addresses"),
        (1500.0, "token", "1500 tokens"),
    ],
)
def test_a_noun_goes_with_its_number(n: float, noun: str, text: str) -> None:
    assert count(n, noun) == text


def test_thousands_are_parted_where_asked_and_verbs_agree() -> None:
    assert count(12345, "token", parted=True) == "12,345 tokens"
    assert agree(1, "is", "are") == "is" and agree(0, "is", "are") == "are"


def test_a_run_over_one_page_speaks_of_one(small: Path) -> None:
    text = " ".join(page_text(subject, "repair") for subject in SUBJECTS)
    rows = [
        {"url": f"https://home.example/{name}", "title": name, "text": f"{text} {name}"}
        for name in ("one", "two")
    ]
    for n_pages in (1, 2):
        lines = "".join(json.dumps(row) + "\n" for row in rows[:n_pages])
        Path("pages.jsonl").write_text(lines, "utf-8")
        if n_pages == 1:
            told = call("run", "small.yaml", "pages").output
            assert " 1 row (" in told
            told += call("show", "small.yaml", "pages").output
            assert not _MISMATCH.search(told), told
            sets = ("--set", "run=whole")
            told = call("run", "small.yaml", *sets).output
            told += call("status", "small.yaml", *sets).output
            assert not _MISMATCH.search(told), told
