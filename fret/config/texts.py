"""Sections of the stages that read texts: pages, passages."""

from typing import Literal

from pydantic import Field, model_validator

from fret.config.base import Settings
from fret.config.filters import DecontaminationSettings, DuplicatesSettings, FiltersSettings
from fret.config.sources import Source


class PagesSettings(Settings):
    """Main text and metadata of each page."""

    source: Source
    """Where the pages come from."""
    extractor: Literal["trafilatura", "resiliparse"] = "trafilatura"
    """What finds the main text of HTML: `trafilatura` is more exact, `resiliparse` several times
    faster and keeps more of what stands around."""
    focus: Literal["balanced", "precision", "recall"] = "balanced"
    """What counts most where main text is hard to tell from the rest, for `trafilatura`: both
    evenly, no foreign text (`precision`), or no text lost (`recall`)."""
    workers: int | None = Field(default=None, ge=1)
    """Processes that extract; null for one per core, and fewer where pages are few."""
    timeout_s: float = Field(default=30, gt=0)
    """A page that takes longer is dropped."""
    max_bytes: int = Field(default=5_000_000, ge=1)
    """A page with more bytes (unpacked) is dropped."""
    memory_mb: int = Field(default=2000, ge=512)
    """Memory for one worker, in MB; a page that needs more is dropped."""
    shard_pages: int = Field(default=500, ge=1)
    """Pages per shard: what is lost at most when a stage is cut off. Where the source is `warc`, a
    shard ends with its file at the latest."""

    @model_validator(mode="after")
    def _focus_has_a_meaning(self) -> "PagesSettings":
        if self.extractor == "resiliparse" and self.focus != "balanced":
            raise ValueError(
                f"focus: {self.focus} is for the extractor trafilatura; resiliparse has one way "
                "only: leave focus out, or set extractor: trafilatura"
            )
        return self


class PassagesSettings(Settings):
    """Pages cut into passages, and what is left out."""

    split: Literal["sentences", "none"] = "sentences"
    """`sentences` splits along headings, then blocks (paragraphs, lists, tables, code), then
    sentences; `none` keeps each page as one passage."""
    tokenizer: str | None = Field(default=None, min_length=1)
    """What sizes are counted in: null for words (in scripts without spaces between them, each
    character), or the tokens of a Hugging Face tokenizer, by its name or folder, without those that
    a model adds around a text."""
    max_size: int = Field(default=200, ge=10)
    """Longest passage, in words or tokens; only a sentence that is longer is cut to keep it. Its
    title and headings, which go before it, do not count: where a model has a limit, leave room."""
    min_size: int = Field(default=30, ge=1)
    """Shorter pieces join their neighbour; a page that is shorter as a whole is dropped."""
    overlap: int = Field(default=0, ge=0)
    """How much of the sentences before it a passage may repeat, half of `max_size` at most. Only
    whole sentences are, and none across a heading."""
    workers: int | None = Field(default=None, ge=1)
    """Processes that read texts for filters and duplicates; null for one per core."""
    replace_personal_data: bool = True
    """Put fixed examples in the place of e-mail addresses and public IP addresses, in titles and
    texts, as FineWeb does."""
    filters: FiltersSettings = FiltersSettings()
    """Pages that are left out, and lines of them, before they are split."""
    duplicates: DuplicatesSettings = DuplicatesSettings()
    """Passages that repeat an earlier one; `false` or null keeps all."""
    decontamination: DecontaminationSettings | None = None
    """Passages that hold what an evaluation set asks or answers; null: not looked for."""

    @model_validator(mode="after")
    def _sizes_fit_together(self) -> "PassagesSettings":
        if self.min_size * 2 > self.max_size:
            by_default = "" if "min_size" in self.model_fields_set else ", by default"
            raise ValueError(
                f"min_size ({self.min_size}{by_default}) may be half of max_size "
                f"({self.max_size}) at most, else some pieces fit nowhere: set min_size to "
                f"{self.max_size // 2} or less, or max_size to {self.min_size * 2} or more"
            )
        if self.overlap * 2 > self.max_size or self.overlap + self.min_size * 2 > self.max_size:
            most = min(self.max_size // 2, self.max_size - self.min_size * 2)
            raise ValueError(
                f"overlap may be {most} at most: half of max_size, and what twice min_size leaves"
            )
        return self
