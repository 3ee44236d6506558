"""`fret export`: each trainer reads what the run holds, row for row, and the rest is told."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fret.dataset import format_anchor, format_passage
from fret.durable import sha256_of
from fret.errors import UserError
from fret.export import FORMATS, Exported, Options, export_run
from fret.records import Example
from fret.store import Run
from tiny_models import make_embedder
from written_run import write_run

N = 40


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs"), N)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def examples(run: Run, split: str) -> list[Example]:
    return [e for e in run.rows(Example) if e.split == split]


def read_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:  # as trainers do: lines end where files say so
        return [json.loads(line) for line in file]


def plain(title: str, text: str) -> str:
    return f"{title} {text}" if title else text


def load(out: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(out))


def texts_of(example: Example, n: int) -> list[str]:
    pairs = zip(example.negative_titles[:n], example.negatives[:n], strict=True)
    return [
        format_anchor(example.task, example.query),
        format_passage(example.positive_title, example.positive),
        *(format_passage(title, text) for title, text in pairs),
    ]


COLUMNS = {
    0: ["anchor", "positive"],
    1: ["anchor", "positive", "negative"],
    3: ["anchor", "positive", "negative_1", "negative_2", "negative_3"],
}


@pytest.mark.parametrize("files", ["parquet", "jsonl"])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_sentence_transformers_gets_texts_in_its_order(
    run: Run, tmp_path: Path, n: int, files: str
) -> None:
    options = Options(negatives=n, files=files)
    exported = export_run(run, "sentence-transformers", tmp_path / "out", options)
    dataset = load(tmp_path / "out")
    for split in ("train", "test"):
        fit = [e for e in examples(run, split) if len(e.negatives) >= n]
        assert dataset[split].column_names == COLUMNS[n]
        assert [list(row.values()) for row in dataset[split]] == [texts_of(e, n) for e in fit]
    n_short = sum(len(e.negatives) < n for e in run.rows(Example))
    assert exported.left_out == ({f"fewer than {n} negatives": n_short} if n_short else {})
    surplus = sum(max(len(e.negatives) - n, 0) for e in run.rows(Example) if len(e.negatives) >= n)
    assert exported.not_held.get(f"negatives beyond the first {n}", 0) == surplus
    assert exported.not_held["further positives"] > 0


def test_scores_stand_last_and_rows_without_are_told(run: Run, tmp_path: Path) -> None:
    options = Options(negatives=2, scores="judge", form="plain")
    exported = export_run(run, "sentence-transformers", tmp_path / "out", options)
    found = load(tmp_path / "out")["train"]
    assert found.column_names == ["anchor", "positive", "negative_1", "negative_2", "scores"]
    several = [e for e in examples(run, "train") if len(e.negatives) >= 2]
    fit = [e for e in several if None not in (e.negative_scores[0][1], e.negative_scores[1][1])]
    assert [row["scores"] for row in found] == [
        [e.positive_scores[1], e.negative_scores[0][1], e.negative_scores[1][1]] for e in fit
    ]
    assert [row["anchor"] for row in found] == [e.query for e in fit]
    assert found[0]["positive"] == plain(fit[0].positive_title, fit[0].positive)
    assert exported.left_out["a text without a score"] > 0
    assert exported.n_read == N and sum(exported.files.values()) == N - sum(
        exported.left_out.values()
    )


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        (Options(), "MultipleNegativesRankingLoss"),
        (Options(negatives=2, scores="judge"), "MarginMSELoss"),
    ],
)
def test_a_trainer_takes_the_rows_for_a_step(
    run: Run, tmp_path: Path, options: Options, loss: str
) -> None:
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer import losses

    export_run(run, "sentence-transformers", tmp_path / "out", options)
    model = make_embedder(tmp_path)
    arguments = Arguments(
        str(tmp_path / "trained"),
        max_steps=1,
        per_device_train_batch_size=4,
        report_to=[],
        use_cpu=True,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=load(tmp_path / "out")["train"],
        loss=getattr(losses, loss)(model),
    )
    assert trainer.train().training_loss > 0


def test_an_export_made_anew_is_not_served_from_an_old_cache(run: Run, tmp_path: Path) -> None:
    """`datasets` caches a folder by what its card says, not by what its files hold."""
    out = tmp_path / "out"
    export_run(run, "sentence-transformers", out, Options(form="gecko"))
    before = load(out)["train"][0]["anchor"]
    export_run(run, "sentence-transformers", out, Options(form="plain"))
    assert load(out)["train"][0]["anchor"] != before


@pytest.mark.parametrize("scores", [None, "judge"])
def test_flag_embedding_gets_lists_and_numbers(
    run: Run, tmp_path: Path, scores: str | None
) -> None:
    exported = export_run(run, "flagembedding", tmp_path / "out", Options(scores=scores))
    rows = {row["query"]: row for row in read_lines(tmp_path / "out/train/examples.jsonl")}
    written = {e.query: e for e in examples(run, "train")}
    assert len(rows) + exported.left_out.get("no scored negative", 0) >= len(written)
    for query, row in rows.items():
        e = written[query]
        kept = [k for k, s in enumerate(e.negative_scores) if scores is None or s[1] is not None]
        assert row["pos"] == list(
            map(
                plain,
                (e.positive_title, *e.extra_positive_titles),
                (e.positive, *e.extra_positives),
            )
        )
        assert row["neg"] == [plain(e.negative_titles[k], e.negatives[k]) for k in kept]
        assert row["prompt"] == e.task and row["type"] == "normal"
        if scores:
            assert row["pos_scores"] == [3.0, *([2.9] * len(e.extra_positives))]
            assert row["neg_scores"] == [e.negative_scores[k][1] for k in kept]
        else:
            assert "pos_scores" not in row and "neg_scores" not in row
    unscored = [e for e in run.rows(Example) if {s[1] for s in e.negative_scores} == {None}]
    assert unscored and exported.left_out == (
        {"no scored negative": len(unscored)} if scores else {}
    )


def test_flag_embedding_reads_its_export(run: Run, tmp_path: Path) -> None:
    reader = pytest.importorskip(
        "FlagEmbedding.abc.finetune.embedder.AbsDataset", reason="FlagEmbedding is not installed"
    )
    from FlagEmbedding.abc.finetune.embedder import AbsEmbedderDataArguments  # type: ignore

    export_run(run, "flagembedding", tmp_path / "out", Options(scores="judge"))
    arguments = AbsEmbedderDataArguments(
        train_data=[str(tmp_path / "out" / "train")],
        cache_path=str(tmp_path / "cache"),
        train_group_size=4,
        knowledge_distillation=True,
        query_instruction_for_retrieval="Anything.",
        query_instruction_format="task: {} | query: {}",
    )
    dataset = reader.AbsEmbedderTrainDataset(arguments, None)
    written = {format_anchor(e.task, e.query): e for e in examples(run, "train")}
    assert len(dataset) > 20
    for i in range(len(dataset)):
        query, passages, scores = dataset[i]
        e = written[query]
        positives = map(
            plain, (e.positive_title, *e.extra_positive_titles), (e.positive, *e.extra_positives)
        )
        assert passages[0] in set(positives) and len(passages) == len(scores) == 4
        assert set(passages[1:]) <= set(map(plain, e.negative_titles, e.negatives))


@pytest.mark.parametrize("form", ["gecko", "plain"])
def test_tevatron_finds_each_text_by_its_id(run: Run, tmp_path: Path, form: str) -> None:
    """By the rules of `src/tevatron/retriever/dataset.py` (TrainDataset, the new format)."""
    from datasets import load_dataset

    export_run(run, "tevatron", tmp_path / "out", Options(form=form))
    corpus = load_dataset("json", data_files=str(tmp_path / "out/corpus.jsonl"), split="train")
    text_of = {row["docid"]: row["text"] for row in corpus}
    rows = load_dataset("json", data_files=str(tmp_path / "out/train.jsonl"), split="train")
    write = format_passage if form == "gecko" else plain
    for row, e in zip(rows, examples(run, "train"), strict=True):
        assert row["query_id"] == e.query_id
        assert row["query_text"] == (format_anchor(e.task, e.query) if form == "gecko" else e.query)
        assert [text_of[i] for i in row["positive_document_ids"]] == list(
            map(
                write,
                (e.positive_title, *e.extra_positive_titles),
                (e.positive, *e.extra_positives),
            )
        )
        assert [text_of[i] for i in row["negative_document_ids"]] == list(
            map(write, e.negative_titles, e.negatives)
        )


@pytest.mark.parametrize("form", ["gecko", "plain"])
def test_tevatron_legacy_joins_title_and_text_to_what_was_meant(
    run: Run, tmp_path: Path, form: str
) -> None:
    """By the rules of the same file for rows that have `positive_passages`."""
    export_run(run, "tevatron-legacy", tmp_path / "out", Options(form=form))

    def join(passage: dict[str, str]) -> str:
        title = passage.get("title")
        return passage["text"] if title is None else f"{title} {passage['text']}".strip()

    write = format_passage if form == "gecko" else plain
    rows = read_lines(tmp_path / "out/test.jsonl")
    for row, e in zip(rows, examples(run, "test"), strict=True):
        assert [join(p) for p in row["negative_passages"]] == list(
            map(write, e.negative_titles, e.negatives)
        )
        assert join(row["positive_passages"][0]) == write(e.positive_title, e.positive)
        assert [p["docid"] for p in row["negative_passages"]] == list(e.negative_ids)


@pytest.mark.parametrize("to", ["flagembedding", "tevatron", "tevatron-legacy"])
def test_examples_without_negatives_are_left_out_and_told(tmp_path: Path, to: str) -> None:
    run = write_run(tmp_path / "runs", 20, negatives=lambda i: i % 2)
    exported = export_run(run, to, tmp_path / "out")
    assert exported.left_out == {"no negative": 10}
    assert "10 examples: no negative" in (tmp_path / "out/README.md").read_text("utf-8")
    with pytest.raises(UserError, match="No example fits: 20 with fewer than 2 negatives"):
        export_run(run, "sentence-transformers", tmp_path / "st", Options(negatives=2))
    assert not (tmp_path / "st").exists() and not list(tmp_path.glob(".st*"))


@pytest.mark.parametrize("to", FORMATS)
def test_the_manifest_says_what_is_there(run: Run, tmp_path: Path, to: str) -> None:
    exported: Exported = export_run(run, to, tmp_path / "out")
    manifest = yaml.safe_load((tmp_path / "out/manifest.yaml").read_text("utf-8"))
    there = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")}
    assert there == {*manifest["files"], "README.md", "manifest.yaml"}
    for name, facts in manifest["files"].items():
        path = tmp_path / "out" / name
        assert facts["sha256"] == sha256_of(path) and facts["bytes"] == path.stat().st_size
        assert facts["rows"] == exported.files[name] > 0
    readme = (tmp_path / "out/README.md").read_text("utf-8")
    assert str(tmp_path) not in readme and all(f"`{name}`" in readme for name in manifest["files"])
