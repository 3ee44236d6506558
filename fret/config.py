"""The pipeline file as a typed tree: every key that may stand there, with its meaning and default.

The tree is closed (an unknown key is an error that names the nearest right one) and strict (a number
is not text). Objects of this module stop at the stages: what lies below takes plain arguments.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """Base of all sections: closed, strict, unchangeable, and documented on the field."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class OpenAIModel(Settings):
    """A model behind any OpenAI-compatible server."""

    backend: Literal["openai"]
    base_url: str
    """Where the server listens, as http://localhost:8000/v1."""
    model: str
    """The name that the server knows the model by."""
    server: str | None = None
    """A lasting name for the server, part of every answer's key; by default its address."""
    api_key_env: str | None = None
    """The environment variable that holds the key; null for a server that wants none."""
    concurrency: int = Field(default=32, ge=1)
    """Requests in flight at once, at most."""
    timeout_s: float = Field(default=120, gt=0)
    """Total time for one attempt, from sending to the last byte."""
    json_schema: bool = True
    """Whether the server takes `response_format: json_schema`; else the prompt alone asks for JSON."""
    extra_body: dict[str, Any] = {}
    """Further fields for every request, such as {chat_template_kwargs: {enable_thinking: false}}."""

    @property
    def label(self) -> str:
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        return (
            self.server or f"{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"
        )

    @model_validator(mode="after")
    def _is_http(self) -> "OpenAIModel":
        if urlsplit(self.base_url).scheme not in {"http", "https"}:
            raise ValueError("base_url must begin with http:// or https://")
        return self


class ScriptedModel(Settings):
    """A made-up model for tests and dry runs: answers follow from a seed, nothing is asked."""

    backend: Literal["scripted"]
    seed: int = 0

    @property
    def label(self) -> str:
        return "scripted"

    @property
    def model(self) -> str:
        return f"scripted-{self.seed}"


Model = Annotated[OpenAIModel | ScriptedModel, Field(discriminator="backend")]


class HtmlSource(Settings):
    """A folder of .html, .htm and .html.gz files, at any depth."""

    kind: Literal["html"]
    path: str


class JsonlSource(Settings):
    """Texts that need no extraction: .jsonl, .jsonl.gz or .parquet, one file or a folder of them."""

    kind: Literal["jsonl"]
    path: str
    text: str = "text"
    """The column that holds the text."""
    title: str | None = "title"
    """The column that holds the title; null for none. A row may lack it."""
    url: str | None = "url"
    """The column that holds the address; null for none. A row may lack it."""


Source = Annotated[HtmlSource | JsonlSource, Field(discriminator="kind")]


class PagesSettings(Settings):
    """Main text and metadata of each page."""

    source: Source
    workers: int | None = Field(default=None, ge=1)
    """Processes that extract; null for one per core."""
    timeout_s: float = Field(default=30, gt=0)
    """A page that takes longer is dropped."""
    max_bytes: int = Field(default=5_000_000, ge=1)
    """A page with a larger file (unpacked) is dropped."""
    memory_mb: int = Field(default=2000, ge=256)
    """Memory for one worker, in MB; a page that needs more is dropped."""
    shard_pages: int = Field(default=500, ge=1)
    """Pages per shard: what is lost at most when a stage is cut off."""


class PassagesSettings(Settings):
    """Pages cut into passages."""

    split: Literal["sentences", "none"] = "sentences"
    """`none` keeps each page as one passage."""
    max_words: int = Field(default=200, ge=10)
    """Longest passage; only a single sentence may be cut to keep it."""
    min_words: int = Field(default=30, ge=1)
    """Shorter pieces join their neighbour; a page that is shorter as a whole is dropped."""

    @model_validator(mode="after")
    def _bounds_are_apart(self) -> "PassagesSettings":
        if self.min_words * 2 > self.max_words:
            raise ValueError(
                "min_words may be half of max_words at most, else some pieces fit nowhere"
            )
        return self


class TemplateWriter(Settings):
    """Tasks and queries by rules, without a language model."""

    kind: Literal["template"]
    task_types: list[Literal["question", "keywords", "claim", "title", "similar"]] = Field(
        default=["question", "keywords", "claim", "title", "similar"], min_length=1
    )
    """Kinds of need to write; a passage gets one that fits it, drawn by the seed."""


class LlmWriter(Settings):
    """Tasks and queries by a language model, from a few-shot prompt."""

    kind: Literal["llm"]
    model: str
    """A name from `models`."""
    prompt: str = "prompts/write_query.yaml"
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=256, ge=16)


class FileWriter(Settings):
    """The user's own queries: a jsonl file with `text`, and optionally `task` and `passage_id` (the seed)."""

    kind: Literal["file"]
    path: str
    task: str = "Given a query, find a passage that answers it."
    """The task of rows that have none."""


Writer = Annotated[TemplateWriter | LlmWriter | FileWriter, Field(discriminator="kind")]


class QueriesSettings(Settings):
    """A task and a query for each seed passage."""

    writer: Writer
    per_passage: int = Field(default=1, ge=1)
    """Queries to write per passage; the writer `file` has its own number."""


class Bm25Settings(Settings):
    """Retrieval by words."""

    backend: Literal["auto", "rank-bm25", "bm25s"] = "auto"
    """`auto`: rank-bm25 up to 2,000 passages, bm25s beyond; the ranking is the same."""
    k1: float = Field(default=1.5, ge=0)
    b: float = Field(default=0.75, ge=0, le=1)
    pool: int = Field(default=100, ge=1)
    """How many passages it puts forward."""


