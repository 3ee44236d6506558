"""Section of the stage judgements: the scorers, and how their rankings become one."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fret.config.base import Settings
from fret.config.candidates import QueryFormat


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
