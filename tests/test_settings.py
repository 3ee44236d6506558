"""The reference of the pipeline file: complete, and read from the tree that checks the file."""

import subprocess
import sys

import pytest

from fret.config.reference import list_keys
from fret.config.tree import PipelineSettings
from test_cli import call, said


def test_every_key_is_listed_with_its_meaning() -> None:
    keys = {key.path: key for key in list_keys()}
    assert all(key.meaning for key in keys.values())
    assert set(PipelineSettings.model_fields) <= set(keys)
    timeout = keys["models.… (backend: openai).timeout_s"]
    assert timeout.default == "120" and "one attempt" in timeout.meaning
    assert keys["examples.negatives.pick"].choices
    assert keys["run"].default == ""  # must be given
    assert "judgements.scorers.… (kind: relevance).model" in keys
    assert "candidates.bm25.backend" in keys


def test_a_section_shows_its_own_keys_alone() -> None:
    result = call("settings", "examples.negatives")
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if line and not line.startswith(" ")]
    assert lines and all(line.startswith("examples.negatives") for line in lines)


def test_into_a_pipe_no_line_is_filled_up_with_blanks() -> None:
    command = [sys.executable, "-m", "fret", "settings", "judgements"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "judgements.scorers" in told
    assert [line for line in told.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("section", "shown", "hidden"),
    [
        ("queries.writer", "queries.writer (kind: llm).prompt", "queries.seeds"),
        (
            "judgements.scorers.relevance",
            "judgements.scorers.… (kind: relevance).prompt",
            "judgements.scorers.… (kind: listwise).prompt",
        ),
        (
            "judgements.scorers.… (kind: relevance)",
            "judgements.scorers.… (kind: relevance).prompt",
            "judgements.scorers.… (kind: listwise).prompt",
        ),
        (
            "judgements.scorers.0.window",
            "judgements.scorers.… (kind: listwise).window",
            "judgements.scorers.… (kind: listwise).step",
        ),
        ("models.openai.price", "models.… (backend: openai).price.input", "models"),
    ],
)
def test_a_section_of_several_kinds_shows_all_and_one_by_its_name(
    section: str, shown: str, hidden: str
) -> None:
    paths = [key.path for key in list_keys(section)]
    assert shown in paths and hidden not in paths


def test_an_unknown_section_names_the_known_ones() -> None:
    result = call("settings", "example")
    assert result.exit_code == 2
    assert "no key 'example'" in said(result) and "examples" in said(result)


def test_keys_of_a_training_file_are_listed_too() -> None:
    result = call("settings", "--train", "stages.loss.gecko")
    assert result.exit_code == 0 and "temperature" in said(result)
    assert "(default 0.05)" in said(result)
