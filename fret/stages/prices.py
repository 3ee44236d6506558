"""What models cost, by the prices of the pipeline file."""

from collections.abc import Iterator

from fret.config import OpenAIModel, PipelineSettings
from fret.llm.budget import Price
from fret.llm.stored import Spent


def price_of(model: object) -> Price | None:
    """Return the price of a model; None when the pipeline file does not say."""
    if not isinstance(model, OpenAIModel) or model.price is None:
        return None
    price = model.price
    return Price(price.input, price.output, price.cached_input, price.batch)


def price_spent(
    settings: PipelineSettings, spent: list[Spent]
) -> Iterator[tuple[Spent, float | None]]:
    """Give each sum of the store its cost in USD; None where the pipeline file has no price."""
    prices = {(model.label, model.model): price_of(model) for model in settings.models.values()}
    for part in spent:
        price = prices.get((part.source.server, part.source.model))
        yield part, None if price is None else price.cost_of(part.usage, lane=part.source.lane)


def sum_costs(settings: PipelineSettings, spent: list[Spent]) -> float | None:
    """Add up what is known of the costs; None where nothing is known."""
    costs = [cost for _, cost in price_spent(settings, spent) if cost is not None]
    return sum(costs) if costs else None
