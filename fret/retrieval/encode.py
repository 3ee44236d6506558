"""Embeddings of passages and queries by any sentence-transformers model, with its prompts."""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.errors import ConfigError, StageError
from fret.retrieval.devices import choose_device, choose_precision
from fret.retrieval.model_files import Stamp, identify_folder, load_files, stamp_folder

PLAIN = "{query}"
"""The query format that leaves a query to the model's own prompt."""

# How models name their prompts: as sentence-transformers looks them up, then as others write them.
_QUERY_PROMPTS = ("query", "search_query", "retrieval.query", "Retrieval-query")
_PASSAGE_PROMPTS = (
    *("document", "passage", "corpus"),
    *("search_document", "search_passage", "retrieval.passage", "Retrieval-document"),
)
# Models whose first two positions are not for tokens.
_SHIFTED = ("roberta", "xlm-roberta", "camembert", "mpnet")
# Texts encoded by one call, in batches: enough to make the call's own cost vanish, few enough to
# show progress.
_BATCHES_PER_CALL = 8


def format_query(query_format: str, task: str, query: str) -> str:
    """Write a query as a model wants it: a format with {query} and maybe {task}."""
    # Not str.format: braces in a query are the query's own.
    parts = re.split(r"(\{task\}|\{query\})", query_format)
    return "".join({"{task}": task, "{query}": query}.get(part, part) for part in parts)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How texts become vectors.

    Args:
        query_format: how a query is written, with {query} and maybe {task}. Any but the plain one
            stands alone: the model's own query prompt is not put before it.
        query_prompt, passage_prompt: what stands before each text; None for the model's own.
        max_length: tokens of a text, the rest is cut; None for as many as the model takes.
        device: cpu, cuda, cuda:1, mps …, or `auto`; several for one process on each.
        precision: float32, bfloat16, float16, or `auto`.
        batch_size: texts encoded at once.
    """

    query_format: str = PLAIN
    query_prompt: str | None = None
    passage_prompt: str | None = None
    max_length: int | None = None
    device: str | tuple[str, ...] = "auto"
    precision: str = "auto"
    batch_size: int = 64


_ENCODING = threading.Lock()
_pooled: dict[Any, Any] = {}
"""Processes by the model that they share."""


class Embedder:
    """A sentence-transformers model, loaded at first use.

    The same text in other company, or in batches of another size, gives the same vector up to the
    last bits of its numbers: cosines differ by less than 1e-5 in float32, 1e-2 in bfloat16.

    Args:
        path: what `find_model` found.
    """

    is_stored = True
    """Whether `identify` stands for its vectors, so that they may be kept."""

    def __init__(self, path: str, how: Encoding = Encoding()) -> None:
        self.path, self.how = path, how

    def identify(self) -> dict[str, Any]:
        """Return all that decides what the vector of a text with its prompt is."""
        device = choose_device(self.how.device)[0]
        return {
            "files": identify_folder(self.path),
            "max_length": self.how.max_length,
            "precision": choose_precision(self.how.precision, device),
        }

    @property
    def device(self) -> str:
        """The device, or the first of several."""
        return choose_device(self.how.device)[0]

    @property
    def passage_prompt(self) -> str:
        """What stands before each passage; empty for nothing."""
        if self.how.passage_prompt is not None:
            return self.how.passage_prompt
        return _find_prompt(self._load().model, _PASSAGE_PROMPTS, _QUERY_PROMPTS)

    @property
    def query_prompt(self) -> str:
        """What stands before each query, as it was formatted; empty for nothing."""
        if self.how.query_prompt is not None:
            return self.how.query_prompt
        if self.how.query_format != PLAIN:
            return ""
        return _find_prompt(self._load().model, _QUERY_PROMPTS, _PASSAGE_PROMPTS)

    def with_encoding(self, how: Encoding) -> "Embedder":
        """Return an embedder of the same model that encodes in another way."""
        return Embedder(self.path, how)

    def find_prompt(self, *names: str) -> str | None:
        """Return the model's own prompt of the first of these names that it has."""
        prompts: dict[str, str] = self._load().model.prompts
        return next((prompts[name] for name in names if prompts.get(name)), None)

    def encode_passages(self, passages: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Encode (title, text) pairs to unit vectors, one row each.

        Raises:
            ConfigError: the model cannot be loaded, or not so.
            StageError: the model gave something else than numbers.
        """
        return self.encode_texts([write_passage(*each) for each in passages])

    def encode_texts(
        self, texts: Sequence[str], tell: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Encode passages as `write_passage` wrote them; `tell` is told how many more are done."""
        return self._encode(texts, "encode_document", self.passage_prompt, tell)

    def encode_queries(self, queries: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Encode (task, query) pairs to unit vectors, one row each; errors as for passages."""
        texts = [format_query(self.how.query_format, *each) for each in queries]
        return self.encode_written_queries(texts)

    def encode_written_queries(
        self, texts: Sequence[str], tell: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Encode queries as `format_query` wrote them; `tell` is told how many more are done."""
        return self._encode(texts, "encode_query", self.query_prompt, tell)

    def _load(self) -> "_Loaded":
        devices = choose_device(self.how.device)
        precision = choose_precision(self.how.precision, devices[0])
        # One at a time: two threads would load it twice.
        with _ENCODING:
            stamp = stamp_folder(self.path)
            return _load_model(self.path, stamp, devices, precision, self.how.max_length)

    def _encode(
        self, texts: Sequence[str], method: str, prompt: str, tell: Callable[[int], None] | None
    ) -> NDArray[np.float32]:
        loaded = self._load()
        # The longest first, so that texts of one batch need little padding, and what does not fit
        # into memory fails at once.
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        step = self.how.batch_size * _BATCHES_PER_CALL * loaded.n_devices
        made: NDArray[np.float32] | None = None
        for start in range(0, len(order) or 1, step):
            rows = order[start : start + step]
            # For none: what tells the width.
            found = self._call(loaded, method, [texts[row] for row in rows] or [""], prompt)
            _check_finite(found, [texts[row] for row in rows], self.path)
            if made is None:
                made = np.empty((len(texts), found.shape[1]), np.float32)
            made[rows] = found[: len(rows)]
            if tell:
                tell(len(rows))
        assert made is not None
        return made

    def _call(
        self, loaded: "_Loaded", method: str, texts: list[str], prompt: str
    ) -> NDArray[np.float32]:
        # One at a time: fast tokenizers refuse to be used by two threads at once.
        with _ENCODING:
            found = getattr(loaded.model, method)(
                texts,
                prompt=prompt,
                batch_size=self.how.batch_size,
                show_progress_bar=False,
                pool=loaded.pool,
            )
        # Brought to length one here, in float32: in bfloat16 it would be so to 0.4 % only.
        vectors = np.asarray(found, np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        return unit


def write_passage(title: str, text: str) -> str:
    """Write a passage as it is encoded."""
    return f"{title}\n{text}" if title else text


def _find_prompt(model: Any, names: Sequence[str], others: Sequence[str]) -> str:
    """Return the model's prompt of the first of these names, else its default one.

    Not a default that stands for the `others`: some models name their query prompt so.
    """
    # sentence-transformers fills in empty prompts of its own names, so empty says nothing.
    known: dict[str, str] = model.prompts
    default = model.default_prompt_name
    wanted = [*names, default] if default and default not in others else names
    return next((known[name] for name in wanted if known.get(name)), "")


def _check_finite(vectors: NDArray[np.float32], texts: Sequence[str], path: str) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        first = texts[bad[0]][:80] if texts else ""
        raise StageError(
            f"The embedding model in {path} gave NaN or infinity for {len(bad)} of {len(vectors)} "
            f"texts, the first: {first!r}. Set its `precision: float32`, or name another model."
        )


class LoadedEmbedder(Embedder):
    """A model that is in memory already: where it is, in its own precision and maximum length,
    whatever `how` says. Its weights may change, as in training, so its vectors cannot be kept.
    """

    is_stored = False

    def __init__(self, model: Any, how: Encoding = Encoding()) -> None:
        super().__init__("memory", how)
        self._model = model

    def with_encoding(self, how: Encoding) -> "LoadedEmbedder":
        return LoadedEmbedder(self._model, how)

    @property
    def device(self) -> str:
        return str(self._model.device)

    def identify(self) -> dict[str, Any]:
        return {"files": "in memory"}

    def _load(self) -> "_Loaded":
        return _Loaded(self._model, (self.device,))


class _Loaded:
    """A model in memory, and the processes that share its work where there are several devices."""

    def __init__(self, model: Any, devices: Sequence[str]) -> None:
        self.model, self.n_devices = model, len(devices)
        self.pool = None
        if len(devices) > 1:
            # Without a pool, the library would send each call's texts to new processes.
            self.pool = _pooled[model] = model.start_multi_process_pool(list(devices))


# By the stamp: a folder whose files were changed is another model.
@lru_cache(maxsize=2)
def _load_model(
    path: str, stamp: Stamp, devices: tuple[str, ...], precision: str, max_length: int | None
) -> _Loaded:
    """Load a model once, however many retrievers and scorers use it."""
    model = load_files(path, devices[0], precision)
    if max_length is not None:
        _check_length(model, max_length, path)
        model.max_seq_length = max_length
    return _Loaded(model, devices)


def _check_length(model: Any, max_length: int, path: str) -> None:
    config = model.config
    longest = getattr(config, "max_position_embeddings", None)
    if longest and getattr(config, "model_type", "") in _SHIFTED:
        longest -= 2
    if longest and max_length > longest:
        raise ConfigError(
            f"max_length is {max_length}, but the embedding model in {path} takes {longest} "
            "tokens at most. Set it to that or less."
        )


def close_pools() -> None:
    """End the processes of models on several devices; they start again when they are needed."""
    with _ENCODING:
        for model in _pooled:
            model.stop_multi_process_pool(_pooled[model])
        if _pooled:
            _pooled.clear()
            _load_model.cache_clear()


def forget_models() -> None:
    """Let go of models in memory, so that another one has room; they load again when needed."""
    close_pools()
    with _ENCODING:
        _load_model.cache_clear()
