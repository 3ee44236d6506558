"""The log-probabilities of labels: each way of asking, and each odd answer."""

import json
import math
from typing import Any

import pytest

from fret.llm.forms import Form
from fret.llm.forms.labels import IMPOSSIBLE, TEXT_TOKENS, as_transcript
from fret.llm.forms.reading import Transient
from fret.llm.types import Failure, FailureKind, Labels, LabelsReply, Reply, Usage

MESSAGES = (("system", "s"), ("user", "u"))
LABELS = Labels(MESSAGES, ("0", "1", "2", "3"))


def form_of(way: str, model: str = "m", **extra: Any) -> Form:
    ids = (15, 16, 17, 18) if way in ("token_ids", "score") else ()
    return Form("labels", way, model, extra, ids)


def body(way: str, model: str = "m") -> dict[str, Any]:
    data: dict[str, Any] = json.loads(form_of(way, model).body_of(LABELS))
    return data


def read(way: str, data: Any, request: Labels = LABELS) -> Reply | Failure:
    return form_of(way).read(request, json.dumps(data).encode())


def tokens(*top: tuple[str, float]) -> dict[str, Any]:
    items = [{"token": token, "logprob": logprob} for token, logprob in top]
    content = [{**items[0], "top_logprobs": items}]
    return {"choices": [{"logprobs": {"content": content}}]}


def said(content: str, finish: str = "stop") -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": finish}]}


def assert_unreadable(reply: Reply | Failure) -> None:
    assert isinstance(reply, Failure) and reply.kind == FailureKind.UNREADABLE and reply.detail


def assert_logprobs(reply: Reply | Failure, *logprobs: float) -> None:
    assert isinstance(reply, LabelsReply), reply
    assert reply.logprobs == pytest.approx(logprobs)


# What is sent.


def test_each_way_has_its_own_path_and_fields() -> None:
    sent = {"model", "messages", "max_tokens", "temperature"}
    assert body("top_logprobs").keys() == sent | {"logprobs", "top_logprobs"}
    assert body("top_logprobs")["top_logprobs"] == 20 and body("top_logprobs")["max_tokens"] == 1
    assert body("token_ids").keys() == sent | {"logprobs", "top_logprobs", "logprob_token_ids"}
    assert body("token_ids")["logprob_token_ids"] == [15, 16, 17, 18]
    assert body("text").keys() == sent and body("text")["max_tokens"] == TEXT_TOKENS
    assert body("score")["label_token_ids"] == [15, 16, 17, 18]
    assert body("score")["query"] == "System: s\n\nUser: u\n\nAssistant:" == as_transcript(MESSAGES)
    (question,) = body("decisions")["questions"]
    assert [level["label"] for level in question["levels"]] == ["0", "1", "2", "3"]
    paths = {way: form_of(way).path for way in ("top_logprobs", "decisions", "score")}
    assert paths == {
        "top_logprobs": "/v1/chat/completions",
        "decisions": "/v1/decisions",
        "score": "/v1/score",
    }


def test_a_model_that_would_reason_is_told_not_to() -> None:
    assert body("top_logprobs", "gpt-6-luna")["reasoning_effort"] == "none"
    assert "reasoning_effort" not in body("top_logprobs")


# Tokens.


@pytest.mark.parametrize("way", ["top_logprobs", "token_ids"])
def test_variants_of_a_label_add_up(way: str) -> None:
    top = [("3", math.log(0.5)), (" 3", math.log(0.25)), ("2", -2.0), ("1", -3.0), ("0\n", -4.0)]
    reply = read(way, tokens(*top))
    assert_logprobs(reply, -4.0, -3.0, -2.0, math.log(0.75))
    assert isinstance(reply, LabelsReply) and reply.missing == () and reply.way == ""


def test_a_token_that_only_begins_as_a_label_is_none() -> None:
    reply = read("top_logprobs", tokens(("3", -0.5), ("30", -0.6), ("3.", -0.7), ("-3", -9.0)))
    assert isinstance(reply, LabelsReply)
    assert reply.logprobs[3] == pytest.approx(-0.5) and reply.missing == ("0", "1", "2")


def test_a_missing_label_is_bounded_by_the_least_likely_token_told() -> None:
    reply = read("top_logprobs", tokens(("3", -0.1), ("2", -2.5), ("The", -7.0)))
    assert_logprobs(reply, -7.0, -7.0, -2.5, -0.1)
    assert isinstance(reply, LabelsReply) and reply.missing == ("0", "1")


def test_a_missing_label_is_bounded_by_the_probability_that_is_left() -> None:
    reply = read("top_logprobs", tokens(("3", math.log(0.6)), ("2", math.log(0.39))))
    left = math.log(1 - 0.6 - 0.39)
    assert_logprobs(reply, left, left, math.log(0.39), math.log(0.6))


@pytest.mark.parametrize("certain", [0.0, 1e-7, -1e-9])
def test_nothing_left_is_still_not_impossible(certain: float) -> None:
    """Rounding may make a probability of one, or a little more."""
    reply = read("top_logprobs", tokens(("3", certain)))
    assert_logprobs(reply, *[math.log(1e-6)] * 3, certain)


