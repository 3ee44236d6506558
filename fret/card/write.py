"""The card as a whole, section after section."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fret.card.contents import Contents, Picture
from fret.card.examples import show_examples
from fret.card.facts import Facts, gather_facts
from fret.card.front import make_front_matter
from fret.card.holding import describe, list_configs
from fret.card.limits import list_limits
from fret.card.making import describe_making
from fret.card.markdown import plain
from fret.card.measures import describe_costs, describe_measures, draw_funnel
from fret.card.sources import describe_sources
from fret.card.use import show_use
from fret.store import Run


def write_card(
    folder: Path,
    run: Run,
    *,
    contents: Contents,
    publish: Mapping[str, Any],
    pictures: Sequence[Picture] = (),
) -> None:
    """Write README.md into a dataset folder.

    Args:
        publish: `licence`, `pretty_name`, `contact` and `repo`, where the user gave them.
        pictures: shown beside the figures.
    """
    facts = gather_facts(run)
    sections = [
        f"# {plain(publish.get('pretty_name') or facts.name)}",
        describe(facts),
        list_configs(facts, contents),
        show_examples(facts.shown),
        show_use(contents, publish.get("repo")),
        describe_making(facts),
        draw_funnel(facts),
        describe_costs(facts),
        describe_measures(facts),
        _show_pictures(pictures),
        list_limits(facts, contents),
        describe_sources(facts, publish.get("contact")),
        _cite(facts),
    ]
    front = make_front_matter(facts, contents, publish)
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    text = f"---\n{head}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"
    (folder / "README.md").write_text(text, "utf-8")


def _show_pictures(pictures: Sequence[Picture]) -> str:
    lines = [f"![{plain(caption)}]({path})" for path, caption in pictures]
    return "## Pictures\n\n" + "\n\n".join(lines) if lines else ""


def _cite(facts: Facts) -> str:
    made_with = f"fret {facts.versions['fret']}" if "fret" in facts.versions else "fret"
    return (
        "## Citation\n\n"
        f"Made with {made_with}, after the recipe of FRet:\n\n"
        "```bibtex\n"
        "@misc{lee2024gecko,\n"
        "  title  = {Gecko: Versatile Text Embeddings Distilled from Large Language Models},\n"
        "  author = {Jinhyuk Lee and others},\n"
        "  year   = {2024},\n"
        "  eprint = {2403.20327},\n"
        "  archivePrefix = {arXiv}\n"
        "}\n"
        "```"
    )
