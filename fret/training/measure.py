"""What a model is worth while it is trained: `fret.evaluate` on the model in memory."""

from collections.abc import Callable
from dataclasses import replace

from sentence_transformers import SentenceTransformer

from fret.config.training import TrainingSettings
from fret.evaluation import Options, evaluate

_MEASURES = ("ndcg@10", "recall@100", "spearman")


def make_measure(
    settings: TrainingSettings,
) -> Callable[[SentenceTransformer], dict[str, float]] | None:
    """Return what measures a model on the training file's data; None where it names none."""
    if not settings.evaluate.data:
        return None
    # Vectors of a model that changes are of no use the next time.
    options = replace(reading_options(settings), vectors=None)

    def measure(model: SentenceTransformer) -> dict[str, float]:
        was_training = model.training
        model.eval()
        try:
            found = evaluate([model], settings.evaluate.data, options=options)
        finally:
            model.train(was_training)
        return {
            f"{each.name} {name}": figure.value
            for each in found.data
            for name, figure in each.models[0].figures.items()
            if name in _MEASURES and figure.value is not None
        }

    return measure


def reading_options(settings: TrainingSettings) -> Options:
    """Return how a model reads queries and passages that was trained so."""
    how = settings.format
    return Options(
        query_format=how.query,
        passage_format=how.passage,
        default_task=how.default_task,
        max_length=settings.model.max_length,
        device=settings.device,
        precision=settings.precision,
        seed=settings.seed,
    )
