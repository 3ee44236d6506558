"""Which queries are the same, by their words and by what turns one into another."""

import pytest

from fret.checks.duplicates import ExactDoubles, NearDoubles
from fret.language.marks import find_marks

DIFFERENT = [
    ("Vitamin C deficiency signs", "Vitamin D deficiency signs", "en"),
    ("vitamin d deficiency signs", "vitamin a deficiency signs", "en"),
    ("hepatitis A vaccine schedule", "hepatitis B vaccine schedule", "en"),
    ("when did Napoleon die", "where did Napoleon die", "en"),
    ("why did Napoleon die", "did Napoleon die", "en"),
    ("how much water do ferns need", "how often do ferns need water", "en"),
    ("Wann starb Napoleon?", "Wo starb Napoleon?", "de"),
    ("Wann starb Napoleon?", "Wo starb Napoleon?", ""),
    ("turn on notifications", "turn off notifications", "en"),
    ("scroll up in a list", "scroll down in a list", "en"),
    ("can dogs eat grapes", "can't dogs eat grapes", "en"),
    ("what can dogs eat", "what can’t dogs eat", "en"),
    ("tea with milk", "tea without milk", "en"),
    ("flights from London to Paris", "flights to London from Paris", "en"),
    ("causes of World War I in Europe and Asia", "causes of World War II in Europe and Asia", "en"),
    ("oven at -5 degrees", "oven at 5 degrees", "en"),
    ("sort a list in C++", "sort a list in C#", "en"),
    ("维生素C缺乏的症状", "维生素D缺乏的症状", "zh"),
    ("Kette mit Öl pflegen", "Kette ohne Öl pflegen", "de"),
    ("quand est mort Napoléon", "où est mort Napoléon", "fr"),
    ("cuándo murió Napoleón", "dónde murió Napoleón", "es"),
    ("когда умер Наполеон", "где умер Наполеон", "ru"),
]
SAME = [
    ("propranolol for migraine prevention", "propranolol migraine prevention", "en"),
    ("What is a partial index?", "partial index", "en"),
    ("dogs do not eat grapes", "dogs don't eat grapes", "en"),
    ("A kettle that whistles", "the kettle that whistles", "en"),
    ("population of the U.S. Virgin Islands", "population of the US Virgin Islands", "en"),
    ("wieviel Öl braucht die Kette", "Wie viel Öl braucht eine Kette?", "de"),
]


@pytest.mark.parametrize(("one", "other", "language"), DIFFERENT)
def test_different_questions_are_no_doubles(one: str, other: str, language: str) -> None:
    near = NearDoubles(threshold=0.8)
    near.add(one, language)
    assert near.check(other, language) is None
    assert find_marks(one, language) != find_marks(other, language)


@pytest.mark.parametrize(("one", "other", "language"), SAME)
def test_the_same_in_other_little_words_is_a_double(one: str, other: str, language: str) -> None:
    near = NearDoubles(threshold=0.8)
    near.add(one, language)
    assert near.check(other, language) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what is C++ used for", "what is C# used for"),
        ("-5 degrees", "5 degrees"),
        ("is .NET free", "is net free"),
        ("5% of 20", "5 of 20"),
        ("100 $ in words", "100 € in words"),
        ("x < 5", "x > 5"),
        ("3.5 litres", "35 litres"),
    ],
)
def test_signs_that_say_something_make_another_query(one: str, other: str) -> None:
    exact = ExactDoubles()
    exact.add(one)
    assert exact.check(other) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How to descale a kettle, with vinegar?", "how to descale  a kettle with vinegar"),
        ("“Moby-Dick”: who wrote it?", "Moby Dick who wrote it"),
        ("Don’t cats purr?!", "don't cats purr"),
        ("普洱茶，怎么保存？", "普洱茶 怎么保存"),
        ("population of the U.S.", "population of the US"),
        ("ＡＢＣ soup", "abc soup"),
        ("हिन्दी में लिखें।", "हिन्दी में लिखें"),
    ],
)
def test_case_and_punctuation_make_no_other_query(one: str, other: str) -> None:
    exact = ExactDoubles()
    exact.add(one)
    assert exact.check(other) is not None
