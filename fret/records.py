"""The records that flow through fret, one class per arrow of the picture; all on one page.

    source ─► Page ─► Passage ─► Query ─► Candidates ─► Judgement ─► Example

Records are frozen and flat. Ids are content hashes, so a second run gives the same ids and an added
page changes only what depends on it. From `Query` on there is one row per query, in the same order
in every stage, so later stages stream and never join in memory.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from fret import arrow

# 80 bits: among a thousand million records, two share an id with probability 4e-7 (birthday bound).
ID_LENGTH = 20


def make_id(*parts: str) -> str:
    """Hash text parts into an id of `ID_LENGTH` hex digits; parts cannot run into each other."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:ID_LENGTH]


def join_title(title: str, headings: Sequence[str]) -> str:
    """Write the title of a page and the headings above a place in it, the outermost first."""
    return " › ".join(part for part in (title, *headings) if part)


def hash_json(data: Any) -> str:
    """SHA-256 of the canonical JSON of data, in hex."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Record:
    """What all records share: the way to rows of Arrow and back; see `fret.arrow`."""

    __slots__ = ()

    STAGE: ClassVar[str]
    """The stage that writes this record: the folder below the run."""
    KEY: ClassVar[str] = "id"
    """The field that `fret show --id` looks at."""

    @property
    def key(self) -> str:
        return str(getattr(self, self.KEY))

    def to_row(self) -> dict[str, Any]:
        """Return the record as Arrow takes it: plain dictionaries, lists and values."""
        return arrow.to_row(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Build the record from an Arrow row."""
        return cast(Self, arrow.from_row(cls, row))


@dataclass(frozen=True, slots=True)
class Page(Record):
    """Main text and metadata of one web page."""

    STAGE: ClassVar[str] = "pages"

    id: str
    url: str
    title: str
    text: str
    """Light Markdown, one block a line, where the page was HTML (else as the source gives it): `#`
    to `######` and headings, `- ` or `1. ` and items (two spaces before for each list around),
    `| a | b |` for rows of tables, code with its own lines between lines of ```; no emphasis, links
    or images. `fret.text.structure` says what is escaped. The title is not repeated."""
    language: str
    """ISO 639-1 code, empty when unknown."""
    date: str
    """Publication date as YYYY-MM-DD, empty when unknown."""
    site: str
    source: str
    """Where the page was read: a file's name below the source, with a line number in jsonl, an
    offset in WARC."""
    licence: str
    source_id: str = ""
    """The id that the source gives it, empty where it gives none."""

    @staticmethod
    def make_id(url: str, text: str) -> str:
        return make_id("page", url, text)


@dataclass(frozen=True, slots=True)
class Passage(Record):
    """A piece of a page that can stand as a search result."""

    STAGE: ClassVar[str] = "passages"

    id: str
    page_id: str
    position: int
    """Place in the page, from 0."""
    title: str
    text: str
    language: str
    n_tokens: int
    """What `passages.max_size` counts: words (a character of a script that puts no spaces between
    words counts as one), or tokens of the text where a tokenizer is named."""
    url: str
    headings: tuple[str, ...] = ()
    """Those of the page that all of it stands under (where it begins in the midst of a section:
    that its beginning does), the outermost first; none that is in its own text or equals the
    title."""

    @property
    def full_title(self) -> str:
        """Title and headings: what is shown as its title to whoever reads it."""
        return join_title(self.title, self.headings)

    @staticmethod
    def make_id(full_title: str, text: str) -> str:
        return make_id("passage", full_title, text)


@dataclass(frozen=True, slots=True)
class Query(Record):
    """A retrieval task and a query, usually written from a seed passage."""

    STAGE: ClassVar[str] = "queries"

    id: str
    passage_id: str | None
    """The seed; None for a user's own query that names none."""
    task: str
    text: str
    language: str
    """The language asked for, by default the passage's; ISO 639-1, empty when unknown."""
    task_type: str
    """Which kind of need the writer was asked for, or says that it met."""
    writer: str
    model: str
    """The model that wrote it; empty for rules and for the user's own queries."""
    prompt_hash: str
    sample: int
    """Number among the queries of one seed, from 0."""
    # What was asked for beyond a task type; empty where the writer was left free.
    query_type: str = ""
    """The form of the query, such as `keywords`."""
    length: str = ""
    difficulty: str = ""
    persona: str = ""
    """Who asks."""
    variant: str = ""
    """The variant of the prompt; empty where the prompt has one."""
    draft: str = ""
    """The query as first written, where it was said again in other words."""

    @staticmethod
    def make_id(
        passage_id: str | None, prompt_hash: str, attributes: Sequence[str], sample: int
    ) -> str:
        return make_id("query", passage_id or "", prompt_hash, *attributes, str(sample))


@dataclass(frozen=True, slots=True)
class Candidates(Record):
    """The passages that could answer a query, best first by the fused ranking."""

    STAGE: ClassVar[str] = "candidates"
    KEY: ClassVar[str] = "query_id"

    query_id: str
    seed_id: str | None
    passage_ids: tuple[str, ...]
    bm25_ranks: tuple[int | None, ...]
    """From 1; None where the retriever did not find the passage among its own top."""
    bm25_scores: tuple[float | None, ...]
    dense_ranks: tuple[int | None, ...]
    dense_scores: tuple[float | None, ...]
    """Cosine, for every candidate whenever a dense model is used."""
    seed_rank: int | None
    """True rank of the seed in the fused ranking; None when it is not in it, or there is none."""
    n_top: int
    """How many of the passages, from the front, are judged in any case; the seed is among them."""
    kinships: tuple[str, ...] = ()
    """How each passage is akin to the seed, so a likely false negative: `seed`,
    `duplicate_of_seed`, `same_page` (the first that holds), else empty."""
    pool_overlap: float | None = None
    """Share of all that the retrievers found which both found; None with one retriever."""


