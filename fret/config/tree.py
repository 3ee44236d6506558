"""The whole pipeline file."""

from typing import Any

from pydantic import Field, model_validator

from fret.config.base import RUN_NAME, Settings
from fret.config.candidates import CandidatesSettings
from fret.config.checks import JudgeCheck
from fret.config.examples import ExamplesSettings
from fret.config.judgements import (
    JudgementsSettings,
    ListwiseScorer,
    QueryLikelihoodScorer,
    RelevanceScorer,
)
from fret.config.models import Model, OpenAIModel
from fret.config.publish import PublishSettings
from fret.config.queries import LlmWriter, QueriesSettings
from fret.config.texts import PagesSettings, PassagesSettings


class BudgetSettings(Settings):
    """The most that a run may cost; needs the prices of all models that it asks."""

    usd: float = Field(gt=0)
    """Money for the whole run, over all its processes."""


class PipelineSettings(Settings):
    """The whole pipeline file."""

    run: str = Field(pattern=RUN_NAME)
    """Name of the run: its folder below `runs_dir`."""
    runs_dir: str = "data/runs"
    """Where all runs lie."""
    answers: str = "data/answers.sqlite"
    """Where every answer of a language model is kept, for all runs."""
    vectors: str = "data/vectors"
    """Where the vector of every passage is kept, by model and text, for all runs; what is removed
    there is encoded again when it is needed."""
    seed: int = 0
    """Whatever is drawn at random follows from it."""
    models: dict[str, Model] = Field(default={})
    """Language models, named once and used by role."""
    budget: BudgetSettings | None = None
    """A cap on what the run may cost; null for none."""
    pages: PagesSettings
    """Main text and metadata of each page."""
    passages: PassagesSettings = PassagesSettings()
    """Pages cut into passages."""
    queries: QueriesSettings
    """A task and a query for each seed passage."""
    candidates: CandidatesSettings = CandidatesSettings()
    """The passages that could answer a query."""
    judgements: JudgementsSettings
    """Every candidate scored by every scorer."""
    examples: ExamplesSettings = ExamplesSettings()
    """Positive, negatives and split of each example."""
    publish: PublishSettings = PublishSettings()
    """Where the dataset goes, and what its card says beyond what fret knows."""

    @model_validator(mode="after")
    def _models_are_named(self) -> "PipelineSettings":
        for where, name in self._models_by_user():
            if name not in self.models:
                named = ", ".join(self.models) or "none"
                raise ValueError(
                    f"{where}.model is {name!r}, which `models` does not name (it names: {named})"
                )
        return self

    def _models_by_user(self) -> list[tuple[str, str]]:
        """List (where in the file, name of the model) of all that ask one."""
        users: list[tuple[str, Any]] = [("queries.writer", self.queries.writer)]
        users += [("queries.checks.judge", self.queries.active_checks.judge)]
        users += [(f"judgements.scorers[{i}]", s) for i, s in enumerate(self.judgements.scorers)]
        asking = LlmWriter | JudgeCheck | RelevanceScorer | QueryLikelihoodScorer | ListwiseScorer
        return [(where, user.model) for where, user in users if isinstance(user, asking)]

    @model_validator(mode="after")
    def _budget_knows_prices(self) -> "PipelineSettings":
        for where, name in self._models_by_user() if self.budget else []:
            model = self.models[name]
            if isinstance(model, OpenAIModel) and model.price is None:
                raise ValueError(
                    f"budget needs the price of models.{name} (used by {where}): "
                    "price: {input: …, output: …}, in USD per million tokens"
                )
        return self

    @model_validator(mode="after")
    def _rules_name_scorers(self) -> "PipelineSettings":
        known = [scorer.name for scorer in self.judgements.scorers]
        fusion, leave_out = self.examples.fusion, self.examples.leave_out
        named = [("fusion.weights", name) for name in (fusion.weights if fusion else ())]
        named += [("leave_out", name) for names in leave_out.values() for name in names]
        named = [(f"examples.{where}", name) for where, name in named]
        named += [("publish.scorer", self.publish.scorer)] if self.publish.scorer else []
        for where, name in named:
            if name not in known:
                raise ValueError(
                    f"{where} names {name!r}, which is no scorer (they are: {', '.join(known)})"
                )
        return self

    @model_validator(mode="after")
    def _rules_leave_scorers_that_decide(self) -> "PipelineSettings":
        judgements, fusion = self.judgements, self.examples.fusion
        weights = {scorer.name: judgements.weight_of(scorer) for scorer in judgements.scorers}
        weights |= fusion.weights if fusion else {}
        heavy = [name for name, weight in weights.items() if weight]
        if not heavy:
            raise ValueError(
                "examples.fusion.weights leaves no scorer that decides, for all weigh 0: give one "
                f"more, as in {{{next(iter(weights))}: 1}}"
            )
        first = judgements.scorers[0].name
        if judgements.early_stop and first not in heavy:
            raise ValueError(
                f"judgements.early_stop leaves the choice to the first scorer, but {first} weighs "
                "0 in examples.fusion.weights: give it more, or switch early_stop off"
            )
        for word, names in self.examples.leave_out.items():
            if set(heavy) <= set(names):
                raise ValueError(
                    f"examples.leave_out for {word!r} leaves no scorer of a weight above 0: keep "
                    f"one of {', '.join(heavy)}, or give another one weight"
                )
        return self

    @model_validator(mode="after")
    def _has_enough_candidates(self) -> "PipelineSettings":
        if self.examples.negatives.count >= self.candidates.top_k:
            raise ValueError(
                "examples.negatives.count must be below candidates.top_k: "
                "one of the candidates is the positive"
            )
        return self
