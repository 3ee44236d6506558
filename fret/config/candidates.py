"""Section of the stage candidates."""

from typing import Literal

from pydantic import Field, model_validator

from fret.config.base import Settings
from fret.config.encoders import EncoderSettings


class Bm25Settings(Settings):
    """Retrieval by words."""

    backend: Literal["auto", "rank-bm25", "bm25s"] = "auto"
    """`auto`: rank-bm25 up to 5,000 passages, bm25s beyond; the ranking is the same."""
    k1: float = Field(default=1.5, ge=0)
    """How much a word counts that stands there again."""
    b: float = Field(default=0.75, ge=0, le=1)
    """How much a passage's length counts against it."""
    pool: int = Field(default=100, ge=1)
    """How many passages it puts forward."""


class BootstrapSettings(Settings):
    """A first retriever, trained on this run's own queries and their seeds with in-batch negatives
    before candidates are looked for, as in Gecko (arXiv 2403.20327, section 3.2, footnote 1)."""

    epochs: int = Field(default=1, ge=1)
    """How often each pair is seen."""
    pairs_per_step: int = Field(default=64, ge=2)
    """Pairs that are each other's negatives; more take more memory."""
    learning_rate: float = Field(default=2e-5, gt=0)
    """Of AdamW, after a warm-up over a tenth of the steps, falling to 0 at the end."""
    temperature: float = Field(default=0.05, gt=0)
    """What cosines are divided by; lower looks at the nearest negatives alone."""
    max_pairs: int = Field(default=100_000, ge=2)
    """Pairs to train on, drawn at random where there are more."""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of the pages whose queries are not trained on: they show what was gained."""
    max_length: int = Field(default=256, ge=8)
    """Tokens of a text in training, the rest is cut."""


class DenseSettings(EncoderSettings):
    """Retrieval by embeddings."""

    pool: int = Field(default=100, ge=1)
    """How many passages it puts forward."""
    search: Literal["auto", "exact", "ivf", "hnsw"] = "auto"
    """`exact` looks at every passage; `ivf` and `hnsw` (FAISS) at likely ones, and their recall on
    a sample of queries is reported; `auto`: exact up to `exact_up_to` passages, then ivf."""
    exact_up_to: int = Field(default=2_000_000, ge=0)
    """For `auto`. Exact search costs 3 ms a query on one core at 250,000 passages of 384 numbers,
    and grows with their number."""
    search_width: int = Field(default=64, ge=1)
    """ivf: of the cells that passages are put into, how many near a query are looked through;
    hnsw: how many passages are held in mind on the walk (at least `pool`)."""
    bootstrap: BootstrapSettings | None = None
    """Train the model on this run's pairs first; null: take it as it is."""


class FusionSettings(Settings):
    """Reciprocal rank fusion: the sum of 1 / (k + rank)."""

    k: float = Field(default=60, ge=0)
    """How little a first place counts more than a second."""


class CandidatesSettings(Settings):
    """The passages that could answer a query."""

    top_k: int = Field(default=20, ge=2)
    """Candidates to judge per query, the seed among them."""
    deeper_to: int | None = Field(default=100, ge=1)
    """Passages down to this rank of the fused ranking are kept besides, unjudged: negatives come
    from them where the judged ones give too few. Limited by the retrievers' pools; null: none.

    100 is what the retrievers put forward anyhow, so it costs room on disk only."""
    bm25: Bm25Settings | None = Bm25Settings()
    """null: without words."""
    dense: DenseSettings | None = DenseSettings()
    """null: without embeddings."""
    fusion: FusionSettings = FusionSettings()
    """How the two rankings become one."""

    @model_validator(mode="after")
    def _has_a_retriever(self) -> "CandidatesSettings":
        if self.bm25 is None and self.dense is None:
            raise ValueError("bm25 and dense cannot both be null: nothing would find candidates")
        return self