@dataclass(frozen=True, slots=True)
class Scoring(Record):
    """What one scorer says of the candidates of one query; lists run parallel to the candidates."""

    scorer: str
    """Its name in the pipeline file."""
    kind: str
    model: str
    """Empty for scorers that use no model."""
    scores: tuple[float | None, ...]
    """Higher is better; None where the scorer could not tell."""
    fallbacks: tuple[str, ...]
    """How a score was obtained where not in the proper way, or why there is none; empty otherwise.
    `skipped` for all candidates where an earlier scorer left no doubt."""
    ranks: tuple[int | None, ...]
    """From 1; equal scores have the same rank, the best that they could have."""
    logprobs: tuple[float | None, ...]
    """Log-probability of the query's tokens, in nats, where the scorer is a query likelihood."""
    n_tokens: tuple[int | None, ...]
    """Number of those tokens."""
    label_logprobs: tuple[tuple[float, ...] | None, ...]
    """Log-probability of each relevance label, worst label first, where the scorer grades."""
    grades: tuple[float | None, ...]
    """Expected relevance from 0 to 3, where the scorer grades, whatever its score is made of."""


@dataclass(frozen=True, slots=True)
class Judgement(Record):
    """Every candidate of a query scored by every scorer, and the fused ranking."""

    STAGE: ClassVar[str] = "judgements"
    KEY: ClassVar[str] = "query_id"

    query_id: str
    seed_id: str | None
    passage_ids: tuple[str, ...]
    """Those that were judged, in the order of the candidates."""
    scorings: tuple[Scoring, ...]
    fused_scores: tuple[float | None, ...]
    fused_ranks: tuple[int | None, ...]
    """From 1; None where a scorer that counts could not tell, so the candidate cannot be chosen."""


@dataclass(frozen=True, slots=True)
class Example(Record):
    """One training example: task, query, positive, hard negatives, and all that explains them."""

    STAGE: ClassVar[str] = "examples"
    KEY: ClassVar[str] = "query_id"

    query_id: str
    task: str
    query: str
    task_type: str
    language: str
    positive_title: str
    positive: str
    negative_titles: tuple[str, ...]
    negatives: tuple[str, ...]
    split: str
    positive_id: str
    negative_ids: tuple[str, ...]
    seed_id: str | None
    positive_is_seed: bool | None
    """None for a query that has no seed."""
    positive_rule: str
    """The rule that chose the positive: `top`, `seed` or `agreed`; `top` where there is no seed."""
    negative_picks: tuple[str, ...]
    """How each negative was picked: `hardest`, `lowest`, `random` or `band`; `unjudged` for one
    from beyond the judged candidates."""
    seed_rank: int | None
    """Fused rank of the seed among the judged candidates."""
    seed_retrieval_rank: int | None
    """Rank that the retrievers together gave the seed; None where they did not find it."""
    seed_bm25_rank: int | None
    seed_dense_rank: int | None
    scorers: tuple[str, ...]
    positive_scores: tuple[float | None, ...]
    """One score per scorer; higher is better; None for one that was not asked."""
    positive_ranks: tuple[int | None, ...]
    negative_scores: tuple[tuple[float | None, ...], ...]
    """Per negative, one score per scorer; None for what nobody judged."""
    negative_ranks: tuple[tuple[int | None, ...], ...]
    positive_fused_score: float
    negative_fused_scores: tuple[float | None, ...]
    negative_fused_ranks: tuple[int | None, ...]
    """None for a negative from beyond the judged candidates."""
    positive_grade: float | None
    """Expected relevance from 0 to 3, the mean of the scorers that grade; None where none does."""
    negative_grades: tuple[float | None, ...]
    positive_similarity: float | None
    """Cosine to the query, or BM25's score where no embeddings were used."""
    negative_similarities: tuple[float | None, ...]
    n_relevant: int | None
    """Relevant candidates, the positive among them; None where no scorer grades."""
    extra_positive_titles: tuple[str, ...]
    extra_positives: tuple[str, ...]
    """Other candidates that are as relevant as the positive, best first."""
    extra_positive_ids: tuple[str, ...]
    extra_positive_scores: tuple[tuple[float | None, ...], ...]
    extra_positive_grades: tuple[float | None, ...]
    extra_positive_urls: tuple[str, ...]
    refused_ids: tuple[str, ...]
    """Candidates that may be no negatives; what is neither here nor chosen was not needed."""
    refused_reasons: tuple[str, ...]
    """Why, in parallel: see `fret.choosing.negatives.Refusal`."""
    positive_url: str
    negative_urls: tuple[str, ...]
    writer: str
    model: str


@dataclass(frozen=True, slots=True)
class Dropped(Record):
    """A record that stops here, with its reason."""

    KEY: ClassVar[str] = "record_id"

    stage: str
    record_id: str
    reason: str
    detail: str
    """What a person needs to understand this one case."""