@pytest.mark.parametrize(
    "data",
    [
        tokens(("<think>", -0.01), ("Okay", -4.0)),
        {"choices": [{"logprobs": None}]},
        {"choices": [{"logprobs": {"content": []}}]},
        {"choices": [{}]},
        {"choices": [None]},
        tokens(("3", math.nan)),
        tokens(("3", 2.5)),
        tokens(("3", math.inf)),
        tokens(("3", 1000.0)),
        tokens(("3", 10.0**300)),
        {"choices": [{"logprobs": {"content": [{"token": "3"}]}}]},
    ],
)
def test_no_label_or_no_number_is_a_failure(data: Any) -> None:
    assert_unreadable(read("top_logprobs", data))


# Probabilities.


def decided(*probabilities: tuple[str, Any]) -> dict[str, Any]:
    items = [{"label": label, "probability": value} for label, value in probabilities]
    return {
        "answers": [{"type": "score", "name": "label", "score": 1.0, "probabilities": items}],
        "usage": {"input_tokens": 40, "output_tokens": 0},
    }


def test_decisions_are_read_by_their_labels_in_whatever_order() -> None:
    reply = read("decisions", decided(("3", 0.5), ("0", 0.0), ("2", 0.25), ("1", 0.25)))
    assert_logprobs(reply, math.log(1e-9), math.log(0.25), math.log(0.25), math.log(0.5))
    assert reply.usage == Usage(40, 0)


def test_a_question_that_is_refused_is_a_refusal() -> None:
    reply = read("decisions", {"answers": [{"type": "refusal", "name": "label"}]})
    assert isinstance(reply, Failure) and reply.kind == FailureKind.REFUSED


@pytest.mark.parametrize(
    "data",
    [
        decided(("3", 0.5), ("0", 0.5)),
        decided(("0", 0.5), ("1", -0.1), ("2", 0.1), ("3", 0.1)),
        decided(("0", 0.5), ("1", 1.5), ("2", 0.1), ("3", 0.1)),
        decided(("0", 0.5), ("1", math.nan), ("2", 0.1), ("3", 0.1)),
        {"answers": [{"type": "score"}]},
    ],
)
def test_decisions_that_are_no_probabilities_are_a_failure(data: Any) -> None:
    assert_unreadable(read("decisions", data))


def test_scores_are_read_in_the_order_of_the_labels() -> None:
    reply = read("score", {"scores": [[0.1, 0.2, 0.3, 0.4]], "usage": {"prompt_tokens": 7}})
    assert_logprobs(reply, *map(math.log, (0.1, 0.2, 0.3, 0.4)))
    assert reply.usage == Usage(7, 0)


@pytest.mark.parametrize(
    "scores", [[[0.1, 0.2]], [[0.1, 0.2, 0.3, math.nan]], [[0.5] * 4, [0.5] * 4], [["a"] * 4], 5]
)
def test_scores_that_are_no_probabilities_are_a_failure(scores: Any) -> None:
    assert_unreadable(read("score", {"scores": scores}))


@pytest.mark.parametrize("way", ["top_logprobs", "decisions", "score", "text"])
@pytest.mark.parametrize("data", [{"error": {"message": "busy"}}, {"choices": []}, [], None])
def test_what_is_no_answer_at_all_may_be_sent_again(way: str, data: Any) -> None:
    with pytest.raises(Transient):
        read(way, data)


# Text.


@pytest.mark.parametrize(
    "text",
    [
        "2",
        " 2\n",
        "The grade is 2.",
        "**2**",
        "2, clearly: 2",
        "<think>0 or 1? Rather 3.</think>\n2",
        "It is between 0 and 3, I think.</think>2",
    ],
)
def test_the_one_label_that_a_text_names_is_taken(text: str) -> None:
    reply = read("text", said(text))
    assert_logprobs(reply, IMPOSSIBLE, IMPOSSIBLE, 0.0, IMPOSSIBLE)
    assert isinstance(reply, LabelsReply) and reply.way == "text"


def test_a_text_that_is_cut_after_the_label_is_fine() -> None:
    assert_logprobs(read("text", said("2 because the", "length")), *[-1000.0] * 2, 0.0, -1000.0)


@pytest.mark.parametrize(
    "text", ["2 or 3", "12", "2.5", "-", "none", "v2", "20", "<think>2 is what I", "1</think>0, 3"]
)
def test_a_text_that_names_no_label_or_several_is_a_failure(text: str) -> None:
    assert isinstance(read("text", said(text, "length")), Failure)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (said("", "stop"), FailureKind.EMPTY),
        (said("2", "content_filter"), FailureKind.REFUSED),
        ({"choices": [{"message": {"content": "2", "refusal": "no"}}]}, FailureKind.REFUSED),
        ({"choices": [{}]}, FailureKind.UNREADABLE),
    ],
)
def test_a_text_that_cannot_be_used_has_its_own_kind(data: Any, kind: FailureKind) -> None:
    reply = read("text", data)
    assert isinstance(reply, Failure) and reply.kind == kind


def test_labels_with_marks_of_their_own_are_taken_as_they_are() -> None:
    request = Labels(MESSAGES, ("a+b", "(c)"))
    assert_logprobs(read("text", said("I say a+b"), request), 0.0, IMPOSSIBLE)
