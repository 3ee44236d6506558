"""A made-up model: answers follow from the request and a seed, nothing is asked of anyone.

For dry runs and tests. It writes JSON that obeys the shape asked for, grades and ranks by shared
words, and gives likelihoods by them, so that a whole pipeline runs and makes a (worthless) dataset.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from fret.llm.forms.chat import read_shape
from fret.llm.types import (
    Chat,
    ChatReply,
    Failure,
    Labels,
    LabelsReply,
    Likelihood,
    LikelihoodReply,
    Reply,
    Request,
    Tally,
    Usage,
)

_WORD = re.compile(r"\w{3,}")
# The passages of a list that is to be ranked, as `prompts/listwise.yaml` shows them.
_NUMBERED = re.compile(r"^\[(\d+)\] <<<\w+\n(.*?)>>>$", re.DOTALL | re.MULTILINE)

# A wish or an option of `prompts/write_query.yaml` and `prompts/choose_need.yaml`.
_OFFERED = r"^- {}: (.+?)(?: \| .*)?$"


class ScriptedLLM:
    """Answers from `script`, where given, else from the words of the request and a seed."""

    def __init__(
        self, *, seed: int = 0, script: Callable[[Request], Reply | Failure] | None = None
    ) -> None:
        self.name = f"scripted-{seed}"
        self._seed = seed
        self._script = script or self._make_up
        self.n_asked = 0
        self.tally = Tally()

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        for request in requests:
            self.n_asked += 1
            yield self.tally.count(self._script(request))

    def _make_up(self, request: Request) -> Reply | Failure:
        match request:
            case Chat():
                return self._write(request)
            case Likelihood():
                return _likelihood(request)
            case Labels():
                return _labels(request)

    def _write(self, request: Chat) -> Reply | Failure:
        text = request.messages[-1][1]
        if numbered := dict(_NUMBERED.findall(text)):
            ranking = " > ".join(f"[{n}]" for n in _rank(numbered, text))
            return ChatReply(ranking, _usage(text, ranking))
        words = list(dict.fromkeys(_WORD.findall(text)))
        start = self._draw(f"{text}{request.sample}") % max(1, len(words) - 4)
        query = " ".join(words[start : start + 4]).lower()
        answer = json.dumps(self._fill_in(request.shape, text, query))
        usage = _usage(text, query)
        return (
            ChatReply(answer, usage)
            if request.shape is None
            else read_shape(request, answer, usage)
        )

    def _fill_in(self, shape: type[BaseModel] | None, text: str, query: str) -> dict[str, Any]:
        """Write words into each field, or a mark from 3 to 5 where it is a number."""
        written = {"task": "Given a query, find a passage that answers it.", "query": query}
        if shape is None:
            return written
        fields = shape.model_fields
        marks = {
            name: 3 + self._draw(f"{name}{text}") % 3
            for name, field in fields.items()
            if field.annotation is int
        }
        words = {name: written.get(name, query) for name in fields}
        return words | _choose(text, fields) | marks

    def _draw(self, text: str) -> int:
        digest = hashlib.sha256(f"{self._seed}{text}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big")


def _choose(text: str, fields: Iterable[str]) -> dict[str, str]:
    """Take the first of what is offered for a field on a line `- query type: keywords | …`."""
    offered = {name: _OFFERED.format(name.replace("_", " ")) for name in fields}
    found = {name: re.findall(line, text, re.MULTILINE) for name, line in offered.items()}
    return {name: lines[-1] for name, lines in found.items() if lines}


def _likelihood(request: Likelihood) -> LikelihoodReply:
    known = set(_WORD.findall(request.prompt.rsplit("\n\n", 1)[-1].lower()))
    words = _WORD.findall(request.continuation.lower()) or [""]
    logprob = sum(-1.0 if word in known else -1.0 - len(word) for word in words)
    return LikelihoodReply(logprob, len(words), _usage(request.prompt, ""))


def _labels(request: Labels) -> LabelsReply:
    words = [word.lower() for word in _WORD.findall(request.messages[-1][1])]
    repeated = sum(words.count(word) > 1 for word in set(words)) / max(1, len(set(words)))
    weights = [
        math.exp(-abs(repeated * len(request.labels) * 2 - i)) for i in range(len(request.labels))
    ]
    total = sum(weights)
    return LabelsReply(
        tuple(math.log(w / total) for w in weights), (), _usage(request.messages[-1][1], "0")
    )


def _rank(numbered: dict[str, str], text: str) -> list[str]:
    """Put passages in the order of how many words of the last two lines they share."""
    wanted = set(_WORD.findall(" ".join(text.splitlines()[-2:]).lower()))
    shared = {n: len(wanted & set(_WORD.findall(p.lower()))) for n, p in numbered.items()}
    return sorted(shared, key=lambda n: -shared[n])


def _usage(given: str, written: str) -> Usage:
    return Usage(len(given.split()), len(written.split()))
