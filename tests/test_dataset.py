"""The dataset folder: loads with `datasets`, trains with sentence-transformers, says what it is."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard

import fret
from fret.card import _fence
from fret.dataset import format_anchor, format_passage
from fret.pipeline import Pipeline
from fret.records import Example
from tiny_models import make_embedder

PIPELINE = {
    "run": "small",
    "pages": {"source": {"kind": "html", "path": "pages"}},
    "passages": {"max_size": 60, "min_size": 10},
    "queries": {"writer": {"kind": "template"}},
    "candidates": {"top_k": 8, "dense": None},
    "judgements": {"scorers": [{"kind": "unigram"}]},
    "examples": {"splits": {"test": 0.3}},
    "publish": {"licence": "cc-by-4.0", "pretty_name": "Household: tests"},
}


@pytest.fixture
def done(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("HF_HOME", str(workplace / "hub"))
    Path("small.yaml").write_text(yaml.safe_dump(PIPELINE), "utf-8")
    pipeline = fret.load("small.yaml")
    pipeline.run()
    return pipeline


def load(pipeline: Pipeline, config: str, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(pipeline.stored.dataset_dir), config, cache_dir=str(cache))


def test_triplets_hold_texts_only_in_trainers_order(done: Pipeline, tmp_path: Path) -> None:
    dataset = load(done, "triplets", tmp_path / "cache")
    rows = {split: list(done_rows) for split, done_rows in dataset.items()}
    examples = list(done.rows(Example))
    for split, found in rows.items():
        expected = [e for e in examples if e.split == split]
        assert [row["anchor"] for row in found] == [
            format_anchor(e.task, e.query) for e in expected
        ]
        assert [row["positive"] for row in found] == [
            format_passage(e.positive_title, e.positive) for e in expected
        ]
        assert [row["negative"] for row in found] == [
            format_passage(e.negative_titles[0], e.negatives[0]) for e in expected
        ]
        assert all(list(row) == ["anchor", "positive", "negative"] for row in found)
    assert sum(map(len, rows.values())) == len(examples)


def test_full_holds_every_field_in_the_same_order(done: Pipeline, tmp_path: Path) -> None:
    triplets, full = (load(done, config, tmp_path / "cache") for config in ("triplets", "full"))
    assert set(full) == set(triplets)
    for split in full:
        anchors = [format_anchor(row["task"], row["query"]) for row in full[split]]
        assert anchors == triplets[split]["anchor"]
        assert [Example.from_row(row) for row in full[split]] == [
            e for e in done.rows(Example) if e.split == split
        ]


def test_gecko_format() -> None:
    assert format_anchor("Find it.", "where") == "task: Find it. | query: where"
    assert format_passage("A title", "a text") == "title: A title | text: a text"
    assert format_passage("", "a text") == "title: none | text: a text"


def test_card_has_front_matter_that_the_hub_reads(done: Pipeline) -> None:
    text = (done.stored.dataset_dir / "README.md").read_text("utf-8")
    card = DatasetCard(text)
    assert card.data.license == "cc-by-4.0"
    assert card.data.pretty_name == "Household: tests"
    assert card.data.language == ["en"]
    assert card.data.size_categories == ["n<1K"]
    assert "sentence-transformers" in card.data.tags and "synthetic" in card.data.tags
    front = yaml.safe_load(text.split("---")[1])
    assert [config["config_name"] for config in front["configs"]] == ["triplets", "full"]
    assert "No language model took part" in text
    assert "| pages | 12 | 12 |" in text


def test_text_of_pages_cannot_break_out_of_the_card() -> None:
    fenced = _fence("a\n```\n# not a heading\n`````\nb")
    first, *_, last = fenced.splitlines()
    assert first.rstrip("json") == last and len(last) == 8


def test_a_trainer_takes_triplets_as_they_are(done: Pipeline, tmp_path: Path) -> None:
    """One step of sentence-transformers on a tiny random model."""
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    model: SentenceTransformer = make_embedder(tmp_path)
    arguments = Arguments(
        str(tmp_path / "out"),
        max_steps=1,
        per_device_train_batch_size=4,
        report_to=[],
        use_cpu=True,
    )
    train = load(done, "triplets", tmp_path / "cache")["train"]
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=train, loss=MultipleNegativesRankingLoss(model)
    )
    assert trainer.train().training_loss > 0


def test_a_dataset_made_anew_is_not_served_from_an_old_cache(
    done: Pipeline, tmp_path: Path
) -> None:
    """`datasets` looks at names and card, not at contents, when it caches a local folder."""
    before = load(done, "triplets", tmp_path / "cache")["train"]["negative"]
    text = yaml.safe_dump(
        {**PIPELINE, "examples": {"negatives": {"pick": "hardest"}, "splits": {"test": 0.3}}}
    )
    Path("small.yaml").write_text(text, "utf-8")
    pipeline = fret.load("small.yaml")
    pipeline.run(redo="examples")
    after = load(pipeline, "triplets", tmp_path / "cache")["train"]["negative"]
    expected = [e for e in pipeline.rows(Example) if e.split == "train"]
    assert list(after) == [format_passage(e.negative_titles[0], e.negatives[0]) for e in expected]
    assert list(after) != list(before)


def test_triplets_have_the_negatives_that_all_examples_have(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(workplace / "hub"))
    negatives = {"count": 5, "at_least": 1, "max_overlap": None, "unjudged_similarity": None}
    rules = {"negatives": negatives, "splits": {"test": 0.3}}  # what is on another side is refused
    Path("small.yaml").write_text(yaml.safe_dump({**PIPELINE, "examples": rules}), "utf-8")
    pipeline = fret.load("small.yaml")
    pipeline.run()
    counts = sorted({len(e.negatives) for e in pipeline.rows(Example)})
    assert len(counts) > 1
    triplets, full = (load(pipeline, config, workplace / "c") for config in ("triplets", "full"))
    names = triplets["train"].column_names[2:]
    assert names == ["negative", *(f"negative_{i}" for i in range(2, counts[0] + 1))]
    assert all(row[name] for row in triplets["train"] for name in names)
    assert sorted({len(negatives) for negatives in full["train"]["negatives"]})[-1] > counts[0]
    card = (pipeline.stored.dataset_dir / "README.md").read_text("utf-8")
    assert f"Examples have {counts[0]} to {counts[-1]} negatives" in card
