"""Drift: a setting that can change the output changes the fingerprint, and no other does.

The settings are walked by code, so a field that is added later is tested without being named here.
"""

import json
import shutil
import types
import typing
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from fret.config import (
    BeirSet,
    BudgetSettings,
    ClustersSettings,
    CrossEncoderScorer,
    DecontaminationSettings,
    DenseSettings,
    EmbeddingScorer,
    ExamplesSettings,
    FileWriter,
    FiltersSettings,
    HtmlSource,
    HubSet,
    HubSource,
    JsonlSet,
    JsonlSource,
    JudgeCheck,
    ListwiseScorer,
    LlmWriter,
    NegativesSettings,
    OpenAIModel,
    PassagesSettings,
    PipelineSettings,
    PublishSettings,
    QueryLikelihoodScorer,
    RelevanceScorer,
    RewriteSettings,
    ScoresFusion,
    SeedsSettings,
    Settings,
    SimilarCheck,
    TransformersModel,
    TwoStepSettings,
    UrlsSource,
    WarcSource,
)
from fret.fingerprint import (
    NAMED_BY_USERS,
    NOT_IDENTITY,
    differences,
    fingerprint_of,
    identity_of,
)
from fret.pipeline import STAGES
from fret.sources.web.kept import KeptPages
from fret.stages.base import Silence
from fret.stages.context import Context

# Between them they hold every section that a pipeline file may have.
RULES = """
run: r
pages: {source: {kind: html, path: pages}, workers: 1}
queries: {writer: {kind: template}}
candidates: {dense: {model: embedder_a, bootstrap: {}}}
judgements: {scorers: [{kind: unigram}, {kind: embedding, model: embedder_a}]}
examples: {negatives: {count: 2}}
"""
MODELS = """
run: r
budget: {usd: 5.0}
models:
  writer: {backend: openai, base_url: "http://localhost:1/v1", model: m, server: s, api_key_env: K,
           price: {input: 1.0, output: 2.0}}
  judge: {backend: openai, base_url: "http://localhost:1/v1", model: m, server: s, api_key_env: K,
          price: {input: 1.0, output: 2.0}}
  other: {backend: scripted}
pages: {source: {kind: jsonl, path: texts.jsonl}, workers: 1}
queries:
  writer: {kind: llm, model: writer, prompt: write.yaml}
  checks: {judge: {model: writer, prompt: judge.yaml}, similar: {model: embedder_a}}
candidates: {dense: null}
judgements:
  scorers:
    - {kind: relevance, model: judge, prompt: relevance.yaml}
    - {kind: query_likelihood, model: other, prompt: likelihood.yaml}
    - {kind: listwise, model: other, prompt: listwise.yaml}
  early_stop: {lead: 2.0}
  deeper: {to: 40}
examples: {negatives: {count: 2}, fusion: {k: 60.0}}
"""
LOCAL = MODELS.replace("{backend: scripted}", "{backend: transformers, model: embedder_a}")
OWN = """
run: r
pages: {source: {kind: html, path: pages}, workers: 1}
queries: {writer: {kind: file, path: queries.jsonl}, checks: {own_queries: true}}
candidates: {dense: {model: embedder_a}, bm25: null}
judgements: {scorers: [{kind: cross_encoder, model: embedder_a}]}
examples: {negatives: {count: 2}}
"""
STEERED = MODELS.replace(
    "prompt: write.yaml}",
    """prompt: write.yaml, variants: [first], task_types: {a: 1.0, b: 2.0},
    quotas: true, query_types: {a: 1.0}, lengths: {a: 1.0}, difficulties: {a: 1.0},
    languages: {same: 1.0}, personas: [a, b], personas_path: personas.txt,
    two_step: {prompt: choose.yaml}, rewrite: {prompt: rewrite.yaml}}
  seeds: {count: 3, balance: cluster, clusters: {model: embedder_a}}
  more_above_words: 10
  per_passage: 2
""",
)
WEB = RULES.replace(
    "{kind: html, path: pages}", "{kind: urls, path: urls.txt, contact: a@b.example}"
)
WARC = RULES.replace("kind: html, path: pages", "kind: warc, path: pages.warc")
FILTERED = (
    RULES
    + """
passages:
  filters: {languages: [en], quality: [gopher], blocked_domains: blocked.txt, repeated_lines: {},
            min_words: 40, max_words: 9000}
  decontamination: {against: [{kind: beir, path: beir}, {kind: jsonl, path: texts.jsonl}]}
"""
)
HUB = (
    RULES.replace("kind: html, path: pages", "kind: hub, dataset: hub_a")
    + """
passages: {decontamination: {against: [{kind: hub, name: hub, config: one}]}}
"""
)
PIPELINES = {
    "rules": RULES,
    "models": MODELS,
    "local": LOCAL,
    "own": OWN,
    "steered": STEERED,
    "web": WEB,
    "warc": WARC,
    "filtered": FILTERED,
    "hub": HUB,
}
# Read already, so that describing it fetches nothing.
SITEMAP = "https://a.example/sitemap.xml"

