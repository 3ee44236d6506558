"""The template writer: what its queries promise, on small passages in several languages."""

import re

import pytest

from fret.reasons import Reason
from fret.records import Dropped, Passage, Query
from fret.writers.template import TemplateWriter

TYPES = (
    "question", "howto", "definition", "comparison", "entity",
    "keywords", "claim", "title", "similar",
)  # fmt: skip

KETTLE = (
    "Descaling\n"
    "It is best done every month. They say so above.\n"
    "A descaler is a mild acid that dissolves the limescale in a kettle. "
    "To remove limescale, you fill the kettle with water and vinegar. "
    "However, the electric kettle was invented in Chicago in 1891. "
    "If the heating element is covered in limescale, boil the vinegar twice. "
    "Sign up for our newsletter to get more kettle tips in your inbox. "
    "Vinegar is harmful to rubber seals because the acid makes them brittle."
)
BROT = (
    "Sauerteig ist ein Teig aus Mehl und Wasser, den Bakterien und Hefen säuern. "
    "Das Roggenbrot bleibt in einem Leinenbeutel etwa fünf Tage frisch. "
    "Um Brot länger frisch zu halten, lagert man den Laib in einem Topf aus Ton. "
    "Der Kühlschrank ist ungeeignet, weil die Stärke in der Kälte schneller altert."
)
MOULIN = (
    "Le moulin à café est un appareil qui réduit les grains torréfiés en poudre. "
    "Pour nettoyer le moulin, passez une brosse sèche entre les meules en acier. "
    "Les meules coniques tournent plus lentement et chauffent moins le café. "
    "Il faut régler la mouture avant chaque changement de grains."
)
BICI = (
    "La cadena es una pieza de acero que lleva la fuerza del pedal a la rueda. "
    "Para limpiar la cadena, hay que usar un cepillo y un desengrasante suave. "
    "Si la cadena salta en los piñones, conviene medir el desgaste con un calibre. "
    "Los ciclistas de ciudad cambian la cadena cada 3000 kilómetros."
)
NEWS = (
    "NASA also added five companies to the CLPS contract on Monday, officials said. "
    "Kathy Lueders, the head of the Human Exploration office, welcomed the decision. "
    "The agency was pleased. It will pay them later. "
    "In May 2019, Lueders canceled a contract with OrbitBeyond because it missed a deadline. "
    "Intuitive Machines will send 14 instruments to the moon, according to SpaceX founder "
    "Elon Musk. "
    "He said that they are ready; the two lost their rockets."
)
CHA = "绿茶是没有经过发酵的茶叶，主要产于浙江和安徽。它很香。冲泡绿茶的水温在八十度左右，时间不长。"
BOILERPLATE = "Sign up\nAll rights reserved. Share this! Click here to read more…\nSUBSCRIBE NOW"


def make_passage(text: str, language: str, title: str) -> Passage:
    return Passage(Passage.make_id(title, text), "page", 0, title, text, language, 60, "")


PASSAGES = [
    make_passage(KETTLE, "en", "How to descale an electric kettle"),
    make_passage(BROT, "de", "Brot richtig lagern"),
    make_passage(MOULIN, "fr", "Nettoyer un moulin à café"),
    make_passage(BICI, "es", "Limpiar la cadena de la bicicleta"),
    make_passage(CHA, "zh", "绿茶"),
    make_passage(NEWS, "en", "NASA adds companies to the CLPS contract for lunar landers"),
]


def write(passages: list[Passage], *, types: tuple[str, ...] = TYPES, n: int = 1, seed: int = 0):
    return list(TemplateWriter(task_types=types, per_passage=n, seed=seed).write(passages))


def gather(passage: Passage, task_type: str) -> set[str]:
    """All that any seed may write of a passage."""
    seeds = (write([passage], types=(task_type,), n=9, seed=seed) for seed in range(40))
    return {q.text for queries in seeds for q in queries if isinstance(q, Query)}


def write_texts(passage: Passage, task_type: str) -> list[str]:
    written = write([passage], types=(task_type,), n=30)
    return [q.text for q in written if isinstance(q, Query)]


def test_same_seed_gives_the_same_queries_whatever_stands_around():
    together = write(PASSAGES, n=3, seed=7)
    alone = [q for p in reversed(PASSAGES) for q in write([p], n=3, seed=7)]
    assert sorted(together, key=lambda q: q.id) == sorted(alone, key=lambda q: q.id)
    assert together != write(PASSAGES, n=3, seed=8)


def test_a_first_sample_does_not_depend_on_how_many_follow():
    assert write(PASSAGES)[0] == write(PASSAGES, n=4)[0]


@pytest.mark.parametrize("task_type", TYPES)
def test_only_the_types_asked_for_are_written(task_type):
    written = [q for q in write(PASSAGES, types=(task_type,), n=2) if isinstance(q, Query)]
    assert {q.task_type for q in written} <= {task_type}
    assert written or task_type == "comparison"


def test_no_passage_gets_the_same_text_twice():
    for passage in PASSAGES:
        texts = [q.text.casefold() for q in write([passage], n=40)]
        assert len(texts) == len(set(texts)) > 1


def test_records_name_writer_seed_and_rules():
    query = write(PASSAGES)[0]
    assert (query.writer, query.model, query.sample) == ("template", "", 0)
    assert query.passage_id == PASSAGES[0].id
    assert re.fullmatch("[0-9a-f]{16}", query.prompt_hash)
    attributes = (query.task_type, query.text)
    assert query.id == Query.make_id(query.passage_id, query.prompt_hash, attributes, 0)


