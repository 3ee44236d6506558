"""Find a tokenizer by its name."""

from pathlib import Path

from fret.retrieval.hub import is_hub_near
from fret.retrieval.model_files import find_packaged

_FILE = "tokenizer.json"


def find_tokenizer(name: str) -> Path | None:
    """Find the tokenizer.json of a model.

    A folder comes first, then the Hub's cache, then the packaged MiniLM, then the Hub itself.
    """
    if Path(name).is_dir():
        file = Path(name) / _FILE
        return file if file.is_file() else None
    if cached := _find_cached(name):
        return cached
    if folder := find_packaged(name):
        return Path(folder) / _FILE
    return _download(name) if is_hub_near() else None


def _find_cached(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, _FILE)
    except HFValidationError:  # a path, perhaps, of a folder that is not there
        return None
    return Path(found) if isinstance(found, str) else None


def _download(name: str) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        return Path(hf_hub_download(name, _FILE))
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError):
        return None
