"""Section of the stage candidates."""

from typing import Literal

from pydantic import Field, model_validator

from fret.config.base import Settings
from fret.config.encoders import EncoderSettings


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


class BootstrapSettings(Settings):
    """A first retriever, trained on this run's own queries and their seeds with in-batch negatives
    before candidates are looked for, as in Gecko (arXiv 2403.20327, section 3.2, footnote 1)."""

    epochs: int = Field(default=1, ge=1)
    """How often each pair is seen."""
    pairs_per_step: int = Field(default=64, ge=2)
    """Pairs that are each other's negatives; few of them are held in memory at a time."""
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
