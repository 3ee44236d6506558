"""Section of the stage examples: which passages become positives and negatives."""

from typing import Literal

from pydantic import Field, model_validator

from fret.config.base import Settings


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
    splits: dict[Literal["validation", "test"], float] = Field(default={"test": 0.05})
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
