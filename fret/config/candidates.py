"""Section of the stage candidates."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fret.config.base import Settings


class Bm25Settings(Settings):
    """Retrieval by words."""

    backend: Literal["auto", "rank-bm25", "bm25s"] = "auto"
    """`auto`: rank-bm25 up to 1,000 passages, bm25s beyond; the ranking is the same."""
    variant: Literal["lucene", "robertson"] = "lucene"
    """The formula (Kamphuis et al. 2020). `robertson` gives no weight to words that half of the
    passages have; `lucene` gives such words a little."""
    k1: float = Field(default=1.5, ge=0)
    """How much a word counts that stands there again."""
    b: float = Field(default=0.75, ge=0, le=1)
    """How much a passage's length counts against it."""
    stem: bool = True
    """Whether forms of one word count as one, by the Snowball stemmer of each text's language; a
    text of unknown language is read in that of most passages, and one without a stemmer stays as it
    is. nDCG@10 with and without: Cranfield 0.522 and 0.501, XQuAD de 0.938 and 0.913, ru 0.951 and
    0.871, ar 0.934 and 0.885."""
    stopwords: bool = False
    """Whether the stop words of each text's language are left out. A query of nothing else then
    finds nothing. With stems, on Cranfield nDCG@10 is 0.532 for 0.522; on XQuAD recall@100 falls by
    0.002 to 0.003 in English, German and Russian."""
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


class FusionWeights(Settings):
    """How much each retriever's ranking counts."""

    bm25: float = Field(default=1.0, ge=0)
    """0: its ranks and scores are kept, but do not count."""
    dense: float = Field(default=1.0, ge=0)
    """Likewise."""


class FusionSettings(Settings):
    """Reciprocal rank fusion: the sum of weight / (k + rank)."""

    k: float = Field(default=60, ge=0)
    """How little a first place counts more than a second."""
    weights: FusionWeights = FusionWeights()
    """How much each ranking counts; of no account where there is but one."""

    @model_validator(mode="after")
    def _has_weight(self) -> "FusionSettings":
        if not self.weights.bm25 and not self.weights.dense:
            raise ValueError("weights.bm25 and weights.dense cannot both be 0: nothing would rank")
        return self


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
