"""Labels: the log-probability of each label as the next thing that the assistant says.

`top_logprobs` works wherever chat gives log-probabilities, and may miss a label; `token_ids` (vLLM)
names the labels' tokens and misses none. `decisions` (OpenAI, beta) and `score` (SGLang, for base
models: it knows no chat template) have paths of their own. `text` takes the label that the model
writes, for servers without log-probabilities: one grade, no probabilities.
"""

import math
import re
from typing import Any

from fret.llm.forms.chat import PATH, make_chat_body, read_message, text_of
from fret.llm.forms.reading import Way, finite, has_choices, log_sum, usage_of
from fret.llm.types import Failure, FailureKind, Labels, LabelsReply, Messages, Reply

# What chat servers give at most (OpenAI, vLLM and Ollama by default).
TOP_LOGPROBS = 20

# A label as text may come with a word or a mark; more is not a label.
TEXT_TOKENS = 8
# Stands for "the others are out of the question" where a server only names the label.
IMPOSSIBLE = -1000.0


def _top_body(request: Labels, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    body = make_chat_body(model, request.messages, 1, 0.0)
    return body | {"logprobs": True, "top_logprobs": TOP_LOGPROBS}


def _ids_body(request: Labels, model: str, ids: tuple[int, ...]) -> dict[str, Any]:
    body = make_chat_body(model, request.messages, 1, 0.0)
    return body | {"logprobs": True, "top_logprobs": 0, "logprob_token_ids": list(ids)}


def _decisions_body(request: Labels, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    question = {
        "type": "score",
        "name": "label",
        "instructions": "Which label is the right answer to the last message?",
        "levels": [{"label": label} for label in request.labels],
    }
    messages = [{"role": role, "content": text} for role, text in request.messages]
    return {"model": model, "input": messages, "questions": [question]}


def _score_body(request: Labels, model: str, ids: tuple[int, ...]) -> dict[str, Any]:
    text = as_transcript(request.messages)
    return {
        "model": model,
        "query": text,
        "items": [""],
        "label_token_ids": list(ids),
        "apply_softmax": True,
    }


def _text_body(request: Labels, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    return make_chat_body(model, request.messages, TEXT_TOKENS, 0.0)


def as_transcript(messages: Messages) -> str:
    """Write messages as one text that ends where the assistant speaks."""
    return "".join(f"{role.capitalize()}: {text}\n\n" for role, text in messages) + "Assistant:"


def _read_tokens(request: Labels, data: dict[str, Any]) -> Reply | Failure:
    content = (data["choices"][0].get("logprobs") or {}).get("content")
    if not content:
        return Failure(FailureKind.UNREADABLE, "the server sent no log-probabilities")
    top = [(str(item["token"]).strip(), finite(item["logprob"])) for item in _top_of(content[0])]
    # "0", " 0" and "0\n" are all the label 0: their probabilities add up.
    shown = [[lp for token, lp in top if token == label] for label in request.labels]
    found = [log_sum(logprobs) if logprobs else None for logprobs in shown]
    missing = tuple(label for label, lp in zip(request.labels, found, strict=True) if lp is None)
    if len(missing) == len(request.labels):
        said = ", ".join(repr(token) for token, _ in top[:5])
        why = f"none of the labels {request.labels} is among the likely tokens: {said}"
        return Failure(FailureKind.UNREADABLE, why)
    bound = _bound_of_the_rest([logprob for _, logprob in top])
    logprobs = tuple(bound if lp is None else lp for lp in found)
    return LabelsReply(logprobs, missing, usage_of(data))


def _top_of(item: dict[str, Any]) -> list[dict[str, Any]]:
    return item.get("top_logprobs") or [item]


def _bound_of_the_rest(logprobs: list[float]) -> float:
    """Return the most that a token outside of the reported ones can have.

    It is no likelier than the least likely reported one, nor than all the probability that is left.
    """
    left = 1 - math.fsum(math.exp(lp) for lp in logprobs)
    # Rounding may leave nothing or less; a server's logs are good to about six digits.
    return min(min(logprobs), math.log(max(left, 1e-6)))


def _read_decisions(request: Labels, data: dict[str, Any]) -> Reply | Failure:
    answer = data["answers"][0]
    if answer.get("type") == "refusal":
        return Failure(FailureKind.REFUSED, "the model declined to answer this question")
    found = {str(item["label"]): float(item["probability"]) for item in answer["probabilities"]}
    return _from_probabilities(request, [found[label] for label in request.labels], data)


def _read_score(request: Labels, data: dict[str, Any]) -> Reply | Failure:
    (values,) = data["scores"]
    return _from_probabilities(request, [float(value) for value in values], data)


def _from_probabilities(
    request: Labels, values: list[float], data: dict[str, Any]
) -> Reply | Failure:
    if len(values) != len(request.labels) or not all(0 <= value <= 1 for value in values):
        return Failure(FailureKind.UNREADABLE, f"these are no probabilities of labels: {values}")
    # Rounded to nothing is not impossible; servers give about six digits.
    logprobs = tuple(math.log(max(value, 1e-9)) for value in values)
    return LabelsReply(logprobs, (), usage_of(data))


def _read_text(request: Labels, data: dict[str, Any]) -> Reply | Failure:
    said = read_message(data)
    if isinstance(said, Failure) and said.kind is not FailureKind.CUT:
        return said
    # Cut after the label is as good as not cut.
    text = text_of(data["choices"][0]["message"])
    labels = "|".join(re.escape(label) for label in request.labels)
    found = re.findall(rf"(?<![\w.])({labels})(?![\w]|\.\d)", text)
    if len(set(found)) != 1:
        return Failure(FailureKind.UNREADABLE, f"it names {len(set(found))} labels: {text[:80]!r}")
    logprobs = tuple(0.0 if label == found[0] else IMPOSSIBLE for label in request.labels)
    return LabelsReply(logprobs, (), usage_of(data), way="text")


LABELS_WAYS = {
    "token_ids": Way(PATH, _ids_body, _read_tokens),
    "top_logprobs": Way(PATH, _top_body, _read_tokens),
    "decisions": Way(
        "/v1/decisions",
        _decisions_body,
        _read_decisions,
        lambda data: isinstance(data, dict) and bool(data.get("answers")),
    ),
    "score": Way(
        "/v1/score",
        _score_body,
        _read_score,
        lambda data: isinstance(data, dict) and bool(data.get("scores")),
    ),
    "text": Way(PATH, _text_body, _read_text, has_choices),
}
