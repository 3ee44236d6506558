"""Section of the stage candidates."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fret.config.base import Settings


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


def _check_query_format(text: str) -> str:
    rest = text.replace("{query}", "").replace("{task}", "")
    if "{query}" not in text or "{" in rest or "}" in rest:
        raise ValueError("must hold {query}, may hold {task}, and no other braces")
    return text


QueryFormat = Annotated[str, AfterValidator(_check_query_format)]


class DenseSettings(Settings):
    """Retrieval by embeddings."""

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Any sentence-transformers model: a name on the Hub, or a folder."""
    query_format: QueryFormat = "{query}"
    """What is encoded for a query; `task: {task} | query: {query}` for a model that was trained
    so."""
    pool: int = Field(default=100, ge=1)
    """How many passages it puts forward."""
    batch_size: int = Field(default=64, ge=1)
    """Texts encoded at once."""


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
