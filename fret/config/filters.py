"""What the stage passages leaves out: pages unfit, texts that repeat others, evaluation sets."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fret.config.base import Settings
from fret.config.language_codes import LANGUAGE_CODES, SHORT_CODES

Share = Annotated[float, Field(ge=0, le=1)]


class GopherRules(Settings):
    """Quality and repetition as Rae et al. 2021 measure them (Gopher, section A.1 and table A1);
    null switches a rule off. Where a script puts no spaces between words, each character counts as
    a word, and the rules on the length of words, on stop words and on runs of words are off."""

    min_words: int | None = Field(default=50, ge=1)
    """Fewest words of a page."""
    max_words: int | None = Field(default=100_000, ge=1)
    """Most words of a page."""
    min_word_length: float | None = Field(default=3.0, ge=0)
    """Least mean length of a word, in characters."""
    max_word_length: float | None = Field(default=10.0, ge=0)
    """Greatest mean length of a word, in characters."""
    max_symbols: float | None = Field(default=0.1, ge=0)
    """Most hash signs, and most ellipses, per word; a heading's marks do not count."""
    max_bullet_lines: float | None = Field(default=0.9, ge=0, le=1)
    """Largest share of lines that begin with a bullet."""
    max_ellipsis_lines: float | None = Field(default=0.3, ge=0, le=1)
    """Largest share of lines that end with an ellipsis."""
    min_letter_words: float | None = Field(default=0.8, ge=0, le=1)
    """Smallest share of words that hold a letter."""
    min_stop_words: int | None = Field(default=2, ge=0)
    """So many of the language's stop words must be there; off where fret knows none of it."""
    max_repeated_lines: float | None = Field(default=0.3, ge=0, le=1)
    """Largest share of lines that repeat an earlier one."""
    max_repeated_paragraphs: float | None = Field(default=0.3, ge=0, le=1)
    """Largest share of paragraphs that repeat an earlier one."""
    max_repeated_line_characters: float | None = Field(default=0.2, ge=0, le=1)
    """Largest share of the characters in such lines."""
    max_repeated_paragraph_characters: float | None = Field(default=0.2, ge=0, le=1)
    """Largest share of the characters in such paragraphs."""
    max_top_ngrams: list[Share] = Field(default=[0.2, 0.18, 0.16])
    """Largest shares of the characters in the most frequent run of 2, of 3, and of 4 words; a
    shorter list looks at the first of these only."""
    max_repeated_ngrams: list[Share] = Field(default=[0.15, 0.14, 0.13, 0.12, 0.11, 0.1])
    """Largest shares of the characters in repeated runs of 5, 6, 7, 8, 9, 10 words; likewise."""


class C4Rules(Settings):
    """Lines and pages as Raffel et al. 2020 clean them (C4, section 2.2). Headings, list items and
    rows of tables are not judged by their length or their end."""

    terminal_punctuation: bool = False
    """Remove lines that do not end as a sentence does. C4 does; FineWeb does not, for it costs
    three tenths of the text."""
    min_line_words: int = Field(default=3, ge=0)
    """Remove lines with fewer words."""
    max_word_length: int = Field(default=1000, ge=1)
    """Remove lines with a longer word (in scripts with spaces)."""
    javascript: bool = True
    """Remove lines that say "javascript"."""
    policy: bool = True
    """Remove lines about cookies, terms of use and privacy policies (in English)."""
    lorem_ipsum: bool = True
    """Drop pages that say "lorem ipsum"."""
    curly_bracket: bool = True
    """Drop pages with a curly bracket: most of those are code."""
    min_sentences: int = Field(default=5, ge=0)
    """Drop pages of which fewer sentences are left."""


class FineWebRules(Settings):
    """Lines as Penedo et al. 2024 measure them (FineWeb, section 3.6); null switches a rule off.
    Rows of tables do not count."""

    min_ended_lines: float | None = Field(default=0.12, ge=0, le=1)
    """So large a share of the lines, or less, that end as a sentence does drops the page."""
    max_short_lines: float | None = Field(default=0.67, ge=0, le=1)
    """So large a share of short lines, or more, drops it …"""
    short_line: int = Field(default=30, ge=1)
    """… where a short line has so many characters, or fewer."""
    max_repeated_characters: float | None = Field(default=0.1, ge=0, le=1)
    """So large a share of the characters in lines that repeat an earlier one, or more, drops it:
    0.1 in the paper, 0.01 in datatrove's code."""
    max_lines_per_word: float | None = Field(default=0.3, ge=0)
    """More line ends per word drop it: a list."""


class RepeatedLines(Settings):
    """What stands on many pages of a site (menus, footers, notices) and is no text of any."""

    share: float = Field(default=0.3, gt=0, le=1)
    """A line goes from all pages of a site when more than this share of them have it …"""
    min_pages: int = Field(default=5, ge=2)
    """… and no fewer pages than this."""


def _find_code(value: str) -> str:
    code = SHORT_CODES.get(value.lower(), value.lower())
    if code not in LANGUAGE_CODES:
        raise ValueError(f"{value!r} is no language: name it by its ISO 639-1 code, such as en")
    return code


