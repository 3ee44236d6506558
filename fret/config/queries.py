"""The section of the stage queries: which passages are asked about, by what, and for what."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fret.config.base import Settings
from fret.config.checks import NO_CHECKS, ChecksSettings
from fret.config.language_codes import LANGUAGE_CODES, SHORT_CODES
from fret.printable import is_blank, is_printable

Weight = Annotated[float, Field(gt=0)]


def check_words(value: str) -> str:
    """Refuse what cannot stand on one line of a prompt, as one of several options.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if value != value.strip() or is_blank(value):
        raise ValueError(f"{value!r} is empty, or begins or ends with a space")
    if not is_printable(value):
        raise ValueError(f"{value!r} holds line ends or control characters; keep it on one line")
    if value.startswith("- ") or " | " in value:
        raise ValueError(f"{value!r} begins with '- ' or holds ' | ', which part lines and options")
    return value


Words = Annotated[str, AfterValidator(check_words)]
"""Words on one line: they become one line of a prompt."""
Weights = dict[Words, Weight]
"""What may be drawn, with how often each is in relation to the others."""
RuleTask = Literal[
    "question",
    "howto",
    "definition",
    "comparison",
    "entity",
    "keywords",
    "claim",
    "title",
    "similar",
]


def _check_language(code: str) -> str:
    if code != "same" and code not in LANGUAGE_CODES:
        short = SHORT_CODES.get(code)
        told = f"write {short!r}" if short else "an example is 'de'; `same` is the passage's own"
        raise ValueError(f"{code!r} is no ISO 639-1 code of a language, of two letters: {told}")
    return code


Language = Annotated[str, AfterValidator(_check_language)]


def _read_switch(value: Any) -> Any:
    """Let `true` stand for a section with its defaults, and `false` for none."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class TemplateWriter(Settings):
    """Tasks and queries by rules, without a language model."""

    kind: Literal["template"]
    """Which kind of writer this is."""
    task_types: list[RuleTask] = Field(default=list(get_args(RuleTask)), min_length=1)
    """Kinds of need to write; a passage gets one that fits it, drawn by the seed."""


class TwoStepSettings(Settings):
    """A call before the writing that chooses persona, query type and difficulty for the passage, as
    in Qwen3-Embedding (arXiv 2506.05176); then `query_types` and `difficulties` are its options."""

    prompt: str = "prompts/choose_need.yaml"
    """The prompt file, for the job `choose_need`."""
    n_personas: int = Field(default=5, ge=1)
    """How many of `personas` are offered for each passage, drawn by the seed."""


class RewriteSettings(Settings):
    """A call after the writing that says the query in other words, so that it shares fewer with its
    passage; the draft stays in the record."""

    prompt: str = "prompts/rewrite_query.yaml"
    """The prompt file, for the job `rewrite_query`."""
    above: float = Field(default=0.5, ge=0, lt=1)
    """Only queries are rewritten that have more than this share of their content words in common
    with the passage."""


class LlmWriter(Settings):
    """Tasks and queries by a language model, from a few-shot prompt."""

    kind: Literal["llm"]
    """Which kind of writer this is."""
    model: str
    """A name from `models`."""
    prompt: str = "prompts/write_query.yaml"
    """The prompt file, for the job `write_query`."""
    variants: list[str] | None = Field(default=None, min_length=1)
    """Names of the prompt's variants to use, drawn by the seed; null for all."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    """How freely the model draws; 0 for its likeliest answer."""
    max_tokens: int = Field(default=256, ge=16)
    """Longest answer; a longer one is cut, and its query dropped."""
    task_types: Weights = Field(default={})
    """Kinds of need to ask for, such as {question answering: 2, fact checking: 1}, each with its
    weight; empty leaves the kind to the model."""
    quotas: bool = False
    """Ask for each task type exactly as often as its weight says, over the whole run: the weights
    may be counts that add up to the number of queries. Else each passage draws by itself. With
    `more_above_words` first queries are counted; further ones are of the type of their first."""
    query_types: Weights = Field(default={})
    """Forms of query to ask for, such as keywords, question, claim, with weights."""
    lengths: Weights = Field(default={})
    """Lengths to ask for, in words such as `under 5 words`, with weights."""
    difficulties: Weights = Field(default={})
    """Difficulties to ask for, such as `high school`, `university`, with weights."""
    languages: dict[Language, Weight] = Field(default={})
    """Languages to ask for, by ISO 639-1 code, with weights; `same` is the passage's own."""
    personas: list[Words] = Field(default=[])
    """Who may ask; one is drawn for each query, or some are offered in two steps."""
    personas_path: str | None = None
    """A text file of further personas, one a line."""
    two_step: Annotated[TwoStepSettings | None, BeforeValidator(_read_switch)] = None
    """Let the model choose for each passage who asks and how, before it writes; `true` for the
    defaults, null for one step."""
    rewrite: Annotated[RewriteSettings | None, BeforeValidator(_read_switch)] = None
    """Let the model say queries in other words that share many with their passage; `true` for the
    defaults, null for never."""

    @model_validator(mode="after")
    def _quotas_have_types(self) -> "LlmWriter":
        if self.quotas and not self.task_types:
            raise ValueError("quotas needs task_types: the names and weights of the kinds of need")
        if self.variants and len(set(self.variants)) < len(self.variants):
            raise ValueError("variants names one twice; each is drawn as often as the others")
        return self


