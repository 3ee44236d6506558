"""What training begins with: an embedding model, or an encoder or decoder made into one."""

from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from fret.config.training import ModelSettings
from fret.errors import ConfigError
from fret.retrieval.model_files import download, find_cached, find_model, load_files


def open_base(name: str, how: ModelSettings, device: str) -> SentenceTransformer:
    """Load what a training file names as its base, in float32.

    Raises:
        ConfigError: it is not there, or cannot be made an embedding model.
    """
    path = find_model(name) if _may_be_one(name) else None
    if path and (Path(path) / "modules.json").exists():
        model: SentenceTransformer = load_files(path, device, "float32")
    else:
        model = _build(name, how, device)
    model.max_seq_length = min(how.max_length, model.max_seq_length or how.max_length)
    return model


def _may_be_one(name: str) -> bool:
    return not Path(name).is_dir() or (Path(name) / "modules.json").exists()


def _build(name: str, how: ModelSettings, device: str) -> SentenceTransformer:
    path = name if Path(name).is_dir() else find_cached(name, "config.json") or download(name)
    if path is None:
        raise ConfigError(
            f"The base {name!r} is no folder, and neither in the Hub's cache nor to be had from "
            "the Hub. Check the name and the network, or download it and name its folder."
        )
    transformer = Transformer(path)
    modules: list[Any] = [transformer, Pooling(transformer.get_embedding_dimension()), Normalize()]
    return SentenceTransformer(modules=modules, device=device)
