"""Pipeline files: what is wrong is told before any work, with its place and a way to mend it."""

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fret.config import OpenAIModel, PipelineSettings, Settings
from fret.errors import ConfigError
from fret.pipeline_file import load_settings, load_training
from fret.shipped import find_file, recipes

GOOD = """
run: r
models: {t: {backend: openai, base_url: "http://localhost:1/v1", model: m}}
pages: {source: {kind: html, path: pages}}
queries: {writer: {kind: llm, model: t}}
judgements: {scorers: [{kind: unigram}, {kind: relevance, model: t}]}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD, "utf-8")
    return path


def problem(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(str(path), overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_good_file_loads_with_its_defaults(good: Path) -> None:
    settings, path = load_settings(str(good))
    assert path == good
    assert settings.candidates.top_k == 20
    assert settings.passages.max_size == 200
    assert settings.judgements.fusion.k == 0
    model = settings.models["t"]
    assert isinstance(model, OpenAIModel) and model.concurrency == 32


# -- the file


@pytest.mark.parametrize("name", ["nowhere.yaml", "", "quickstartt"])
def test_a_missing_file_is_told_with_the_recipes_there_are(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(name)
    assert f"There is no pipeline file {name!r}" in str(caught.value)
    assert "recipes: " in str(caught.value) and "quickstart" in str(caught.value)
    assert "fret init" in str(caught.value)


def test_a_file_of_the_other_kind_is_told(good: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="quickstart is a recipe of a pipeline: `fret run quick"):
        load_training("quickstart")
    with pytest.raises(ConfigError, match="train_small is a recipe of a training: `fret train "):
        load_settings("train_small")
    with pytest.raises(ConfigError, match=r"is a pipeline file: `fret run .* names that pipeline"):
        load_training(str(good))
    training = tmp_path / "t.yaml"
    training.write_text("name: t\nstages: []\n", "utf-8")
    with pytest.raises(ConfigError, match="is a training file: `fret train "):
        load_settings(str(training))


def test_a_folder_is_no_pipeline_file(tmp_path: Path) -> None:
    assert "There is no pipeline file" in problem(tmp_path)


def test_a_recipe_is_found_by_its_name() -> None:
    settings, path = load_settings("quickstart")
    assert settings.run == "quickstart" and path == recipes()["quickstart"]


def test_a_file_is_preferred_to_a_recipe_of_its_name(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.rename(good.with_name("quickstart"))
    monkeypatch.chdir(good.parent)
    assert load_settings("quickstart")[0].run == "r"


@pytest.mark.parametrize(
    "text",
    ["run: [", "run: r\n pages: x\n", "? [a]\n: b", "run: 2024-13-45", "\t: x", "run: 'r"],
)
def test_what_is_no_yaml_is_told_with_the_name_of_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text, "utf-8")
    assert f"{path} cannot be read as YAML" in problem(path)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"run: \xff\xfe")
    assert f"{path} cannot be read as YAML" in problem(path)


@pytest.mark.parametrize("text", ["- run: r\n", "", "run", "42", "null"])
def test_a_file_that_holds_no_mapping_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text, "utf-8")
    assert f"{path} is not a pipeline file" in problem(path)
    assert "begins with `run:`" in problem(path)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("run: r\ncandidates: {topk: 3}\npassages: {max_size: many}\n", "utf-8")
    message = problem(path)
    for part in (
        f"{path} cannot be used:",
        "  - candidates.topk: unknown key; did you mean 'top_k'?",
        "  - passages.max_size: should be a valid integer (it is 'many')",
        "  - pages: is missing",
        "  - queries: is missing",
        "  - judgements: is missing",
    ):
        assert part in message


# -- keys and values


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("candidates.topk=3", "candidates.topk: unknown key; did you mean 'top_k'?"),
        ("candidate.top_k=3", "candidate: unknown key; did you mean 'candidates'?"),
        ("models.t.concurency=3", "models.t.concurency: unknown key; did you mean 'concurrency'?"),
        ("queries.writer.temprature=1", "temprature: unknown key; did you mean 'temperature'?"),
        ("judgements.scorers.0.muu=1", "judgements.scorers.0.muu: unknown key; did you mean 'mu'?"),
        ("candidates.bm25.kk=1", "candidates.bm25.kk: unknown key; known here: b, backend, k1"),
        ("zzzzzz=1", "zzzzzz: unknown key; known here: answers, budget, candidates"),
        ("models.t.base_url=null", "models.t: name either base_url, or several base_urls"),
        ("models.t.base_urls=['http://a/v1']", "models.t: name either base_url, or several"),
        ("models.t.ways={chat: [magic]}", "models.t.ways.chat.0: should be 'json_schema'"),
        ("models.t.price={input: -1, output: 1}", "models.t.price.input: should be greater"),
        ("models.t.price={input: 1, output: 1, batch: -0.5}", "models.t.price.batch: should be"),
        ("budget={usd: 0}", "budget.usd: should be greater than 0 (it is 0)"),
        ("budget={usd: 5}", "budget needs the price of models.t (used by queries.writer): price:"),
        ("queries.per_passage=two", "queries.per_passage: should be a valid integer (it is 'two')"),
        ("queries.per_passage=1.5", "queries.per_passage: should be a valid integer"),
        ("queries.per_passage=true", "queries.per_passage: should be a valid integer"),
        ("run=7", "run: should be a valid string (it is 7)"),
        ("candidates.fusion.k='60'", "candidates.fusion.k: should be a valid number (it is '60')"),
        ("pages=3", "pages: must be a mapping of keys to values (it is 3)"),
        ("pages.source=html", "pages.source: must be a mapping of keys to values (it is 'html')"),
        ("models=[]", "models: must be a mapping of keys to values"),
        ("judgements.scorers={}", "judgements.scorers: should be a valid list"),
        ("candidates.top_k=1", "candidates.top_k: should be greater than or equal to 2 (it is 1)"),
        ("candidates.bm25.b=1.5", "candidates.bm25.b: should be less than or equal to 1"),
        ("pages.timeout_s=0", "pages.timeout_s: should be greater than 0 (it is 0)"),
        ("pages.timeout_s=.inf", "pages.timeout_s: should be a finite number"),
        ("candidates.fusion.k=.nan", "candidates.fusion.k: should be"),
        ("judgements.scorers=[]", "judgements.scorers: must not be empty"),
        ("examples.negatives.pick=worst", "pick: should be 'auto', 'lowest', 'hardest'"),
        ("examples.splits={dev: 0.1}", "examples.splits.dev: should be 'validation' or 'test'"),
        ("examples.splits.test=1.0", "examples: splits must be shares between 0 and 1"),
        ("examples.splits={test: 0.6, validation: 0.4}", "that leave something to train on"),
        ("examples.splits.test=-0.1", "examples: splits must be shares between 0 and 1"),
        ("examples.negatives.count=20", "negatives.count must be below candidates.top_k"),
        ("passages.min_size=101", "passages: min_size (101) may be half of max_size (200) at most"),
        ("run=../escape", "run: String should match pattern"),
        ("run=.hidden", "run: String should match pattern"),
        (
            "pages.source.kind=pdf",
            "pages.source.kind: must be one of 'html', 'warc', 'urls', 'jsonl', 'hub'",
        ),
        ("pages.source={path: x}", "pages.source.kind: must be one of"),
        ("models.t.backend=other", "models.t.backend: must be one of 'openai', 'transformers'"),
        ("judgements.scorers.0.kind=x", "judgements.scorers.0.kind: must be one of 'unigram'"),
        ("pages.source.path=3", "pages.source.path: should be a valid string"),
        ("queries.writer={kind: file}", "queries.writer.path: is missing"),
        ("models.t.base_url=localhost:8000", "models.t: base_url must begin with http:// or"),
        ("models.t.base_url=http://host:99999/v1", "models.t: Port out of range"),
        ("models.t.extra_body={a: .nan}", "models.t: extra_body cannot be sent as JSON"),
        ("models.t.extra_body={a: 2024-01-01}", "models.t: extra_body cannot be sent as JSON"),
        ("candidates.dense.query_format=x", "dense.query_format: must hold {query}"),
        ("candidates.dense.query_format='{query} {x}'", "and no other braces"),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_place_and_help(
    good: Path, override: str, told: str
) -> None:
    message = problem(good, override)
    assert message.startswith(f"{good} (with --set {override.split('=')[0]}) cannot be used:\n  - ")
    assert told in message


def test_several_addresses_need_a_name_and_one_does_not(good: Path) -> None:
    several = ["models.t.base_url=null", "models.t.base_urls=['http://a/v1', 'http://b/v1']"]
    assert "models.t: several base_urls need a `server`" in problem(good, *several)
    load_settings(str(good), [*several, "models.t.server=s"])
    load_settings(str(good), ["models.t.base_url=null", "models.t.base_urls=['http://a/v1']"])


def test_a_budget_needs_prices_of_the_models_that_are_asked_only(good: Path) -> None:
    price = "models.t.price={input: 1, output: 2}"
    idle = "models.idle={backend: openai, base_url: 'http://b/v1', model: m}"
    settings, _ = load_settings(str(good), ["budget={usd: 5}", price, idle])
    assert settings.budget and settings.budget.usd == 5
    message = problem(good, "budget={usd: 5}", price, idle, "judgements.scorers.1.model=idle")
    assert "budget needs the price of models.idle (used by judgements.scorers[1])" in message


def test_a_scorer_that_stands_there_twice_is_told(good: Path) -> None:
    message = problem(good, "judgements.scorers=[{kind: unigram}, {kind: unigram}]")
    assert "judgements: the scorer unigram stands there twice; give each a `name`" in message
    message = problem(
        good, "judgements.scorers=[{kind: unigram, name: embedding}, {kind: embedding}]"
    )
    assert "the scorer embedding stands there twice" in message


def test_a_kind_of_scorer_may_stand_there_twice_under_two_names(good: Path) -> None:
    two = "judgements.scorers=[{kind: unigram}, {kind: unigram, name: wide, mu: 2000}]"
    settings, _ = load_settings(str(good), [two, "judgements.fusion.weights={wide: 0.5}"])
    assert [scorer.name for scorer in settings.judgements.scorers] == ["unigram", "wide"]
    weights = [settings.judgements.weight_of(s) for s in settings.judgements.scorers]
    assert weights == [1.0, 0.5]


def test_judges_weigh_twice_by_default(good: Path) -> None:
    four = (
        "judgements.scorers=[{kind: unigram}, {kind: relevance, model: t}, "
        "{kind: listwise, model: t}, {kind: query_likelihood, model: t}, {kind: cross_encoder}]"
    )
    judgements = load_settings(str(good), [four])[0].judgements
    assert [judgements.weight_of(s) for s in judgements.scorers] == [1, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "fusion.weights={judge: 1}",
            "weights names 'judge', which is no scorer (they are: unigram, ",
        ),
        ("fusion.weights={unigram: -1}", "fusion.weights.unigram"),
        ("fusion.weights={unigram: 0, relevance: 0}", "all weigh 0: give one more, as in {unigram"),
        ("scorers=[{kind: listwise, model: t, window: 5, step: 5}]", "step must be below window"),
        ("scorers=[{kind: unigram, name: ''}]", "judgements.scorers.0.name"),
    ],
)
def test_weights_and_windows_that_cannot_work_are_told(
    good: Path, override: str, told: str
) -> None:
    assert told in problem(good, f"judgements.{override}")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["early_stop={}", "scorers=[{kind: listwise, model: t}]"], "put another scorer before"),
        (["early_stop={}", "fusion.weights={unigram: 0}"], "but unigram weighs 0"),
        (["early_stop={lead: 0}"], "early_stop.lead"),
        (["deeper={}", "scorers=[{kind: unigram}]"], "deeper needs a scorer that grades"),
        (["deeper={step: 0}"], "deeper.step"),
    ],
)
def test_options_that_save_calls_are_checked_on_load(
    good: Path, overrides: list[str], told: str
) -> None:
    assert told in problem(good, *[f"judgements.{override}" for override in overrides])


def test_an_early_stop_needs_weight_of_its_first_scorer_in_the_rules_too(good: Path) -> None:
    message = problem(good, "judgements.early_stop={}", "examples.fusion={weights: {unigram: 0}}")
    assert "but unigram weighs 0 in examples.fusion.weights" in message


def test_the_embedding_scorer_checks_its_format_as_dense_retrieval_does(good: Path) -> None:
    message = problem(good, "judgements.scorers=[{kind: embedding, query_format: x}]")
    assert "judgements.scorers.0.query_format: must hold {query}" in message


def test_without_any_retriever_there_are_no_candidates(good: Path) -> None:
    message = problem(good, "candidates.bm25=null", "candidates.dense=null")
    assert "bm25 and dense cannot both be null" in message


@pytest.mark.parametrize(
    ("override", "where"),
    [
        ("queries.writer.model=tt", "queries.writer.model"),
        ("judgements.scorers.1.model=tt", "judgements.scorers[1].model"),
    ],
)
def test_an_unknown_model_is_told_with_the_known_ones(
    good: Path, override: str, where: str
) -> None:
    told = f"{where} is 'tt', which `models` does not name (it names: t)"
    assert told in problem(good, override)


def test_a_model_without_any_models_is_told(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD.replace("models:", "#"), "utf-8")
    assert "(it names: none)" in problem(path)


def test_keys_of_yaml_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"{GOOD}\n1: x\n", "utf-8")
    assert "1: Keys should be strings" in problem(path)


# -- keys to a service


SECRETS = [
    ("models.t.api_key=abc", "models.t.api_key"),
    ("models.t.api_key=sk-proj-0123456789abcdef", "models.t.api_key"),
    ("models.t.api_key_env=sk-0123456789abcdefXY", "models.t.api_key_env"),
    ("models.t.extra_body={note: 'Bearer abcdefghijklmnop'}", "models.t.extra_body.note"),
    ("models.t.extra_body={headers: {Authorization: x}}", "extra_body.headers.Authorization"),
    ("models.t.extra_body={a: [{token: secret}]}", "models.t.extra_body.a.0.token"),
    ("models.t.base_url=https://u:hf_abcdefghijklmnopqr@h/v1", "models.t.base_url"),
    ("models.t.base_url=https://h/v1?key=AIzaabcdefghijklmnopqrstuvwxyz0123", "models.t.base_url"),
    ("pages.source.path=hf_abcdefghijklmnopqr", "pages.source.path"),
]


@pytest.mark.parametrize(("override", "where"), SECRETS, ids=[where for _, where in SECRETS])
def test_a_key_in_the_file_is_refused_and_not_repeated(
    good: Path, override: str, where: str
) -> None:
    message = problem(good, override)
    assert f"{where} holds a key" in message
    assert "api_key_env" in message and "environment" in message
    for secret in ("sk-", "hf_", "AIza", "Bearer abc", "secret"):
        assert secret not in message


def test_a_password_in_an_address_is_refused_and_not_repeated(good: Path) -> None:
    message = problem(good, "models.t.base_url=https://user:geheim@host/v1")
    assert "base_url" in message and "api_key_env" in message
    assert "geheim" not in message


@pytest.mark.parametrize("account", ["geheim", "user:geheim"])
def test_an_account_in_one_of_several_addresses_is_refused_and_not_repeated(
    good: Path, account: str
) -> None:
    urls = f"['http://a/v1', 'http://{account}@b/v1']"
    message = problem(
        good, "models.t.base_url=null", "models.t.server=s", f"models.t.base_urls={urls}"
    )
    assert "models.t: base_url holds a user name or password" in message
    assert "api_key_env" in message
    assert "geheim" not in message


def test_words_that_only_look_like_keys_are_let_through(good: Path) -> None:
    load_settings(
        str(good),
        [
            "models.t.api_key_env=OPENAI_API_KEY",
            "models.t.model=risk-0123456789abcdefgh",
            "models.t.extra_body={max_tokens: 5, top_k: 3}",
            "pages.source.path=task-list-for-the-new-year",
        ],
    )


# -- --set


def test_an_override_sets_what_the_file_says_or_does_not_say(good: Path) -> None:
    settings, _ = load_settings(
        str(good),
        [
            "run=other",
            "candidates.bm25.k1=0.9",
            "candidates.dense=null",
            "judgements.scorers.0.mu=42",
            "judgements.scorers.1={kind: embedding}",
            "examples.splits={validation: 0.1}",
            "publish.licence=cc-by-4.0",
            " seed = 7",
        ],
    )
    assert settings.run == "other" and settings.seed == 7
    assert settings.candidates.bm25 and settings.candidates.bm25.k1 == 0.9
    assert settings.candidates.dense is None
    assert [scorer.kind for scorer in settings.judgements.scorers] == ["unigram", "embedding"]
    assert settings.judgements.scorers[0].model_dump()["mu"] == 42
    assert settings.examples.splits == {"validation": 0.1}
    assert settings.publish.licence == "cc-by-4.0"


def test_a_later_override_wins_and_may_build_on_an_earlier_one(good: Path) -> None:
    overrides = ["candidates.dense=null", "candidates.dense.pool=7", "seed=1", "seed=2"]
    settings, _ = load_settings(str(good), overrides)
    assert settings.candidates.dense and settings.candidates.dense.pool == 7
    assert settings.seed == 2


def test_only_the_first_sign_of_equality_parts_key_and_value(good: Path) -> None:
    settings, _ = load_settings(str(good), ["publish.pretty_name=a=b"])
    assert settings.publish.pretty_name == "a=b"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("candidates.top_k", "write it as key=value, for example --set candidates.top_k=30"),
        ("=3", "write it as key=value"),
        ("", "write it as key=value"),
        ("candidates.top_k=[", "the value is not YAML"),
        ("seed=2024-13-45", "the value is not YAML"),
        ("judgements.scorers.2.mu=1", "there is nothing below '2'"),
        ("judgements.scorers.x.mu=1", "there is nothing below 'x'"),
        ("judgements.scorers.2=1", "the list has no item '2'"),
        ("judgements.scorers.-1=1", "the list has no item '-1'"),
    ],
)
def test_an_override_that_cannot_be_applied_is_told(good: Path, override: str, told: str) -> None:
    message = problem(good, override)
    assert message.startswith(f"--set {override}: ")
    assert told in message


def test_an_override_cannot_put_a_section_where_a_value_belongs(good: Path) -> None:
    assert "run: should be a valid string" in problem(good, "run.x=1")


# -- the tree itself


def sections(settings: type[Settings]) -> Iterator[type[Settings]]:
    yield settings
    for field in settings.model_fields.values():
        yield from (s for hint in unfold(field.annotation) for s in sections(hint))


def unfold(hint: Any) -> Iterator[type[Settings]]:
    if isinstance(hint, type) and issubclass(hint, Settings):
        yield hint
    for argument in typing.get_args(hint):
        yield from unfold(argument)


SECTIONS = sorted(set(sections(PipelineSettings)), key=lambda section: section.__name__)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_section_and_every_field_is_described(section: type[Settings]) -> None:
    assert section.__doc__ and section.__doc__ != Settings.__doc__
    bare = [name for name, field in section.model_fields.items() if not field.description]
    assert bare == []


def test_all_sections_were_found() -> None:
    assert len(SECTIONS) >= 24
    assert {s.__name__ for s in SECTIONS} >= {"OpenAIModel", "UnigramScorer", "DenseSettings"}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_section_is_closed_and_strict(section: type[Settings]) -> None:
    assert section.model_config["extra"] == "forbid"
    assert section.model_config["strict"] and section.model_config["frozen"]


def test_a_file_is_looked_for_here_then_beside_the_pipeline_then_among_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, beside = tmp_path / "here", tmp_path / "beside"
    for folder in (here / "prompts", beside / "prompts"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    name = "prompts/relevance.yaml"
    shipped = find_file(name)
    assert shipped and shipped.is_absolute()
    (beside / name).touch()
    assert find_file(name, beside=beside) == beside / name
    (here / name).touch()
    assert find_file(name, beside=beside) == Path(name)
    assert find_file("prompts/nothing.yaml", beside=beside) is None
    assert find_file(str(here / name)) == here / name


def test_a_key_that_stands_there_twice_is_told_with_its_lines(good: Path) -> None:
    good.write_text(f"run: first\n{good.read_text('utf-8')}", "utf-8")
    assert "the key 'run' stands there twice, in the lines 1 and " in problem(good)
    good.write_text("run: r\npages: {source: {kind: html, kind: jsonl, path: x}}\n", "utf-8")
    assert "the key 'kind' stands there twice, in the lines 2 and 2" in problem(good)
