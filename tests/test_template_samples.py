"""The template writer over all sample pages: what holds for every query, and how many there are."""

import re
from collections import Counter
from pathlib import Path

import pytest

from fret.records import Passage, Query
from fret.text.extract import MainText, extract_file
from fret.text.splitting import split_sentences, split_text
from fret.writers.rules.reading import list_words, load_lexicon
from fret.writers.template import TemplateWriter

SAMPLE_PAGES = Path(__file__).parents[1] / "data" / "sample_pages"
TYPES = (
    "question", "howto", "definition", "comparison", "entity",
    "keywords", "claim", "title", "similar",
)  # fmt: skip
# Queries of each kind over the 78 pages, at one a passage: neither too few nor a flood of one kind.
BOUNDS = {
    "question": (60, 130), "keywords": (15, 80), "title": (30, 90), "definition": (25, 70),
    "claim": (30, 80), "similar": (8, 40), "howto": (5, 30), "comparison": (1, 15),
    "entity": (0, 9),
}  # fmt: skip


def read_samples() -> list[Passage]:
    """Cut the sample pages as the quickstart does."""
    passages = []
    for path in sorted(SAMPLE_PAGES.rglob("*.htm*")):
        page = extract_file(str(path), 5_000_000)
        assert isinstance(page, MainText)
        for position, piece in enumerate(split_text(page.text, max_size=160, min_size=40)):
            passage_id = Passage.make_id(page.title, piece.text)
            fields = (path.stem, position, page.title, piece.text, page.language, piece.size, "")
            passages.append(Passage(passage_id, *fields, headings=piece.headings))
    return passages


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Query, Passage]]:
    """Up to four queries of each passage, with it."""
    samples = read_samples()
    by_id = {p.id: p for p in samples}
    written = TemplateWriter(task_types=TYPES, per_passage=4, seed=1).write(samples)
    return [(q, by_id[q.passage_id or ""]) for q in written if isinstance(q, Query)]


def test_each_kind_comes_up_as_often_as_it_should() -> None:
    written = TemplateWriter(task_types=TYPES, per_passage=1, seed=0).write(read_samples())
    counts = Counter(q.task_type for q in written if isinstance(q, Query))
    assert all(low <= counts[kind] <= high for kind, (low, high) in BOUNDS.items()), counts
    assert sum(counts.values()) > 250


def test_four_languages_have_their_kinds(pairs: list[tuple[Query, Passage]]) -> None:
    kinds = {(q.language, q.task_type) for q, _ in pairs}
    for language in ("en", "de", "fr", "es"):
        found = {kind for known, kind in kinds if known == language}
        assert found >= {"question", "definition", "keywords", "claim", "title"}, language


def test_no_query_copies_a_sentence(pairs: list[tuple[Query, Passage]]) -> None:
    for query, passage in pairs:
        words = " ".join(list_words(query.text, query.language))
        for line in passage.text.splitlines():
            for sentence in split_sentences(line) if line.endswith(".") else []:
                said = list_words(sentence, query.language)
                assert len(said) < 6 or " ".join(said) not in words, (query.text, sentence)


def test_every_query_begins_and_ends_as_a_whole(pairs: list[tuple[Query, Passage]]) -> None:
    for query, _ in pairs:
        text, lexicon = query.text, load_lexicon(query.language)
        assert text == text.strip() and "  " not in text
        assert text[0].isalnum() or text[0] in "¿'’‘«", text
        last = list_words(text, query.language)[-1]
        assert last not in {
            "the",
            "a",
            "an",
            "and",
            "or",
            "of",
            "und",
            "der",
            "la",
            "le",
            "el",
            "y",
        }
        for left, right in ("()", "[]", "“”", "«»"):
            assert text.count(left) == text.count(right), text
        if query.task_type in {"claim", "similar"}:
            assert not text[0].islower() and text.endswith((".", "!")), text
            assert list_words(text, query.language)[0] not in lexicon.pronouns, text


def test_questions_end_as_questions(pairs: list[tuple[Query, Passage]]) -> None:
    for query, _ in pairs:
        if query.task_type == "question":
            assert query.text.endswith("?"), query.text
        if query.text.endswith("?") and query.language == "es":
            assert "¿" in query.text, query.text
        if query.task_type in {"howto", "definition", "entity", "comparison"}:
            is_asked = query.text.endswith("?")
            assert is_asked or not re.match(r"(?:What|How|Who|Was|Wie|Comment) ", query.text)


def test_keywords_are_few_small_and_begin_and_end_with_a_word(
    pairs: list[tuple[Query, Passage]],
) -> None:
    for query, _ in pairs:
        if query.task_type == "keywords":
            words, lexicon = query.text.split(), load_lexicon(query.language)
            small = lexicon.determiners | lexicon.prepositions | lexicon.pronouns
            assert query.text == query.text.lower()
            assert 2 <= len(words) <= 7, query.text
            assert not small & {words[0], words[-1]}, query.text
