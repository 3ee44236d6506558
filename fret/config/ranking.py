"""Sections of the stages that rank and choose: candidates, judgements, examples."""

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
    """Candidates per query, the seed among them."""
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


class UnigramScorer(Settings):
    """Query likelihood under a Dirichlet-smoothed unigram model of the passage
    (Zhai & Lafferty 2001)."""

    kind: Literal["unigram"]
    """Which kind of scorer this is."""
    mu: float = Field(default=500, gt=0)
    """Weight of the whole collection against the passage, in words."""


class EmbeddingScorer(Settings):
    """Cosine of query and passage under a sentence-transformers model."""

    kind: Literal["embedding"]
    """Which kind of scorer this is."""
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Any sentence-transformers model: a name on the Hub, or a folder."""
    query_format: QueryFormat = "{query}"
    """What is encoded for a query, as in `candidates.dense`."""
    batch_size: int = Field(default=64, ge=1)
    """Texts encoded at once."""


class RelevanceScorer(Settings):
    """Expected relevance from the log-probabilities of the labels 0 to 3."""

    kind: Literal["relevance"]
    """Which kind of scorer this is."""
    model: str
    """A name from `models`; an instruct model is right for this."""
    prompt: str = "prompts/relevance.yaml"
    """The prompt file, for the job `relevance`."""


class QueryLikelihoodScorer(Settings):
    """Log-probability of the query given the passage, by a language model."""

    kind: Literal["query_likelihood"]
    """Which kind of scorer this is."""
    model: str
    """A name from `models`; a base model is right for this, on a server that gives prompt
    log-probabilities."""
    prompt: str = "prompts/query_likelihood.yaml"
    """The prompt file, for the job `query_likelihood`."""


Scorer = Annotated[
    UnigramScorer | EmbeddingScorer | RelevanceScorer | QueryLikelihoodScorer,
    Field(discriminator="kind"),
]


class JudgementFusion(Settings):
    """Reciprocal rank fusion of the scorers; Gecko's R = 1/r1 + 1/r2 is k = 0."""

    k: float = Field(default=0, ge=0)
    """How little a first place counts more than a second; at 0, twice as much."""


class JudgementsSettings(Settings):
    """Every candidate scored by every scorer."""

    scorers: list[Scorer] = Field(min_length=1)
    """What scores the candidates, each kind once."""
    fusion: JudgementFusion = JudgementFusion()
    """How the scorers' rankings become one."""

    @model_validator(mode="after")
    def _kinds_differ(self) -> "JudgementsSettings":
        kinds = [scorer.kind for scorer in self.scorers]
        if double := next((kind for kind in kinds if kinds.count(kind) > 1), None):
            raise ValueError(f"the scorer {double} stands there twice")
        return self


class NegativesSettings(Settings):
    """Which candidates become hard negatives."""

    count: int = Field(default=1, ge=1)
    """Negatives per example; a query with fewer fit candidates is dropped."""
    pick: Literal["lowest", "random", "hardest"] = "lowest"
    """From the fused ranking's end (as Gecko does), at random, or from right below the positive."""
    max_similarity: float | None = Field(default=0.95, gt=0)
    """Refuse a candidate whose cosine to the query is over this share of the positive's; null: no
    such rule."""
    max_relevance: float | None = Field(default=1.0, ge=0, le=3)
    """Refuse a candidate with a higher expected relevance (0 to 3), where the scorer `relevance`
    ran; null: no such rule."""


class ExamplesSettings(Settings):
    """Positive, negatives and split of each example."""

    positive: Literal["top", "seed"] = "top"
    """`top`: the best of the fused ranking, as in Gecko; `seed`: the passage that the query came
    from."""
    negatives: NegativesSettings = NegativesSettings()
    """Which candidates become hard negatives."""
    splits: dict[Literal["validation", "test"], float] = Field(default={"test": 0.05})
    """Share of the pages in each split besides `train`; a page's passages are all on one side."""

    @model_validator(mode="after")
    def _leaves_training_data(self) -> "ExamplesSettings":
        if (
            any(not 0 <= share <= 1 for share in self.splits.values())
            or sum(self.splits.values()) >= 1
        ):
            raise ValueError(
                "splits must be shares between 0 and 1 that leave something to train on"
            )
        return self
