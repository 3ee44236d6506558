"""How many annotated answers lie whole in one passage, on the data in shared/data/splitting."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fret.text.splitting.words import WORD_PATTERN

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "splitting"
IS_THERE = (FOLDER / "questions.jsonl").is_file()

Split = Callable[[str], Sequence[str]]


class Outcome(NamedTuple):
    """What a way to split does to the answers."""

    spans: float
    """Share of the answers' spans that lie whole in one passage."""
    questions: float
    """Share of the questions all of whose spans do, each maybe in another passage."""
    n_passages: int
    texts: list[str]
    lost: list[tuple[str, str]]
    """Corpus and text of each span that lies in no passage whole."""


@cache
def read_corpora() -> dict[str, str]:
    """Return the text of each corpus by its name."""
    return {
        path.stem: path.read_text("utf-8") for path in sorted((FOLDER / "corpora").glob("*.md"))
    }


@cache
def read_questions() -> list[tuple[str, list[str]]]:
    """Return the corpus of each question and the texts of its spans."""
    lines = (FOLDER / "questions.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    texts = read_corpora()
    return [
        (row["corpus"], [
            texts[row["corpus"]][r["start_index"] : r["end_index"]] for r in row["references"]
        ])
        for row in rows
    ]  # fmt: skip


def bare(text: str) -> str:
    """A text without white space, marks of headings and the dashes under a table's head."""
    lines = [line for line in text.splitlines() if line.strip("|-: \t")]
    return "".join("".join(lines).split()).replace("#", "").replace("=", "")


def evaluate(split: Split, names: Sequence[str] = ()) -> Outcome:
    """Split each corpus as one page; a span lies whole in a passage that holds it, both bare."""
    texts = {
        name: list(split(text))
        for name, text in read_corpora().items()
        if not names or name in names
    }
    passages = {name: [bare(text) for text in each] for name, each in texts.items()}
    found, lost = [], []
    for name, spans in read_questions():
        if name in passages:
            whole = [any(bare(span) in text for text in passages[name]) for span in spans]
            found.append(whole)
            lost += [(name, span) for span, ok in zip(spans, whole, strict=True) if not ok]
    flat = [text for each in texts.values() for text in each]
    every = [ok for whole in found for ok in whole]
    n_whole = sum(map(all, found))
    return Outcome(sum(every) / len(every), n_whole / len(found), len(flat), flat, lost)


def cut_windows(text: str, size: int) -> list[str]:
    """Cut a text into windows of `size` words, whatever they hold."""
    starts = [match.start() for match in WORD_PATTERN.finditer(text)][::size]
    return [text[a:b] for a, b in zip([0, *starts[1:]], [*starts[1:], len(text)], strict=True)]
