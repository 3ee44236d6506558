"""Single checks of a query: its language, its form, its task, what it copies."""

import pytest

from fret.checks.copying import CopyLimits, check_copied
from fret.checks.form import check_form, find_form
from fret.checks.language import check_language
from fret.config import ChecksSettings
from fret.language.names import LANGUAGE_NAMES
from fret.reasons import Reason
from fret.records import Passage, Query
from fret.stages.checking import AloneChecks

PASSAGE = "The tower was lit for the first time on 1 February 1811 by four keepers of the Board."


def judge(query: str, *, task: str = "", title: str = "", shown: tuple[str, ...] = ()) -> list[str]:
    """Return the details of all faults of a query on the passage above."""
    passage = Passage(
        id="p", page_id="", position=0, title=title, text=PASSAGE, language="en", n_tokens=0, url=""
    )
    row = Query(
        id="q", passage_id="p", task=task, text=query, language="en", task_type="", writer="",
        model="", prompt_hash="", sample=0,
    )  # fmt: skip
    found = AloneChecks(ChecksSettings(), shown).find_all(row, passage)
    return [fault.detail for fault in found if fault]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("bn", "পুয়ের চা কীভাবে রাখতে হয়"),
        ("ta", "தேநீரை எப்படி வைப்பது"),
        ("te", "టీని ఎలా నిల్వ చేయాలి"),
        ("sr", "како се чува чај"),
        ("sr", "kako se čuva čaj"),
    ],
)
def test_a_query_in_the_script_of_its_own_language_stays(language: str, text: str) -> None:
    assert check_language(text, PASSAGE, language=language, min_letters=99, confidence=1) is None


def test_the_script_of_every_named_language_is_known() -> None:
    for language in set(LANGUAGE_NAMES) - {"zh", "ja"}:
        fault = check_language(
            "茶叶怎么保存", "茶叶", language=language, min_letters=99, confidence=1
        )
        assert fault is not None, language


@pytest.mark.parametrize(
    ("task_type", "form"),
    [
        ("fact lookup", ""), ("insurance claim help", ""), ("duplicate question", ""),
        ("forum question", ""), ("question answering", "question"), ("Question", "question"),
        ("scientific claim", "claim"), ("fact checking", "claim"), ("factory search", ""),
        ("keyword search", "keywords"), ("news headline", "title"), ("title to text", "title"),
        ("entitled reader", ""),
    ],
)  # fmt: skip
def test_only_whole_words_say_what_a_task_asks_for(task_type: str, form: str) -> None:
    assert find_form(task_type) == form


def test_a_forum_post_need_not_ask() -> None:
    post = "My kettle whistles before the water boils."
    assert check_form(post, task_type="forum question", language="en") is None
    assert check_form(post, task_type="question", language="en") is not None
    engineer = "salary of a person who works as an AI engineer"
    assert check_form(engineer, task_type="keywords", language="en") is None


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("Given a question about this article, find the answer.", "points at its page"),
        ("Find out what the passage above says.", "points at its page"),
        ("Finde die Antwort in diesem Artikel.", "points at its page"),
        ("find " * 61, "has 61 words"),
        ("Know that it was lit for the first time on 1 February.", "words in a row"),
        ("Given an article, find comments on this article.", ""),
        ("Given a question, retrieve the passage that answers it.", ""),
    ],
)
def test_a_task_is_checked_and_named(task: str, said: str) -> None:
    found = judge("when did Bell Rock begin to shine", task=task)
    assert [detail for detail in found if "its task" in detail] == found
    assert len(found) == bool(said) and said in "".join(found)


def test_words_of_the_title_are_no_leak() -> None:
    shown = ("waterproof hiking boots for wide feet",)
    query = "waterproof hiking boots for wide feet"
    assert any("example" in detail for detail in judge(query, shown=shown))
    assert not judge(query, title="Waterproof hiking boots for wide feet", shown=shown)


def test_the_case_of_a_task_type_does_not_matter() -> None:
    limits = CopyLimits(run_words=8, run_share=0.6, content_words=99, content_share=1.0)
    query = "tower was lit for the first time on 1"
    for task_type, copied in (("Title", False), ("title", False), ("question", True)):
        fault = check_copied(query, PASSAGE, language="en", task_type=task_type, limits=limits)
        assert (fault is not None and fault.reason is Reason.COPIED) == copied
