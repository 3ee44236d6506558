"""The dataset folder: loads with `datasets`, trains as it is, and tells nothing private."""

import random
import shutil
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import fret
from conftest import SUBJECTS, write_table
from fret.dataset import build_dataset, format_anchor, format_passage
from fret.dataset.rows import make_scores, make_triplets, scores_schema, triplet_schema
from fret.dataset.teacher import choose_scorer
from fret.held_out import HeldOut
from fret.manifest import Manifest
from fret.pipeline import Pipeline
from fret.publicity import public_address, public_name
from fret.records import Example
from fret.tables import TableWriter
from tiny_models import make_embedder

CONFIGS = ["triplets", "scores", "full", "corpus", "queries", "qrels", "instruction"]


def settings_in(folder: Path) -> dict[str, Any]:
    """A pipeline that names everything by where it lies on this machine."""
    write_table(folder / "pages.jsonl", SUBJECTS)
    negatives = {"max_similarity": None, "unjudged_similarity": None, "max_overlap": None}
    return {
        "run": "small",
        "runs_dir": str(folder / "runs"),
        "answers": str(folder / "answers.sqlite"),
        "vectors": str(folder / "vectors"),
        "seed": 4,  # with this one, all three splits have examples
        "pages": {"source": {"kind": "jsonl", "path": str(folder / "pages.jsonl")}},
        "passages": {"max_size": 60, "min_size": 10},
        "queries": {"writer": {"kind": "template"}, "checks": False},
        "candidates": {"top_k": 8, "dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
        "examples": {"splits": {"validation": 0.35, "test": 0.35}, "negatives": negatives},
        "publish": {"licence": "cc-by-4.0", "pretty_name": "Household: tests"},
    }


def run_in(folder: Path, settings: dict[str, Any]) -> Pipeline:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load(path)
    pipeline.run()
    return pipeline


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("somebodys-place")
    return run_in(folder, settings_in(folder))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def load(pipeline: Pipeline, config: str, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(pipeline.stored.dataset_dir), config, cache_dir=str(cache))


def test_triplets_hold_texts_only_in_trainers_order(done: Pipeline, cache: Path) -> None:
    dataset = load(done, "triplets", cache)
    examples = list(done.rows(Example))
    assert set(dataset) == {"train", "validation", "test"}
    for split, found in dataset.items():
        assert list(found) == [
            {
                "anchor": format_anchor(e.task, e.query),
                "positive": format_passage(e.positive_title, e.positive),
                "negative": format_passage(e.negative_titles[0], e.negatives[0]),
            }
            for e in examples
            if e.split == split
        ]
        assert found.column_names == ["anchor", "positive", "negative"]
    assert sum(map(len, dataset.values())) == len(examples)


def test_scores_are_those_of_the_scorer_for_the_same_texts(done: Pipeline, cache: Path) -> None:
    triplets, scores = (load(done, config, cache) for config in ("triplets", "scores"))
    for split, found in scores.items():
        assert found.column_names == ["anchor", "positive", "negative", "scores"]
        assert found.remove_columns("scores").to_list() == triplets[split].to_list()
        expected = [
            [e.positive_scores[0], e.negative_scores[0][0]]
            for e in done.rows(Example)
            if e.split == split
        ]
        assert found["scores"][:] == [pytest.approx(row) for row in expected]


def test_full_holds_every_field_in_the_same_order(done: Pipeline, cache: Path) -> None:
    full = load(done, "full", cache)
    for split in full:
        assert [Example.from_row(row) for row in full[split]] == [
            e for e in done.rows(Example) if e.split == split
        ]


def test_the_held_out_configs_are_what_held_out_says(done: Pipeline, cache: Path) -> None:
    for kind in ("corpus", "queries", "qrels", "instruction"):
        dataset = load(done, kind, cache)
        assert set(dataset) == {"validation", "test"}
        for split, found in dataset.items():
            assert found.to_list() == list(HeldOut(done.stored, split).rows(kind))


def test_a_split_reads_by_the_rules_of_mtebs_loader(done: Pipeline, cache: Path) -> None:
    """What mteb/abstasks/retrieval_dataset_loaders.py (2.26) does, step by step."""
    from datasets import Features, Value, get_dataset_config_names, get_dataset_split_names

    folder = str(done.stored.dataset_dir)
    configs = get_dataset_config_names(folder)
    assert "default" not in configs and "qrels" in configs and "query" not in configs
    for config in ("corpus", "queries", "qrels", "instruction"):
        assert "test" in get_dataset_split_names(folder, config_name=config)
    columns = {"query-id": "string", "corpus-id": "string", "score": "int32"}
    qrels = load(done, "qrels", cache)["test"].select_columns(list(columns))
    qrels = qrels.cast(Features({name: Value(kind) for name, kind in columns.items()}))
    corpus = load(done, "corpus", cache)["test"].cast_column("_id", Value("string"))
    queries = load(done, "queries", cache)["test"].rename_column("_id", "id")
    instruction = load(done, "instruction", cache)["test"].cast(
        Features({"query-id": Value("string"), "instruction": Value("string")})
    )
    assert len(queries) and set(qrels["query-id"]) == set(queries["id"])
    assert set(qrels["corpus-id"]) <= set(corpus["_id"])
    assert set(instruction["query-id"]) == set(queries["id"])


def test_sizes_are_what_datasets_counts(done: Pipeline, tmp_path: Path) -> None:
    from datasets import load_dataset_builder

    card = (done.stored.dataset_dir / "README.md").read_text("utf-8")
    told = yaml.safe_load(card.split("---")[1])
    bare = tmp_path / "bare"
    shutil.copytree(done.stored.dataset_dir, bare)
    front = yaml.safe_dump({"configs": told["configs"]})
    (bare / "README.md").write_text(f"---\n{front}---\n", "utf-8")
    assert [info["config_name"] for info in told["dataset_info"]] == CONFIGS
    for info in told["dataset_info"]:
        config = info["config_name"]
        builder = load_dataset_builder(str(bare), config, cache_dir=str(tmp_path / "c"))
        builder.download_and_prepare()
        counted = builder.info._to_yaml_dict()
        for name in ("features", "splits", "dataset_size"):
            assert info[name] == counted[name], config
        files = [f for c in told["configs"] for d in c["data_files"] for f in d["path"]]
        sizes = [(bare / f).stat().st_size for f in files if f.startswith(f"{config}/")]
        assert info["download_size"] == sum(sizes)


def test_no_file_says_where_or_by_whom_it_was_made(done: Pipeline) -> None:
    folder = done.stored.dataset_dir
    here = [str(folder), str(folder.parents[2]), "somebodys-place", str(Path.home())]
    secrets = [*here, socket.gethostname(), "/tmp/", "pages.jsonl"]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        if path.suffix == ".png":  # short names occur in packed pixels by chance
            with Image.open(path) as picture:
                told = picture.info
            assert not any(isinstance(value, str) for value in told.values()), told
            continue
        data = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in data, (path, secret)
        if path.suffix == ".parquet":  # packed bytes hide what stands in them
            rows = repr(pq.read_table(path).to_pylist()) + repr(pq.read_schema(path).metadata)
            assert not any(secret in rows for secret in secrets), path


def test_paths_of_models_and_pages_are_not_told() -> None:
    assert public_name("/home/ann/models/qwen-8b") == "qwen-8b"
    assert public_name("../models/qwen-8b/") == "qwen-8b"
    assert public_name(r"C:\models\qwen-8b") == "qwen-8b"
    assert public_name("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
    assert public_address("FILE:///home/ann/page.html") == ""
    assert public_address("https://a.example/b") == "https://a.example/b"


def test_full_names_no_path_of_a_model_or_a_page(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    lines = (tmp_path / "pages.jsonl").read_text("utf-8")
    lines = lines.replace("https://home.example/kettle", "file:///home/ann/kettle")
    (tmp_path / "pages.jsonl").write_text(lines, "utf-8")
    folder = run_in(tmp_path, settings).stored.dataset_dir
    urls = [
        url
        for path in (folder / "full").iterdir()
        for row in pq.read_table(path).to_pylist()
        for url in (row["positive_url"], *row["negative_urls"])
    ]
    assert "" in urls and "https://home.example/stove/buying" in urls
    assert not any(url.startswith("file:") for url in urls)


def test_a_trainer_takes_scores_with_several_negatives(tmp_path: Path) -> None:
    """One step with each of the losses that the card names, on a tiny random model."""
    from datasets import load_dataset
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer import losses

    settings = settings_in(tmp_path)
    settings["examples"]["negatives"] |= {"count": 2}
    settings["examples"]["splits"] = {}
    pipeline = run_in(tmp_path, settings)
    folder = str(pipeline.stored.dataset_dir)
    train = load_dataset(folder, "scores", split="train", cache_dir=str(tmp_path / "cache"))
    assert train.column_names == ["anchor", "positive", "negative", "negative_2", "scores"]
    assert {len(scores) for scores in train["scores"]} == {3}
    model = make_embedder(tmp_path)
    for make_loss in (losses.MarginMSELoss, losses.DistillKLDivLoss):
        arguments = Arguments(str(tmp_path / "out"), max_steps=1, report_to=[], use_cpu=True)
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=train, loss=make_loss(model)
        )
        assert trainer.train().training_loss > 0


def test_rows_that_lack_a_score_are_left_out_and_counted() -> None:
    columns: dict[str, list[Any]] = {
        "task": ["t"] * 4,
        "query": ["a", "b", "c", "d"],
        "positive_title": [""] * 4,
        "positive": ["p"] * 4,
        "negative_titles": [["", ""]] * 4,
        "negatives": [["n", "m"]] * 4,
        "scorers": [["x", "y"], ["x", "y"], ["y", "x"], ["x"]],
        "positive_scores": [[1.0, 2.0], [1.0, None], [3.0, 1.0], [1.0]],
        "negative_scores": [
            [[0.5, 0.25], [0.0, 0.125]],
            [[0.5, 0.25], [0.0, 0.125]],
            [[0.75, 0.25], [None, 0.125]],
            [[0.5], [0.0]],
        ],
    }
    two, one = triplet_schema(2), triplet_schema(1)
    triplets = make_triplets(columns, two)
    found = make_scores(triplets, columns, "y", scores_schema(2))
    assert found.column("anchor").to_pylist() == ["task: t | query: a"]
    assert found.column("scores").to_pylist() == [[2.0, 0.25, 0.125]]
    # What lies beyond the negatives that are taken need not be scored.
    fewer = make_scores(make_triplets(columns, one), columns, "y", scores_schema(1))
    assert fewer.column("scores").to_pylist() == [[2.0, 0.25], [3.0, 0.75]]


def test_the_scorer_that_weighs_most_teaches() -> None:
    def judgements(*kinds: str, **weights: float) -> Manifest:
        scorers = [{"name": kind, "kind": kind} for kind in kinds]
        identity = {"scorers": scorers, "fusion": {"weights": weights}}
        return Manifest("judgements", 1, "f", identity, {})

    assert choose_scorer(judgements("unigram", "embedding"), None) == "unigram"
    assert choose_scorer(judgements("unigram", "relevance", relevance=2.0), None) == "relevance"
    assert choose_scorer(judgements("unigram", "listwise", listwise=2.0), None) == "unigram"
    assert choose_scorer(judgements("listwise"), None) is None
    assert choose_scorer(judgements("unigram", "relevance", relevance=2.0), "unigram") == "unigram"
    assert choose_scorer(judgements("unigram"), "left_out_since") is None


@pytest.mark.parametrize("size", [20, 3_000])
def test_files_stay_below_their_bound_whatever_the_rows(tmp_path: Path, size: int) -> None:
    """Texts that cannot be packed, in rows of even and of very uneven size."""
    draw = random.Random(0)
    rows = [
        {"text": draw.randbytes(draw.choice([size, size * 10])).hex(), "number": [float(i)] * 3}
        for i in range(400)
    ]
    schema = pa.schema([("text", pa.string()), ("number", pa.list_(pa.float64()))])
    writer = TableWriter(tmp_path / "t", "train", schema, max_bytes=200_000)
    for start in range(0, 400, 70):
        writer.add(pa.Table.from_pylist(rows[start : start + 70], schema=schema))
    writer.close()
    paths = writer.table.paths
    assert [p.name.split("-")[1] for p in paths] == [f"{i:05d}" for i in range(len(paths))]
    assert all(path.stat().st_size <= 200_000 for path in paths)
    assert len(paths) <= 60
    assert [row for path in paths for row in pq.read_table(path).to_pylist()] == rows
    assert writer.table.rows == 400
    assert writer.table.file_bytes == sum(path.stat().st_size for path in paths)


def test_the_folder_is_made_anew_only_for_what_it_says(done: Pipeline) -> None:
    run, publish = done.stored, done.settings.publish.model_dump()

    def changes(path: Path) -> int:
        return path.stat().st_ino

    before = changes(run.dataset_dir)
    assert changes(build_dataset(run, publish={**publish, "private": False})) == before
    assert changes(build_dataset(run, publish={**publish, "contact": "me@a.example"})) != before
    build_dataset(run, publish=publish)


def test_pictures_are_drawn_into_the_folder_and_shown(done: Pipeline) -> None:
    publish = {**done.settings.publish.model_dump(), "contact": "you@a.example"}

    def illustrate(folder: Path, run: Any) -> list[tuple[str, str]]:
        (folder / "pictures").mkdir()
        (folder / "pictures" / "ranks.png").write_bytes(b"png")
        return [("pictures/ranks.png", "Rank of the [seed]")]

    folder = build_dataset(
        done.stored, publish=publish, illustrate=lambda f, r: [*illustrate(f, r)]
    )
    card = (folder / "README.md").read_text("utf-8")
    assert r"![Rank of the \[seed\]](pictures/ranks.png)" in card
    assert "pictures/ranks.png" in (folder / "manifest.json").read_text("utf-8")
    build_dataset(done.stored, publish=done.settings.publish.model_dump())


def test_a_dataset_made_anew_is_not_served_from_an_old_cache(tmp_path: Path) -> None:
    """`datasets` looks at names and card, not at contents, when it caches a local folder."""
    settings = settings_in(tmp_path)
    pipeline = run_in(tmp_path, settings)
    before = load(pipeline, "triplets", tmp_path / "cache")["train"]["negative"]
    settings["examples"]["negatives"] |= {"pick": "hardest"}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load(tmp_path / "small.yaml")
    pipeline.run(redo="examples")
    after = load(pipeline, "triplets", tmp_path / "cache")["train"]["negative"]
    expected = [e for e in pipeline.rows(Example) if e.split == "train"]
    assert list(after) == [format_passage(e.negative_titles[0], e.negatives[0]) for e in expected]
    assert list(after) != list(before)


def test_triplets_have_the_negatives_that_all_examples_have(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings["examples"]["negatives"] |= {"count": 5, "at_least": 1}
    pipeline = run_in(tmp_path, settings)
    counts = sorted({len(e.negatives) for e in pipeline.rows(Example)})
    assert len(counts) > 1
    triplets, full = (load(pipeline, config, tmp_path / "c") for config in ("triplets", "full"))
    names = triplets["train"].column_names[2:]
    assert names == ["negative", *(f"negative_{i}" for i in range(2, counts[0] + 1))]
    assert all(row[name] for split in triplets.values() for row in split for name in names)
    assert max(len(n) for split in full.values() for n in split["negatives"]) == counts[-1]
    card = (pipeline.stored.dataset_dir / "README.md").read_text("utf-8")
    assert f"Examples have {counts[0]} to {counts[-1]} negatives" in card


def test_gecko_format() -> None:
    assert format_anchor("Find it.", "where") == "task: Find it. | query: where"
    assert format_passage("A title", "a text") == "title: A title | text: a text"
    assert format_passage("", "a text") == "title: none | text: a text"
