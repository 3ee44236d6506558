"""Section of the stage judgements: the scorers, and how their rankings become one."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from fret.config.base import Settings
from fret.config.encoders import EncoderSettings, QueryFormat


class _Named(Settings):
    """What all scorers have."""

    name: str = Field(default="", min_length=1, validate_default=False)
    """What the records call it; by default its kind."""

    @model_validator(mode="before")
    @classmethod
    def _name_by_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("name") is None and "kind" in data:
            return {**data, "name": data["kind"]}
        return data


class UnigramScorer(_Named):
    """Query likelihood under a Dirichlet-smoothed unigram model of the passage
    (Zhai & Lafferty 2001)."""

    kind: Literal["unigram"]
    """Which kind of scorer this is."""
    mu: float = Field(default=500, gt=0)
    """Weight of the whole collection against the passage, in words."""


class EmbeddingScorer(_Named, EncoderSettings):
    """Cosine of query and passage under a sentence-transformers model."""

    kind: Literal["embedding"]
    """Which kind of scorer this is."""


class CrossEncoderScorer(_Named):
    """Score of query and passage, read together, by a sentence-transformers cross-encoder."""

    kind: Literal["cross_encoder"]
    """Which kind of scorer this is."""
    model: str = "cross-encoder/ms-marco-MiniLM-L6-v2"
    """Any cross-encoder with one output: a name on the Hub, or a folder."""
    query_format: QueryFormat = "{query}"
    """What is read for a query; may hold {task}."""
    max_length: int | None = Field(default=None, ge=1)
    """Tokens of query and passage together, the rest is cut; null: as many as the model takes."""
    batch_size: int = Field(default=32, ge=1)
    """Pairs read at once."""


class RelevanceScorer(_Named):
    """Graded relevance from the log-probabilities of the labels 0 to 3."""

    kind: Literal["relevance"]
    """Which kind of scorer this is."""
    model: str
    """A name from `models`; an instruct model is right for this."""
    prompt: str = "prompts/relevance.yaml"
    """The prompt file, for the job `relevance`."""
    score: Literal["expected", "peak", "label"] = "expected"
    """`expected`: the expected grade; `peak`: the log-probability of the grade 3 (nearest to what
    Gecko says); `label`: the most probable grade. The expected grade is kept in any case."""


class QueryLikelihoodScorer(_Named):
    """Log-probability of the query given the passage, by a language model."""

    kind: Literal["query_likelihood"]
    """Which kind of scorer this is."""
    model: str
    """A name from `models`; a base model is right for this, on a server that gives prompt
    log-probabilities."""
    prompt: str = "prompts/query_likelihood.yaml"
    """The prompt file, for the job `query_likelihood`."""
    score: Literal["mean", "sum"] = "mean"
    """Over the query's tokens; within one query both rank alike. Both are kept in any case."""


class ListwiseScorer(_Named):
    """All candidates of a query ranked in one request by a chat model (RankGPT)."""

    kind: Literal["listwise"]
    """Which kind of scorer this is."""
    model: str
    """A name from `models`; an instruct model is right for this."""
    prompt: str = "prompts/listwise.yaml"
    """The prompt file, for the job `listwise`."""
    window: int = Field(default=20, ge=2)
    """The most passages in one request; longer lists take several, from the end to the front."""
    step: int = Field(default=10, ge=1)
    """How far the window moves towards the front."""
    max_tokens: int = Field(default=400, ge=1)
    """Room for the answer; more for a model that thinks first."""

    @model_validator(mode="after")
    def _windows_overlap(self) -> "ListwiseScorer":
        if self.step >= self.window:
            raise ValueError("step must be below window, or the best could not move to the front")
        return self


Scorer = Annotated[
    UnigramScorer
    | EmbeddingScorer
    | CrossEncoderScorer
    | RelevanceScorer
    | QueryLikelihoodScorer
    | ListwiseScorer,
    Field(discriminator="kind"),
]

_JUDGES = {"relevance", "listwise"}


