"""The folder of an export: whole or not there, its own replaced, others' files never touched."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import fret
from conftest import SMALL_PIPELINE, SUBJECTS, SmallDisk, write_table
from fret.cli_export import FORMATS as LISTED
from fret.display_export import print_exported
from fret.errors import StoreError, UserError
from fret.export import FORMATS, Options, export_run
from fret.store import Run
from test_cli import call, said
from written_run import write_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return write_run(tmp_path / "runs", 30)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_same_export_again_replaces_its_own(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()  # an empty folder will do
    export_run(run, "sentence-transformers", out, Options(files="jsonl"))
    first = {name: (out / name).read_bytes() for name in names(out)}
    export_run(run, "sentence-transformers", out, Options(files="jsonl"))
    assert {name: (out / name).read_bytes() for name in names(out)} == first
    export_run(run, "tevatron", out)
    assert names(out) == {
        "README.md",
        "manifest.yaml",
        *["corpus.jsonl", "train.jsonl", "test.jsonl"],
    }
    assert {path.name for path in tmp_path.iterdir()} == {"out", "runs"}


@pytest.mark.parametrize("own", [True, False])
def test_files_of_others_are_never_touched(run: Run, tmp_path: Path, own: bool) -> None:
    out = tmp_path / "out"
    if own:
        export_run(run, "tevatron", out)
    (out / "models").mkdir(parents=True)
    (out / "models" / "mine.bin").write_text("mine")
    before = names(out)
    with pytest.raises(UserError, match=r"models/mine\.bin.*Nothing was changed"):
        export_run(run, "tevatron", out)
    assert names(out) == before and (out / "models" / "mine.bin").read_text() == "mine"


def test_a_manifest_of_another_tool_is_no_leave_to_replace(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for text in ("made_by: other\nfiles: {}\n", "- a\n- list\n", "{{", "\x00"):
        (out / "manifest.yaml").write_text(text)
        with pytest.raises(UserError, match=r"manifest\.yaml"):
            export_run(run, "tevatron", out)
        assert (out / "manifest.yaml").read_text() == text


def test_what_cannot_be_the_folder_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is not a folder"):
        export_run(run, "tevatron", tmp_path / "file")
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")
    for out in (Path(), Path("..")):
        with pytest.raises(UserError, match="is the current folder or above it"):
            export_run(run, "tevatron", out)


def test_a_link_leads_to_the_folder_that_is_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    export_run(run, "tevatron", tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "corpus.jsonl").exists()


def test_a_kill_leaves_the_old_export_whole(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", 4000)
    out = tmp_path / "out"
    export = (
        "from pathlib import Path; from fret.export import *; from fret.store import Run; "
        f"run = Run(Path({str(tmp_path / 'runs')!r}), 'written'); "
        f"export_run(run, 'tevatron', Path({str(out)!r}))"
    )
    subprocess.run([sys.executable, "-c", export], check=True, timeout=120)
    before = {name: (out / name).read_bytes() for name in names(out)}
    process = subprocess.Popen([sys.executable, "-c", export])
    fresh = tmp_path / ".out.new" / "corpus.jsonl"
    deadline = time.monotonic() + 60
    while not fresh.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    subprocess.run([sys.executable, "-c", export], check=True, timeout=120)
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "runs"}


def test_a_full_disk_is_told_and_leaves_nothing(run: Run, small_disk: SmallDisk) -> None:
    small_disk.fill(but=8192)
    with pytest.raises(StoreError, match="No space left on device"):
        export_run(run, "tevatron", small_disk.folder / "out")
    assert {path.name for path in small_disk.folder.iterdir()} == {"filler"}


@pytest.mark.parametrize(
    ("to", "options", "told"),
    [
        ("csv", Options(), "no format 'csv'; the formats are sentence-transformers"),
        ("beir", Options(negatives=2), "beir has no choice of negatives"),
        ("tevatron", Options(scores="judge"), "It is for sentence-transformers, flagembedding"),
        ("flagembedding", Options(scores="jugde"), "is one of unigram, judge, fused, none"),
        ("flagembedding", Options(splits=("dev",)), "no split 'dev'; it has train, test"),
        ("flagembedding", Options(form="e5"), "one of gecko, plain"),
        ("sentence-transformers", Options(files="csv"), "one of parquet, jsonl"),
        ("sentence-transformers", Options(negatives=-1), "cannot be below 0"),
    ],
)
def test_choices_that_do_not_fit_are_told(
    run: Run, tmp_path: Path, to: str, options: Options, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        export_run(run, to, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_the_command_lists_the_formats_that_there_are() -> None:
    assert LISTED.split(", ") == list(FORMATS)


def test_the_command_writes_and_says_what_is_not_in_it(workplace: Path) -> None:
    negatives = {"count": 3, "at_least": 1, "max_overlap": None, "unjudged_similarity": None}
    negatives |= {"max_similarity": None}
    examples = {"negatives": negatives, "splits": {"validation": 0.35, "test": 0.35}}
    # With this seed, all three splits have examples.
    settings = {**SMALL_PIPELINE, "seed": 4, "examples": examples}
    settings |= {"pages": {"source": {"kind": "jsonl", "path": "pages.jsonl"}}}
    write_table(Path("pages.jsonl"), SUBJECTS)
    Path("small.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    early = call("export", "small.yaml", "--to", "beir", "--out", "out")
    assert early.exit_code == 2 and "has no finished passages yet" in said(early)
    fret.load("small.yaml").run()
    result = call("export", "small.yaml", "--to", "beir", "--out", "out/beir")
    assert result.exit_code == 0 and "examples in out/beir for beir" in said(result)
    options = ["--to", "sentence-transformers", "--split", "train", "--out", "out/st"]
    result = call("export", "small.yaml", *options, "--negatives", "3")
    assert result.exit_code == 2 and "fewer than 3 negatives" in said(result)
    result = call("export", "small.yaml", *options, "--negatives", "1", "--scores", "unigram")
    assert result.exit_code == 0 and "train.parquet" in said(result), result.output
    assert "test.parquet" not in said(result)
    exported = fret.load("small.yaml").export("flagembedding", "out/flag")
    splits = ("train", "validation", "test")
    assert exported.files.keys() == {f"{split}/examples.jsonl" for split in splits}
    refused = call("export", "small.yaml", "--to", "mteb", "--out", "pages")
    assert refused.exit_code == 2 and "holds what `fret export` did not write" in said(refused)


def test_what_a_format_cannot_hold_is_printed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(negatives=2, scores="judge")
    print_exported(export_run(run, "sentence-transformers", tmp_path / "out", options))
    told = " ".join(capsys.readouterr().out.split())
    assert "19 of 30 examples in" in told
    assert "left out, as the format cannot hold them: 1 a text without a score" in told
    assert "10 fewer than 2 negatives" in told and "further positives" in told
