"""The evaluation sets that `passages.decontamination` names."""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

from fret.config import BeirSet, DecontaminationSettings, EvaluationSet, HubSet, JsonlSet
from fret.records import hash_json
from fret.sources.evaluation_sets import Item, read_beir, read_hub, read_table, read_whole
from fret.stages.context import Context
from fret.text.decontaminate import EvaluationText, EvaluationTexts


class EvaluationSets:
    """Read once, when first needed, which is before any work: for the fingerprint.

    A set that lies in files goes by the name of its file or folder.
    """

    def __init__(self, context: Context, settings: DecontaminationSettings) -> None:
        self._context, self._settings = context, settings

    def identity(self) -> list[str]:
        """Return a hash of each set's content, in their order."""
        return [hash_json(items) for _, items in self._items]

    def load(self) -> EvaluationTexts:
        """Build what finds their texts in others."""
        texts = (EvaluationText(name, *item) for name, items in self._items for item in items)
        settings = self._settings
        return EvaluationTexts(texts, ngram=settings.ngram, shortest=settings.min_query)

    @cached_property
    def _items(self) -> list[tuple[str, list[Item]]]:
        return [
            (name, read_whole(read, name))
            for name, read in map(self._find_reader, self._settings.against)
        ]

    def _find_reader(self, wanted: EvaluationSet) -> tuple[str, Callable[[], Iterator[Item]]]:
        match wanted:
            case BeirSet():
                path = self._context.find_path(wanted.path)
                return path.name, partial(read_beir, path)
            case JsonlSet():
                path = self._context.find_path(wanted.path)
                return path.name, partial(read_table, path, field=wanted.field, id=wanted.id)
            case HubSet():
                options: dict[str, Any] = wanted.model_dump(exclude={"kind"})
                return wanted.name, partial(read_hub, options.pop("name"), **options)
