"""All that ships works as it is: recipes load, prompts render, sample pages are as promised."""

import re
from pathlib import Path
from typing import Any

import pytest

from fret.pipeline_file import load_settings
from fret.prompts import JOBS, load_prompt
from fret.shipped import recipes, shipped_root
from fret.text.extract import MainText, extract_file
from fret.text.splitting import count_words

PROMPTS = sorted((shipped_root() / "prompts").glob("*.yaml"))
PAGES = sorted(p for p in (shipped_root() / "data" / "sample_pages").rglob("*") if p.is_file())


@pytest.mark.parametrize("name", sorted(recipes()))
def test_recipe_loads(name: str) -> None:
    settings, _ = load_settings(name)
    assert settings.run == name


def test_starter_file_loads_as_it_is_and_with_every_line_switched_on(tmp_path: Path) -> None:
    text = (shipped_root() / "pipelines" / "starter.yaml.txt").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("RUN_NAME", "mine"), "utf-8")
    assert load_settings(str(path))[0].run == "mine"
    # The commented lines are settings too: the models, the publishing section, the guard.
    on = re.sub(r"^# (models:|  teacher:|    \w+:|publish:)", r"\1", text, flags=re.MULTILINE)
    on = on.replace("    # - {kind", "    - {kind")
    on = on.replace("writer: {kind: template}", "writer: {kind: llm, model: teacher}")
    path.write_text(on.replace("RUN_NAME", "mine"), "utf-8")
    settings, _ = load_settings(str(path))
    assert settings.models["teacher"].model and len(settings.judgements.scorers) == 4


@pytest.mark.parametrize("path", PROMPTS, ids=lambda p: p.stem)
def test_prompt_renders(path: Path) -> None:
    prompt = load_prompt(str(path), path.stem)
    job = JOBS[prompt.job]
    given: dict[str, Any] = {name: f"given {name}" for name in job.given}
    given |= {key: [{"title": "given title", "text": "given passage"}] for key in job.lists}
    assert prompt.as_chat(**given)[-1][1].count("given passage") == 1
    assert len(prompt.examples) >= 3


def test_there_are_enough_sample_pages_of_enough_subjects_and_languages() -> None:
    by_subject: dict[str, int] = {}
    for page in PAGES:
        by_subject[page.parent.name] = by_subject.get(page.parent.name, 0) + 1
    assert len(PAGES) >= 60
    assert sum(count >= 3 for count in by_subject.values()) >= 12


def test_each_sample_page_gives_300_to_1200_words_of_main_text() -> None:
    found = {
        page.relative_to(page.parents[1]): extract_file(str(page), 5_000_000) for page in PAGES
    }
    languages = set()
    for name, page in found.items():
        assert isinstance(page, MainText), name
        # The extractor may take a caption more or a list less than the author counted.
        assert 270 <= count_words(page.text) <= 1300, (name, count_words(page.text))
        assert page.title, name
        # A few old sites among them name no address of their own; no page names a real one.
        assert not page.url or ".example/" in page.url, name
        languages.add(page.language)
    assert len(languages) >= 3
