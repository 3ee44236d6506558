"""The first thing a stranger does, from an empty folder; and the same on real pages."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fret
from fret.pipeline import STAGES, Pipeline, dropped_rows
from fret.records import Example, Page

REAL_PAGES = Path(__file__).parents[2] / "shared" / "data" / "pages_en" / "html"


def run(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "fret", "run", "quickstart", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("stranger")
    return folder, run(folder)


@pytest.fixture
def pipeline(finished: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.chdir(finished[0])
    yield fret.load("quickstart")


@pytest.mark.slow
def test_quickstart_says_where_the_dataset_is_and_shows_it(finished: tuple[Path, str]) -> None:
    _, said = finished
    assert "examples in data/runs/quickstart/dataset" in said
    assert all(stage in said for stage in STAGES)
    assert said.count("  positive  ") == 3


@pytest.mark.slow
def test_quickstart_makes_enough_examples_of_enough_kinds(pipeline: Pipeline) -> None:
    examples = list(pipeline.rows(Example))
    kinds = [example.task_type for example in examples]
    assert len(examples) >= 150
    assert sum(kinds.count(kind) >= 15 for kind in set(kinds)) >= 4
    assert len({example.language for example in examples}) >= 3
    assert any(example.positive_is_seed is False for example in examples)
    dataset = pipeline.dataset()
    assert sum(len(dataset[split]) for split in dataset) == len(examples)


@pytest.mark.slow
def test_every_sample_page_is_used(pipeline: Pipeline) -> None:
    assert pipeline.status()[0].dropped == 0
    # Dense retrieval took part: the packaged model was found without a network.
    assert "dense" in pipeline.status()[3].measures["seed_recall"]
    assert 0 < pipeline.status()[3].measures["pool_overlap"] < 1


@pytest.mark.slow
def test_second_quickstart_does_nothing(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    before = {
        p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in {".parquet", ".json"}
    }
    said = run(folder)
    assert said.count("done already") == len(STAGES)
    after = {p: p.stat().st_mtime_ns for p in before}
    changed = {p.name for p in before if before[p] != after[p]}
    assert changed <= {".holder.json"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not REAL_PAGES.is_dir(), reason="the 181 real pages are not on this machine")
def test_the_same_pipeline_runs_on_real_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = [
        f"pages.source.path={REAL_PAGES}",
        # Embeddings take three minutes here, and are tried on the sample pages.
        "candidates.dense=null",
        "judgements.scorers=[{kind: unigram}]",
    ]
    run(tmp_path, *(word for override in overrides for word in ("--set", override)), "--quiet")
    monkeypatch.chdir(tmp_path)
    pipeline = fret.load("quickstart", overrides=overrides)
    names = {page.source for page in pipeline.rows(Page)}
    names |= {dropped.record_id for dropped in dropped_rows(pipeline.stored, "pages")}
    assert names == {path.name for path in REAL_PAGES.iterdir()}
    examples = list(pipeline.rows(Example))
    dataset = pipeline.dataset()
    # The rules write of under half of the 1306 passages: of the others nothing good.
    assert len(examples) >= 450
    assert sum(len(dataset[split]) for split in dataset) == len(examples)