# What no stage depends on: the run's name and place, its money, and what the card says.
OUTSIDE = {"run", "runs_dir", "answers", "vectors", "budget", "publish"}
# Where a language model is named once and used by role.
MODEL_USERS = {"writer": "queries", "judge": "judgements", "other": "judgements"}
# Left out by the stage itself: a test of the backends shows that both give the same ranking.
SAME_OUTPUT = {"candidates.bm25.backend"}


class Leaf(typing.NamedTuple):
    """One field of one section of a pipeline file."""

    pipeline: str
    path: tuple[str | int, ...]
    owner: type[Settings]
    value: Any

    @property
    def place(self) -> str:
        return ".".join(map(str, self.path))

    @property
    def name(self) -> str:
        return str(self.path[-1])


def walk(pipeline: str, node: Any, path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Yield each field that is no section itself."""
    if isinstance(node, Settings):
        for name in type(node).model_fields:
            value = getattr(node, name)
            if holds_settings(value) or (value == {} and name == "models"):
                yield from walk(pipeline, value, (*path, name))
            else:
                yield Leaf(pipeline, (*path, name), type(node), value)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from walk(pipeline, value, (*path, key))
    else:
        for index, value in enumerate(node):
            yield from walk(pipeline, value, (*path, index))


def holds_settings(value: Any) -> bool:
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return any(holds_settings(item) for item in items)
    return isinstance(value, BaseModel)


# These are MODELS or RULES but for a section or two: the rest is tried there alone.
DIFFERS_IN = {
    "local": {"models"},
    "steered": {"seed", "queries"},
    "web": {"pages"},
    "warc": {"pages"},
    "filtered": {"passages"},
    "hub": {"pages", "passages"},
}
STEERED_ONLY = {"quotas", "personas", "personas_path", "more_above_words", "seeds"}
LEAVES = [
    leaf
    for name, text in PIPELINES.items()
    for leaf in walk(name, PipelineSettings.model_validate(yaml.safe_load(text)))
    if name not in DIFFERS_IN or leaf.path[0] in DIFFERS_IN[name]
    # They need what stands beside them in other pipelines, and are tested there.
    if leaf.path[-1] != "deeper"
    and (name == "steered" or leaf.path[-1] not in STEERED_ONLY)
    and not (leaf.path[-1] == "judge" and name != "models")
    and (name != "hub" or {"against", "source"} & set(leaf.path))  # each time a data set is loaded
]

# Fields whose other value the annotation does not tell. Files of these names are equal copies.
OTHER: dict[tuple[type[Settings], str], Any] = {
    (HtmlSource, "path"): "pages_moved",
    (PublishSettings, "not_secret"): ["0123456789ab"],
    (PublishSettings, "repo"): "org/name",
    (HubSource, "dataset"): "hub_b",
    (JsonlSource, "path"): "moved/texts.jsonl",
    (UrlsSource, "path"): "moved/urls.txt",
    (UrlsSource, "sitemaps"): [SITEMAP],
    (WarcSource, "path"): ["moved/pages.*"],
    (FiltersSettings, "languages"): ["de"],
    (FiltersSettings, "quality"): ["c4"],
    (FiltersSettings, "blocked_domains"): ["example.net"],
    (BeirSet, "path"): "moved/beir",
    (JsonlSet, "path"): "moved/texts.jsonl",
    (HubSet, "name"): "moved/hub",
    (HubSet, "config"): "two",
    (HubSet, "split"): "train",
    (HubSet, "field"): "textx",
    (FileWriter, "path"): "moved/queries.jsonl",
    (PassagesSettings, "tokenizer"): "embedder_b",
    (LlmWriter, "prompt"): "moved/write.yaml",
    (RelevanceScorer, "prompt"): "moved/relevance.yaml",
    (QueryLikelihoodScorer, "prompt"): "moved/likelihood.yaml",
    (ListwiseScorer, "prompt"): "moved/listwise.yaml",
    (LlmWriter, "variants"): ["second"],
    (LlmWriter, "personas_path"): "moved/personas.txt",
    (TwoStepSettings, "prompt"): "moved/choose.yaml",
    (RewriteSettings, "prompt"): "moved/rewrite.yaml",
    (ClustersSettings, "model"): "embedder_b",
    (SeedsSettings, "balance"): "site",
    (LlmWriter, "languages"): {"de": 1.0},
    (LlmWriter, "model"): "other",
    (JudgeCheck, "model"): "other",
    (JudgeCheck, "prompt"): "moved/judge.yaml",
    (SimilarCheck, "model"): "embedder_b",
    (RelevanceScorer, "model"): "other",
    (QueryLikelihoodScorer, "model"): "writer",
    (ListwiseScorer, "model"): "writer",
    (DenseSettings, "model"): "embedder_b",
    (EmbeddingScorer, "model"): "embedder_b",
    (DenseSettings, "query_format"): "query: {query}",
    (DenseSettings, "device"): "cpu",
    (EmbeddingScorer, "device"): "cpu",
    (EmbeddingScorer, "query_format"): "query: {query}",
    (CrossEncoderScorer, "model"): "embedder_b",
    (CrossEncoderScorer, "query_format"): "query: {query}",
    (OpenAIModel, "base_url"): "http://elsewhere:2/v1",
    (OpenAIModel, "base_urls"): ["http://elsewhere:2/v1", "http://elsewhere:3/v1"],
    (TransformersModel, "model"): "embedder_b",
    (TransformersModel, "batch_tokens"): 128,
    (ExamplesSettings, "leave_out"): {"claim": []},
    (NegativesSettings, "at_least"): 1,
    (NegativesSettings, "band"): [0.25, 0.75],
    (ScoresFusion, "weights"): {"relevance": 0.5},
}
OTHER_SECTION: dict[str, Any] = {
    "pages.source.kind": {"kind": "jsonl", "path": "texts.jsonl"},
    "passages.decontamination.against.0.kind": {"kind": "jsonl", "path": "texts.jsonl"},
    "passages.decontamination.against.1.kind": {"kind": "beir", "path": "beir"},
    "queries.writer.kind": {"kind": "file", "path": "queries.jsonl"},
    "models.writer.backend": {"backend": "scripted"},
    "models.judge.backend": {"backend": "scripted"},
    "models.other.backend": {
        "backend": "openai",
        "base_url": "http://x/v1",
        "model": "m",
        "price": {"input": 1.0, "output": 1.0},
    },
}


def other_value(leaf: Leaf) -> Any:
    """Return another value that the field may have."""
    if (leaf.owner, leaf.name) in OTHER:
        return OTHER[leaf.owner, leaf.name]
    hint = leaf.owner.model_fields[leaf.name].annotation
    if isinstance(leaf.value, dict):
        return {**leaf.value, "validation": 0.125} if leaf.name == "splits" else {"seed": 1}
    if isinstance(leaf.value, list):
        return leaf.value[:-1]
    return other_of_type(hint, leaf.value)


def other_of_type(hint: Any, value: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    if typing.get_origin(hint) is typing.Literal:
        return next(choice for choice in typing.get_args(hint) if choice != value)
    if isinstance(hint, type) and issubclass(hint, Settings):  # a section that is null here
        needed = {
            DenseSettings: {"model": "embedder_a"},
            SimilarCheck: {"model": "embedder_a"},
            BudgetSettings: {"usd": 1.0},
            DecontaminationSettings: {"against": [{"kind": "jsonl", "path": "texts.jsonl"}]},
        }
        return needed.get(hint, {})
    samples: dict[Any, Callable[[], Any]] = {
        bool: lambda: not value,
        int: lambda: (value or 1) + 1,
        float: lambda: 0.5 if value is None or value == 1.5 else value * 0.9 or 1.5,
        str: lambda: f"{value or ''}x",
    }
    return samples[hint]()


def change(leaf: Leaf) -> dict[str, Any]:
    """Return the pipeline file with this one field changed."""
    data: Any = PipelineSettings.model_validate(yaml.safe_load(PIPELINES[leaf.pipeline]))
    data = data.model_dump()
    node, parents = data, []
    for part in leaf.path[:-1]:
        parents.append(node)
        node = node[part]
    if leaf.name == "kind" and "scorers" in leaf.path:  # each kind may stand there once
        others = [scorer for scorer in parents[-1] if scorer is not node]
        data["judgements"]["deeper"] = None  # it needs a scorer that grades
        parents[-1][:] = others or [{"kind": "embedding", "model": "embedder_a"}]
    elif leaf.name in {"kind", "backend"} and leaf.place in OTHER_SECTION:
        section = OTHER_SECTION[leaf.place]
        if section["kind" if "kind" in section else "backend"] == leaf.value:
            section = {"kind": "html", "path": "pages"} if "source" in leaf.path else {}
            section = section or {"kind": "template"}
        parents[-1][leaf.path[-2]] = section
        if leaf.path[0] == "queries":  # the user's own queries are neither drawn nor steered
            data["queries"] |= {"seeds": None, "more_above_words": None}
            data["queries"].get("checks", {}).pop("judge", None)
    else:
        node[leaf.name] = other_value(leaf)
        if leaf.name == "weights":
            node[leaf.name] = {data["judgements"]["scorers"][0]["name"]: 0.5}
        if leaf.place == "publish.scorer":
            node[leaf.name] = data["judgements"]["scorers"][0]["name"]
        if leaf.name == "base_urls":  # instead of base_url; `server` names them all
            node["base_url"] = None
    return typing.cast(dict[str, Any], data)


def write_hub_set(folder: Path) -> None:
    """Write a data set of two configurations with two splits each."""
    configs = []
    for config in ("one", "two"):
        data_files = []
        for split in ("train", "test"):
            path = folder / config / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            row = {"_id": "1", "text": f"{config} {split}", "textx": f"x {config} {split}"}
            path.write_text(json.dumps(row) + "\n", "utf-8")
            data_files.append({"split": split, "path": f"{config}/{split}.jsonl"})
        configs.append({"config_name": config, "data_files": data_files})
    card = f"---\n{yaml.safe_dump({'configs': configs})}---\n"
    (folder / "README.md").write_text(card, "utf-8")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files that the pipelines name, and equal copies of them in other places."""
    root = tmp_path_factory.mktemp("drift")
    patch = pytest.MonkeyPatch()
    patch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    (root / "pages").mkdir()
    (root / "pages" / "a.html").write_text("<p>A page", "utf-8")
    (root / "texts.jsonl").write_text('{"text": "A text.", "textx": "The same."}\n', "utf-8")
    (root / "urls.txt").write_text("https://a.example/1\n", "utf-8")
    with KeptPages(root / "data" / "runs" / "r" / "crawl.sqlite").writing() as kept:
        kept.add_sitemap(SITEMAP, ["https://a.example/2"], [])
    (root / "blocked.txt").write_text("0.0.0.0 ads.example\n", "utf-8")
    (root / "beir").mkdir()
    (root / "beir" / "queries.jsonl").write_text('{"_id": "1", "text": "A query"}\n', "utf-8")
    write_hub_set(root / "hub")
    (root / "pages.warc").write_text("WARC/1.0\r\n", "utf-8")
    (root / "personas.txt").write_text("a diver\na mason\n", "utf-8")
    (root / "queries.jsonl").write_text('{"text": "A query"}\n', "utf-8")
    for file, shipped in {
        "write.yaml": "write_query",
        "judge.yaml": "judge_query",
        "relevance.yaml": "relevance",
        "likelihood.yaml": "query_likelihood",
        "listwise.yaml": "listwise",
        "choose.yaml": "choose_need",
        "rewrite.yaml": "rewrite_query",
    }.items():
        shutil.copy(Path(__file__).parents[1] / "prompts" / f"{shipped}.yaml", root / file)
    shutil.copytree(root, root.parent / "drift_moved")
    shutil.move(root.parent / "drift_moved", root / "moved")
    shutil.copytree(root / "pages", root / "pages_moved")
    for name in "ab":
        (root / f"hub_{name}").mkdir()
        (root / f"hub_{name}" / "train.jsonl").write_text('{"text": "A text."}\n', "utf-8")
    for model in "ab":
        (root / f"embedder_{model}").mkdir()
        (root / f"embedder_{model}" / "modules.json").write_text(model, "utf-8")
    tokenizer = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    tokenizer.save(str(root / "embedder_b" / "tokenizer.json"))
    yield root
    patch.undo()


@pytest.fixture
def here(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(files)
    return files


class Strict(Silence):
    """No stage may warn here."""

    def warned(self, message: str) -> None:
        pytest.fail(message)


def fingerprints(data: dict[str, Any]) -> dict[str, str]:
    """Return the fingerprint of every stage of a pipeline, as `fret.pipeline` makes them."""
    settings = PipelineSettings.model_validate(data)
    context = Context(settings, beside=Path(), observer=Strict())
    found: dict[str, str] = {}
    for build in STAGES.values():
        stage = build(context)
        reads = {name: found[name] for name in stage.reads}
        found[stage.name] = fingerprint_of(stage.name, stage.version, stage.identity(), reads)
    context.close()
    return found


@cache
def fingerprints_of_pipeline(name: str) -> dict[str, str]:
    return fingerprints(yaml.safe_load(PIPELINES[name]))


def changed_stages(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in STAGES if before[stage] != after[stage]}


def following(stages: set[str]) -> set[str]:
    """The stages named and all that read them, directly or not."""
    readers = {
        "pages": {"passages"},
        "passages": {"queries", "candidates", "judgements", "examples"},
        "queries": {"candidates", "judgements", "examples"},
        "candidates": {"judgements", "examples"},
        "judgements": {"examples"},
        "examples": set[str](),
    }
    found = set(stages)
    while more := {r for stage in found for r in readers[stage]} - found:
        found |= more
    return found


def expected(leaf: Leaf) -> set[str]:
    """Return the stages that must be made anew when this field changes."""
    section = str(leaf.path[0])
    if leaf.name == "round_trip":  # the stage that knows the seed's rank drops
        return following({"candidates"})
    if section in OUTSIDE or set(leaf.path) & set(NOT_IDENTITY) or leaf.place in SAME_OUTPUT:
        return set()
    if section == "seed":
        # The user's own queries are drawn by nobody; the prompt of the others has two variants.
        return following({"examples"} if leaf.pipeline == "own" else {"queries", "examples"})
    return following({MODEL_USERS[str(leaf.path[1])] if section == "models" else section})


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: f"{leaf.pipeline}:{leaf.place}")
def test_each_setting_changes_the_fingerprints_that_depend_on_it(leaf: Leaf, here: Path) -> None:
    before = yaml.safe_load(PIPELINES[leaf.pipeline])
    after = change(leaf)
    same = PipelineSettings.model_validate(before) == PipelineSettings.model_validate(after)
    assert not same, "nothing was changed"
    unchanged = fingerprints_of_pipeline(leaf.pipeline)
    assert changed_stages(unchanged, fingerprints(after)) == expected(leaf)


def sections(settings: type[Settings]) -> Iterator[type[Settings]]:
    yield settings
    for field in settings.model_fields.values():
        for hint in unfold(field.annotation):
            yield from sections(hint)


def unfold(hint: Any) -> Iterator[type[Settings]]:
    if isinstance(hint, type) and issubclass(hint, Settings):
        yield hint
    for argument in typing.get_args(hint):
        yield from unfold(argument)


def test_every_field_of_every_section_was_changed_above() -> None:
    fields = {(s, n) for s in sections(PipelineSettings) for n in s.model_fields}
    changed = {(leaf.owner, leaf.name) for leaf in LEAVES}
    unfolded = {
        (section, name)
        for section, name in fields
        if any(unfold(section.model_fields[name].annotation))
    }
    assert {f"{s.__name__}.{n}" for s, n in fields - unfolded - changed} == set()


def test_names_that_a_user_gives_count_though_settings_are_called_so(here: Path) -> None:
    """A kind of need may be called `price`, as a setting is that changes no output."""
    named = [
        {name: leaf.value}
        for leaf in LEAVES
        for name in [leaf.name]
        if isinstance(leaf.value, dict)
        or typing.get_origin(leaf.owner.model_fields[name].annotation) is dict
    ]
    assert named and {name for field in named for name in field} <= NAMED_BY_USERS
    data = yaml.safe_load(STEERED)
    before = fingerprints(data)
    data["queries"]["writer"]["task_types"] = {"a": 1.0, "b": 2.0, "price": 1.0}
    assert changed_stages(before, fingerprints(data)) == following({"queries"})


def test_the_names_of_a_prompt_s_variants_count(here: Path) -> None:
    """They decide which passage is asked with which."""
    data = yaml.safe_load(MODELS)
    before = fingerprints(data)
    original = (here / "write.yaml").read_text("utf-8")
    try:
        (here / "write.yaml").write_text(original.replace("\n  second:", "\n  other:"), "utf-8")
        assert changed_stages(before, fingerprints(data)) == following({"queries"})
    finally:
        (here / "write.yaml").write_text(original, "utf-8")


def test_what_leaves_finished_work_alone_is_decided_one_by_one() -> None:
    """A name too many would keep work that no longer fits; one too few, throw work away."""
    files = {"path", "prompt", "personas_path"}
    patience = {"workers", "timeout_s", "memory_mb", "batch_size", "concurrency", "patience_s"}
    pace = {"prompts_per_request", "requests_per_minute", "tokens_per_minute", "batch_tokens"}
    where = {"base_url", "base_urls", "api_key_env", "device"}
    money = {"price", "batch"}
    crawl = {"contact", "delay_s", "max_crawl_delay_s", "max_wait_s", "hosts_at_once", "max_age_s"}
    crawl |= {"revision"}
    assert set(NOT_IDENTITY) == files | patience | pace | where | money | crawl


def test_every_setting_that_is_not_identity_exists() -> None:
    assert set(NOT_IDENTITY) <= {part for leaf in LEAVES for part in leaf.path}
    assert all(reason for reason in NOT_IDENTITY.values())


@pytest.mark.parametrize(
    ("pipeline", "file", "stage"),
    [
        ("rules", "pages/a.html", "pages"),
        ("models", "texts.jsonl", "pages"),
        ("warc", "pages.warc", "pages"),
        ("filtered", "blocked.txt", "passages"),
        ("filtered", "beir/queries.jsonl", "passages"),
        ("own", "queries.jsonl", "queries"),
        ("models", "write.yaml", "queries"),
        ("steered", "choose.yaml", "queries"),
        ("steered", "rewrite.yaml", "queries"),
        ("steered", "personas.txt", "queries"),
        ("models", "relevance.yaml", "judgements"),
        ("models", "likelihood.yaml", "judgements"),
        ("models", "listwise.yaml", "judgements"),
    ],
)
def test_changed_content_of_a_file_changes_what_depends_on_it(
    here: Path, pipeline: str, file: str, stage: str
) -> None:
    data = yaml.safe_load(PIPELINES[pipeline])
    before = fingerprints(data)
    original = (here / file).read_text("utf-8")
    try:
        changed = original.replace("A query", "A question").replace("A text", "Another text")
        changed = (
            changed.replace("<p>A", "<p>Another")
            .replace("WARC/1.0", "WARC/1.1")
            .replace("You ", "Thou ")
        )
        changed = changed.replace("a diver", "a fencer").replace("ads.example", "www.example")
        changed = changed.replace("Below are", "Here are").replace("You rank", "Thou rankest")
        assert changed != original
        (here / file).write_text(changed, "utf-8")
        assert changed_stages(before, fingerprints(data)) == following({stage})
    finally:
        (here / file).write_text(original, "utf-8")


def test_new_weights_in_a_local_model_s_folder_change_what_was_asked_of_it(here: Path) -> None:
    data = yaml.safe_load(LOCAL)
    data["queries"]["checks"]["similar"] = None  # it has the same folder
    before = fingerprints(data)
    weights = here / "embedder_a" / "model.bin"
    try:
        weights.write_bytes(b"trained further")
        assert changed_stages(before, fingerprints(data)) == following({"judgements"})
    finally:
        weights.unlink()


def test_writing_a_default_into_the_file_changes_nothing(here: Path) -> None:
    for name, text in PIPELINES.items():
        data = yaml.safe_load(text)
        spelled_out = json.loads(PipelineSettings.model_validate(data).model_dump_json())
        whole = json.loads(json.dumps(spelled_out), parse_float=lambda x: int_if_whole(float(x)))
        assert fingerprints(data) == fingerprints(spelled_out) == fingerprints(whole), name


def int_if_whole(number: float) -> float:
    """A person writes 60, not 60.0."""
    return int(number) if number.is_integer() else number


def test_a_server_without_a_name_is_known_by_its_address(here: Path) -> None:
    data = yaml.safe_load(MODELS)
    del data["models"]["writer"]["server"]
    before = fingerprints(data)
    data["models"]["writer"]["base_url"] = "http://elsewhere:2/v1"
    assert changed_stages(before, fingerprints(data)) == following({"queries"})


def test_a_fingerprint_hangs_on_all_that_it_is_made_from() -> None:
    parts: dict[str, Any] = {"stage": "s", "version": 1, "identity": {"a": 1}, "reads": {"b": "c"}}
    first = fingerprint_of(**parts)
    assert first == fingerprint_of(**parts)
    for change in ({"stage": "t"}, {"version": 2}, {"identity": {"a": 2}}, {"reads": {"b": "d"}}):
        assert fingerprint_of(**{**parts, **change}) != first


def test_an_identity_survives_the_manifest() -> None:
    """It is compared with one that was written as JSON and read again."""
    settings = {
        "b": (1, 2),
        "a": {"path": "x", "k": 1.5, "workers": 3},
        "c": [{"prompt": "p"}, None],
    }
    identity = identity_of(settings)
    assert identity == {"a": {"k": 1.5}, "b": [1, 2], "c": [{}, None]}
    assert differences(json.loads(json.dumps(identity)), identity) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({}, {"a": 1}, [("a", None, 1)]),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, [("a", 1, 2), ("b", 1, 2)]),
        ({"a": [1, 2, 3]}, {"a": [1, 5, 3]}, [("a[1]", 2, 5)]),
        ({"a": [{"k": 1}]}, {"a": [{"k": 2}]}, [("a[0].k", 1, 2)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a", [1], [1, 2])]),
        ({"a": {"b": 1}}, {"a": None}, [("a", {"b": 1}, None)]),
        ({"a": {"b": 1}}, {"a": "x"}, [("a", {"b": 1}, "x")]),
        ({"a": None}, {}, []),
    ],
)
def test_differences_name_each_field_with_its_old_and_new_value(
    old: Any, new: Any, found: list[tuple[str, Any, Any]]
) -> None:
    assert differences(old, new) == found
