"""The command, and the same in Python: tables, files, vectors that are kept, what is refused."""

import json
import os
import pty
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import cos_sim
from typer.testing import CliRunner, Result

import fret
from evaluation_data import CORPUS, GRADES, PAIRS, QUERIES, write_beir, write_jsonl, write_tables
from fret.cli import app
from fret.errors import UserError
from fret.evaluation.dense_model import shorten, write_text
from fret.evaluation.metrics import METRICS
from fret.retrieval.encode import PLAIN
from tiny_models import save_embedder

WIDTH = 16


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, a collection in two layouts, pairs."""
    folder = tmp_path_factory.mktemp("evaluate")
    save_embedder(folder / "plain").rename(folder / "first")
    prompts = {"query": "question: ", "document": "answer: ", "STS": "same? "}
    save_embedder(folder / "prompted", prompts=prompts).rename(folder / "second")
    write_beir(folder / "home")
    write_tables(folder / "tables")
    rows = [{"sentence1": a, "sentence2": b, "score": score} for a, b, score in PAIRS]
    write_jsonl(folder / "sts.jsonl", rows)
    return folder


@pytest.fixture(autouse=True)
def here(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of each test's own, with links to what is shared."""
    for path in place.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    yield


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *arguments])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def refused(*arguments: str) -> str:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert not Path("data").exists()
    return said(result)


# -- figures


def test_figures_are_trec_evals_over_a_plain_search_by_the_library_alone() -> None:
    found = fret.evaluate("second", "home")
    model = SentenceTransformer("second", device="cpu")
    texts = model.encode_document([f"{title}\n{text}" for _, title, text in CORPUS])
    asked = model.encode_query([text for _, text in QUERIES])
    # As they are kept: a tiny random model's cosines are so alike that half precision counts.
    kept = [
        shorten(each, None) / np.linalg.norm(each, axis=1, keepdims=True) for each in (asked, texts)
    ]
    halves = [each.astype(np.float16).astype(np.float32) for each in kept]
    scores = halves[0] @ halves[1].T
    run = {
        query: {CORPUS[row][0]: float(score) for row, score in enumerate(line)}
        for (query, _), line in zip(QUERIES, scores, strict=True)
    }
    judged: dict[str, dict[str, int]] = {}
    for query, passage, grade in GRADES:
        judged.setdefault(query, {})[passage] = grade
    theirs = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "recall.5,20", "map"})
    values = list(theirs.evaluate(run).values())
    ours = found.find("second", "home")
    pairs = {
        "ndcg@10": "ndcg_cut_10",
        "recall@5": "recall_5",
        "recall@20": "recall_20",
        "map": "map",
    }
    for own, name in pairs.items():
        expected = np.mean([value[name] for value in values])
        assert ours[own].value == pytest.approx(expected, abs=0.01), own
    assert list(ours) == list(METRICS)


def test_bm25_finds_what_the_words_say_in_both_layouts_alike() -> None:
    found = fret.evaluate("bm25", ["home", "tables"])
    first, second = (found.find("bm25", name) for name in ("home", "tables"))
    assert first["ndcg@10"].value == second["ndcg@10"].value
    assert first["recall@5"].value == 1 and first["mrr@10"].value == 1
    mean = found.find("bm25")
    assert mean["map"].value == pytest.approx(first["map"].value)
    (whole,) = found.means
    assert whole.names == ["home", "tables"] and not whole.models[0].by_query


def test_pairs_correlate_as_the_library_says_with_the_models_own_prompt() -> None:
    found = fret.evaluate(["first", "second", "bm25"], "sts.jsonl")
    assert [each.model for each in found.data[0].models] == ["first", "second"]
    for name, prompt in (("first", ""), ("second", "same? ")):
        model = SentenceTransformer(name, device="cpu")
        one, other = (
            model.encode([pair[side] for pair in PAIRS], prompt=prompt) for side in (0, 1)
        )
        cosines = cos_sim(one, other).diagonal().numpy()
        (result,) = [each for each in found.data[0].models if each.model == name]
        assert result.by_query["spearman"] == pytest.approx(cosines, abs=2e-3)
    difference = found.data[0].models[1].differences["spearman"]
    assert difference.p is None and difference.interval is not None


def test_cut_vectors_are_rows_of_their_own_and_the_models_size_is_itself() -> None:
    options = fret.EvaluationOptions(dims=(WIDTH, 4))
    found = fret.evaluate(["first"], ["home"], options=options)
    assert list(found.models) == ["first", "first@16", "first@4"]
    whole, same, cut = found.data[0].models
    assert whole.by_query == same.by_query != cut.by_query
    assert found.models["first@4"]["dims"] == 4


