"""The pipeline file as a typed tree: every key that may stand there, with its meaning and default.

The tree is closed (an unknown key is an error that names the nearest right one) and strict (a
number is not text). Objects of this module stop at the stages: what lies below takes plain
arguments.
"""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

RUN_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"


class Settings(BaseModel):
    """Base of all sections: closed, strict, unchangeable, and documented on the field."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        # A default of 60 becomes 60.0 as a written 60 does: both must give one fingerprint.
        validate_default=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class PriceSettings(Settings):
    """What a model costs, in USD per million tokens."""

    input: float = Field(ge=0)
    """Tokens sent."""
    output: float = Field(ge=0)
    """Tokens generated."""
    cached_input: float | None = Field(default=None, ge=0)
    """Tokens sent that the server had cached; null for the price of others."""
    batch: float = Field(default=1.0, ge=0)
    """What the batch lane costs of all that; OpenAI takes half: 0.5."""


class Ways(Settings):
    """How to ask a server for what it gives; of each list the first way that it can do is taken."""

    chat: list[Literal["json_schema", "structured_outputs", "json_object", "text"]] = Field(
        default=["json_schema", "json_object", "text"], min_length=1
    )
    """How to get JSON: by a schema, by vLLM's own field for one, as any JSON, or by the prompt
    alone."""
    labels: list[Literal["token_ids", "top_logprobs", "decisions", "score", "text"]] = Field(
        default=["token_ids", "top_logprobs"], min_length=1
    )
    """How to get probabilities of labels: vLLM's, any server's with log-probabilities, OpenAI's
    decisions, SGLang's score (base models); `text` takes the label that the model writes, and marks
    the row."""
    likelihood: list[Literal["generate", "echo", "prompt_logprobs"]] = Field(
        default=["generate", "echo"], min_length=1
    )
    """How to get log-probabilities of a prompt: SGLang's own, completions with echo, vLLM's own."""


class BatchSettings(Settings):
    """Limits of the batch lane; the defaults are OpenAI's."""

    max_lines: int = Field(default=50_000, ge=1)
    """Requests in one batch."""
    max_bytes: int = Field(default=200_000_000, ge=1000)
    """Size of one batch's file."""
    max_enqueued_tokens: int | None = Field(default=None, ge=1)
    """Tokens that may wait at once, from the service's settings page; null when unknown."""


class OpenAIModel(Settings):
    """A model behind any OpenAI-compatible server."""

    backend: Literal["openai"]
    """Which kind of model this is."""
    base_url: str | None = None
    """Where the server listens, as http://localhost:8000/v1."""
    base_urls: list[str] = []
    """Several servers of the same model, instead of base_url; the least busy one is asked."""
    model: str
    """The name that the server knows the model by."""
    server: str | None = None
    """A lasting name for the server, part of every answer's key; by default its address."""
    api_key_env: str | None = None
    """The environment variable that holds the key; null for a server that wants none."""
    concurrency: int = Field(default=32, ge=1)
    """Requests in flight at once, at most, over all servers; how many really, adapts."""
    prompts_per_request: int = Field(default=8, ge=1)
    """Prompts that travel together for query likelihood, where the server takes a list."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Requests sent per minute, at most; null for no such limit."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Tokens sent and generated per minute, at most; null for no such limit."""
    timeout_s: float = Field(default=120, gt=0)
    """Total time for one attempt, from sending to the last byte."""
    patience_s: float = Field(default=300, gt=0)
    """How long no server may give any answer before the run stops."""
    ways: Ways = Ways()
    """How the server is asked."""
    price: PriceSettings | None = None
    """What it costs; null: unknown, and no money is shown."""
    batch: BatchSettings = BatchSettings()
    """Limits of the batch lane."""
    extra_body: dict[str, Any] = {}
    """Further fields for every request, as {chat_template_kwargs: {enable_thinking: false}}."""

    @property
    def addresses(self) -> list[str]:
        return self.base_urls or [self.base_url or ""]

    @property
    def label(self) -> str:
        if self.server:
            return self.server
        parts = urlsplit(self.addresses[0])
        host = parts.hostname or ""
        return f"{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"

    @model_validator(mode="after")
    def _extra_body_is_json(self) -> "OpenAIModel":
        try:
            json.dumps(self.extra_body, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"extra_body cannot be sent as JSON: {error}") from None
        return self

    @model_validator(mode="after")
    def _has_addresses(self) -> "OpenAIModel":
        if (self.base_url is None) == (not self.base_urls):
            raise ValueError("name either base_url, or several base_urls")
        if len(self.base_urls) > 1 and not self.server:
            raise ValueError(
                "several base_urls need a `server`: a lasting name for all of them, so that "
                "answers stay valid when one is added"
            )
        for url in self.addresses:
            _check_address(url)
        return self


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    _ = parts.port  # a ValueError when it is no port
    if parts.scheme not in {"http", "https"}:
        raise ValueError("base_url must begin with http:// or https://")
    if parts.username or parts.password:
        raise ValueError(
            "base_url holds a user name or password; keys are read from the environment only "
            "(name the variable in api_key_env)"
        )


class TransformersModel(Settings):
    """A model that runs in this process, by transformers: no server needed."""

    backend: Literal["transformers"]
    """Which kind of model this is."""
    model: str
    """A name on the Hugging Face Hub, or a folder."""
    device: str = "auto"
    """cuda, mps or cpu; `auto` for the first that is there."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Numbers to compute with; `auto` for bfloat16 on CUDA, else float32."""
    batch_tokens: int | None = Field(default=None, ge=64)
    """Tokens computed together, at most; null for what fits most machines."""
    chat_template_kwargs: dict[str, Any] = {}
    """What the chat template takes, as {enable_thinking: false}."""

    @property
    def label(self) -> str:
        return "transformers"


