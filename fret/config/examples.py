"""Section of the stage examples: which passages become positives and negatives."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fret.config.base import Settings

CAUTIOUS_TASKS = [
    "claim",
    "claims",
    "fact check",
    "fact checking",
    "verify",
    "verification",
    "support or refute",
    "supports or refutes",
    "refute",
    "refutes",
    "refutation",
    "counter argument",
    "counter arguments",
    "counterargument",
    "counterarguments",
]


class ScoresFusion(Settings):
    """The stored scores fused anew, without any call: see `judgements.fusion`."""

    k: float = Field(default=0, ge=0)
    """How little a first place counts more than a second; at 0, twice as much."""
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})
    """By the scorers' names, by default as in `judgements`; one of them is above 0."""


class ExtraPositivesSettings(Settings):
    """Other candidates that are as relevant as the positive: kept beside it, never negatives.

    RLHN (arXiv 2505.16967): to relabel them is worth more than to remove them, and that more than
    to drop the query.
    """

    max_count: int = Field(default=3, ge=0)
    """The most that are kept; what is over is no negative either."""
    margin: float = Field(default=0.25, ge=0, le=3)
    """How far below the positive's expected relevance they may be; `relevant_from` holds too.

    A quarter of a grade: less than what one judge's log-probabilities tell apart."""


class NegativesSettings(Settings):
    """Which candidates become hard negatives. Every guard refuses what it is named after."""

    count: int = Field(default=1, ge=1)
    """Negatives per example."""
    at_least: int | None = Field(default=None, ge=1)
    """A query with fewer fit candidates than this is dropped; null: with fewer than `count`."""
    pick: Literal["auto", "lowest", "hardest", "random", "band"] = "auto"
    """`lowest`: from the fused ranking's end, as in Gecko; `hardest`: what the retriever finds most
    similar, of what the guards leave; `random`; `band`: at random within `band`. `auto`: `hardest`
    where a scorer graded the candidates and `max_relevance` is set, else `lowest`: without grades
    every second of the hardest is in truth relevant."""
    band: list[float] = Field(default=[0.5, 0.9], min_length=2, max_length=2)
    """Least and greatest similarity for `pick: band`, as shares of the positive's."""
    max_similarity: float | None = Field(default=0.95, gt=0)
    """Refuse a candidate whose similarity to the query is over this share of the positive's
    (NV-Retriever's TopK-PercPos, arXiv 2407.15831). Where the positive's is not above 0, whatever
    is more similar than the positive is refused; null: no such rule."""
    min_margin: float | None = Field(default=None, ge=0)
    """Refuse a candidate that is not this much less similar than the positive (TopK-MarginPos; 0.05
    there); null: no such rule."""
    max_relevance: float | None = Field(default=0.5, ge=0, le=3)
    """Refuse a candidate with a higher expected relevance (0 to 3), by any scorer that grades;
    null: no such rule. 0.5: only what is judged to have nothing to do with the query. On two public
    sets 0.16 to 0.21 of those judged below 2 are relevant to people, and 0.03 to 0.07 of those
    judged 0."""
    unjudged_similarity: float | None = Field(default=0.9, gt=0)
    """Where the judged candidates give too few: take further ones (`candidates.deeper_to`) that are
    under this share of the similarity of the least similar relevant candidate; null: never."""
    same_page: Literal["refuse", "allow"] = "refuse"
    """Passages of the positive's page."""
    seed: Literal["refuse", "allow"] = "refuse"
    """The passage that the query was written from, where it is not the positive."""
    max_overlap: float | None = Field(default=0.8, gt=0, le=1)
    """Refuse a text that shares this much of its words, in runs of three, with a positive or
    another negative (containment, Broder 1997); null: only equal texts."""

    @model_validator(mode="after")
    def _numbers_fit(self) -> "NegativesSettings":
        if self.at_least is not None and self.at_least > self.count:
            raise ValueError("negatives.at_least cannot be above negatives.count")
        if not self.band[0] < self.band[1]:
            raise ValueError("negatives.band must be [low, high], low below high")
        return self


class ExamplesSettings(Settings):
    """Positive, negatives and split of each example."""

    fusion: ScoresFusion | None = None
    """null: the ranking that the stage judgements made."""
    positive: Literal["top", "seed", "agreed"] = "top"
    """`top`: the best of the fused ranking, as in Gecko; `seed`: the passage that the query came
    from; `agreed`: the best if all scorers have it first, else the seed. A query without a seed
    (one of your own that names no passage) follows `top`, whatever stands here or in
    `cautious_tasks`; each example says which rule it followed."""
    cautious_tasks: list[str] = Field(default=CAUTIOUS_TASKS)
    """Tasks with one of these words, in their type or text, have the rule `agreed` instead of
    `top`. By default those about claims and counter-arguments, where Gecko's own table (6, nDCG@10)
    shows that scorers make the ranking worse: query likelihood takes ArguAna from 51.1 to 35.7 and
    Climate-FEVER from 23.6 to 15.2, relevance takes FEVER from 81.6 to 71.1, and both fused are at
    78.8 still below the retriever."""
    leave_out: dict[str, list[str]] = Field(default={})
    """Scorers (by name) that decide nothing for tasks with a word, as in
    {counter-argument: [query_likelihood]}. A word leaves one of a weight above 0; for a task with
    several words that together leave none, all stay."""
    relevant_from: float = Field(default=2.0, ge=0, le=3)
    """A candidate counts as relevant from this expected relevance on."""
    min_relevance: float | None = Field(default=1.5, ge=0, le=3)
    """Drop a query whose positive has less expected relevance, where a scorer grades; null: never.
    1.5: rather meeting the need in part (2) than only on the subject (1)."""
    max_relevant: int | None = Field(default=None, ge=1)
    """Drop a query with more relevant candidates, as ambiguous; null: never, for RLHN found that
    worse (0.506) than to relabel them (0.515)."""
    extra_positives: ExtraPositivesSettings | None = ExtraPositivesSettings()
    """What is as good as the positive; null: not looked for, and it may be a negative."""
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