def test_planted_pronouns_and_boilerplate_reach_no_query():
    for task_type in TYPES:
        for text in write_texts(PASSAGES[0], task_type):
            assert not re.match(r"(?:It|They|However)\b", text)
            assert not re.search(r"newsletter|above|sign up", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("number", "task_type", "text"),
    [
        (0, "claim", "Vinegar is harmful to rubber seals."),
        (1, "claim", "Sauerteig ist ein Teig aus Mehl und Wasser."),
        (5, "claim", "NASA added five companies to the CLPS contract."),
        (5, "claim", "Kathy Lueders canceled a contract with OrbitBeyond in May 2019."),
        (5, "similar", "In May 2019, Kathy Lueders canceled a contract with OrbitBeyond."),
        (5, "title", "Kathy Lueders cancels contract with OrbitBeyond"),
        (5, "title", "Intuitive Machines to send 14 instruments to moon"),
        (5, "entity", "Who is Kathy Lueders?"),
        (5, "entity", "Who is the founder of SpaceX?"),
        (5, "question", "When did Kathy Lueders cancel a contract with OrbitBeyond?"),
        (5, "question", "Why did Kathy Lueders cancel a contract with OrbitBeyond?"),
        (5, "question", "How many companies did NASA add to the CLPS contract?"),
        (5, "keywords", "nasa clps contract"),
        (2, "keywords", "nettoyer moulin café"),
        (3, "definition", "¿Qué es la cadena?"),
        (2, "howto", "Comment nettoyer un moulin à café ?"),
    ],
)
def test_a_statement_becomes_other_words_than_its_sentence(number, task_type, text):
    texts = gather(PASSAGES[number], task_type)
    assert text in texts, sorted(texts)


def test_what_a_passage_leaves_open_is_not_asked_about():
    everything = " ".join(t for kind in TYPES for t in gather(PASSAGES[5], kind))
    assert not re.search(r"agency|the two|Monday|officials|\bthem\b|\bHe\b", everything)


@pytest.mark.parametrize(
    ("number", "question"),
    [
        (0, "How do I remove limescale?"),
        (0, "What is a descaler?"),
        (0, "When was the electric kettle invented in Chicago?"),
        (0, "Why is vinegar harmful to rubber seals?"),
        (0, "What should I do if the heating element is covered in limescale?"),
        (1, "Wie kann man Brot länger frisch halten?"),
        (1, "Brot: warum ist der Kühlschrank ungeeignet?"),
        (2, "Comment nettoyer le moulin ?"),
        (2, "Faut-il régler la mouture avant chaque changement de grains ?"),
        (3, "¿Qué es la cadena?"),
        (3, "¿Cómo limpiar la cadena?"),
        (3, "¿Qué hacer si la cadena salta en los piñones?"),
    ],
)
def test_questions_are_those_that_the_passage_answers(number, question):
    texts = {
        t for kind in ("question", "howto", "definition") for t in gather(PASSAGES[number], kind)
    }
    assert question in texts, sorted(texts)


def test_keywords_are_few_small_and_without_stopwords():
    for passage in PASSAGES[:4]:
        for text in write_texts(passage, "keywords"):
            assert text == text.lower()
            assert 2 <= len(text.split()) <= 5
            assert not {"the", "und", "les", "los"} & set(text.split())


def test_scripts_without_spaces_get_the_first_part_of_a_sentence():
    claims = write_texts(PASSAGES[4], "claim")
    assert len(claims) == 2
    assert all(claim.rstrip("。") in CHA and claim not in CHA for claim in claims)
    assert isinstance(write([PASSAGES[4]], types=("keywords",))[0], Dropped)


def test_a_passage_of_boilerplate_is_dropped_with_its_reason():
    passage = make_passage(BOILERPLATE, "en", "")
    (dropped,) = write([passage], n=3)
    assert isinstance(dropped, Dropped)
    assert (dropped.stage, dropped.record_id) == ("queries", passage.id)
    assert dropped.reason == Reason.NO_QUERY
    assert "Sign up" in dropped.detail


def test_unknown_types_are_refused():
    with pytest.raises(ValueError, match="riddle"):
        TemplateWriter(task_types=["riddle"], per_passage=1, seed=0)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "zh", "ja", "th", "ar", ""])
def test_no_text_is_too_odd(language):
    odd = [
        "",
        ".",
        ". . . . . . . .",
        "- \n| | |\n# $\n?",
        "1. 2. 3.",
        "’’ «»!\n\n.a b.",
        "🦉 " * 40,
        "A" * 5000,
    ]
    odd += [
        "of the. In a. " * 9,
        "l’ d’ de la. " * 9,
        "\u0e01" * 300,
        "so (so (so. " * 20,
        "New New. " * 30,
    ]
    passages = [make_passage(text, language, title) for text in odd for title in ("", "?", text)]
    written = write(passages, n=2)
    assert {q.passage_id if isinstance(q, Query) else q.record_id for q in written} == {
        p.id for p in passages
    }


def test_where_a_check_refuses_all_offers_the_first_refusal_is_the_reason() -> None:
    told: list[str] = []

    def find_fault(query: Query, passage: Passage) -> tuple[Reason, str] | None:
        told.append(query.text)
        return (Reason.QUERY_TOO_SHORT, query.text)

    writer = TemplateWriter(task_types=TYPES, per_passage=2, seed=0, find_fault=find_fault)
    passages = [make_passage(KETTLE, "en", "Kettles"), make_passage(BOILERPLATE, "en", "")]
    refused, empty = writer.write(passages)
    assert isinstance(refused, Dropped) and isinstance(empty, Dropped)
    assert len(told) > 1
    assert (refused.reason, refused.detail) == (Reason.QUERY_TOO_SHORT, told[0])
    assert empty.reason == Reason.NO_QUERY