class ScriptedModel(Settings):
    """A made-up model for tests and dry runs: answers follow from a seed, nothing is asked."""

    backend: Literal["scripted"]
    """Which kind of model this is."""
    seed: int = 0
    """Another seed makes up other answers."""

    @property
    def label(self) -> str:
        return "scripted"

    @property
    def model(self) -> str:
        return f"scripted-{self.seed}"


Model = Annotated[OpenAIModel | TransformersModel | ScriptedModel, Field(discriminator="backend")]


class HtmlSource(Settings):
    """A folder of .html, .htm and .html.gz files, at any depth."""

    kind: Literal["html"]
    """Which kind of source this is."""
    path: str
    """The folder; also looked for beside the pipeline file."""


class JsonlSource(Settings):
    """Texts that need no extraction: .jsonl, .jsonl.gz or .parquet, one file or a folder of
    them."""

    kind: Literal["jsonl"]
    """Which kind of source this is."""
    path: str
    """The file or folder; also looked for beside the pipeline file."""
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
    """Where the pages come from."""
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
    """Which kind of writer this is."""
    task_types: list[Literal["question", "keywords", "claim", "title", "similar"]] = Field(
        default=["question", "keywords", "claim", "title", "similar"], min_length=1
    )
    """Kinds of need to write; a passage gets one that fits it, drawn by the seed."""


class LlmWriter(Settings):
    """Tasks and queries by a language model, from a few-shot prompt."""

    kind: Literal["llm"]
    """Which kind of writer this is."""
    model: str
    """A name from `models`."""
    prompt: str = "prompts/write_query.yaml"
    """The prompt file, for the job `write_query`."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    """How freely the model draws; 0 for its likeliest answer."""
    max_tokens: int = Field(default=256, ge=16)
    """Longest answer; a longer one is cut, and its query dropped."""


class FileWriter(Settings):
    """The user's own queries: a jsonl file with `text`, and optionally `task` and `passage_id`
    (the seed)."""

    kind: Literal["file"]
    """Which kind of writer this is."""
    path: str
    """The file; also looked for beside the pipeline file."""
    task: str = "Given a query, find a passage that answers it."
    """The task of rows that have none."""


Writer = Annotated[TemplateWriter | LlmWriter | FileWriter, Field(discriminator="kind")]


class QueriesSettings(Settings):
    """A task and a query for each seed passage."""

    writer: Writer
    """What writes the queries."""
    per_passage: int = Field(default=1, ge=1)
    """Queries to write per passage; the writer `file` has its own number."""


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


class BudgetSettings(Settings):
    """The most that a run may cost; needs the prices of all models that it asks."""

    usd: float = Field(gt=0)
    """Money for the whole run, over all its processes."""


class PublishSettings(Settings):
    """What the dataset's card says beyond what fret knows."""

    licence: str | None = None
    """Licence of the dataset, as the Hub writes it (cc-by-4.0, odc-by, other …)."""
    pretty_name: str | None = None
    """Title of the card; by default the run's name."""


class PipelineSettings(Settings):
    """The whole pipeline file."""

    run: str = Field(pattern=RUN_NAME)
    """Name of the run: its folder below `runs_dir`."""
    runs_dir: str = "data/runs"
    """Where all runs lie."""
    answers: str = "data/answers.sqlite"
    """Where every answer of a language model is kept, for all runs."""
    seed: int = 0
    """Whatever is drawn at random follows from it."""
    models: dict[str, Model] = {}
    """Language models, named once and used by role."""
    budget: BudgetSettings | None = None
    """A cap on what the run may cost; null for none."""
    pages: PagesSettings
    """Main text and metadata of each page."""
    passages: PassagesSettings = PassagesSettings()
    """Pages cut into passages."""
    queries: QueriesSettings
    """A task and a query for each seed passage."""
    candidates: CandidatesSettings = CandidatesSettings()
    """The passages that could answer a query."""
    judgements: JudgementsSettings
    """Every candidate scored by every scorer."""
    examples: ExamplesSettings = ExamplesSettings()
    """Positive, negatives and split of each example."""
    publish: PublishSettings = PublishSettings()
    """What the dataset's card says beyond what fret knows."""

    @model_validator(mode="after")
    def _models_are_named(self) -> "PipelineSettings":
        for where, name in self._models_by_user():
            if name not in self.models:
                named = ", ".join(self.models) or "none"
                raise ValueError(
                    f"{where}.model is {name!r}, which `models` does not name (it names: {named})"
                )
        return self

    def _models_by_user(self) -> list[tuple[str, str]]:
        """List (where in the file, name of the model) of all that ask one."""
        users: list[tuple[str, Any]] = [("queries.writer", self.queries.writer)]
        users += [(f"judgements.scorers[{i}]", s) for i, s in enumerate(self.judgements.scorers)]
        asking = LlmWriter | RelevanceScorer | QueryLikelihoodScorer
        return [(where, user.model) for where, user in users if isinstance(user, asking)]

    @model_validator(mode="after")
    def _budget_knows_prices(self) -> "PipelineSettings":
        for where, name in self._models_by_user() if self.budget else []:
            model = self.models[name]
            if isinstance(model, OpenAIModel) and model.price is None:
                raise ValueError(
                    f"budget needs the price of models.{name} (used by {where}): "
                    "price: {input: …, output: …}, in USD per million tokens"
                )
        return self

    @model_validator(mode="after")
    def _has_enough_candidates(self) -> "PipelineSettings":
        if self.examples.negatives.count >= self.candidates.top_k:
            raise ValueError(
                "examples.negatives.count must be below candidates.top_k: "
                "one of the candidates is the positive"
            )
        return self
