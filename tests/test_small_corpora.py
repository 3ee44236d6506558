"""Whole runs of next to nothing: each stage ends, or says what to do next."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

import fret
from conftest import SMALL_PIPELINE
from fret.cli import app
from fret.reasons import Reason
from fret.records import Candidates, Dropped
from fret.retrieval.hub import is_hub_near
from fret.text.filters import check_unbroken

SENTENCE = "The old kettle was cleaned with vinegar by the warden of the lighthouse in spring. "


def write(texts: list[Any], **sections: Any) -> Path:
    lines = [json.dumps({"text": text, "title": f"Page {i}"}) for i, text in enumerate(texts)]
    Path("pages.jsonl").write_text("\n".join(lines), "utf-8")
    source = {"kind": "jsonl", "path": "pages.jsonl"}
    path = Path("few pages.yaml")
    path.write_text(yaml.safe_dump({**SMALL_PIPELINE, "pages": {"source": source}, **sections}))
    return path


def ask(*texts: str) -> dict[str, Any]:
    Path("queries.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    return {"writer": {"kind": "file", "path": "queries.jsonl"}}


def run(path: Path) -> Result:
    return CliRunner().invoke(app, ["run", str(path)])


def said(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("texts", "status", "told"),
    [
        ([], 2, "pages.jsonl holds no rows"),
        ([123, ["a"]], 2, "holds a number where text is wanted: 123"),
        ([None, " "], 1, "The stage pages dropped all that it read: 2 no_main_text"),
        (["Too short."], 1, "The stage passages dropped all that it read: 1 too_short"),
        (["QUJD" * 5000], 1, "dropped all that it read: 3 unbroken_signs"),
    ],
)
def test_a_corpus_without_passages_ends_with_the_next_step(
    workplace: Path, texts: list[Any], status: int, told: str
) -> None:
    path = write(texts, passages={"max_size": 200, "min_size": 10})
    result = run(path)
    assert result.exit_code == status and told in said(result)
    assert "Traceback" not in result.output
    if status == 1:  # the hint can be typed as it stands
        assert "fret show 'few pages.yaml' pa" in said(result)


def test_of_one_passage_no_candidates_can_be_found_and_it_is_said(workplace: Path) -> None:
    result = run(write([SENTENCE * 2], queries=ask("how to clean a kettle")))
    assert result.exit_code == 1
    assert "The stage candidates dropped all that it read: 1 too_few_candidates" in said(result)


def test_a_corpus_smaller_than_top_k_goes_through(workplace: Path) -> None:
    bread = "A kettle of rye dough rises for a night before it is baked on a hot stone. "
    music = "The choir sings of a copper kettle and of three ships on the winter sea. "
    path = write([SENTENCE, bread, music], queries=ask("kettle cleaned with vinegar"))
    result = run(path)
    assert result.exit_code == 0, result.output
    (row,) = fret.load(path).rows(Candidates)
    assert len(row.passage_ids) == 3


def test_a_bad_line_is_dropped_and_counted(workplace: Path) -> None:
    path = write([SENTENCE, 5, SENTENCE.upper()])
    with Path("pages.jsonl").open("a") as file:
        file.write('\n{"text": "cut')
    made = fret.load(path)
    made.run(["pages"])
    manifest = made.stored.stage("pages").require()
    assert (manifest.read, manifest.rows, manifest.reasons) == (4, 2, {"bad_row": 2})
    first = next(made.stored.stage("pages").rows(Dropped, dropped=True))
    assert (first.record_id, first.reason) == ("pages.jsonl:2", Reason.BAD_ROW)


def test_an_added_line_behind_bad_ones_only_adds(workplace: Path) -> None:
    path = write([5, SENTENCE])
    fret.load(path).run(["pages"])
    with Path("pages.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"text": SENTENCE.lower()}))
    fret.load(path).run(["pages"])
    manifest = fret.load(path).stored.stage("pages").require()
    assert (manifest.read, manifest.rows) == (3, 2)


@pytest.mark.parametrize(
    ("text", "is_fault"),
    [
        (SENTENCE * 3, False),
        ("今日は雨です。" * 40, False),
        ("https://a.example/" + "x" * 80 + " " + SENTENCE * 2, False),
        ("var a=" + "b(c),d&&e;" * 200, True),
        ("QUJD" * 500, True),
        ("", False),
    ],
)
def test_signs_without_spaces_are_no_text(text: str, is_fault: bool) -> None:
    assert (check_unbroken(text) is not None) == is_fault


def test_false_and_true_switch_sections() -> None:
    def passages(**section: Any) -> Any:
        return fret.config.PassagesSettings.model_validate(section)

    for off in (False, None):
        found = passages(duplicates=off).duplicates
        assert (found.exact, found.near) == (False, None)
        assert passages(filters=off) == passages()
        assert passages(decontamination=off).decontamination is None
    assert passages(duplicates=True) == passages(duplicates={"near": True}) == passages()
    assert passages(duplicates={"near": False}).duplicates.near is None
    assert passages(filters={"repeated_lines": True}).filters.repeated_lines is not None
    with pytest.raises(ValueError, match="against"):
        passages(decontamination=True)


def test_a_max_size_that_min_size_does_not_fit_names_the_default_and_the_ways_out() -> None:
    told = r"min_size \(30, by default\) .* set min_size to 10 or less, or max_size to 60 or more"
    with pytest.raises(ValueError, match=told):
        fret.config.PassagesSettings.model_validate({"max_size": 20})
    with pytest.raises(ValueError, match=r"min_size \(30\)"):
        fret.config.PassagesSettings.model_validate({"max_size": 20, "min_size": 30})


def test_a_hub_out_of_reach_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert not is_hub_near()  # the tests have HF_HUB_OFFLINE set
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        started = time.monotonic()
        assert not is_hub_near()  # nobody listens
        server.listen()
        assert is_hub_near()
        monkeypatch.setattr(constants, "ENDPOINT", "http://no.such.host.invalid")
        assert not is_hub_near()
        monkeypatch.setenv("http_proxy", address)
        assert is_hub_near()
        assert time.monotonic() - started < 20
