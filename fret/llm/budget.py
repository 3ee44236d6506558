"""What answers cost, and a cap that is not passed, requests in flight included."""

import asyncio
from dataclasses import dataclass

from fret.errors import ModelError
from fret.llm.types import Usage

_TOKENS_PER_PRICE = 1_000_000

# What a chat template adds around the messages, at most, beyond the text itself.
_TEMPLATE_TOKENS = 200


class BudgetError(ModelError):
    """The budget of the pipeline file is used up."""


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    """For input that the server had cached; None for the price of other input."""
    batch: float = 1.0
    """What the batch lane costs of it."""

    def cost_of(self, usage: Usage, *, lane: str = "live") -> float:
        cached = self.input if self.cached_input is None else self.cached_input
        n_fresh = usage.input_tokens - usage.cached_tokens
        live = (
            n_fresh * self.input + usage.cached_tokens * cached + usage.output_tokens * self.output
        )
        return live * (self.batch if lane == "batch" else 1.0) / _TOKENS_PER_PRICE


class Purse:
    """The money of one run, shared by all its models.

    Args:
        cap: the most that may be spent, over all processes that ever worked on the run; None for no
            cap.
        spent: what earlier processes have spent.
    """

    def __init__(self, *, cap: float | None = None, spent: float = 0.0) -> None:
        self.cap = cap
        self.spent = spent
        self._reserved = 0.0
        self._n_reserved = 0
        self._settled = asyncio.Event()

    async def reserve(self, most: float) -> None:
        """Set aside the most that a request can cost, waiting for others to settle if need be.

        Raises:
            BudgetError: it would pass the cap, and nothing is in flight that could cost less than
                was set aside for it.
        """
        while self.cap is not None and self.spent + self._reserved + most > self.cap:
            if self._n_reserved == 0:
                raise BudgetError(
                    f"The budget of {self.cap:.2f} USD allows no further request: "
                    f"{self.spent:.4f} USD are spent, and the next may cost {most:.4f}. "
                    "All answers so far are kept; raise budget.usd to go on."
                )
            self._settled.clear()
            await self._settled.wait()
        self._reserved += most
        self._n_reserved += 1

    def settle(self, most: float, cost: float) -> None:
        """Give back what was set aside for a request, and note what it did cost."""
        self._reserved -= most
        self._n_reserved -= 1
        self.spent += cost
        self._settled.set()


def bound_cost(price: Price, n_bytes: int, n_output: int, *, lane: str = "live") -> float:
    """Return the most that a request can cost: no tokenizer makes more tokens than bytes."""
    most = Usage(n_bytes + _TEMPLATE_TOKENS, n_output)
    return price.cost_of(most, lane=lane)
