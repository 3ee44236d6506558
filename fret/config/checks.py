"""The checks of the section queries."""

from pydantic import Field, model_validator

from fret.config.base import Settings


class CopiedCheck(Settings):
    """Queries made of the passage's own words. Keywords and titles may have half as much again;
    in scripts without spaces two characters count as a word."""

    run_words: int = Field(default=8, ge=1)
    """Copied are so many words in a row, in a task however long it is …"""
    run_share: float = Field(default=0.6, ge=0, le=1)
    """… that are at least this share of the query."""
    content_words: int = Field(default=8, ge=1)
    """Copied, too, is a query with at least so many content words …"""
    content_share: float = Field(default=0.9, ge=0, le=1)
    """… of which the passage has this share, in whatever order."""


class LeakedCheck(Settings):
    """Queries that hold what the prompt's examples say and the passage does not."""

    words: int = Field(default=3, ge=1)
    """So many content words come from one example …"""
    share: float = Field(default=0.6, ge=0, le=1)
    """… and are this share of the query's; the same share of its words in a row counts, too."""


class LanguageCheck(Settings):
    """Queries in another script or language than they should be in."""

    min_letters: int = Field(default=25, ge=1)
    """Shorter queries are judged by their script alone."""
    confidence: float = Field(default=0.95, ge=0, le=1)
    """How sure the identification of a language must be."""


class LengthCheck(Settings):
    """Queries too short to mean something, or too long for one."""

    min_words: int = Field(default=2, ge=1)
    """Fewest words."""
    max_words: int = Field(default=64, ge=1)
    """Most words."""
    min_characters: int = Field(default=2, ge=1)
    """Fewest characters, in scripts that put no spaces between words."""
    max_characters: int = Field(default=120, ge=1)
    """Most characters, likewise."""
    max_task_words: int = Field(default=60, ge=1)
    """Most words of the task; two characters without spaces between them are one."""

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> "LengthCheck":
        for unit in ("words", "characters"):
            if getattr(self, f"min_{unit}") > getattr(self, f"max_{unit}"):
                raise ValueError(f"min_{unit} is above max_{unit}: nothing would pass")
        return self


class NearDuplicatesCheck(Settings):
    """Queries with nearly the words of an earlier one, in nearly their order."""

    jaccard: float = Field(default=0.8, gt=0, le=1)
    """How much of their content words, and of the pairs of neighbours among them, two queries
    share."""


class SimilarCheck(Settings):
    """Queries whose embedding is nearly that of an earlier one."""

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Any sentence-transformers model: a name on the Hub, or a folder."""
    cosine: float = Field(default=0.95, gt=-1, le=1)
    """From which cosine on the later one is dropped."""
    batch_size: int = Field(default=64, ge=1)
    """Texts encoded at once."""


class JudgeCheck(Settings):
    """Queries that a language model finds wanting, from 1 to 5."""

    model: str
    """A name from `models`."""
    prompt: str = "prompts/judge_query.yaml"
    """The prompt file, for the job `judge_query`."""
    answerable: int = Field(default=3, ge=1, le=5)
    """Least mark for: the passage answers it, or is what it looks for."""
    natural: int = Field(default=3, ge=1, le=5)
    """Least mark for: somebody might really say or type it."""
    self_contained: int = Field(default=4, ge=1, le=5)
    """Least mark for: it makes sense to somebody who does not see the passage."""
    max_tokens: int = Field(default=128, ge=16)
    """Longest answer."""


class ChecksSettings(Settings):
    """What makes a query unfit; null or false switches a check off. Each drop has its reason."""

    self_contained: bool = True
    """Drop what makes no sense without its passage: "the article", "according to the author",
    "When was he born?"; and tasks that say "this article"."""
    copied: CopiedCheck | None = CopiedCheck()
    """Drop what repeats the passage's words."""
    leaked: LeakedCheck | None = LeakedCheck()
    """Drop what comes from the prompt's examples; for the writer `llm`."""
    language: LanguageCheck | None = LanguageCheck()
    """Drop what is in a wrong language."""
    length: LengthCheck | None = LengthCheck()
    """Drop what is too short or too long."""
    form: bool = True
    """Drop what is no query of its task type: a question that asks nothing, a claim that asks."""
    duplicates: bool = True
    """Drop what repeats an earlier query of the whole set, but for case and punctuation, whatever
    its task."""
    near_duplicates: NearDuplicatesCheck | None = NearDuplicatesCheck()
    """Drop what nearly repeats an earlier query of the whole set, by words."""
    similar: SimilarCheck | None = None
    """Drop what nearly repeats an earlier query of the whole set, by embedding; null: not looked
    for."""
    judge: JudgeCheck | None = None
    """Drop what a language model finds wanting; null: none is asked."""
    round_trip: int | None = Field(default=None, ge=1)
    """Drop, in the stage candidates, queries for which the fused retrievers do not find the seed
    within so many; null: none, for another passage may become the positive."""
    own_queries: bool = False
    """Whether your own queries (writer `file`) are checked, too; otherwise only their exact doubles
    are dropped."""


NO_CHECKS = ChecksSettings(
    self_contained=False,
    copied=None,
    leaked=None,
    language=None,
    length=None,
    form=False,
    duplicates=False,
    near_duplicates=None,
)
