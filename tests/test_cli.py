"""The command line as a person meets it: messages, exit statuses, nothing written on bad input."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from conftest import SMALL_PIPELINE
from fret.cli import app
from fret.pipeline_file import load_settings
from fret.shipped import recipes
from llm_server import LLMServer

HTML = {"source": {"kind": "html", "path": "pages"}, "shard_pages": 5}


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    return " ".join(result.output.split())


def changed(path: Path, **sections: object) -> None:
    path.write_text(yaml.safe_dump({**SMALL_PIPELINE, **sections}), "utf-8")


def test_run_prints_where_the_dataset_is_the_funnel_and_three_examples(small: Path) -> None:
    changed(small, pages=HTML)
    result = call("run", "small.yaml")
    assert result.exit_code == 0, result.output
    text = said(result)
    assert "examples in data/runs/small/dataset" in text
    assert all(
        stage in text for stage in ("pages 12 12", "passages", "queries", "judgements", "examples")
    )
    assert all(f"Example {n}" in text for n in (1, 2, 3))


def test_help_names_every_recipe_that_ships() -> None:
    told = said(call("run", "--help"))
    assert len(recipes()) >= 6 and all(name in told for name in recipes())


def test_second_run_does_nothing(small: Path) -> None:
    call("run", "small.yaml")
    files = {p: p.stat().st_mtime_ns for p in Path("data").rglob("part-*") if p.is_file()}
    manifests = {p: p.stat().st_mtime_ns for p in Path("data").rglob("manifest.json")}
    result = call("run", "small.yaml")
    assert result.exit_code == 0 and result.output.count("done already") == 6
    assert {p: p.stat().st_mtime_ns for p in files} == files
    assert {p: p.stat().st_mtime_ns for p in manifests} == manifests


BAD = {
    "missing file": (["run", "nowhere.yaml"], {}, "There is no pipeline file 'nowhere.yaml'"),
    "unknown key": (
        [],
        {"candidates": {"topk": 3}},
        "candidates.topk: unknown key; did you mean 'top_k'",
    ),
    "wrong type": (
        [],
        {"candidates": {"top_k": "ten"}},
        "candidates.top_k: should be a valid integer",
    ),
    "impossible value": ([], {"candidates": {"top_k": 0}}, "should be greater than or equal to 2"),
    "unknown kind": (
        [],
        {"queries": {"writer": {"kind": "magic"}}},
        "queries.writer.kind: must be one of",
    ),
    "source missing": (
        [],
        {"pages": {"source": {"kind": "html", "path": "no"}}},
        "no does not exist",
    ),
    "source empty": (
        [],
        {"pages": {"source": {"kind": "html", "path": "empty"}}},
        "holds no HTML files",
    ),
    "model unnamed": (
        [],
        {"queries": {"writer": {"kind": "llm", "model": "m"}}},
        "which `models` does not name",
    ),
    "key in the file": (
        [],
        {
            "models": {
                "m": {
                    "backend": "openai",
                    "base_url": "http://x",
                    "model": "y",
                    "api_key": "sk-abc",
                }
            }
        },
        "models.m.api_key holds a key",
    ),
    "bad --set": (["run", "small.yaml", "--set", "candidates"], {}, "write it as key=value"),
    "unknown stage": (["run", "small.yaml", "pagez"], {}, "There is no stage 'pagez'"),
    "unknown redo": (["run", "small.yaml", "--redo", "x"], {}, "There is no stage 'x'"),
    "stage before its input": (
        ["run", "small.yaml", "examples"],
        {},
        "reads passages, which is not finished: name passages",
    ),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_told_with_exit_status_2_and_nothing_is_written(
    small: Path, case: str
) -> None:
    arguments, sections, message = BAD[case]
    Path("empty").mkdir()
    changed(small, **sections)
    result = call(*(arguments or ["run", "small.yaml"]))
    assert message in said(result)
    assert result.exit_code == 2
    there = ["empty", "pages", "pages.jsonl", "small.yaml"]
    assert sorted(p.name for p in Path().iterdir()) == there


def test_a_file_that_is_not_yaml_is_told(small: Path) -> None:
    small.write_text("run: [unclosed", "utf-8")
    result = call("run", "small.yaml")
    assert result.exit_code == 2 and "cannot be read as YAML" in said(result)


def test_a_prompt_with_a_missing_variable_is_told(small: Path) -> None:
    prompt = {
        "name": "mine",
        "job": "write_query",
        "instruction": "Write.",
        "shot": "{{ passage }} {{ mood }}",
        "answer": "{{ task }} {{ query }}",
        "examples": [],
    }
    Path("mine.yaml").write_text(yaml.safe_dump(prompt), "utf-8")
    model = {"backend": "scripted"}
    writer = {"kind": "llm", "model": "m", "prompt": "mine.yaml"}
    changed(small, models={"m": model}, queries={"writer": writer})
    result = call("run", "small.yaml")
    assert result.exit_code == 2 and "shot uses {{ mood }}, which it is not given" in said(result)
    assert not Path("data").exists()


def test_a_server_that_is_not_there_is_told(small: Path) -> None:
    model = {"backend": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "tiny"}
    changed(small, models={"m": model}, queries={"writer": {"kind": "llm", "model": "m"}})
    result = call("run", "small.yaml")
    assert result.exit_code == 2 and "nothing answers at 127.0.0.1:9" in said(result)
    assert not Path("data").exists()


def test_a_refused_key_is_exit_status_3(llm_pipeline: Path, server: LLMServer) -> None:
    server.fail("401")
    result = call("run", "llm.yaml")
    assert result.exit_code == 3 and "key is missing or wrong" in said(result)


def test_init_writes_a_file_that_loads_and_never_overwrites(workplace: Path) -> None:
    assert call("init", "mine").exit_code == 0
    before = Path("mine.yaml").read_text("utf-8")
    again = call("init", "mine")
    assert again.exit_code == 2 and "exists already" in said(again)
    assert Path("mine.yaml").read_text("utf-8") == before
    for name in ("../evil", "", ".", ".hidden", "a b", "grün"):
        assert call("init", name).exit_code == 2
    for name in ("2024", "yes", "gecko-2024_v1.0"):
        call("init", name)
        assert load_settings(f"{name}.yaml")[0].run == name
    result = call(
        "run",
        "mine.yaml",
        "--set",
        "pages.source.path=pages",
        "--set",
        "candidates.dense=null",
        "--set",
        "judgements.scorers=[{kind: unigram}]",
        "--quiet",
    )
    assert result.exit_code == 0, result.output


def test_drift_stops_before_work_and_shows_what_differs(small: Path) -> None:
    call("run", "small.yaml")
    result = call("run", "small.yaml", "--set", "candidates.top_k=4")
    assert result.exit_code == 2
    assert "candidates.top_k: was 6, is now 4" in said(result)
    assert "--redo candidates" in said(result) and "--set run=NAME" in said(result)
    again = call(
        "run", "small.yaml", "--set", "candidates.top_k=4", "--redo", "candidates", "--quiet"
    )
    assert again.exit_code == 0, again.output


def test_status_and_show_read_without_running(small: Path) -> None:
    assert "has not begun" in said(call("status", "small.yaml"))
    assert "run the stage pages first" in said(call("show", "small.yaml", "pages"))
    call("run", "small.yaml")
    assert "judgements" in said(call("status", "small.yaml"))
    shown = call("show", "small.yaml", "passages", "-n", "2")
    assert shown.output.count("──") == 2
    record_id = shown.output.split("── ")[1].split()[0]
    one = call("show", "small.yaml", "passages", "--id", record_id)
    assert one.output.count("──") == 1 and record_id in one.output
    unknown = call("show", "small.yaml", "queries", "--id", "zzz")
    assert unknown.exit_code == 2 and "There is no row with the id 'zzz'" in said(unknown)


def test_show_dropped_gives_the_reasons(small: Path) -> None:
    changed(small, pages=HTML)
    Path("pages/empty.html").write_text("<html><body></body></html>", "utf-8")
    call("run", "small.yaml", "pages")
    result = call("show", "small.yaml", "pages", "--dropped")
    assert "no_main_text" in said(result) and "empty.html" in said(result)


def test_text_of_pages_cannot_drive_the_terminal(small: Path) -> None:
    changed(small, pages=HTML)
    page = (
        "<html><head><title>Odd \x1b[31mtitle [bold]x[/bold]</title></head>"
        "<body><article><p>{}</p></article></body></html>"
    )
    Path("pages/odd.html").write_text(
        page.format("A stove \x1b]0;owned\x07 needs care. " * 20), "utf-8"
    )
    call("run", "small.yaml", "pages")
    shown = call("show", "small.yaml", "pages", "-n", "50").output
    assert "\x1b" not in shown and "\x07" not in shown


def test_doctor_checks_the_models_of_a_pipeline(llm_pipeline: Path, server: LLMServer) -> None:
    assert "sentence-transformers" in call("doctor").output
    well = call("doctor", "llm.yaml")
    assert well.exit_code == 0 and well.output.count("works") == 3
    gone = call("doctor", "llm.yaml", "--set", "models.teacher.base_url=http://127.0.0.1:9/v1")
    assert gone.exit_code == 2 and "nothing answers" in said(gone)


def test_help_loads_nothing_heavy() -> None:
    """The reason why `fret --help` is fast; tests/benchmarks/startup.py measures it."""
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom fret.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'pyarrow', 'pydantic', 'openai', "
        "'datasets', 'numpy', 'trafilatura', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_command_has_help() -> None:
    for command in ("init", "run", "status", "show", "doctor"):
        result = call(command, "--help")
        assert result.exit_code == 0 and "Usage" in result.output