def _as_list(value: Any) -> Any:
    return [] if value is None else [value] if isinstance(value, str) else value


Language = Annotated[str, AfterValidator(_find_code)]
Rules = Literal["gopher", "c4", "fineweb"]


class FiltersSettings(Settings):
    """Which pages are left out, and which lines of them, before they are split. All are off: what
    is junk in a crawl may be a good page of your own site."""

    languages: Annotated[list[Language], BeforeValidator(_as_list)] = Field(default=[])
    """Keep pages in these languages alone (ISO 639-1); none named: all."""
    keep_unknown_language: bool = True
    """Whether pages whose language could not be told are kept then: most are short."""
    min_words: int | None = Field(default=None, ge=1)
    """Fewest words of a page; null: what makes one passage is enough (`passages.min_size`)."""
    max_words: int | None = Field(default=None, ge=1)
    """Most words of a page; null for any number."""
    quality: Annotated[list[Rules], BeforeValidator(_as_list)] = Field(default=[])
    """Families of rules that a page must pass, such as [gopher, fineweb]; null for none."""
    gopher: GopherRules = GopherRules()
    """Thresholds of `quality: gopher`."""
    c4: C4Rules = C4Rules()
    """Thresholds of `quality: c4`."""
    fineweb: FineWebRules = FineWebRules()
    """Thresholds of `quality: fineweb`."""
    blocked_domains: str | list[str] = Field(default=[])
    """Domains whose pages are left out, with all their subdomains: a list, or a file with one a
    line (hosts files and the lists of Toulouse, UT1, as they are); also looked for beside the
    pipeline file."""
    repeated_lines: RepeatedLines | None = None
    """Lines that many pages of a site have in common are removed; null keeps them."""

    OFF: ClassVar[dict[str, Any] | None] = {}

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> "FiltersSettings":
        if self.min_words and self.max_words and self.min_words > self.max_words:
            raise ValueError("min_words is above max_words: no page would pass")
        return self


class NearDuplicates(Settings):
    """Texts that are an earlier one but for a few words."""

    threshold: float = Field(default=0.8, ge=0.3, le=1)
    """Jaccard similarity of their shingles, from which on a text goes."""
    ngram: int = Field(default=5, ge=1)
    """Words in a shingle; where a script writes no spaces, pairs of characters."""
    same_names: bool = True
    """Keep both where each has a number or a name (a word with a capital) that the other lacks:
    product pages, timetables."""


class DuplicatesSettings(Settings):
    """Passages of the whole corpus that repeat an earlier one; the earliest stays."""

    exact: bool = True
    """Drop what is equal but for case, punctuation and white space."""
    near: NearDuplicates | None = NearDuplicates()
    """Drop what is nearly equal; null keeps it."""

    OFF: ClassVar[dict[str, Any] | None] = {"exact": False, "near": None}


class BeirSet(Settings):
    """A folder as BEIR has them: `queries.jsonl`, and where they are there `corpus.jsonl` and
    `qrels.tsv` (or `qrels/*.tsv`), of which the relevant passages count."""

    kind: Literal["beir"]
    """Which kind of evaluation set this is."""
    path: str
    """The folder; also looked for beside the pipeline file."""


class JsonlSet(Settings):
    """A .jsonl, .jsonl.gz or .parquet file with one text a row."""

    kind: Literal["jsonl"]
    """Which kind of evaluation set this is."""
    path: str
    """The file, or a folder of them; also looked for beside the pipeline file."""
    field: str = "text"
    """The column that holds the query or passage."""
    id: str | None = "id"
    """The column by which a match is named; null, or a row without it, for the row's number."""


class HubSet(Settings):
    """A data set of the Hugging Face Hub, or a folder of its files, by `datasets`."""

    kind: Literal["hub"]
    """Which kind of evaluation set this is."""
    name: str
    """Such as `mteb/scifact`, or a folder."""
    config: str | None = None
    """Which configuration, where there are several."""
    split: str = "test"
    """Which split."""
    revision: str | None = None
    """Which commit; null for the newest."""
    field: str = "text"
    """The column that holds the query or passage."""
    id: str | None = "_id"
    """The column by which a match is named; null, or a row without it, for the row's number."""


EvaluationSet = Annotated[BeirSet | JsonlSet | HubSet, Field(discriminator="kind")]


class DecontaminationSettings(Settings):
    """Passages that hold what an evaluation set asks or answers."""

    against: list[EvaluationSet] = Field(min_length=1)
    """The evaluation sets."""
    ngram: int = Field(default=13, ge=2)
    """So many words in a row are a match (13 as for GPT-3: Brown et al. 2020, appendix C); where a
    script writes no spaces, so many pairs of characters."""
    min_query: int = Field(default=5, ge=1)
    """Shorter queries than `ngram` match as a whole; those with fewer words than this stand in
    passages by chance, and are not looked for there."""
    action: Literal["warn", "drop"] = "drop"
    """`drop` drops the passage, `warn` keeps it; both list each match in
    `passages/kept/contamination.jsonl` of the run."""
