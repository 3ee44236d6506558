"""A language model in this process, run by transformers: no server, no network.

It gives what servers give piecemeal: exact log-probabilities of continuations and of labels,
over the whole vocabulary, with the tokens that requests share computed once. What it costs is time,
so every answer is stored before it is handed out, as soon as its batch is computed.
"""

import json
import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import fields
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from fret.errors import ModelError
from fret.llm.answers import AnswerStore
from fret.llm.engine import Engine, load_engine
from fret.llm.forms.chat import read_shape, without_thoughts
from fret.llm.stored import Source, Stored
from fret.llm.types import (
    Chat,
    ChatReply,
    Failure,
    FailureKind,
    Labels,
    LabelsReply,
    LikelihoodReply,
    Reply,
    Request,
    Tally,
    Usage,
)
from fret.llm.weights import choose_dtype, identify_weights
from fret.records import hash_json

# Requests looked at together: what shares a passage stands near, and a caller who shows progress
# does not wait for long.
_BLOCK = 512


class TransformersLLM:
    """A model that transformers runs here; implements `fret.llm.types.LLM`.

    Nothing is loaded before something is asked that the store does not hold.

    Args:
        path: a folder with config.json, safetensors and tokenizer.json, or a name on the Hub.
        store: shared by all models of a process.
        device: cuda, mps, cpu, or auto for the first of these that is there.
        dtype: as torch calls it; auto is bfloat16 on CUDA, else float32.
        batch_tokens: how many tokens may be held at once; halved when memory runs out. By
            default 32768, on the processor 8192.
        share_prefix: compute tokens that requests share once; the results are the same.
        name: what to call the model in records, by default the folder's or the Hub's name.
        chat_template_kwargs: what the chat template takes, such as enable_thinking.
        run: to which run the store counts what is computed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        store: AnswerStore,
        device: str = "auto",
        dtype: str = "auto",
        batch_tokens: int | None = None,
        share_prefix: bool = True,
        name: str | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        run: str = "",
    ) -> None:
        self._path, self._store = str(path), store
        self.name = name or (Path(path).name if Path(path).expanduser().is_dir() else str(path))
        self._device, self._dtype_asked = device, dtype
        self._batch_tokens, self._share_prefix = batch_tokens, share_prefix
        self._template = dict(chat_template_kwargs or {})
        self._source = Source(server="transformers", model=self.name, run=run)
        self._computing, self._closed = threading.Lock(), threading.Event()
        self.tally = Tally()

    def reach(self) -> None:
        """Check that the model is there, before any work.

        Raises:
            ConfigError: it is not.
        """
        _ = self._identity

    def close(self) -> None:
        """Compute nothing more than the batch at work."""
        self._closed.set()

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        """Answer requests in their order, pulling a block of them ahead.

        Raises:
            ConfigError: the model cannot be loaded.
            UserError: a chat or labels are asked of a model without a chat template.
            ModelError: the device has too little memory even for one request.
        """
        pulled = iter(requests)
        while block := list(islice(pulled, _BLOCK)):
            keys = [self.key_of(request) for request in block]
            found = self._answer(dict(zip(keys, block, strict=True)))
            for request, key in zip(block, keys, strict=True):
                # Requests of one key may differ in how their answer is read.
                yield self.tally.count(read(request, found[key]))

    def key_of(self, request: Request) -> str:
        """Return the key of a request's answer: a hash of all that the answer depends on.

        Batches and shared prefixes are no part of it, nor is the device.
        """
        asked = {f.name: getattr(request, f.name) for f in fields(request) if f.compare}
        if isinstance(request, Chat) and request.shape is not None:
            asked["shape"] = request.shape.model_json_schema()
        kind = type(request).__name__
        return hash_json(["transformers", self._identity, self._dtype, kind, asked, self._template])

    @cached_property
    def _identity(self) -> str:
        return identify_weights(self._path)

    @cached_property
    def _dtype(self) -> str:
        return choose_dtype(self._dtype_asked, self._device)

    @cached_property
    def _engine(self) -> Engine:
        return load_engine(
            self._path,
            device=self._device,
            dtype=self._dtype,
            template=self._template,
            batch_tokens=self._batch_tokens,
            share_prefix=self._share_prefix,
        )

    def _answer(self, asked: dict[str, Request]) -> dict[str, bytes]:
        """Return the raw answer of each key, all of them on the disk."""
        found = self._store.get_many(list(asked))
        left = {key: request for key, request in asked.items() if key not in found}
        self.tally.reused += len(found)
        if left:
            with self._computing:  # two callers would only take each other's memory
                waiting: list[Future[None]] = []
                for key, answer in self._engine.answer(left):
                    if self._closed.is_set():  # a batch is computed, and nobody wants the next
                        raise ModelError("the model is closed")
                    found[key] = json.dumps(answer, sort_keys=True).encode()
                    item = self._wrap(key, left[key], found[key], _usage_of(answer))
                    waiting.append(self._store.put(item))
                self.tally.sent += len(left)
            for done in waiting:
                done.result()
        return found

    def _wrap(self, key: str, request: Request, raw: bytes, usage: Usage) -> Stored:
        """Wrap an answer for the store.

        One that cannot be used is stored like all others: the same would come again, and reading
        it, now or later, says what is wrong with it.
        """
        kind = type(request).__name__.lower()
        return Stored(key=key, source=self._source, kind=kind, raw=raw, usage=usage)


def read(request: Request, raw: bytes) -> Reply | Failure:
    """Read a stored answer; pure, so one that was just computed gives the same reply."""
    answer = json.loads(raw)
    if "unfit" in answer:
        return Failure(FailureKind.REJECTED, answer["unfit"])
    if isinstance(request, Chat):
        return _read_chat(request, answer)
    logprobs = tuple(answer["logprobs"])
    if not all(map(math.isfinite, logprobs)):
        why = f"the model's log-probabilities are {logprobs}; another dtype may help"
        return Failure(FailureKind.UNREADABLE, why)
    if isinstance(request, Labels):
        return LabelsReply(logprobs, (), _usage_of(answer))
    return LikelihoodReply(logprobs[0], answer["n_tokens"], _usage_of(answer))


def _read_chat(request: Chat, answer: Mapping[str, Any]) -> Reply | Failure:
    text = without_thoughts(answer["text"])
    if not answer["has_ended"]:
        return Failure(FailureKind.CUT, f"the answer hit the token limit: {text[-80:]!r}")
    if not text.strip():
        return Failure(FailureKind.EMPTY, "the answer is empty")
    if request.shape is None:
        return ChatReply(text, _usage_of(answer))
    return read_shape(request, text, _usage_of(answer))


def _usage_of(answer: Mapping[str, Any]) -> Usage:
    return Usage(*answer.get("usage", ()))