class FileWriter(Settings):
    """The user's own queries: a jsonl file with `text`, and optionally `task` and `passage_id`: the
    seed, by fret's id of a passage or by your own id of a page (`pages.source.id`) that is one
    passage."""

    kind: Literal["file"]
    """Which kind of writer this is."""
    path: str
    """The file; also looked for beside the pipeline file."""
    task: str = "Given a query, find a passage that answers it."
    """The task of rows that have none."""


class ClustersSettings(Settings):
    """Groups of passages that are near in meaning, by k-means over embeddings."""

    count: int = Field(default=50, ge=2)
    """How many groups."""
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """The embedding model; its vectors of the passages are shared with the stage candidates."""
    sample: int = Field(default=20_000, ge=2)
    """How many passages, drawn by the seed, the groups are found from."""


class SeedsSettings(Settings):
    """Which passages are asked about; what is drawn does not change as the corpus grows, but for
    what the new passages themselves push out: one each, or where caps cross (`per_language` with
    `per_site` or `per_page`) one for each cap, and then another may come in for it."""

    count: int | None = Field(default=None, ge=1)
    """How many passages; null for all that the caps leave."""
    per_page: int | None = Field(default=None, ge=1)
    """Most passages of one page."""
    per_site: int | None = Field(default=None, ge=1)
    """Most passages of one site, by the host of its address; `www.` makes no other."""
    per_language: int | None = Field(default=None, ge=1)
    """Most passages of one language."""
    balance: Literal["language", "site", "cluster"] | None = None
    """Draw `count` as evenly as can be from the languages, sites or groups of near passages; null
    draws from all alike. Groups are found anew when the corpus grows."""
    clusters: ClustersSettings = ClustersSettings()
    """The groups for `balance: cluster`."""

    @model_validator(mode="after")
    def _balance_has_a_count(self) -> "SeedsSettings":
        if self.balance and self.count is None:
            raise ValueError("balance needs count: how many passages to draw from the groups")
        return self


Writer = Annotated[TemplateWriter | LlmWriter | FileWriter, Field(discriminator="kind")]


class QueriesSettings(Settings):
    """A task and a query for each seed passage."""

    writer: Writer
    """What writes the queries."""
    seeds: SeedsSettings | None = None
    """Which passages are asked about; null for all."""
    per_passage: int = Field(default=1, ge=1)
    """Queries to write per passage; the writer `file` has its own number."""
    more_above_words: int | None = Field(default=None, ge=1)
    """With the writer `llm`: more than one query only for passages whose first has more content
    words than this; 10 is a good number: further short queries hurt (arXiv 2602.09448). Null: for
    all passages."""
    checks: Annotated[ChecksSettings | None, BeforeValidator(_read_switch)] = ChecksSettings()
    """What makes a query unfit; `false` for no checks at all."""

    @property
    def active_checks(self) -> ChecksSettings:
        """The checks that this writer's queries must pass; people's own pass as they are."""
        checks = self.checks or NO_CHECKS
        is_own = isinstance(self.writer, FileWriter) and not checks.own_queries
        return NO_CHECKS if is_own else checks

    @model_validator(mode="after")
    def _fits_the_writer(self) -> "QueriesSettings":
        if self.seeds and isinstance(self.writer, FileWriter):
            raise ValueError("seeds cannot be drawn for the writer file: its rows name their seeds")
        if self.more_above_words and not isinstance(self.writer, LlmWriter):
            raise ValueError("more_above_words needs the writer llm")
        if self.more_above_words and self.per_passage == 1:
            raise ValueError(
                "more_above_words says where more than one query is written: set per_passage to 2 "
                "or more, or leave it out"
            )
        is_own = isinstance(self.writer, FileWriter)
        if is_own and self.checks and not self.checks.own_queries:
            for name in ("judge", "round_trip"):
                if getattr(self.checks, name) is not None:
                    raise ValueError(
                        f"checks.{name} does nothing to your own queries (writer file) unless "
                        "checks.own_queries is true; set that, or leave it out"
                    )
        return self
