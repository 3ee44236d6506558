"""The reference of the pipeline file: complete, and read from the tree that checks the file."""

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


def test_an_unknown_section_names_the_known_ones() -> None:
    result = call("settings", "example")
    assert result.exit_code == 2
    assert "no key 'example'" in said(result) and "examples" in said(result)
