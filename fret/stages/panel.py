"""The scorers of a pipeline file, with their models and prompts."""

from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

from fret.config import (
    CrossEncoderScorer,
    EmbeddingScorer,
    JudgementsSettings,
    ListwiseScorer,
    QueryLikelihoodScorer,
    RelevanceScorer,
    UnigramScorer,
)
from fret.config import Scorer as ScorerSettings
from fret.errors import ConfigError
from fret.fingerprint import identity_of
from fret.lookup import PassageLookup
from fret.prompts import Prompt
from fret.retrieval.encode import Embedder
from fret.retrieval.model_files import MINILM, identify_model
from fret.retrieval.pairs import PairModel
from fret.retrieval.search import PassageVectors
from fret.scorers import Scorer
from fret.scorers.cross_encoder import CrossEncoderScorer as PairScorer
from fret.scorers.embedding import EmbeddingScorer as CosineScorer
from fret.scorers.listwise import ListwiseScorer as RankingScorer
from fret.scorers.query_likelihood import QueryLikelihoodScorer as LikelihoodScorer
from fret.scorers.relevance import RelevanceScorer as GradingScorer
from fret.scorers.unigram import UnigramScorer as WordScorer
from fret.stages.base import Question
from fret.stages.context import Context
from fret.store import Run

Asking = RelevanceScorer | QueryLikelihoodScorer | ListwiseScorer

# What each scorer asks of its model.
_KINDS = {"relevance": "labels", "query_likelihood": "likelihood", "listwise": "chat"}


class Panel:
    """Finds what the scorers need before any work, and builds them when there is some.

    Raises:
        PromptError: a prompt file cannot be used.
        ConfigError: a model for embeddings or pairs is missing.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        settings: JudgementsSettings = context.settings.judgements
        self._settings = settings
        self._prompts: dict[str, Prompt] = {}
        self._embedders: dict[str, Embedder] = {}
        self._pair_models: dict[str, PairModel] = {}
        self.usable = [scorer for scorer in settings.scorers if self._find_parts(scorer)]
        """The scorers but for one whose model may be missing, and is."""
        self.weights = [settings.weight_of(scorer) for scorer in self.usable]

    def identity(self) -> list[dict[str, Any]]:
        """Return all of the scorers that can change their scores."""
        return [self._identity_of(scorer) for scorer in self.usable]

    def questions(self, n_words: int) -> set[Question]:
        """Return what will be asked, with passages of so many words."""
        found = set()
        for scorer in self.usable:
            if isinstance(scorer, Asking):
                n = scorer.window if isinstance(scorer, ListwiseScorer) else 1
                longest = self._prompts[scorer.name].longest(n_words, n)
                found.add(Question(scorer.model, _KINDS[scorer.kind], longest))
        return found

    def build(self, run: Run, lookup: PassageLookup) -> list[Scorer]:
        return [self._build(scorer, run, lookup) for scorer in self.usable]

    def _find_parts(self, scorer: ScorerSettings) -> bool:
        """Find a scorer's prompt or model; return whether the scorer can be used.

        Only the default embedding model may be missing, where another scorer can decide alone.
        """
        match scorer:
            case RelevanceScorer() | QueryLikelihoodScorer() | ListwiseScorer():
                self._prompts[scorer.name] = self._context.prompt(scorer.prompt, scorer.kind)
            case CrossEncoderScorer():
                self._pair_models[scorer.name] = self._context.pair_model(
                    scorer.model,
                    query_format=scorer.query_format,
                    max_length=scorer.max_length,
                    batch_size=scorer.batch_size,
                )
            case EmbeddingScorer():
                return self._find_embedder(scorer)
        return True

    def _find_embedder(self, scorer: EmbeddingScorer) -> bool:
        try:
            self._embedders[scorer.name] = self._context.embedder(scorer.model, **scorer.encoding())
        except ConfigError as error:
            if not self._can_do_without(scorer) or scorer.model != MINILM:
                raise
            self._context.observer.warned(f"{error} The scorer `{scorer.name}` is left out.")
            return False
        return True

    def _can_do_without(self, scorer: ScorerSettings) -> bool:
        others = [other for other in self._settings.scorers if other.name != scorer.name]
        # An early stop is stated in the scores of the scorer that stands first.
        return self._settings.early_stop is None and any(map(self._settings.weight_of, others))

    def _identity_of(self, scorer: ScorerSettings) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(scorer.model_dump())
        if isinstance(scorer, EmbeddingScorer | CrossEncoderScorer):
            identity["model"] = identify_model(scorer.model)
        elif isinstance(scorer, Asking):
            identity["model"] = self._context.model_identity(scorer.model)
            identity["prompt_hash"] = self._prompts[scorer.name].hash
        return identity

    def _build(self, scorer: ScorerSettings, run: Run, lookup: PassageLookup) -> Scorer:
        match scorer:
            case UnigramScorer():
                return WordScorer(lookup, mu=scorer.mu, name=scorer.name)
            case EmbeddingScorer():
                return self._build_cosine(scorer, run, lookup)
            case CrossEncoderScorer():
                pair_model = self._pair_models[scorer.name]
                return PairScorer(pair_model, model=scorer.model, name=scorer.name)
        llm, prompt = self._context.llm(scorer.model), self._prompts[scorer.name]
        match scorer:
            case RelevanceScorer():
                return GradingScorer(llm, prompt, made_of=scorer.score, name=scorer.name)
            case QueryLikelihoodScorer():
                return LikelihoodScorer(llm, prompt, made_of=scorer.score, name=scorer.name)
            case ListwiseScorer():
                return RankingScorer(
                    llm,
                    prompt,
                    window=scorer.window,
                    step=scorer.step,
                    max_tokens=scorer.max_tokens,
                    name=scorer.name,
                )

    def _build_cosine(
        self, scorer: EmbeddingScorer, run: Run, lookup: PassageLookup
    ) -> CosineScorer:
        embedder, opening = self._embedders[scorer.name], Lock()

        @cache
        def open_vectors() -> PassageVectors:
            return self._context.vectors(run, scorer.model, embedder)

        def vectors_of(passage_ids: Sequence[str]) -> Any:
            # Opened when first needed, which may mean to encode all passages: a pass that only
            # asks models does not.
            with opening:
                vectors = open_vectors()
            rows = [lookup.row_of(passage_id) for passage_id in passage_ids]
            return vectors.take([row for row in rows if row is not None])

        return CosineScorer(embedder, vectors_of, model=scorer.model, name=scorer.name)
