"""Where embedding models compute, and with which numbers."""

from functools import cache

from fret.errors import ConfigError


def choose_device(device: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the devices that a setting stands for; `auto`: CUDA, else MPS, else the processor.

    Raises:
        ConfigError: this machine has no such device.
    """
    wanted = (device,) if isinstance(device, str) else device
    return tuple(_choose(name) for name in wanted)


@cache
def _choose(name: str) -> str:
    import torch

    if name == "auto":
        has_mps = torch.backends.mps.is_available()
        return "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"The device {name!r} cannot be used here: {reason}. Set `device: auto` to take what "
            "is there, or cpu."
        ) from error
    return name


def choose_precision(precision: str, device: str) -> str:
    """Return the numbers to compute with; `auto`: bfloat16 on GPUs made for it, else float32.

    bfloat16 has the range of float32, so nothing overflows as it may in float16, which several
    embedding models (T5, Gemma 3) do not stand.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if device.startswith("cuda") and _has_bfloat16(device) else "float32"


@cache
def _has_bfloat16(device: str) -> bool:
    import torch

    # 8.0 is Ampere; older ones only emulate it, slower than float32.
    return torch.cuda.get_device_capability(device) >= (8, 0)
