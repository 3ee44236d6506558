"""Sections of the stages that read texts: pages, passages."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fret.config.base import Settings
from fret.config.filters import DecontaminationSettings, DuplicatesSettings, FiltersSettings


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
    id: str | None = "id"
    """The column that holds your own id, by which your own queries may name the page; null for
    none. A row may lack it."""


class WarcSource(Settings):
    """Web archives: WARC and WET files, gzipped or not. HTML that was answered with status 200 is
    read; all else, and what is damaged or cut off, is dropped with its reason."""

    kind: Literal["warc"]
    """Which kind of source this is."""
    path: str | Annotated[list[str], Field(min_length=1)]
    """A file, a folder, a glob such as `crawl/*.warc.gz`, or a list of them; also looked for beside
    the pipeline file. Files are read in the order of their names, so new ones whose names come
    after all others only add to what is done. Addresses (s3://, https://, hf:// …) go through
    fsspec, which needs its package for each (s3fs, gcsfs)."""


# It goes into a header, in brackets: printable ASCII without brackets.
_CONTACT = re.compile(r"[!-'*-?A-~]+@[!-'*-?A-~]+|https?://[!-'*-~]+")


class UrlsSource(Settings):
    """Web pages by their addresses, fetched politely: robots.txt is obeyed, a host is asked one
    thing at a time, HTML alone is read. What was fetched is kept in `crawl.sqlite` in the run's
    folder: a run that goes on, and --redo pages, fetch only what is not there (--redo also what
    could not be had)."""

    kind: Literal["urls"]
    """Which kind of source this is."""
    path: str | None = None
    """A text file with one address a line (lines that begin with # are comments); also looked for
    beside the pipeline file. null where sitemaps alone are read."""
    sitemaps: list[str] = Field(default=[])
    """Addresses of sitemaps, or of indexes of them, gzipped or not; their pages follow the
    list's."""
    contact: str
    """An e-mail or web address at which you can be reached; it stands in the user agent of every
    request."""
    delay_s: float = Field(default=1.0, ge=0)
    """Pause between two requests to a host; longer where its robots.txt asks for that."""
    max_crawl_delay_s: float = Field(default=60, ge=0)
    """The longest pause that a robots.txt may ask for; a longer one is taken for this."""
    max_wait_s: float = Field(default=120, ge=0)
    """The longest that a busy host (status 429, 503) is waited for, each time; a page whose host
    asks for longer is dropped."""
    timeout_s: float = Field(default=60, gt=0)
    """A page that takes longer to come, redirects included, is dropped; waiting for its host's turn
    does not count."""
    max_redirects: int = Field(default=5, ge=0)
    """A page behind more redirects is dropped."""
    hosts_at_once: int = Field(default=16, ge=1)
    """Hosts that are asked side by side."""
    allow_private: bool = False
    """Whether addresses of private networks and of this machine may be visited too."""
    max_age_s: float | None = Field(default=None, gt=0)
    """Pages and sitemaps that were fetched longer ago are fetched anew when they are next needed,
    as for --redo pages; null keeps them for good."""

    @field_validator("contact")
    @classmethod
    def _contact_can_be_reached(cls, contact: str) -> str:
        if not _CONTACT.fullmatch(contact):
            raise ValueError(
                "contact must be an e-mail address (me@example.org) or a web address (https://…), "
                "so that the owner of a site can reach you"
            )
        return contact

    @model_validator(mode="after")
    def _names_pages(self) -> "UrlsSource":
        if self.path is None and not self.sitemaps:
            raise ValueError("name a list of addresses (path), sitemaps, or both")
        return self


Source = Annotated[HtmlSource | WarcSource | UrlsSource | JsonlSource, Field(discriminator="kind")]


class PagesSettings(Settings):
    """Main text and metadata of each page."""

    source: Source
    """Where the pages come from."""
    workers: int | None = Field(default=None, ge=1)
    """Processes that extract; null for one per core."""
    timeout_s: float = Field(default=30, gt=0)
    """A page that takes longer is dropped."""
    max_bytes: int = Field(default=5_000_000, ge=1)
    """A page with more bytes (unpacked) is dropped."""
    memory_mb: int = Field(default=2000, ge=256)
    """Memory for one worker, in MB; a page that needs more is dropped."""
    shard_pages: int = Field(default=500, ge=1)
    """Pages per shard: what is lost at most when a stage is cut off. Where the source is `warc`, a
    shard ends with its file at the latest."""


class PassagesSettings(Settings):
    """Pages cut into passages, and what is left out."""

    split: Literal["sentences", "none"] = "sentences"
    """`none` keeps each page as one passage."""
    max_words: int = Field(default=200, ge=10)
    """Longest passage; only a single sentence may be cut to keep it."""
    min_words: int = Field(default=30, ge=1)
    """Shorter pieces join their neighbour; a page that is shorter as a whole is dropped."""
    workers: int | None = Field(default=None, ge=1)
    """Processes that read texts for filters and duplicates; null for one per core."""
    replace_personal_data: bool = True
    """Put fixed examples in the place of e-mail addresses and public IP addresses, in titles and
    texts, as FineWeb does."""
    filters: FiltersSettings = FiltersSettings()
    """Pages that are left out, and lines of them, before they are split."""
    duplicates: DuplicatesSettings = DuplicatesSettings()
    """Passages that repeat an earlier one."""
    decontamination: DecontaminationSettings | None = None
    """Passages that hold what an evaluation set asks or answers; null: not looked for."""

    @model_validator(mode="after")
    def _bounds_are_apart(self) -> "PassagesSettings":
        if self.min_words * 2 > self.max_words:
            raise ValueError(
                "min_words may be half of max_words at most, else some pieces fit nowhere"
            )
        return self
