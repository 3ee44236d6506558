"""Cross-encoders of sentence-transformers: a score for a query and a passage read together."""

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from fret.errors import ConfigError
from fret.retrieval.encode import format_query
from fret.retrieval.model_files import download, find_cached


def find_pair_model(name: str) -> str | None:
    """Find a cross-encoder: a folder, the Hub's cache, then the Hub itself.

    Returns:
        What sentence-transformers can load without a network, or None when nothing was found.
    """
    if Path(name).is_dir():
        return name
    return find_cached(name, "config.json") or download(name)


@lru_cache(maxsize=2)
def _load_model(path: str, max_length: int | None) -> Any:
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # fret shows its own
    try:
        model = CrossEncoder(path, local_files_only=True, max_length=max_length)
        n_labels = model.num_labels
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"The cross-encoder in {path} cannot be loaded: {error}. "
            "Remove that folder to have it fetched anew, or name another model."
        ) from error
    if n_labels != 1:
        raise ConfigError(
            f"The cross-encoder in {path} has {n_labels} outputs; one that ranks has a single one. "
            "Name another model."
        )
    return model


_READING = threading.Lock()


class PairModel:
    """A cross-encoder, loaded at first use, on the device that sentence-transformers chooses.

    Args:
        path: what `find_pair_model` found.
        query_format: how a query is written, with {query} and maybe {task}.
        max_length: tokens of a pair; the rest is cut. None for the model's own limit.
        batch_size: pairs read at once.
    """

    def __init__(
        self,
        path: str,
        *,
        query_format: str = "{query}",
        max_length: int | None = None,
        batch_size: int = 32,
    ) -> None:
        self._path, self._query_format = path, query_format
        self._max_length, self._batch_size = max_length, batch_size

    def score(self, pairs: Sequence[tuple[str, str, str, str]]) -> list[float]:
        """Score (task, query, title, text) pairs; higher is better."""
        if not pairs:
            return []
        texts = [
            (format_query(self._query_format, task, query), f"{title}\n{text}" if title else text)
            for task, query, title, text in pairs
        ]
        # One at a time: fast tokenizers refuse to be used by two threads at once.
        with _READING:
            model = _load_model(self._path, self._max_length)
            scores = model.predict(texts, batch_size=self._batch_size, show_progress_bar=False)
        return [float(score) for score in scores]