class JudgementFusion(Settings):
    """Reciprocal rank fusion of the scorers; Gecko's R = 1/r1 + 1/r2 is k = 0 and weights of 1.

    By default `relevance` and `listwise` weigh 2, all other kinds 1: at k = 0 the judge decides and
    the others break its ties. A weak scorer must not drag a strong one: on two public sets with
    GPT-4's labels the positive was right in 0.65 of the queries for the retriever's first, in 0.70
    to 0.72 for that judge and a weak likelihood fused with equal weights, and in 0.76 to 0.77 for
    the judge alone.
    """

    k: float = Field(default=0, ge=0)
    """How little a first place counts more than a second; at 0, twice as much."""
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})
    """By the scorers' names; one of weight 0 is kept and shown, and decides nothing; not all may
    be 0."""


class EarlyStopSettings(Settings):
    """Spares the other scorers where the first one leaves no doubt."""

    lead: float = Field(default=1.0, gt=0)
    """How far its best candidate must lead its second, in its own scores."""


class DeeperSettings(Settings):
    """Judges further candidates where the first ones hold too few that are irrelevant."""

    to: int = Field(default=60, ge=1)
    """The last rank that is judged, as far as the stage candidates has kept passages."""
    step: int = Field(default=20, ge=1)
    """How many more are judged at a time."""
    until: int = Field(default=1, ge=1)
    """How many irrelevant ones are wanted."""
    max_relevance: float = Field(default=0.5, gt=0, le=3)
    """Irrelevant is what has an expected grade below this."""


class JudgementsSettings(Settings):
    """Every candidate scored by every scorer."""

    scorers: list[Scorer] = Field(min_length=1)
    """What scores the candidates; any number, each with its own name."""
    fusion: JudgementFusion = JudgementFusion()
    """How the scorers' rankings become one."""
    early_stop: EarlyStopSettings | None = None
    """Ask the scorers after the first only where it is in doubt; null: always."""
    deeper: DeeperSettings | None = None
    """Judge further candidates where they are needed as negatives; null: never."""

    def weight_of(self, scorer: Scorer) -> float:
        """Return how much a scorer counts in the fusion."""
        default = 2.0 if scorer.kind in _JUDGES else 1.0
        return self.fusion.weights.get(scorer.name, default)

    @model_validator(mode="after")
    def _names_differ(self) -> "JudgementsSettings":
        names = Counter(scorer.name for scorer in self.scorers)
        if double := next((name for name, n in names.items() if n > 1), None):
            raise ValueError(
                f"the scorer {double} stands there twice; give each a `name` of its own"
            )
        return self

    @model_validator(mode="after")
    def _weights_are_of_scorers(self) -> "JudgementsSettings":
        names = [scorer.name for scorer in self.scorers]
        if unknown := next((name for name in self.fusion.weights if name not in names), None):
            raise ValueError(
                f"fusion.weights names {unknown!r}, which is no scorer (they are: "
                f"{', '.join(names)})"
            )
        if not any(self.weight_of(scorer) for scorer in self.scorers):
            raise ValueError(
                "fusion.weights leaves no scorer that decides, for all weigh 0: give one more, as "
                f"in {{{names[0]}: 1}}"
            )
        return self

    @model_validator(mode="after")
    def _early_stop_has_a_lead(self) -> "JudgementsSettings":
        first = self.scorers[0]
        if self.early_stop and first.kind == "listwise":
            raise ValueError(
                "early_stop looks at the lead of the first scorer, and in a list of places that "
                f"is always 1: put another scorer before {first.name}"
            )
        if self.early_stop and not self.weight_of(first):
            raise ValueError(
                f"early_stop leaves the choice to the first scorer, but {first.name} weighs 0"
            )
        return self

    @model_validator(mode="after")
    def _deeper_has_grades(self) -> "JudgementsSettings":
        if self.deeper and all(scorer.kind != "relevance" for scorer in self.scorers):
            raise ValueError("deeper needs a scorer that grades: {kind: relevance, model: …}")
        return self
