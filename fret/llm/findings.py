"""What a probe has found out about a model: kept in the store, and told if something is missing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fret.errors import UserError
from fret.llm.answers import AnswerStore
from fret.llm.forms import Form
from fret.llm.openai_models import Reasoning, reasoning_of
from fret.llm.stored import Source

_HELP = {
    "chat": (
        "Check the model's name, that base_url ends as the server wants it (most want /v1), and "
        "that the server has a chat template for the model. For a server that "
        "refuses response_format, set `ways: {chat: [text]}`."
    ),
    "labels": (
        "The scorer `relevance` needs chat answers with log-probabilities: "
        "vLLM, SGLang, llama.cpp, Ollama and OpenAI's non-reasoning models give them. "
        "`ways: {labels: [text]}` takes the label that the model writes instead, without "
        "probabilities; `decisions` asks OpenAI's own endpoint (gpt-6-luna)."
    ),
    "likelihood": (
        "The scorer `query_likelihood` needs log-probabilities of the prompt "
        "(completions with echo), which vLLM and SGLang give and no chat-only service does. "
        "Take that scorer out, or name a model on such a server, or one for `transformers`."
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found."""

    kind: str
    works: bool
    detail: str
    way: str = ""
    label_ids: tuple[int, ...] = ()


def require(name: str, findings: Sequence[Finding], model: str) -> None:
    """Check that a model can do every kind of request that will be asked of it.

    Raises:
        UserError: it cannot; the message says what would help.
    """
    for finding in findings:
        if not finding.works:
            raise UserError(
                f"The model {name!r} cannot do {finding.kind}: {finding.detail}. "
                f"{explain_reasoning(model, finding)}{_HELP[finding.kind]}"
            )


def explain_reasoning(model: str, finding: Finding) -> str:
    """Return what to do about a model that thinks before it answers; empty for others."""
    if reasoning_of(model) is Reasoning.ALWAYS and finding.kind == "labels":
        return f"{model} always reasons, and gives no log-probabilities. "
    if "<think>" in finding.detail or "token limit" in finding.detail:
        return (
            "It seems to think before it answers: switch that off with "
            "`extra_body: {chat_template_kwargs: {enable_thinking: false}}` (vLLM, SGLang, "
            "llama.cpp) or `extra_body: {reasoning_effort: none}` (OpenAI). "
        )
    return ""


def warn_of_shutdown(models: bytes, model: str) -> str | None:
    """Return a warning when the server says that a model will be shut down."""
    try:
        listed = json.loads(models)["data"]
        dates = [m.get("shutdown_date") for m in listed if m.get("id") == model]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # not every server lists its models as OpenAI does
    if not dates or not dates[0]:
        return None
    return (
        f"The server says that {model} shuts down on {dates[0]}: a run that is not finished by "
        "then cannot go on with it."
    )


def recall(
    store: AnswerStore, source: Source, form: Form, ways: Sequence[str], longest: int
) -> Finding | None:
    """Return what an earlier probe found; None when there was none like it."""
    data = store.get_ability(source, form.kind, asked_as(form, ways, longest))
    if data is None:
        return None
    return Finding(form.kind, True, data["detail"], data["way"], tuple(data["label_ids"]))


def asked_as(form: Form, ways: Sequence[str], longest: int) -> str:
    """Return what a finding holds for: not for longer prompts, nor for other fields."""
    return json.dumps([list(ways), longest, dict(form.extra)], sort_keys=True)
