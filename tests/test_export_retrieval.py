"""Held-out rows as retrieval sets, read back by the readers of BEIR, MTEB and Pyserini."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fret.dataset import format_anchor, format_passage
from fret.errors import UserError
from fret.export import Options, export_run
from fret.export.texts import on_one_line
from fret.held_out import HeldOut
from fret.records import Example, Passage
from fret.store import Run
from written_run import ODD, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("runs"), 40)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def qrels_of(run: Run) -> dict[str, dict[str, int]]:
    return {query.id: dict(query.relevant) for query in HeldOut(run, "test").queries()}


def load_beir(out: Path) -> Any:
    """By BEIR's own loader, in a process of its own: here `beir` is a module of the tests."""
    code = (
        "import json; from beir.datasets.data_loader import GenericDataLoader as Loader; "
        f"print(json.dumps(Loader({str(out)!r}).load(split='test')))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=out, timeout=120)
    return json.loads(told.stdout)


@pytest.mark.parametrize("form", ["plain", "gecko"])
def test_beir_loads_what_the_run_holds_out(run: Run, tmp_path: Path, form: str) -> None:
    export_run(run, "beir", tmp_path / "out", Options(form=form))
    corpus, queries, qrels = load_beir(tmp_path / "out")
    held_out = HeldOut(run, "test")
    if form == "plain":
        texts = {p.id: {"title": p.full_title, "text": p.text} for p in held_out.passages()}
        asked = {q.id: q.text for q in held_out.queries()}
    else:
        texts = {
            p.id: {"title": "", "text": format_passage(p.full_title, p.text)}
            for p in held_out.passages()
        }
        asked = {q.id: format_anchor(q.task, q.text) for q in held_out.queries()}
    assert corpus == texts and queries == asked and qrels == qrels_of(run)
    assert len(qrels) == 4


def load_mteb(out: Path) -> Any:
    """By MTEB's own loader where it is installed, else by its rules: configs, columns, types."""
    try:
        from mteb.abstasks.retrieval_dataset_loaders import RetrievalDatasetLoader

        return RetrievalDatasetLoader(str(out), revision=None, split="test").load()
    except ImportError:
        return load_as_mteb(out)


def load_as_mteb(out: Path) -> dict[str, Any]:
    """As mteb/abstasks/retrieval_dataset_loaders.py does: `_id` becomes `id`, scores int32."""
    from datasets import Value, get_dataset_config_names, load_dataset

    configs = get_dataset_config_names(str(out))
    found = {name: load_dataset(str(out), name, split="test") for name in configs}
    for name in ("corpus", "queries"):
        found[name] = found[name].rename_column("_id", "id")
    assert found["qrels"].features["score"] == Value("int32")
    qrels: dict[str, dict[str, int]] = {}
    for row in found["qrels"]:
        qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = row["score"]
    if "instruction" in found:
        tasks = {row["query-id"]: row["instruction"] for row in found["instruction"]}
        instructions = [tasks[i] for i in found["queries"]["id"]]
        found["queries"] = found["queries"].add_column("instruction", instructions)
    return {**found, "relevant_docs": qrels}


@pytest.mark.parametrize("form", ["plain", "gecko"])
@pytest.mark.parametrize("read", [load_mteb, load_as_mteb])
def test_mteb_loads_what_the_run_holds_out(run: Run, tmp_path: Path, form: str, read: Any) -> None:
    export_run(run, "mteb", tmp_path / "out", Options(form=form))
    data = read(tmp_path / "out")
    held_out = HeldOut(run, "test")
    assert [row["id"] for row in data["corpus"]] == [p.id for p in held_out.passages()]
    for row, passage in zip(data["corpus"], held_out.passages(), strict=True):
        joined = f"{row['title']} {row['text']}".strip()  # as MTEB encodes it
        title, text = passage.full_title, passage.text
        assert joined == (
            format_passage(title, text) if form == "gecko" else f"{title} {text}".strip()
        )
    for row, query in zip(data["queries"], held_out.queries(), strict=True):
        assert row["id"] == query.id
        expected = query.text if form == "plain" else format_anchor(query.task, query.text)
        assert row["text"] == expected
        assert row.get("instruction") == (query.task if form == "plain" else None)
    assert data["relevant_docs"] == qrels_of(run)


def read_table(path: Path, separator: str) -> list[list[str]]:
    """As Java's readLine and split do: no quotes, and the ends of lines that Java knows."""
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n") and "\r" not in text
    return [line.split(separator) for line in text.removesuffix("\n").split("\n")]


def test_pyserini_gets_plain_tables_of_ids(run: Run, tmp_path: Path) -> None:
    """By the rules of io.anserini's TsvStringTopicReader and of pyserini/search/_base.py."""
    exported = export_run(run, "pyserini", tmp_path / "out")
    passages = {p.id: p for p in run.rows(Passage)}
    for split in ("train", "test"):
        folder = tmp_path / "out" / split
        collection = dict(read_table(folder / "collection.tsv", "\t"))  # two fields, or it fails
        topics = dict(read_table(folder / "topics.tsv", "\t"))
        written = [e for e in run.rows(Example) if e.split == split]
        assert topics == {f"q{e.query_id}": on_one_line(e.query) for e in written}
        for passage_id, text in collection.items():
            passage = passages[passage_id.removeprefix("p")]
            assert text == on_one_line(f"{passage.full_title} {passage.text}")
        lines = (folder / "collection/passages.jsonl").read_bytes().splitlines()
        whole = [json.loads(line) for line in lines]
        assert [row["id"] for row in whole] == list(collection)
        assert any("\n" in row["contents"] for row in whole)
        triples = read_table(folder / "triples.tsv", "\t")
        assert triples == [
            [f"q{e.query_id}", f"p{positive}", f"p{negative}"]
            for e in written
            for positive in (e.positive_id, *e.extra_positive_ids)
            for negative in e.negative_ids
        ]
        qrels = read_table(folder / "qrels.txt", " ")
        assert {(q, p) for q, _, p, _ in qrels} == {
            (f"q{e.query_id}", f"p{i}")
            for e in written
            for i in (e.positive_id, *e.extra_positive_ids)
        }
        assert {p for _, _, p, _ in qrels} | {t[2] for t in triples} <= set(collection)
        # What is read as a number would lose its zeros.
        assert not any(name.isdigit() for name in [*topics, *collection])
    assert len(dict(read_table(tmp_path / "out/test/collection.tsv", "\t"))) == 20
    told = "passages of test with tabs or ends of lines, now blanks"
    assert exported.not_held[told] == sum(
        on_one_line(p.text) != p.text for p in HeldOut(run, "test").passages()
    )


@pytest.mark.parametrize("text", ODD)
def test_a_text_on_one_line_has_no_break_that_any_reader_knows(text: str) -> None:
    line = on_one_line(text)
    assert len(line.splitlines()) == 1 and "\t" not in line
    assert line.split() == text.split()


@pytest.mark.parametrize("to", ["beir", "mteb"])
def test_a_retrieval_set_is_made_of_held_out_rows_only(run: Run, tmp_path: Path, to: str) -> None:
    with pytest.raises(UserError, match=r"held-out split, and train is none; there is test\."):
        export_run(run, to, tmp_path / "out", Options(splits=("train",)))
    assert not (tmp_path / "out").exists()
