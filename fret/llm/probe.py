"""Find out what a model can do before money is spent: servers ignore fields silently.

Each probe is one or two ordinary requests. They travel like all others, so their answers are
stored, and a run that goes on after a cut does not probe again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from fret.errors import ModelError, UserError
from fret.llm.types import (
    Chat,
    Failure,
    FailureKind,
    Labels,
    LabelsReply,
    Likelihood,
    LikelihoodReply,
    Reply,
    Request,
)

Try = Callable[[Request], Reply | Failure]
"""Asks one request, once."""

_LABELS = ("0", "1", "2", "3")

_HELP = {
    "chat": (
        "Check the model's name and that the server has a chat template for it; for a server that "
        "knows no response_format, set `json_schema: false`."
    ),
    "labels": (
        "The scorer `relevance` needs chat answers with log-probabilities: "
        "vLLM, SGLang, llama.cpp, Ollama and OpenAI's non-reasoning models give them. "
        "For a reasoning model, turn thinking off with extra_body."
    ),
    "likelihood": (
        "The scorer `query_likelihood` needs log-probabilities of the prompt "
        "(completions with echo), which vLLM and SGLang give and no chat-only service does. "
        "Take that scorer out, or name a model on such a server."
    ),
}


class _Hello(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found."""

    kind: str
    works: bool
    detail: str


def probe(attempt: Try, kinds: Iterable[str]) -> list[Finding]:
    """Try each kind of request (`chat`, `labels`, `likelihood`) on a model."""

    def try_request(request: Request) -> Reply | Failure:
        try:
            return attempt(request)
        except ModelError as error:
            # Services answer what they cannot do with 404 for the path or 403 for the field.
            if error.status in {403, 404}:
                return Failure(FailureKind.REJECTED, str(error))
            raise

    return [_PROBES[kind](try_request) for kind in sorted(set(kinds))]


def require(name: str, attempt: Try, kinds: Iterable[str]) -> None:
    """Check that a model can do every kind of request that will be asked of it.

    Raises:
        UserError: it cannot; the message says what would help.
    """
    for finding in probe(attempt, kinds):
        if not finding.works:
            raise UserError(
                f"The model {name!r} cannot do {finding.kind}: {finding.detail}. "
                f"{_HELP[finding.kind]}"
            )


def _probe_chat(attempt: Try) -> Finding:
    text = 'Say hello in one word, as JSON: {"answer": "…"}'
    reply = attempt(Chat((("user", text),), max_tokens=200, shape=_Hello))
    works = not isinstance(reply, Failure)
    return Finding("chat", works, "answers with JSON" if works else _detail(reply))


def _probe_labels(attempt: Try) -> Finding:
    question = "Which number comes after 2? Answer with one digit and nothing else."
    reply = attempt(Labels((("user", question),), _LABELS))
    if not isinstance(reply, LabelsReply):
        return Finding("labels", False, _detail(reply))
    if len(reply.missing) == len(_LABELS) - 1:
        # With one label known and the others bounded alike, all grades would be nearly the same.
        detail = "only the chosen token has a log-probability, top_logprobs is not obeyed"
        return Finding("labels", False, detail)
    missing = f", but not for {', '.join(reply.missing)}" if reply.missing else ""
    return Finding("labels", True, f"log-probabilities for the labels{missing}")


def _probe_likelihood(attempt: Try) -> Finding:
    prompt, means = "The capital of France is", []
    for continuation in (" Paris", " banana"):
        reply = attempt(Likelihood(prompt, continuation))
        if not isinstance(reply, LikelihoodReply):
            return Finding("likelihood", False, _detail(reply))
        means.append(reply.logprob / reply.n_tokens)
    if means[0] <= means[1]:
        detail = f"it finds ' banana' likelier than ' Paris' after {prompt!r}"
        return Finding("likelihood", False, detail)
    return Finding("likelihood", True, "log-probabilities of the prompt, in the right order")


def _detail(reply: object) -> str:
    if isinstance(reply, Failure):
        return reply.detail
    return f"an answer of the kind {type(reply).__name__}"


_PROBES = {"chat": _probe_chat, "labels": _probe_labels, "likelihood": _probe_likelihood}
