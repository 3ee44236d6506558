"""What stages cost, by the prices that the run's pipeline file named."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fret.manifest import Manifest

Price = tuple[float, float]
"""USD for a million tokens in and out."""


def read_prices(path: Path) -> dict[str, Price]:
    """Return the prices of models by their names, as run.json has them; empty where it has none."""
    try:
        models = json.loads(path.read_text("utf-8"))["settings"]["models"].values()
        priced = [model for model in models if model.get("price")]
        return {
            str(m["model"]): (float(m["price"]["input"]), float(m["price"]["output"]))
            for m in priced
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def cost_of(manifest: Manifest, prices: Mapping[str, Price]) -> float | None:
    """Return what the tokens of a stage cost in USD, without discounts for batches or caches.

    None where a price is not known, or where models of different prices shared the work: the stage
    notes no tokens by model.
    """
    found = {prices.get(name) for name in _find_models(manifest.identity)}
    if len(found) != 1 or not manifest.usage.get("requests"):
        return None
    (price,) = found
    if price is None:
        return None
    tokens = (manifest.usage.get(key, 0) for key in ("input_tokens", "output_tokens"))
    return sum(n * usd for n, usd in zip(tokens, price, strict=True)) / 1e6


def _find_models(identity: Any) -> Iterator[str]:
    """Yield the language models that are named anywhere in what a stage hashed."""
    if isinstance(identity, Mapping):
        if "server" in identity and isinstance(identity.get("model"), str):
            yield identity["model"]
        for value in identity.values():
            yield from _find_models(value)
    elif isinstance(identity, list | tuple):
        for value in identity:
            yield from _find_models(value)
