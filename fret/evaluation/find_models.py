"""From what people name as models to what ranks passages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Union

from numpy.typing import NDArray

from fret.errors import UserError
from fret.evaluation.beir_folder import is_beir
from fret.evaluation.collection import Collection, PairSet
from fret.evaluation.dense_model import DenseModel
from fret.evaluation.metrics import Rankings
from fret.evaluation.options import Observer, Options
from fret.evaluation.word_model import BM25, WordModel
from fret.retrieval.encode import Embedder, LoadedEmbedder
from fret.retrieval.model_files import find_model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ModelName = Union[str, "Path", "SentenceTransformer"]
"""`bm25`, a folder, a name on the Hub, or a model in memory."""

_NAMED = 5


class Ranker(Protocol):
    """A model, with one row or several."""

    names: list[str]

    def describe(self) -> list[dict[str, Any]]: ...
    def rank(self, collection: Collection) -> list[Rankings]: ...


def find_models(
    models: Sequence[ModelName] | Mapping[str, ModelName], options: Options, observer: Observer
) -> list[WordModel | DenseModel]:
    """Find all models before any of them does any work.

    Args:
        models: by what to call them, where that is not the last part of their names.

    Raises:
        UserError: one is not there, or cannot be what it is meant to be, or two are the same.
    """
    if not models:
        raise UserError("Name at least one model: a folder, a name on the Hub, or bm25.")
    labelled = models
    if not isinstance(labelled, Mapping):
        labelled = dict(zip(_label(labelled), labelled, strict=True))
    embedders = [_find_embedder(model, options) for model in labelled.values()]
    found: list[WordModel | DenseModel] = []
    for (label, model), embedder in zip(labelled.items(), embedders, strict=True):
        if embedder is None:
            found.append(WordModel(options.language, observer))
        else:
            name = label if isinstance(embedder, LoadedEmbedder) else str(model)
            found.append(DenseModel(label, name, embedder, options, observer))
    return found


def _find_embedder(model: ModelName, options: Options) -> Embedder | None:
    if not isinstance(model, str | Path):
        return LoadedEmbedder(model, options.encoding())
    name = str(model)
    if name == BM25:
        return None
    folder = Path(name)
    if folder.is_dir():
        _check_folder(folder)
    path = find_model(name)
    if path is None:
        raise UserError(
            f"There is no model {name}: no folder of that name is here, it is not in the cache of "
            "the Hub, and the Hub has none or cannot be reached. Mend the name, or fetch it first: "
            f"hf download {name}"
        )
    return Embedder(path, options.encoding())


def _check_folder(folder: Path) -> None:
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return
    if is_beir(folder):
        raise UserError(
            f"{folder} is a collection, not a model. Write --data before each: --data {folder}"
        )
    below = sorted(p.parent for p in folder.glob("*/modules.json"))[:_NAMED]
    hint = f" Did you mean {', '.join(map(str, below))}?" if below else ""
    raise UserError(
        f"The folder {folder} holds no model: neither modules.json (sentence-transformers) nor "
        f"config.json is in it.{hint}"
    )


def _label(models: Sequence[ModelName]) -> list[str]:
    """Return what to call each: the last part of its name where that is no other's."""
    names = [_name(model) for model in models]
    for name, n in Counter(names).items():
        if n > 1:
            raise UserError(f"The model {name} is named twice. Name each once.")
    short = [_shorten(name) for name in names]
    seen = Counter(short)
    return [own if seen[own] == 1 else name for own, name in zip(short, names, strict=True)]


def _shorten(name: str) -> str:
    """Return the last part of a name; mine of `data/models/mine/model`, as `fret train` has it."""
    *before, last = name.rstrip("/").split("/")
    return before[-1] if last == "model" and before and before[-1] else last or name


def _name(model: ModelName) -> str:
    if isinstance(model, str | Path):
        return str(model).rstrip("/") or "/"
    card: Any = getattr(model, "model_card_data", None)
    return str(getattr(card, "model_id", None) or getattr(card, "base_model", None) or "model")


Cosines = list[NDArray[Any]]


def compare_pairs(model: WordModel | DenseModel, pairs: PairSet) -> Cosines | None:
    """Return the cosines of all pairs for each row of a model; None where it has none."""
    return model.compare(pairs) if isinstance(model, DenseModel) else None
