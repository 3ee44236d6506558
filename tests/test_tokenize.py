"""Tokens: words by spaces, pairs of characters without them, stems by language."""

import threading

import pytest

from beir import Collection
from fret.retrieval.bm25_reference import ReferenceBM25
from fret.retrieval.tokenize import Tokenizer, tokenize


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The Cat sat.", ["the", "cat", "sat"]),
        ("don't over-think 3.5%", ["don", "t", "over", "think", "3", "5"]),
        ("GRÖẞE Straße", ["größe", "straße"]),
        ("ﬁne ＡＢＣ", ["fine", "abc"]),  # one look, one token: NFKC
        ("cafe\u0301", ["café"]),
        ("图书馆开门", ["图书", "书馆", "馆开", "开门"]),
        ("图", ["图"]),
        ("用Python写", ["用", "python", "写"]),
        ("図書館 へ", ["図書", "書館", "へ"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("snake_case", ["snake", "case"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("", []),
        ("?! — …", []),
    ],
)
def test_text_becomes_words_or_pairs_of_characters(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "language", "tokens"),
    [
        ("The cats were sitting", "en", ["the", "cat", "were", "sit"]),
        ("Die Häuser der Städte", "de", ["die", "haus", "der", "stadt"]),
        ("большие дома", "ru", ["больш", "дом"]),
        ("المكتبات", "ar", ["مكتب"]),
        ("the cats", "de", ["the", "cat"]),  # German cuts an s too, but knows no "sitting"
        ("sitting", "de", ["sitting"]),
        ("cats sitting", "", ["cats", "sitting"]),  # unknown
        ("cats sitting", "zh", ["cats", "sitting"]),  # no stemmer
        ("图书馆开门", "zh", ["图书", "书馆", "馆开", "开门"]),
        ("cats sitting", "english", ["cats", "sitting"]),  # a code, not a stemmer's name
        ("", "en", []),
    ],
)
def test_forms_of_a_word_are_one_token_by_its_language(
    text: str, language: str, tokens: list[str]
) -> None:
    assert Tokenizer(stem=True).tokenize(text, language) == tokens
    assert Tokenizer().tokenize(text, language) == tokenize(text)


def test_a_text_of_unknown_language_is_read_in_the_default_one() -> None:
    tokenizer = Tokenizer(stem=True, default="en")
    assert tokenizer.tokenize("rivers running", "") == ["river", "run"]
    assert tokenizer.tokenize("rivers running", "en-GB") == ["river", "run"]
    assert tokenizer.tokenize("rivers running", "ru") == ["rivers", "running"]


def test_stop_words_are_those_of_the_language() -> None:
    tokenizer = Tokenizer(stopwords=True)
    assert tokenizer.tokenize("The cat and the dog", "en") == ["cat", "dog"]
    assert tokenizer.tokenize("der Hund und die Katze", "de") == ["hund", "katze"]
    assert tokenizer.tokenize("The cat and the dog", "de") == ["the", "cat", "and", "the", "dog"]
    assert tokenizer.tokenize("The cat and the dog", "") == ["the", "cat", "and", "the", "dog"]
    both = Tokenizer(stem=True, stopwords=True)
    assert both.tokenize("The cats and the dogs", "en") == ["cat", "dog"]


def test_threads_that_stem_at_once_do_not_spoil_each_others_words() -> None:
    tokenizer, wrong = Tokenizer(stem=True), []
    texts = {"en": ("connections running", ["connect", "run"]), "de": ("Häuser", ["haus"])}

    def work(language: str) -> None:
        text, tokens = texts[language]
        wrong.extend(1 for _ in range(2000) if tokenizer.tokenize(text, language) != tokens)

    threads = [threading.Thread(target=work, args=(language,)) for language in texts for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_a_corpus_may_mix_languages() -> None:
    texts = [("the running of rivers", "en"), ("Häuser am Fluss", "de"), ("большие дома", "ru")]
    index = ReferenceBM25(texts, tokenizer=Tokenizer(stem=True))
    queries, languages = ["river", "Haus", "дом", "river"], ["en", "de", "ru", ""]
    found = index.search(queries, 3, languages=languages)
    assert [[hit.row for hit in hits] for hits in found] == [[0], [1], [2], [0]]


# What nDCG@10 was with stems, less a hundredth; tests/benchmarks/retrieval.py prints all.
@pytest.mark.parametrize(
    ("language", "least"),
    [("en", 0.95), ("de", 0.92), ("ru", 0.94), ("ar", 0.92), ("th", 0.93), ("zh", 0.95)],
)
def test_passages_are_found_in_every_language(language: str, least: float) -> None:
    collection = Collection(f"xquad/{language}")
    index = ReferenceBM25(collection.texts, tokenizer=Tokenizer(stem=True))
    collection.queries = dict(list(collection.queries.items())[::5])
    queries = list(collection.queries.values())
    found = index.search(queries, 10, languages=[language] * len(queries))
    assert collection.measure_ndcg(found) > least