def test_a_cut_vector_is_of_length_one_again() -> None:
    vectors = np.array([[3, 4, 12], [0, 0, 1]], np.float32) / np.array([[13], [1]], np.float32)
    found = shorten(vectors, 2)
    assert found == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))


def test_a_model_in_memory_is_measured_as_it_is_now_and_nothing_is_kept() -> None:
    model: Any = SentenceTransformer("first", device="cpu")
    before = fret.evaluate([model], ["home"], options=fret.EvaluationOptions(baseline=None))
    stored = fret.evaluate(["first"], ["home"], options=fret.EvaluationOptions(vectors=None))
    (row,) = before.models
    assert before.find(row, "home")["map"].value == stored.find("first", "home")["map"].value
    weights = next(iter(model[0].parameters()))
    weights.data = weights.data.flip(0)
    after = fret.evaluate([model], ["home"])
    assert after.data[0].models[0].by_query != before.data[0].models[0].by_query
    assert not Path("data").exists()


def test_formats_stand_in_the_place_of_the_models_prompts() -> None:
    options = fret.EvaluationOptions(
        query_format="task: {task} | query: {query}",
        passage_format="title: {title} | text: {text}",
        task="Find it.",
        vectors=Path("kept"),
    )
    found = fret.evaluate(["second"], ["home"], options=options)
    about = found.models["second"]
    assert (about["query_prompt"], about["passage_prompt"]) == ("", "")
    model = SentenceTransformer("second", device="cpu")
    asked = model.encode_query([f"task: Find it. | query: {t}" for _, t in QUERIES], prompt="")
    parts = [
        p for p in Path("kept").glob("*/part-*.npz") if len(np.load(p)["keys"]) == len(QUERIES)
    ]
    vectors = np.load(parts[0])["vectors"].astype(np.float32)
    cosines = np.asarray(cos_sim(asked, vectors)).max(axis=0)
    assert cosines == pytest.approx(np.ones(len(QUERIES)), abs=1e-3)


@pytest.mark.parametrize(
    ("passage_format", "title", "text", "written"),
    [
        (None, "T", "x", "T\nx"),
        (None, "", "x", "x"),
        ("title: {title} | text: {text}", "T", "x {title}", "title: T | text: x {title}"),
        ("title: {title} | text: {text}", "", "x", "title: none | text: x"),
        ("title: {title} | text: {text}", "{text}", "x", "title: {text} | text: x"),
        ("{title} {text}", "", "x", " x"),
        ("passage: {text}", "T", "x", "passage: x"),
    ],
)
def test_passages_are_written_by_the_format(
    passage_format: str | None, title: str, text: str, written: str
) -> None:
    assert write_text(passage_format, title, text) == written


# -- differences


def test_models_are_compared_with_the_baseline_by_query() -> None:
    options = fret.EvaluationOptions(baseline="bm25")
    found = fret.evaluate(["first", "bm25", "second"], ["home"], options=options, show=2)
    (data,) = found.data
    assert [bool(each.differences) for each in data.models] == [True, False, True]
    first, base = data.models[0], data.models[1]
    difference = first.differences["ndcg@10"]
    by_query = np.array(first.by_query["ndcg@10"]) - np.array(base.by_query["ndcg@10"])
    assert difference.value == pytest.approx(by_query.mean(), abs=1e-5)
    assert (difference.wins, difference.losses) == ((by_query > 0).sum(), (by_query < 0).sum())
    assert difference.wins + difference.losses + difference.ties == len(QUERIES)
    assert difference.interval and difference.interval[0] < difference.interval[1]
    assert found.shown and all(each.value != each.baseline for each in found.shown)
    assert set(found.shown[0].tops) == {"first", "bm25"}
    assert found.shown[0].relevant[0].grade == 2


def test_equal_seeds_give_equal_files_and_another_seed_other_intervals() -> None:
    made = []
    for seed in (0, 0, 1):
        options = fret.EvaluationOptions(seed=seed)
        found = fret.evaluate(["first", "bm25"], ["home"], options=options)
        made.append([path.read_bytes() for path in found.write(f"out{len(made)}")])
    assert made[0] == made[1] and made[0][0] != made[2][0]


# -- the command


