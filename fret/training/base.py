"""What training begins with: an embedding model, or an encoder or decoder made into one."""

from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from fret.config.training import ModelSettings
from fret.errors import ConfigError
from fret.modules.build import build_model, load_model
from fret.modules.instruction import InstructedTransformer
from fret.modules.latent_attention import LatentShape
from fret.retrieval.model_files import download, find_cached, find_packaged


def open_base(name: str, how: ModelSettings, query_format: str, device: str) -> SentenceTransformer:
    """Load what a training file names as its base, in float32.

    An embedding model stays what it is; of anything else one is made.

    Args:
        query_format: where `how` leaves instructions out of pooling, they are told by it.

    Raises:
        UserError: it is not there, or cannot be made an embedding model.
    """
    path = _find(name)
    if (Path(path) / "modules.json").exists():
        model = _load(path, device)
        model.max_seq_length = min(how.max_length, model.max_seq_length or how.max_length)
        return model
    return _build(path, how, query_format, device)


def _find(name: str) -> str:
    found = name if Path(name).is_dir() else None
    found = found or find_cached(name, "config.json") or find_packaged(name) or download(name)
    if found is None:
        raise ConfigError(
            f"The base {name!r} is no folder, and neither in the Hub's cache nor to be had from "
            "the Hub. Check the name and the network, or download it and name its folder."
        )
    return found


def _load(path: str, device: str) -> SentenceTransformer:
    try:
        return load_model(path, device=device, local_files_only=True, **_FULL)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ConfigError(f"The model in {path} cannot be loaded: {error}.") from error


def _build(path: str, how: ModelSettings, query_format: str, device: str) -> SentenceTransformer:
    sizes = how.latent
    model = build_model(
        path,
        pooling="mean" if how.pooling == "auto" else how.pooling,
        bidirectional=how.pooling != "last" if how.bidirectional is None else how.bidirectional,
        mask_instruction=not how.pool_instructions,
        latent=LatentShape(sizes.latents, sizes.heads, sizes.head_width),
        max_length=how.max_length,
        device=device,
        local_files_only=True,
        **_FULL,
    )
    if isinstance(model[0], InstructedTransformer):
        model[0] = InstructedTransformer.of(model[0], template=query_format)
    return model


# Weights are trained in float32, whatever precision they were saved in.
_FULL: dict[str, Any] = {"dtype": "float32"}
