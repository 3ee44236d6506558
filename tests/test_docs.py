"""The README promises nothing that the program does not do."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from fret.cli import app
from fret.config import PipelineSettings
from fret.config.training import TrainingSettings
from fret.shipped import recipes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[list[str]]:
    """All `.venv/bin/fret …` lines, in blocks and in the text."""
    text = README.replace("\n--set", " --set")
    found = re.findall(r"\.venv/bin/fret ([^`\n]+)", text)
    return [shlex.split(line) for line in found]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_each_command_in_the_readme_parses(arguments: list[str]) -> None:
    group: Any = get_command(app)
    command = group.commands[arguments[0]]
    command.make_context(arguments[0], arguments[1:], resilient_parsing=False)


def test_the_table_of_commands_is_the_list_of_commands() -> None:
    listed = set(re.findall(r"^\| `fret (\w+)", README, re.MULTILINE))
    assert listed == set(get_command(app).commands)  # type: ignore[attr-defined]


def test_make_targets_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert {"quickstart", "test"} <= named <= targets


def test_the_files_in_the_readme_load() -> None:
    pipeline, training = map(yaml.safe_load, blocks("yaml"))
    PipelineSettings.model_validate(pipeline)
    TrainingSettings.model_validate(training)


def test_python_in_the_readme_compiles_and_names_what_exists() -> None:
    import fret

    for block in blocks("python"):
        ast.parse(block)
    assert callable(fret.load) and callable(fret.Pipeline.run) and callable(fret.Pipeline.dataset)


def test_paths_and_recipes_in_the_readme_exist() -> None:
    tour = README.partition("## A tour of the folders")[2].partition("## ")[0]
    for line in re.findall(r"^    (\S.*)$", tour, re.MULTILINE):
        for name in line.split("  ")[0].split():
            assert (ROOT / name).exists(), name
    for name in ("stages", "sources", "text", "writers", "retrieval", "scorers", "llm"):
        assert f"{name}/" in tour and (ROOT / "fret" / name).is_dir()
    shipped = README.partition("Recipes that ship")[2].partition("\n\n")[0]
    assert set(recipes()) == {n for n in re.findall(r"`(\w+)`", shipped) if n != "make"}
