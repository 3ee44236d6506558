"""What stages cost, by the prices that the run's pipeline file named."""

from collections.abc import Iterator, Mapping
from typing import Any

from fret.manifest import Manifest

Price = tuple[float, float]
"""USD for a million tokens in and out."""


def read_prices(settings: Mapping[str, Any]) -> dict[str, Price]:
    """Return the prices of models by their names, as run.json has them; empty where it has none."""
    try:
        models = settings["models"].values()
        priced = [model for model in models if model.get("price")]
        return {
            str(m["model"]): (float(m["price"]["input"]), float(m["price"]["output"]))
            for m in priced
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def cost_of(manifest: Manifest, prices: Mapping[str, Price]) -> tuple[float, float] | None:
    """Return what the tokens of a stage cost in USD, without discounts for batches or caches.

    From the least to the most: models of different prices may have shared the work, and the stage
    notes no tokens by model. None where a price is not known.
    """
    names = set(_find_models(manifest.identity))
    if not names or not names <= prices.keys() or not manifest.usage.get("requests"):
        return None
    tokens = [manifest.usage.get(key, 0) for key in ("input_tokens", "output_tokens")]
    costs = [
        sum(n * usd for n, usd in zip(tokens, prices[name], strict=True)) / 1e6 for name in names
    ]
    return min(costs), max(costs)


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