class DenseSettings(Settings):
    """Retrieval by embeddings."""

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Any sentence-transformers model: a name on the Hub, or a folder."""
    query_format: str = "{query}"
    """What is encoded for a query; `task: {task} | query: {query}` for a model that was trained so."""
    pool: int = Field(default=100, ge=1)
    batch_size: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _format_is_usable(self) -> "DenseSettings":
        rest = self.query_format.replace("{query}", "").replace("{task}", "")
        if "{query}" not in self.query_format or "{" in rest or "}" in rest:
            raise ValueError("query_format must hold {query}, may hold {task}, and no other braces")
        return self


class FusionSettings(Settings):
    """Reciprocal rank fusion: the sum of weight / (k + rank)."""

    k: float = Field(default=60, ge=0)


class CandidatesSettings(Settings):
    """The passages that could answer a query."""

    top_k: int = Field(default=20, ge=2)
    bm25: Bm25Settings | None = Bm25Settings()
    """null: without words."""
    dense: DenseSettings | None = DenseSettings()
    """null: without embeddings."""
    fusion: FusionSettings = FusionSettings()

    @model_validator(mode="after")
    def _has_a_retriever(self) -> "CandidatesSettings":
        if self.bm25 is None and self.dense is None:
            raise ValueError("bm25 and dense cannot both be null: nothing would find candidates")
        return self


class UnigramScorer(Settings):
    """Query likelihood under a Dirichlet-smoothed unigram model of the passage (Zhai & Lafferty 2001)."""

    kind: Literal["unigram"]
    mu: float = Field(default=500, gt=0)
    """Weight of the whole collection against the passage, in words."""


class EmbeddingScorer(Settings):
    """Cosine of query and passage under a sentence-transformers model."""

    kind: Literal["embedding"]
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    query_format: str = "{query}"
    batch_size: int = Field(default=64, ge=1)


class RelevanceScorer(Settings):
    """Expected relevance from the log-probabilities of the labels 0 to 3."""

    kind: Literal["relevance"]
    model: str
    """A name from `models`; an instruct model is right for this."""
    prompt: str = "prompts/relevance.yaml"


class QueryLikelihoodScorer(Settings):
    """Log-probability of the query given the passage, by a language model."""

    kind: Literal["query_likelihood"]
    model: str
    """A name from `models`; a base model is right for this, on a server that gives prompt log-probabilities."""
    prompt: str = "prompts/query_likelihood.yaml"


Scorer = Annotated[
    UnigramScorer | EmbeddingScorer | RelevanceScorer | QueryLikelihoodScorer,
    Field(discriminator="kind"),
]


class JudgementFusion(Settings):
    """Reciprocal rank fusion of the scorers; Gecko's R = 1/r1 + 1/r2 is k = 0."""

    k: float = Field(default=0, ge=0)


class JudgementsSettings(Settings):
    """Every candidate scored by every scorer."""

    scorers: list[Scorer] = Field(min_length=1)
    fusion: JudgementFusion = JudgementFusion()

    @model_validator(mode="after")
    def _kinds_differ(self) -> "JudgementsSettings":
        kinds = [scorer.kind for scorer in self.scorers]
        if double := next((kind for kind in kinds if kinds.count(kind) > 1), None):
            raise ValueError(f"the scorer {double} stands there twice")
        return self


class NegativesSettings(Settings):
    """Which candidates become hard negatives."""

    count: int = Field(default=1, ge=1)
    pick: Literal["lowest", "random", "hardest"] = "lowest"
    """From the fused ranking's end (as Gecko does), at random, or from right below the positive."""
    max_similarity: float | None = Field(default=0.95, gt=0)
    """Refuse a candidate whose cosine to the query is over this share of the positive's; null: no such rule."""
    max_relevance: float | None = Field(default=1.0, ge=0, le=3)
    """Refuse a candidate with a higher expected relevance (0 to 3), where the scorer `relevance` ran."""


class ExamplesSettings(Settings):
    """Positive, negatives and split of each example."""

    positive: Literal["top", "seed"] = "top"
    """`top`: the best of the fused ranking, as in Gecko; `seed`: the passage that the query came from."""
    negatives: NegativesSettings = NegativesSettings()
    splits: dict[Literal["validation", "test"], float] = {"test": 0.05}
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


class PublishSettings(Settings):
    """What the dataset's card says beyond what fret knows."""

    licence: str | None = None
    """Licence of the dataset, as the Hub writes it (cc-by-4.0, odc-by, other …)."""
    pretty_name: str | None = None


class PipelineSettings(Settings):
    """The whole pipeline file."""

    run: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")
    """Name of the run: its folder below `runs_dir`."""
    runs_dir: str = "data/runs"
    answers: str = "data/answers.sqlite"
    """Where every answer of a language model is kept, for all runs."""
    seed: int = 0
    """Whatever is drawn at random follows from it."""
    models: dict[str, Model] = {}
    """Language models, named once and used by role."""
    pages: PagesSettings
    passages: PassagesSettings = PassagesSettings()
    queries: QueriesSettings
    candidates: CandidatesSettings = CandidatesSettings()
    judgements: JudgementsSettings
    examples: ExamplesSettings = ExamplesSettings()
    publish: PublishSettings = PublishSettings()

    @model_validator(mode="after")
    def _models_are_named(self) -> "PipelineSettings":
        users = [("queries.writer", self.queries.writer)]
        users += [(f"judgements.scorers[{i}]", s) for i, s in enumerate(self.judgements.scorers)]  # type: ignore[misc]
        for where, user in users:
            if (
                isinstance(user, LlmWriter | RelevanceScorer | QueryLikelihoodScorer)
                and user.model not in self.models
            ):
                named = ", ".join(self.models) or "none"
                raise ValueError(
                    f"{where}.model is {user.model!r}, which `models` does not name (it names: {named})"
                )
        return self
