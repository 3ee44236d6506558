"""Pages that share passages are on one side of the split, where duplicates were not dropped."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import fret
from conftest import SMALL_PIPELINE
from fret.choosing.splits import Sides
from fret.held_out import HeldOut, list_held_out
from fret.pipeline import Pipeline
from fret.records import Example, Passage
from fret.stages.page_groups import _Union
from fret.text.near_duplicates import KeptTexts, choose_bands, sign_texts

WORDS = ["amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet"]


def story(number: int) -> str:
    """A text of 60 words of its own."""
    words = [f"{WORDS[(number * 7 + i * i) % len(WORDS)]}{number}x{i % 9}" for i in range(60)]
    return f"{WORDS[number % len(WORDS)]} tale. " + " ".join(words) + "."


def run_pages(texts: list[list[str]], duplicates: dict[str, Any] | None) -> Pipeline:
    """Run over pages, each given by its passages."""
    rows = [
        {"url": f"https://site{i}.example/", "title": f"page {i}", "text": "\n\n".join(parts)}
        for i, parts in enumerate(texts)
    ]
    Path("pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    asked = [" ".join(text.split()[1:6]) for parts in texts for text in parts]
    Path("asked.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in dict.fromkeys(asked)), "utf-8"
    )
    negatives = {"max_similarity": None, "unjudged_similarity": None, "max_overlap": None}
    settings = {
        **SMALL_PIPELINE,
        "pages": {"source": {"kind": "jsonl", "path": "pages.jsonl"}},
        "passages": {"max_size": 70, "min_size": 10, "filters": {}},
        "queries": {"writer": {"kind": "file", "path": "asked.jsonl"}},
        "candidates": {"top_k": 60, "dense": None},
        "examples": {"splits": {"test": 0.5}, "negatives": negatives},
    }
    if duplicates is not None:
        settings["passages"] |= {"duplicates": duplicates}
    Path("groups.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load("groups.yaml")
    pipeline.run()
    return pipeline


def sides_by_text(pipeline: Pipeline) -> dict[str, set[str]]:
    """On which sides each text is, as the dataset has them."""
    run = pipeline.stored
    held: dict[str, set[str]] = {}
    corpora = {split: set() for split in list_held_out(run)}
    for split in corpora:
        corpora[split] = {row["text"] for row in HeldOut(run, split).rows("corpus")}
        for text in corpora[split]:
            held.setdefault(text, set()).add(split)
    for example in run.rows(Example):
        for text in (example.positive, *example.negatives):
            held.setdefault(text, set()).add(example.split)
    return held


@pytest.mark.parametrize("duplicates", [{"exact": False, "near": None}, {"near": None}])
def test_pages_with_nearly_equal_passages_are_on_one_side(
    workplace: Path, duplicates: dict[str, Any]
) -> None:
    # Page i and page i + 20 share a text but for one word of sixty; each has one of its own.
    shared = [story(i) for i in range(20)]
    changed = [text.replace("x8.", "x7.") + " anyway" for text in shared]
    pages = [[text, story(100 + i)] for i, text in enumerate([*shared, *changed])]
    pipeline = run_pages(pages, duplicates)
    run = pipeline.stored
    page_of = {p.text: p.page_id for p in run.rows(Passage)}
    groups = run.stage("examples").require().measures["examples"]["page_groups"]
    assert groups == {"pages": 40, "groups": 20, "largest": 2, "too_large": 0}
    side = {page: "test" for page in HeldOut(run, "test")._pages}
    for one, other in zip(shared, changed, strict=True):
        assert one != other and page_of[one] != page_of[other]
        assert side.get(page_of[one]) == side.get(page_of[other])
    assert 0 < len(side) < 40
    assert all(len(sides) == 1 for sides in sides_by_text(pipeline).values())


def test_equal_passages_are_in_no_two_splits(workplace: Path) -> None:
    pages = [[story(i % 10), story(50 + i)] for i in range(30)]
    pipeline = run_pages(pages, {"exact": False, "near": None})
    assert len(list(pipeline.stored.rows(Passage))) == 60
    assert all(len(sides) == 1 for sides in sides_by_text(pipeline).values())
    card = (pipeline.stored.dataset_dir / "README.md").read_text("utf-8")
    assert "30 pages in 10 groups, the largest of 3" in card


def test_nothing_is_looked_for_where_duplicates_were_dropped(workplace: Path) -> None:
    pipeline = run_pages([[story(i % 10), story(50 + i)] for i in range(30)], None)
    run = pipeline.stored
    assert not run.stage("passages").has_kept("page_groups")
    assert "page_groups" not in run.stage("examples").require().measures["examples"]
    assert all(len(sides) == 1 for sides in sides_by_text(pipeline).values())


def test_a_text_on_every_page_does_not_swamp_a_split() -> None:
    pages = [f"p{i}" for i in range(100)]
    sides = Sides({"test": 0.2}, 0, {page: "p0" for page in pages}, n_pages=100)
    assert {sides.of(page) for page in pages} == {"train"}
    assert sides.measure()["too_large"] == 100


def test_a_text_is_related_to_all_that_it_repeats() -> None:
    """The third is like both others, which are unlike each other."""
    words = [f"w{i}" for i in range(100)]
    one = " ".join([*(f"a{i}" for i in range(9)), *words[9:]])
    middle = " ".join(words)
    other = " ".join([*words[:-9], *(f"b{i}" for i in range(9))])
    kept = KeptTexts(exact=True, threshold=0.8, same_names=False)
    signs = sign_texts([one, other, middle], ngram=5, bands=choose_bands(0.8))
    ids = [f"{i:020x}" for i in range(3)]
    assert [sorted(found) for found in kept.relate(ids, signs)] == [[], [], ids[:2]]
    again = sign_texts([middle], ngram=5, bands=choose_bands(0.8))
    assert sorted(kept.relate(["f" * 20], again)[0]) == ids


def test_groups_that_meet_become_one() -> None:
    union = _Union()
    union.join("a", "b")
    union.join("c", "d")
    union.join("e", "e")
    union.join("b", "d")
    assert union.groups() == dict.fromkeys("abcd", "a")
