"""A model's files: what they are called in keys of answers, and how they are loaded."""

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from fret.errors import ConfigError

# Of each tensor this much is hashed: 2,048 numbers in bfloat16. Training moves nearly all numbers
# of a tensor, so some of these, while file sizes and headers are equal for every checkpoint of one
# architecture. A whole 16 GB model would take ten seconds and more to hash at each start.
_SAMPLE_BYTES = 4096

# The format allows no longer one; a damaged file may claim any length.
_LONGEST_HEADER = 100_000_000

# Besides the weights: settings, tokenizer, chat template. A readme does not change answers.
_SMALL_FILES = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
_OPAQUE_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.gguf")


def identify_weights(path: str) -> str:
    """Return what stands for a model in keys: a folder's content hash, else the name as given.

    The folder's place is no part of it, so a model that is moved keeps its answers.

    Raises:
        ConfigError: it is a path, and there is no model.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or path.startswith((".", "~")) or path.count("/") != 1:
            raise ConfigError(_explain(path, "there is no such folder"))
        return path
    digest = hashlib.sha256()
    for file in sorted({f for pattern in _SMALL_FILES for f in folder.glob(pattern)}):
        digest.update(f"{file.name}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            digest.update(_sample_tensors(stream))
    for file in sorted({f for pattern in _OPAQUE_WEIGHTS for f in folder.glob(pattern)}):
        digest.update(f"{file.name}\0".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _sample_tensors(stream: BinaryIO) -> bytes:
    """Hash a safetensors file's header and the middle of each tensor.

    The format: 8 bytes of header length, little-endian, then JSON with each tensor's offsets from
    the header's end (https://github.com/huggingface/safetensors#format).
    """
    digest = hashlib.sha256()
    length = int.from_bytes(stream.read(8), "little")
    header = stream.read(min(length, _LONGEST_HEADER))
    digest.update(header)
    try:
        tensors = {k: v for k, v in json.loads(header).items() if k != "__metadata__"}
        spans = sorted(tuple(tensor["data_offsets"]) for tensor in tensors.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return digest.digest()  # a damaged file; loading will say so
    for start, stop in spans:
        middle = start + max(0, stop - start - _SAMPLE_BYTES) // 2
        stream.seek(8 + length + middle)
        digest.update(stream.read(min(_SAMPLE_BYTES, stop - start)))
    return digest.digest()


def choose_device(device: str) -> str:
    """Return the device that `auto` means: a CUDA GPU, else Apple's, else the processor."""
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_dtype(dtype: str, device: str) -> str:
    """Return the number type that `auto` means: bfloat16 on CUDA, float32 elsewhere."""
    if dtype != "auto":
        return dtype
    return "bfloat16" if choose_device(device).startswith("cuda") else "float32"


def load_weights(path: str, *, device: str, dtype: str) -> tuple[Any, Any]:
    """Load a causal model and its tokenizer.

    Raises:
        ConfigError: it cannot be loaded, or its tokenizer does not tell where tokens stand.
    """
    import torch
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # fret shows its own
    numbers = getattr(torch, dtype, None)
    if not isinstance(numbers, torch.dtype):
        raise ConfigError(f"dtype {dtype!r} is none that torch knows: try bfloat16 or float32.")
    place = str(Path(path).expanduser()) if Path(path).expanduser().is_dir() else path
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(place)
        model, loaded = _load_model(place, numbers)
        model = model.to(choose_device(device)).eval()
    except Exception as error:  # of many classes: no such device, other sizes, a damaged file
        raise ConfigError(_explain(path, str(error))) from error
    if missing := sorted(loaded["missing_keys"]):
        # transformers would fill them with random numbers, and say so in a log only.
        names = ", ".join(missing[:3])
        raise ConfigError(_explain(path, f"its files lack {len(missing)} tensors, such as {names}"))
    if not tokenizer.is_fast:
        raise ConfigError(_explain(path, "its tokenizer has no tokenizer.json"))
    return model, tokenizer


def _load_model(place: str, numbers: Any) -> tuple[Any, dict[str, Any]]:
    """Load a model, and what its files lack."""
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(
        place, dtype=numbers, output_loading_info=True
    )
    model, info = loaded
    return model, info


def _explain(path: str, reason: str) -> str:
    return (
        f"The language model {path!r} cannot be loaded: {reason}. Name a folder with config.json, "
        "*.safetensors and tokenizer.json, or a model on the Hugging Face Hub (owner/name)."
    )