def test_a_table_for_each_set_and_their_mean_and_all_files() -> None:
    result = call(
        *("first", "bm25", "--data", "home", "--data", "tables", "--data", "sts.jsonl"),
        *("--dims", "8,4", "--show-queries", "1", "--out", "out", "--json", "all.json"),
    )
    assert result.exit_code == 0, result.output
    text = said(result)
    for title in ("home: 8 queries, 40 passages", "sts: 16 pairs", "mean over 2 collections"):
        assert title in text
    assert re.search(r"first@4 +0\.\d{3} 0\.\d{3} to 0\.\d{3}", text)
    assert "against first" in text and "query q-" in text and "not relevant" in text
    assert max(map(len, result.output.splitlines())) <= 160
    found = json.loads(Path("all.json").read_text())
    assert found == json.loads(Path("out/evaluation.json").read_text())
    assert len(found["data"][0]["models"][0]["by_query"]["ndcg@10"]) == len(QUERIES)
    assert len(found["data"][0]["models"][0]["top"][0]) == 10
    assert Path("out/evaluation.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in Path("out/evaluation.svg").read_text()
    assert "| first@4 |" in Path("out/evaluation.md").read_text()


def test_nothing_is_encoded_twice_and_a_stop_loses_no_finished_part() -> None:
    assert call("first", "--data", "home").exit_code == 0
    parts = {p: p.stat().st_mtime_ns for p in Path("data/vectors").glob("*/part-*.npz")}
    assert sorted(len(np.load(p)["keys"]) for p in parts) == [len(QUERIES), len(CORPUS)]
    again = call("first", "--data", "home", "--dims", "8")
    assert {p: p.stat().st_mtime_ns for p in Path("data/vectors").glob("*/part-*.npz")} == parts
    assert "encoding" not in again.output
    # One lost: only what it held is encoded again.
    lost = next(p for p in parts if len(np.load(p)["keys"]) == len(CORPUS))
    lost.unlink()
    assert call("first", "--data", "home").exit_code == 0
    assert len(list(Path("data/vectors").glob("*/part-*.npz"))) == len(parts)


def test_vectors_are_those_of_a_runs_passages(tmp_path: Path) -> None:
    """A run that has encoded the same passages has done so for evaluations, too."""
    from fret.retrieval.encode import Embedder, write_passage
    from fret.vectors import VectorStore, as_keys, make_key, name_folder

    embedder = Embedder("first")
    texts = [write_passage(title, text) for _, title, text in CORPUS]
    folder = Path("data/vectors") / name_folder("first", embedder.identify())
    store = VectorStore(folder, about={})
    store.add(as_keys([make_key("", text) for text in texts]), embedder.encode_texts(texts))
    assert call("first", "--data", "home").exit_code == 0
    assert len(list(folder.glob("part-*.npz"))) == 1


def test_with_no_vectors_nothing_is_written() -> None:
    before = set(Path().iterdir())
    assert call("first", "bm25", "--data", "home", "--no-vectors").exit_code == 0
    assert set(Path().iterdir()) == before


def test_notes_are_told_beside_the_figures() -> None:
    write_beir(Path("odd"), queries=[*QUERIES, ("lonely", "who")])
    told = "Note: odd: 1 query has no passage judged relevant, and nothing is measured on such."
    assert told in said(call("bm25", "--data", "odd"))
    result = call("bm25", "--data", "odd", "--quiet")
    assert "nDCG@10" in result.stdout and told in " ".join(result.stderr.split())
    assert "Note" not in result.stdout
    assert f"odd: It has {len(QUERIES)} queries: only large differences" in said(result)


def test_one_query_has_no_interval_and_one_model_shows_its_worst() -> None:
    write_beir(Path("one"), grades=GRADES[:2])
    result = call("first", "bm25", "--data", "one")
    assert result.exit_code == 0 and re.search(r"bm25 +0\.\d{3} +- ", result.output)
    alone = said(call("first", "--data", "home", "--show-queries", "2"))
    assert alone.count("; home, query q-") == 2 and "win of" not in alone


def test_hostile_texts_are_shown_harmless_everywhere() -> None:
    bad = "\x1b[31m[bold]$x_{1}$ <script>|`\u202e"
    corpus = [("p\x1b[2J", bad, f"{bad} kettle"), ("other", "", "a stove")]
    write_beir(Path("[red]$x$|"), corpus, [("q\x07", f"kettle {bad}")], [("q\x07", "other", 1)])
    result = call("first", "bm25", "--data", "[red]$x$|", "--show-queries", "1", "--out", "out")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output and "\x07" not in result.output
    assert "\u202e" not in result.output and "[bold]$x_{1}$ <script>" in result.output
    markdown = Path("out/evaluation.md").read_text()
    assert r"\[red\]\$x\$\|: 1 query" in markdown
    assert "<script>" not in Path("out/evaluation.svg").read_text()


def test_the_tables_fit_a_terminal_of_80_columns() -> None:
    Path("a-model-with-quite-a-long-name-v2").symlink_to(Path("first").resolve())
    command = [sys.executable, "-m", "fret", "evaluate", "a-model-with-quite-a-long-name-v2"]
    command += ["bm25", "--data", "home", "--dims", "8", "--show-queries", "1"]
    own, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        command,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=theirs,
        env=environment | {"TERM": "xterm"},
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(own, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not part:
                break
            shown += part
        assert process.wait(timeout=120) == 0
    os.close(own)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()
    assert any("against" in line for line in lines) and "MAP" in "".join(lines)
    assert max(map(len, lines)) <= 80
    assert all(
        re.search(r"\d\.\d{3} +0\.\d{3}$", line) for line in lines if line.startswith("bm25  0")
    )


# -- refusals, before any work


def test_what_cannot_be_is_refused_before_any_work() -> None:
    Path("empty").mkdir()
    Path("nest").mkdir()
    (Path("nest") / "checkpoint-10").symlink_to(Path("first").resolve())
    cases = {
        ("first",): "Missing option '--data'",
        ("nowhere", "--data", "home"): "There is no model nowhere: no folder of that name is here",
        ("org/none", "--data", "home"): "the Hub has none or cannot be reached",
        ("empty", "--data", "home"): "The folder empty holds no model: neither modules.json",
        ("nest", "--data", "home"): "Did you mean nest/checkpoint-10?",
        ("bm25", "home", "--data", "home"): "home is a collection, not a model. Write --data",
        ("first", "first", "--data", "home"): "The model first is named twice",
        ("first", "--data", "home", "--data", "home"): "The data home is named twice",
        ("first", "--data", "empty"): "empty is no collection",
        ("first", "--data", "home", "--dims", "17"): "--dims 17 is more than the 16 numbers",
        ("first", "--data", "home", "--dims", "8,x"): "--dims '8,x' is no list of sizes",
        ("first", "--data", "home", "--dims", "0"): "are 1 or more",
        ("first", "--data", "home", "--baseline", "gpt"): "The baseline gpt is none of the rows",
        ("first", "--data", "home", "--query-format", "q"): "lacks {query}",
        ("first", "--data", "home", "--passage-format", "{title}"): "lacks {text}",
        (
            *("first", "--data", "home", "--query-format", "{task} {query}"),
        ): "home names none for some of its queries. Say it: --task",
        ("first", "--data", "home", "--precision", "int4"): "There is no precision 'int4'",
        ("first", "--data", "home", "--device", "cuda:77"): "The device 'cuda:77' cannot be used",
        ("bm25", "--data", "home", "--out", "sts.jsonl"): "is a file: --out names a folder",
        ("bm25", "--data", "home", "--json", "empty"): "is a folder: --json names a file",
        ("bm25", "--data", "sts.jsonl"): "BM25 gives no similarity of two texts",
    }
    for arguments, told in cases.items():
        text = refused(*arguments)
        assert told in text.replace("│", " ").replace("  ", " "), (arguments, text)


def test_the_tasks_of_the_data_serve_a_format_that_needs_them() -> None:
    result = call("first", "--data", "tables", "--query-format", "{task} {query}")
    assert result.exit_code == 0, result.output
    assert "and it is left out" in call("first", "--data", "tables").output
    assert "which is left out" not in result.output


def test_the_dataset_of_a_run_goes_by_the_runs_name() -> None:
    write_tables(Path("data/runs/mine/dataset"))
    assert fret.evaluate("bm25", "data/runs/mine/dataset").data[0].name == "mine"


def test_two_sets_of_one_name_go_by_their_paths() -> None:
    write_beir(Path("a/en"))
    write_beir(Path("b/en"))
    found = fret.evaluate("bm25", ["a/en", "b/en"])
    assert [each.name for each in found.data] == ["a/en", "b/en"]


def test_a_name_that_is_nowhere_is_refused_by_the_result() -> None:
    found = fret.evaluate("bm25", "home")
    with pytest.raises(KeyError):
        found.find("first")
    with pytest.raises(UserError, match="Name at least one model"):
        fret.evaluate([], "home")
    with pytest.raises(UserError, match="Name what to evaluate on"):
        fret.evaluate("bm25", [])


def test_defaults_of_the_command_are_those_in_python() -> None:
    import inspect

    from fret import cli_evaluate

    given = inspect.signature(cli_evaluate.evaluate).parameters
    options = fret.EvaluationOptions()
    for name in ("query_format", "passage_format", "task", "split", "language", "device"):
        assert given[name].default == getattr(options, name)
    for name in ("precision", "max_length", "batch_size", "vectors", "seed", "baseline"):
        assert given[name].default == getattr(options, name)
    assert cli_evaluate._PLAIN == PLAIN
