"""Was the labelling worth it: the six sets of rows, and the models trained on them."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

import fret
from fret.ablation.cells import CELLS, write_cells
from fret.cli import app
from fret.errors import StoreError, UserError
from fret.pipeline import Pipeline
from fret.records import Example, Judgement
from tiny_models import save_embedder

SUBJECTS = ["kettle", "flue", "frost", "vinegar", "stove", "lime", "tea", "chimney", "soot", "ash"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline over forty short texts whose queries were written from another text than fits."""
    folder = tmp_path_factory.mktemp("ablation")
    texts, queries = [], []
    for number in range(40):
        subject, other = SUBJECTS[number % 10], SUBJECTS[(number + 1) % 10]
        text = (
            f"The {subject} numbered {number} is cleaned with care. It stands beside the {other}."
        )
        texts.append({"id": f"t{number}", "text": text, "title": subject})
        # Every third query has the words of the text after its seed.
        about, verb = (number + 1, "is cleaned") if number % 3 == 0 else (number, "cleaned")
        words = f"{SUBJECTS[about % 10]} numbered {about} {verb}"
        queries.append({"text": words, "task": "Find it.", "passage_id": f"t{number}"})
    for name, rows in (("texts", texts), ("queries", queries)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    source = {"kind": "jsonl", "path": str(folder / "texts.jsonl"), "id": "id", "title": "title"}
    settings = {
        "run": "small",
        "runs_dir": str(folder / "runs"),
        "answers": str(folder / "answers.sqlite"),
        "pages": {"source": source},
        "passages": {"split": "none", "min_size": 1, "max_size": 100, "duplicates": None},
        "queries": {
            "writer": {"kind": "file", "path": str(folder / "queries.jsonl")},
            "checks": None,
        },
        "candidates": {"top_k": 8, "dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
        "examples": {"splits": {"test": 0.25}},
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    fret.load(path).run()
    return path


@pytest.fixture(scope="module")
def pipeline(file: Path) -> Pipeline:
    return fret.load(file)


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        cell.name: pq.read_table(folder / cell.name / "full" / "train-00000.parquet").to_pylist()
        for cell in CELLS
    }


def test_cells_have_the_same_queries_and_differ_in_what_they_say(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    counts = write_cells(pipeline.stored, tmp_path, seed=0)
    found = read(tmp_path)
    examples = {e.query: e for e in pipeline.rows(Example) if e.split == "train"}
    assert counts["queries"] == len(found["seed-none"]) == len(examples) > 20
    assert 2 < counts["moved"] < counts["queries"]
    order = [row["query"] for row in found["seed-none"]]
    for name, rows in found.items():
        positive, negative = name.split("-")
        assert [row["query"] for row in rows] == order
        for row in rows:
            example = examples[row["query"]]
            wanted = example.seed_id if positive == "seed" else example.positive_id
            assert row["positive_id"] == wanted and row["seed_id"] == example.seed_id
            assert len(row["negatives"]) == (negative != "none")
            assert row["positive_id"] not in row["negative_ids"]
            if positive == "relabelled":
                assert row["positive"] == example.positive
    assert {len(set(row["negative_ids"])) for row in found["seed-lowest"]} == {1}


def test_the_lowest_is_the_last_of_the_fused_ranking(pipeline: Pipeline, tmp_path: Path) -> None:
    write_cells(pipeline.stored, tmp_path, seed=0)
    rows = {row["query"]: row for row in read(tmp_path)["relabelled-lowest"]}
    examples = {e.query_id: e for e in pipeline.rows(Example)}
    for judgement in pipeline.rows(Judgement):
        example = examples.get(judgement.query_id)
        if example is None or example.query not in rows:
            continue
        (lowest,) = rows[example.query]["negative_ids"]
        ranks = dict(zip(judgement.passage_ids, judgement.fused_ranks, strict=True))
        others = set(ranks) - {example.seed_id, example.positive_id}
        assert ranks[lowest] == max(ranks[each] or 0 for each in others)


def test_random_neighbours_are_drawn_by_the_seed(pipeline: Pipeline, tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_cells(pipeline.stored, tmp_path / name, seed=seed)
        drawn.append([row["negative_ids"] for row in read(tmp_path / name)["seed-random"]])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({each for (each,) in drawn[0]}) > 10


def test_six_models_are_trained_and_compared_once(
    file: Path, pipeline: Pipeline, tmp_path: Path
) -> None:
    base = save_embedder(tmp_path)
    training = {
        "name": "any",
        "base": str(base),
        "device": "cpu",
        "model": {"max_length": 32},
        "stages": [
            {
                "data": [{"kind": "fret", "path": "stands-for-the-cells"}],
                "steps": 3,
                "batch_size": 8,
                "learning_rate": 1e-3,
            }
        ],
    }
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump(training), "utf-8")
    arguments = ["ablate", str(file), "--train", str(config), "--quiet"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert re.search(r"seed-none is trained, in \d+ seconds?; 5 models to go", first.stderr)
    for name in ("untrained", *(cell.name for cell in CELLS)):
        assert name in first.output
    folder = pipeline.stored.path / "ablation"
    table = json.loads((folder / "evaluation.json").read_text("utf-8"))
    (data,) = table["data"]
    assert [each["model"] for each in data["models"]] == ["untrained", *(c.name for c in CELLS)]
    assert data["n_queries"] == sum(e.split == "test" for e in pipeline.rows(Example))
    made = {path: path.stat().st_mtime_ns for path in folder.glob("models/*/*/model/*")}
    assert len({p.parents[2] for p in made}) == 6
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0 and again.output == first.output
    assert made == {path: path.stat().st_mtime_ns for path in folder.glob("models/*/*/model/*")}


def test_a_run_that_is_not_finished_is_told(pipeline: Pipeline, tmp_path: Path) -> None:
    settings = fret.load_training("train_small")
    unfinished = fret.load("quickstart", overrides=[f"runs_dir={tmp_path}"])
    with pytest.raises(StoreError, match="run the stage examples first"):
        fret.ablate(unfinished.stored, settings)


def test_files_of_two_stages_are_refused(pipeline: Pipeline) -> None:
    with pytest.raises(UserError, match="one stage"):
        fret.ablate(pipeline.stored, fret.load_training("train_nv_embed"))
