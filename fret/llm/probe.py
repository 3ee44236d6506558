"""Find out what a model can do before money is spent: servers ignore fields silently.

Each probe is one or two ordinary requests. They travel like all others, so their answers are
stored, and a run that goes on after a cut does not probe again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fret.errors import UserError
from fret.llm.types import (
    LLM,
    Chat,
    Failure,
    Labels,
    LabelsReply,
    Likelihood,
    LikelihoodReply,
)

_LABELS = ("0", "1", "2", "3")

_HELP = {
    "chat": "Check the model's name and that the server has a chat template for it.",
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


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found."""

    kind: str
    works: bool
    detail: str


def probe(llm: LLM, kinds: Iterable[str]) -> list[Finding]:
    """Try each kind of request (`chat`, `labels`, `likelihood`) on a model."""
    return [_PROBES[kind](llm) for kind in sorted(set(kinds))]


def require(llm: LLM, kinds: Iterable[str]) -> None:
    """Raise an error that says what would help, unless the model can do every kind asked of it."""
    for finding in probe(llm, kinds):
        if not finding.works:
            raise UserError(
                f"The model {llm.name!r} cannot do {finding.kind}: {finding.detail}. "
                f"{_HELP[finding.kind]}"
            )


def _probe_chat(llm: LLM) -> Finding:
    request = Chat((("user", "Say hello in one word."),), max_tokens=200)
    (reply,) = llm.ask([request])
    works = not isinstance(reply, Failure)
    return Finding("chat", works, "answers" if works else _detail(reply))


def _probe_labels(llm: LLM) -> Finding:
    question = "Which number comes after 2? Answer with one digit and nothing else."
    (reply,) = llm.ask([Labels((("user", question),), _LABELS)])
    if not isinstance(reply, LabelsReply):
        return Finding("labels", False, _detail(reply))
    missing = f", but not for {', '.join(reply.missing)}" if reply.missing else ""
    return Finding("labels", True, f"log-probabilities for the labels{missing}")


def _probe_likelihood(llm: LLM) -> Finding:
    prompt = "The capital of France is"
    likely, unlikely = llm.ask([Likelihood(prompt, " Paris"), Likelihood(prompt, " banana")])
    for reply in (likely, unlikely):
        if not isinstance(reply, LikelihoodReply):
            return Finding("likelihood", False, _detail(reply))
    per_token = [
        r.logprob / r.n_tokens for r in (likely, unlikely) if isinstance(r, LikelihoodReply)
    ]
    if per_token[0] <= per_token[1]:
        return Finding(
            "likelihood", False, f"it finds ' banana' likelier than ' Paris' after {prompt!r}"
        )
    return Finding("likelihood", True, "log-probabilities of the prompt, in the right order")


def _detail(reply: object) -> str:
    return (
        reply.detail
        if isinstance(reply, Failure)
        else f"an answer of the kind {type(reply).__name__}"
    )


_PROBES = {"chat": _probe_chat, "labels": _probe_labels, "likelihood": _probe_likelihood}
