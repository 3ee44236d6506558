"""The dataset's card: read back by the Hub's own classes, harmless, and true of its run."""

import os
import re
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard, DatasetCardData
from markdown_it import MarkdownIt

import fret
from audit_run import run_hostile
from fret.card.facts import Facts, Sources, choose_shown
from fret.card.limits import list_limits
from fret.card.markdown import code, fence, plain, table
from fret.card.measures import describe_costs
from fret.card.sources import describe_sources
from fret.card.use import show_use
from fret.figures import percent
from fret.manifest import Manifest
from fret.pipeline import Pipeline
from fret.records import Example
from fret.report.source import read_source
from fret.report.trust import make_tiles
from fret.sites import site_of
from test_dataset import run_in, settings_in
from tiny_models import save_embedder

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example/bare www.evil.example me@evil.example",
    "a | b | c",
    "\n# heading\n\n---\nlicense: mit\n---\n",
    "```\nout of the fence\n```",
    "`code` *strong* _soft_ ~~gone~~ &lt;b&gt;",
    "{{ 7*7 }} {% raw %} $x^2$",
    "turned \u202e round \u2066 and \x07 bell",
    "- : yaml\n  - &anchor !!python/object:os.system",
]


def render(text: str) -> str:
    """Render as GitHub does, but with raw HTML and links of bare addresses let through."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("card")
    return run_in(folder, settings_in(folder))


def card_of(pipeline: Pipeline) -> str:
    return (pipeline.stored.dataset_dir / "README.md").read_text("utf-8")


def test_front_matter_is_complete_and_read_by_the_hubs_classes(done: Pipeline) -> None:
    card = DatasetCard.load(done.stored.dataset_dir / "README.md")
    data = DatasetCardData(**card.data.to_dict())
    assert data.license == "cc-by-4.0"
    assert data.pretty_name == "Household: tests"
    assert (data.language, data.multilinguality) == (["en"], ["monolingual"])
    assert data.size_categories == ["n<1K"]
    assert data.annotations_creators == ["machine-generated"]
    assert data.language_creators == ["found", "machine-generated"]
    assert data.source_datasets == ["original"]
    assert {"text-retrieval", "feature-extraction"} <= set(data.task_categories or [])
    front = data.to_dict()
    assert {"sentence-transformers", "synthetic"} <= set(front["tags"])
    named = [config["config_name"] for config in front["configs"]]
    assert named == [info["config_name"] for info in front["dataset_info"]]
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == [
        "triplets"
    ]


def test_the_hub_accepts_no_field_that_it_does_not_know(done: Pipeline) -> None:
    """Names and sizes as in the Hub's documentation of dataset cards."""
    front = yaml.safe_load(card_of(done).split("---")[1])
    known = {"language", "license", "pretty_name", "multilinguality", "size_categories"}
    known |= {"task_categories", "annotations_creators", "language_creators", "source_datasets"}
    assert set(front) == known | {"tags", "configs", "dataset_info"}


def test_the_card_says_what_the_manifests_say(done: Pipeline) -> None:
    card = card_of(done)
    run = done.stored
    for name in ("pages", "passages", "queries", "candidates", "judgements", "examples"):
        manifest = run.stage(name).require()
        assert f"| {name} | {manifest.read} | {manifest.rows} |" in card
    assert "No language model took part" in card and "nothing was paid" in card
    assert "No scorer grades" in card
    assert "100% of the positives come from one site (`home.example`)" in card
    assert "Nothing was done against evaluation sets" in card
    counts = Counter(e.split for e in run.rows(Example))
    assert f"The held-out split `test` has {counts['test']} queries" in card
    assert f"- `triplets` ({counts['train']} in `train`" in card
    assert "Versions: fret " in card and f"Made with fret {version('fret')}" in card


def test_each_code_block_runs_as_it_stands(done: Pipeline, tmp_path: Path) -> None:
    """In the order of the card, with the folder's place and a tiny random model put in."""
    blocks = re.findall(r"```python\n(.*?)```", card_of(done), re.DOTALL)
    assert len(blocks) == 4
    text = "\n\n".join(blocks)
    assert text.count("path/to/this/folder") == 4 and text.count("all-MiniLM-L6-v2") == 3
    assert "fetched from the Hub" in card_of(done)
    text = text.replace("path/to/this/folder", str(done.stored.dataset_dir))
    model = save_embedder(tmp_path / "model")
    text = text.replace("sentence-transformers/all-MiniLM-L6-v2", str(model))
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hub"), "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "held-out_cosine_ndcg@10" in result.stdout


