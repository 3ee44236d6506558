"""What every format shares: the choices, the rows of the run, the count of what does not fit."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from fret.export.files import Files
from fret.records import Example, Passage
from fret.store import Run


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of an export; None leaves the choice to the format."""

    splits: tuple[str, ...] = ()
    """Which splits, by name; all that there are when none is named."""
    form: str | None = None
    """`gecko`: `task: … | query: …` and `title: … | text: …`, as in the dataset's `triplets`.
    `plain`: the query alone, and the passage with its title before it, for models that have
    prompts of their own; the task stands apart where the format has a place for it."""
    negatives: int | None = None
    """How many negatives each row has; 0 makes pairs."""
    scores: str | None = None
    """The scorer whose scores go along, `fused` for the fused score; `none`, as by default, for no
    scores: where a candidate was chosen that nobody judged, scores cost rows."""
    files: str | None = None
    """`parquet` or `jsonl`."""


class Format(Protocol):
    """One way to write a run's examples down."""

    name: ClassVar[str]
    takes: ClassVar[frozenset[str]]
    """Which of the options it can follow, besides `splits`."""
    form: ClassVar[str]
    """The form of the texts unless another is chosen."""

    def write(self, job: "Job") -> None:
        """Write all files of the export."""
        ...

    def describe(self, job: "Job") -> str:
        """Say in Markdown what the files hold and how they are read."""
        ...

    def configs(self, job: "Job") -> list[dict[str, Any]]:
        """Return the `configs` by which `datasets` finds the files; empty where it does not."""
        ...


class Job:
    """One export on its way: rows in, files out, and the count of what the format cannot hold."""

    def __init__(self, run: Run, folder: Path, options: Options, form: str) -> None:
        self.files = Files(folder)
        self.options, self.form = options, form
        self.left_out: Counter[str] = Counter()
        """Examples that the format cannot hold, by reason."""
        self.not_held: Counter[str] = Counter()
        """Parts of the other examples that it cannot hold, or not as they are, by what they are."""
        self.read = 0
        self.run = run

    def examples(self) -> Iterator[Example]:
        """Stream the examples of the chosen splits."""
        splits = set(self.options.splits)
        for example in self.run.rows(Example):
            if not splits or example.split in splits:
                self.read += 1
                yield example

    def passages(self) -> Iterator[Passage]:
        """Stream all passages of the run; of equal ones the first. Memory holds their ids."""
        seen: set[bytes] = set()
        for passage in self.run.rows(Passage):
            if (packed := bytes.fromhex(passage.id)) not in seen:
                seen.add(packed)
                yield passage

    @property
    def scorer(self) -> str | None:
        """Whose scores go along; None for no scores."""
        return None if self.options.scores == "none" else self.options.scores

    @property
    def fewest_negatives(self) -> int:
        """How many negatives every example has."""
        measures = self.run.stage(Example.STAGE).require().measures
        return min(map(int, measures["examples"]["negatives"]), default=0)

    def note(self, what: str, n: int) -> None:
        """Count parts of examples that are not held."""
        if n:
            self.not_held[what] += n


def list_scores(example: Example, scorer: str) -> tuple[float | None, list[float | None]]:
    """Return a scorer's score of the positive and of each negative; `fused` for the fused ones."""
    if scorer == "fused":
        return example.positive_fused_score, list(example.negative_fused_scores)
    place = example.scorers.index(scorer)
    negatives = [_finite(scores[place]) for scores in example.negative_scores]
    return _finite(example.positive_scores[place]), negatives


def list_extra_scores(example: Example, scorer: str) -> list[float | None]:
    """Return a scorer's score of each further positive; there are no fused ones."""
    if scorer == "fused":
        return [None] * len(example.extra_positives)
    place = example.scorers.index(scorer)
    return [_finite(scores[place]) for scores in example.extra_positive_scores]


def _finite(score: float | None) -> float | None:
    """Return a score that JSON can write and a loss can use; an infinite one is none."""
    return score if score is not None and math.isfinite(score) else None


def pair_up(titles: Sequence[str], texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return (title, text) of passages."""
    return list(zip(titles, texts, strict=True))
