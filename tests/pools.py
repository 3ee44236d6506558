"""A pool of model servers as tests need it: opened, and closed with all that it uses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fret.llm.answers import AnswerStore
from fret.llm.background import Background
from fret.llm.budget import Price, Purse
from fret.llm.forms import Form
from fret.llm.pool import Pool
from fret.llm.sender import OpenAISender
from fret.llm.shared import Pacing, Shared
from fret.llm.stored import Source

WAYS = {"chat": "json_schema", "labels": "top_logprobs", "likelihood": "echo"}


@contextmanager
def open_pool(
    path: Path,
    *urls: str,
    concurrency: int = 4,
    timeout_s: float = 1.0,
    purse: Purse | None = None,
    price: Price | None = None,
    tell: Callable[[str], None] = lambda message: None,
) -> Iterator[Pool]:
    """Open a pool over some servers, with its answers at a path."""
    store, background = AnswerStore(path), Background()
    try:
        pool = Pool(
            Source("local", "tiny", "r"),
            make_senders=lambda: [
                OpenAISender(
                    base_url=url, api_key=None, concurrency=concurrency, timeout_s=timeout_s
                )
                for url in urls
            ],
            forms={kind: Form(kind, way, "tiny", {}) for kind, way in WAYS.items()},
            shared=Shared(store, background, purse or Purse(), tell),
            pacing=Pacing(concurrency),
            price=price,
        )
        try:
            yield pool
        finally:
            pool.close()
    finally:
        background.close()
        store.close()
