"""What a model can do is found out before anything is spent, and so is how to ask it."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import fret
from fret.errors import UserError
from fret.llm.findings import Finding, warn_of_shutdown
from fret.llm.probe import probe
from fret.records import Example, Judgement
from llm_server import Brain, LLMServer, grade_by_words, passage_in
from pools import open_pool


def ways_of(pipeline: Path, *overrides: str) -> dict[str, str]:
    """The way that was found for each kind of request; a kind that does not work is left out."""
    ((_, findings),) = fret.load(pipeline, overrides=list(overrides)).probe()
    return {finding.kind: finding.way for finding in findings if finding.works}


ALL = {"chat", "labels", "likelihood"}


@pytest.mark.parametrize(
    ("flavour", "found"),
    [
        ("openai", {"chat": "json_schema", "labels": "top_logprobs", "likelihood": "echo"}),
        ("vllm", {"chat": "json_schema", "labels": "token_ids", "likelihood": "echo"}),
        ("sglang", {"chat": "json_schema", "labels": "top_logprobs", "likelihood": "generate"}),
        ("llamacpp", {"chat": "json_schema", "labels": "top_logprobs"}),
        ("chat_only", {"chat": "json_schema"}),
    ],
)
def test_each_kind_of_server_is_asked_in_the_way_it_can(
    llm_pipeline: Path, server: LLMServer, flavour: Any, found: dict[str, str]
) -> None:
    server.flavour = flavour
    assert ways_of(llm_pipeline) == found


@pytest.mark.parametrize("flavour", ["vllm", "sglang"])
def test_servers_that_can_the_same_give_the_same_judgements(
    llm_pipeline: Path, server: LLMServer, flavour: Any
) -> None:
    calm = fret.load(llm_pipeline, overrides=["run=calm", "answers=calm.sqlite"])
    calm.run()
    server.flavour = flavour
    other = fret.load(llm_pipeline)
    other.run()
    for one, two in zip(calm.rows(Judgement), other.rows(Judgement), strict=True):
        for mine, theirs in zip(one.scorings, two.scorings, strict=True):
            assert theirs.scores == pytest.approx(mine.scores, abs=1e-6)
    assert [e.positive for e in calm.rows(Example)] == [e.positive for e in other.rows(Example)]


def test_a_schema_that_is_refused_gives_way_to_any_json(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.flavour, server.schemas = "chat_only", False
    assert ways_of(llm_pipeline) == {"chat": "json_object"}


def test_a_server_that_ignores_what_it_does_not_know_is_found_out(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.flavour = "silent"
    ((_, findings),) = fret.load(llm_pipeline).probe()
    by_kind = {finding.kind: finding for finding in findings}
    assert not by_kind["labels"].works and "no log-probabilities" in by_kind["labels"].detail
    assert not by_kind["likelihood"].works
    with pytest.raises(UserError, match="cannot do"):
        fret.load(llm_pipeline).run()
    assert not list(llm_pipeline.parent.glob("data/runs/*"))


def write_label(text: str, body: dict[str, Any]) -> str | None:
    """Answer a question for a grade in words; all others as ever."""
    asked = re.findall(r"^Query: (.*)$", text, re.MULTILINE)
    return f"{round(grade_by_words(asked[-1], passage_in(text)))}." if asked else None


def test_labels_as_text_are_taken_only_where_the_file_allows_it_and_rows_say_so(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.flavour = "chat_only"
    server.brain = Brain(chat=write_label)
    scorers = "judgements.scorers=[{kind: unigram}, {kind: relevance, model: teacher}]"
    with pytest.raises(UserError, match=r"ways: \{labels: \[text\]\}"):
        fret.load(llm_pipeline, overrides=[scorers]).run()
    text = "models.teacher.ways={labels: [token_ids, top_logprobs, text]}"
    pipeline = fret.load(llm_pipeline, overrides=[scorers, text])
    pipeline.run()
    for judgement in pipeline.rows(Judgement):
        relevance = judgement.scorings[1]
        assert set(relevance.fallbacks) == {"label as text"}
        assert set(relevance.label_logprobs) == {None}
        assert all(score in {0.0, 1.0, 2.0, 3.0} for score in relevance.scores)


@pytest.mark.parametrize(
    ("flavour", "way"), [("openai", "decisions"), ("sglang", "score"), ("vllm", "prompt_logprobs")]
)
def test_further_ways_work_where_they_are_asked_for(
    llm_pipeline: Path, server: LLMServer, flavour: Any, way: str
) -> None:
    server.flavour = flavour
    kind = "likelihood" if way == "prompt_logprobs" else "labels"
    assert ways_of(llm_pipeline, f"models.teacher.ways={{{kind}: [{way}]}}")[kind] == way


def test_a_model_that_thinks_first_is_told_how_to_be_stopped(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.reasons = True
    with pytest.raises(UserError, match="switch that off with"):
        fret.load(llm_pipeline).run()
    quiet = "models.teacher.extra_body={chat_template_kwargs: {enable_thinking: false}}"
    assert set(ways_of(llm_pipeline, quiet)) == ALL


def test_a_server_that_cuts_long_prompts_in_silence_is_found_out(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.truncate_at = 200
    with pytest.raises(UserError, match=r"cuts long prompts without saying so.*context size"):
        fret.load(llm_pipeline).run()


def try_chat(server: LLMServer, folder: Path, longest: int) -> Finding:
    with open_pool(folder / "answers.sqlite", server.url) as pool:
        (finding,) = probe(pool, {"chat": longest}, {"chat": ["json_schema"]}, afresh=True)
    return finding


def lengthen(server: LLMServer, n_tokens: int) -> None:
    """Let the template add tokens to every prompt, as a long system prompt of its own does."""
    count = server.count
    server.count = lambda text: count(text) + n_tokens  # type: ignore[method-assign]


@pytest.mark.parametrize("n_template", [0, 600])
@pytest.mark.parametrize("longest", [1000, 8000])
def test_what_a_template_adds_is_not_taken_for_a_cut_prompt_and_hides_none(
    server: LLMServer, tmp_path: Path, n_template: int, longest: int
) -> None:
    lengthen(server, n_template)
    assert try_chat(server, tmp_path, longest).works
    n_tokens = server.asked[-1].body["messages"][0]["content"].count(" ")
    server.truncate_at = n_template + round(0.8 * n_tokens)
    finding = try_chat(server, tmp_path, longest)
    assert not finding.works and "cuts long prompts without saying so" in finding.detail


@pytest.mark.parametrize("flavour", ["vllm", "openai"])
def test_labels_that_the_model_would_never_say_are_refused_whatever_their_order(
    llm_pipeline: Path, server: LLMServer, flavour: Any
) -> None:
    """Of a model that begins with <think> the labels have some 1e-8, and their order is noise."""
    server.flavour = flavour
    noise = itertools.cycle([[-18.0, -19.0, -20.0, -17.5], [-17.5, -19.0, -20.0, -18.0]])
    server.brain.label_logprobs = lambda query, passage: next(noise)  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"cannot do labels: .*<think> or a word") as error:
        fret.load(llm_pipeline).run()
    assert "switch that off with" in str(error.value)


def test_labels_with_a_fair_share_of_the_probability_will_do(
    llm_pipeline: Path, server: LLMServer
) -> None:
    known = server.brain.label_logprobs
    server.brain.label_logprobs = lambda query, passage: [  # type: ignore[method-assign]
        logprob - 2.0 for logprob in known(query, passage)
    ]
    assert ways_of(llm_pipeline)["labels"] == "top_logprobs"


def test_labels_of_several_tokens_are_not_asked_by_their_tokens(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.flavour = "vllm"
    server.tokenizer.splits = ("0", "1", "2", "3")
    assert ways_of(llm_pipeline)["labels"] == "top_logprobs"


def test_what_was_found_is_remembered_and_the_doctor_asks_again(
    llm_pipeline: Path, server: LLMServer
) -> None:
    fret.load(llm_pipeline).run(["pages", "passages", "queries"])
    n_asked = len(server.asked)
    other = fret.load(llm_pipeline, overrides=["run=other"])
    other.run(["pages", "passages", "queries"])
    assert len(server.asked) == n_asked
    ways_of(llm_pipeline)
    assert len(server.asked) > n_asked


def test_a_model_that_will_be_shut_down_is_warned_of(llm_pipeline: Path, server: LLMServer) -> None:
    server.shutdown_dates = {"tiny": "2027-01-14"}
    warnings: list[str] = []

    class Hears(fret.stages.base.Silence):  # type: ignore[name-defined]
        def warned(self, message: str) -> None:
            warnings.append(message)

    fret.load(llm_pipeline).run(["pages", "passages", "queries"], observer=Hears())
    assert any("tiny shuts down on 2027-01-14" in warning for warning in warnings)
    assert warn_of_shutdown(b"<html>", "m") is None
    assert warn_of_shutdown(b'{"data": [{"id": "m", "shutdown_date": null}]}', "m") is None


@pytest.mark.parametrize("shape", ["names", "strings", "html", "404"])
def test_a_list_of_models_that_is_not_openais_is_no_obstacle(
    llm_pipeline: Path, server: LLMServer, shape: Any
) -> None:
    server.models_shape = shape
    assert set(ways_of(llm_pipeline)) == ALL
