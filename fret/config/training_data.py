"""What a training file learns from."""

from typing import Annotated, Literal

from pydantic import Field

from fret.config.base import Settings


class FretData(Settings):
    """A dataset that fret made."""

    kind: Literal["fret"]
    path: str
    """Its folder, or its name on the Hub."""
    split: str = "train"
    """Which split to learn from."""
    negatives: int = Field(default=1, ge=0)
    """How many hard negatives of each example to take; Gecko takes one."""
    weight: float = Field(default=1.0, gt=0)
    """How many times its size it is drawn."""


class TableData(Settings):
    """What all data from elsewhere has."""

    path: str
    """A .jsonl or .parquet file, or a dataset's name on the Hub."""
    config: str | None = None
    """On the Hub: which of its configs."""
    split: str = "train"
    """On the Hub: which split."""
    weight: float = Field(default=1.0, gt=0)
    """How many times its size it is drawn."""
    max_rows: int | None = Field(default=None, ge=1)
    """Rows to take, from the front."""
    task: str | None = None
    """The task of all its texts; null: `format.default_task`."""


class PairsData(TableData):
    """Pairs or triplets from elsewhere."""

    kind: Literal["pairs"]
    anchor: str = "anchor"
    """The column with the query."""
    positive: str = "positive"
    """The column with the passage that answers it."""
    negatives: list[str] = Field(default=[])
    """Columns with hard negatives."""
    symmetric: bool = False
    """Whether positives and negatives are texts of the same kind as the anchor."""


class NliData(TableData):
    """Natural language inference: what follows from a premise is its positive, what contradicts it
    its negative. Premises without both are left out."""

    kind: Literal["nli"]
    premise: str = "premise"
    """The column with the premise."""
    hypothesis: str = "hypothesis"
    """The column with the hypothesis."""
    label: str = "label"
    """The column with the label."""
    entailment: int | str = 0
    """The label of what follows, as SNLI and MNLI have it."""
    contradiction: int | str = 2
    """The label of what contradicts."""
    task: str | None = "semantic similarity"


class ClassificationData(TableData):
    """Texts with classes: a text's positive is another one of its class, its negative one of
    another class (Gecko, section 3.3)."""

    kind: Literal["classification"]
    text: str = "text"
    """The column with the text."""
    label: str = "label"
    """The column with the class."""
    unique_ids: bool = True
    """Ends the three texts of a row with an id of their own, so that only its own negative is hard
    to tell apart: the texts of other rows may be of its class (Gecko, section 3.3)."""
    task: str | None = "classification"


class StsData(TableData):
    """Pairs of sentences with a score: each pair of at least `min_score` is learned from in both
    directions, with no negative of its own (NV-Embed, section 4)."""

    kind: Literal["sts"]
    sentence1: str = "sentence1"
    """The column with the one sentence."""
    sentence2: str = "sentence2"
    """The column with the other."""
    score: str = "score"
    """The column with the score."""
    min_score: float = 4.0
    """The least score of a pair that counts as the same, on the scale that the data has."""
    task: str | None = "semantic similarity"


DataSettings = Annotated[
    FretData | PairsData | NliData | ClassificationData | StsData, Field(discriminator="kind")
]