def test_a_named_repository_is_loaded_from() -> None:
    from fret.card.contents import Contents

    assert '"ORG/NAME", "triplets"' in show_use(Contents(Path(), {}, None), "ORG/NAME")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    shown = "\n\n".join(
        [f"Says {plain(text)}.", f"{code(text)}", table(("a", "b"), [(code(text), plain(text))])]
    )
    page = render(shown)
    assert not re.search(r"<(script|img|a|h1|hr|em|strong|s|b|pre)\b", page), page
    assert page.count("<p>") == 2 and page.count("<tr>") == 2
    assert page.count("<td>") == 2  # no cell more than there are columns
    assert "\u202e" not in shown and "\x07" not in shown
    fenced = render(fence(text, "json"))
    assert fenced.startswith('<pre><code class="language-json">')
    assert fenced.rstrip().endswith("</code></pre>") and fenced.count("<pre>") == 1
    assert not re.search(r"<(script|img|a|h1|hr)\b", fenced)
    # What makes links of bare addresses and mail addresses, as GitHub and the Hub do, finds none.
    assert not re.search(r"(?<!\\):(?=//)|www(?<!\\)\.|(?<!\\)@", plain(text))


def test_hostile_settings_cannot_write_into_the_front_matter(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    title = "x\n---\nlicense: mit\n---\n# <script>alert(1)</script>"
    licence, contact = "cc-by-4.0\ntags: [evil]", "<a href='//evil.example'>me</a>"
    settings["publish"] = {"pretty_name": title, "licence": licence, "contact": contact}
    card = card_of(run_in(tmp_path, settings))
    data = DatasetCard(card).data.to_dict()
    assert data["pretty_name"] == title and data["license"] == licence
    assert "evil" not in data["tags"]
    page = render(card.split("---\n", 2)[2] if card.count("---\n") == 2 else DatasetCard(card).text)
    assert "<script" not in page and "<a href" not in page


def test_the_card_of_hostile_pages_shows_their_text(tmp_path: Path) -> None:
    run_hostile(tmp_path)
    card = DatasetCard.load(tmp_path / "data" / "runs" / "hostile" / "dataset" / "README.md")
    page = re.sub(r'<img src="pictures/[a-z-]+\.png"', "", render(card.text))
    assert not re.search(r"<(script|img|svg|base|a|iframe)\b", page)
    titles = re.findall(r"<h(\d)>(.*?)</h\d>", page)
    assert titles[0] == ("1", "hostile") and {level for level, _ in titles[1:]} == {"2"}
    assert "\u202e" not in card.content and "\x7f" not in card.content
    assert "The pages have no addresses." in card.text


def test_a_model_that_writes_and_judges_is_told_with_prompts_and_costs(llm_pipeline: Path) -> None:
    settings = yaml.safe_load(llm_pipeline.read_text("utf-8"))
    settings["models"]["teacher"] |= {"price": {"input": 1000.0, "output": 4000.0}}
    settings["passages"] |= {"duplicates": {"near": None}, "replace_personal_data": False}
    llm_pipeline.write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    card, run = card_of(pipeline), pipeline.stored
    identity = run.stage("queries").require().identity["writer"]
    hashes = ", ".join(f"`{each[:16]}`" for each in identity["prompt_hash"])
    assert f"prompt `write_query.yaml` ({hashes})" in card
    assert "`tiny` wrote the queries and judged the candidates" in card
    assert "No language model took part" not in card and "No scorer grades" not in card
    assert "Equal or nearly equal passages were not all dropped" in card
    assert "Personal data that pages show was left as it is." in card
    for name in ("queries", "judgements"):
        usage = run.stage(name).require().usage
        usd = (usage["input_tokens"] * 1000 + usage["output_tokens"] * 4000) / 1e6
        line = f"| {name} | {usage['requests']:.0f} | {usage['input_tokens']:.0f} |"
        assert line in card and f"| ${usd:.2f} |" in card
    assert "the raw scores of the scorer `relevance`" in card


def facts(settings: dict[str, Any], **changes: Any) -> Facts:
    """Facts of a run of a hundred examples in which nothing is remarkable."""
    examples = {
        "languages": {"en": 50, "de": 50},
        "relevant_candidates": {"1": 100},
        "picks": {"hardest": 100},
        "separability": None,
    }
    names = ("pages", "passages", "queries", "candidates", "judgements", "examples")
    manifests = {name: Manifest(name, 1, "f", {}, {}) for name in names}
    manifests["queries"].identity = {"writer": {"kind": "llm", "prompt_hash": "a", "model": "m"}}
    manifests["judgements"].identity = {"scorers": [{"kind": "relevance", "model": "n"}]}
    manifests["examples"].measures = {"examples": {**examples, **changes}}
    return Facts("run", manifests, settings, {}, "", Sources(), ())


class Nothing:
    """Contents without data files."""

    def rows(self, config: str) -> dict[str, int]:
        return {}


def limits_of(some: Facts) -> str:
    return list_limits(some, Nothing())  # type: ignore[arg-type]


def test_limits_are_said_only_where_the_run_gives_the_reason() -> None:
    dropped = {"exact": True, "near": {"threshold": 0.8}}
    clean = limits_of(facts({"passages": {"duplicates": dropped}}))
    for word in (
        "one language",
        "one site",
        "BM25 alone",
        "Judged by no scorer",
        "not all dropped",
    ):
        assert word not in clean
    some = facts({}, languages={"en": 99, "de": 1}, picks={"unjudged": 3, "lowest": 97})
    some.manifests["examples"].measures["examples"]["separability"] = {"auc": 0.8}
    assert "Judged by no scorer: 3 negatives" in limits_of(some)
    assert "AUC 0.80" in limits_of(some)


def test_the_result_of_decontamination_is_told() -> None:
    against = [
        {"kind": "hub", "name": "mteb/scifact"},
        {"kind": "beir", "path": "/home/ann/sets/nq"},
        {"kind": "jsonl", "path": r"C:\sets\own.jsonl"},
    ]
    for action, told in (("drop", "7 passages dropped"), ("warn", "all of them kept")):
        wanted = {"against": against, "action": action, "ngram": 13}
        some = facts({"passages": {"decontamination": wanted}})
        passages = some.manifests["passages"]
        passages.measures = {"passages": {"contamination": {"matches": 9, "passages": 7}}}
        passages.reasons = {"in_evaluation_set": 7} if action == "drop" else {}
        text = limits_of(some)
        assert f"7 passages hold something of theirs, {told}" in text
        assert "mteb/scifact, nq, own.jsonl" in text and "ann" not in text


def test_licences_that_restrict_are_told() -> None:
    some = facts({})
    some.sources.licences.update(
        {"CC BY-NC 4.0": 2, "CC BY-ND": 1, "CC BY 4.0": 5, "": 3, "Ndjamena": 1}
    )
    assert "3 pages state a licence that forbids" in limits_of(some)
    text = describe_sources(some, None)
    assert "5 `CC BY 4.0`, 2 `CC BY-NC 4.0`" in text and "No licence: 3 pages" in text


def test_costs_are_a_span_where_prices_differ_and_unknown_without_one() -> None:
    models = {
        "x": {"model": "a", "price": {"input": 1.0, "output": 2.0}},
        "y": {"model": "b", "price": {"input": 2.0, "output": 4.0}},
        "z": {"model": "c", "price": None},
    }
    scorers = [
        {"kind": kind, "model": {"server": "s", "model": name}}
        for kind, name in (("relevance", "a"), ("listwise", "b"))
    ]
    some = facts({"models": models})
    some.manifests["judgements"].identity = {"scorers": scorers}
    usage = {"requests": 10, "input_tokens": 1e6, "output_tokens": 1e6}
    some.manifests["judgements"].usage = usage
    assert "| judgements | 10 | 1000000 | 1000000 | $3.00 to $6.00 |" in describe_costs(some)
    scorers[1]["model"] = {"server": "s", "model": "c"}
    assert "| 1000000 | unknown |" in describe_costs(some)


def test_sites_are_hosts() -> None:
    assert site_of("https://www.a.example:8080/x") == "a.example"
    assert site_of("pages/a.html") == "" and site_of("http://[broken") == ""


def test_examples_are_shown_of_different_types_without_reading_all(done: Pipeline) -> None:
    (first, *_) = done.rows(Example)

    def endless() -> Any:
        for n in range(10_000):
            assert n < 3000
            yield first

    assert choose_shown(endless()) == [first, first, first]


def test_card_report_and_status_give_one_figure_for_one_thing(done: Pipeline) -> None:
    """Of the same base, with the same digits."""
    text = card_of(done)
    tiles = {tile.what: tile for tile in make_tiles(read_source(done.stored))}
    moved, lost = tiles["positives moved"].figure, tiles["of queries dropped"]
    examples = list(done.rows(Example))
    seeded = [example for example in examples if example.seed_id is not None]
    n_moved = sum(not example.positive_is_seed for example in seeded)
    assert moved == percent(round(n_moved / len(seeded), 4))
    assert f"Of the {len(seeded)} with a seed" in text and f"{moved} have another passage" in text
    assert f"of {len(seeded)} with a seed" in tiles["positives moved"].more

    queries = done.stored.stage("queries").require()
    asked_for = queries.rows + queries.dropped
    assert lost.figure == percent(1 - len(examples) / asked_for)
    assert f"of {asked_for} asked for" in lost.more
    assert f"Of {asked_for} queries asked for, {lost.figure} gave no example" in text
