"""Money: never more than the budget, whatever is in flight, over all processes of a run."""

import asyncio
from pathlib import Path

import pytest

import fret
from fret.errors import ModelError
from fret.llm.budget import BudgetError, Price, Purse, bound_cost
from fret.llm.types import Usage
from llm_server import LLMServer

PRICE = "models.teacher.price={input: 100.0, output: 100.0}"


def test_no_tokenizer_makes_a_request_dearer_than_the_bound() -> None:
    price = Price(input=2.0, output=10.0)
    text = "für 你好 🙂"
    most = bound_cost(price, len(text.encode()), 7)
    assert most > price.cost_of(Usage(len(text.encode()), 7))


def test_a_purse_lets_nothing_through_that_could_pass_the_cap() -> None:
    async def spend() -> None:
        purse, in_flight, most = Purse(cap=10.0), 0, 0.0

        async def one() -> None:
            nonlocal in_flight, most
            await purse.reserve(3.0)
            in_flight += 1
            most = max(most, purse.spent + 3.0 * in_flight)
            await asyncio.sleep(0.001)
            in_flight -= 1
            purse.settle(3.0, 1.0)

        done = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
        stopped = [error for error in done if isinstance(error, BudgetError)]
        # It waits for those in flight, which cost less than was set aside: 8 fit, then no 3 more.
        assert purse.spent == 8.0 and len(stopped) == 12
        assert most <= 10.0
        assert stopped[0].exit_code == 3 and "raise budget.usd" in str(stopped[0])

    asyncio.run(spend())


def test_a_run_stops_before_its_budget_is_passed_and_goes_on_when_it_is_raised(
    llm_pipeline: Path, server: LLMServer
) -> None:
    cap = 1.5
    with pytest.raises(ModelError, match=r"budget of 1\.50 USD allows no further request"):
        fret.load(llm_pipeline, overrides=[PRICE, f"budget={{usd: {cap}}}"]).run()
    n_asked = len(server.asked)
    ((_, cost),) = fret.load(llm_pipeline, overrides=[PRICE]).spent()
    assert cost is not None and 0.5 * cap < cost <= cap
    with pytest.raises(ModelError, match="budget"):  # another process has no budget of its own
        fret.load(llm_pipeline, overrides=[PRICE, f"budget={{usd: {cap}}}"]).run()
    assert len(server.asked) - n_asked < 10
    fret.load(llm_pipeline, overrides=[PRICE, "budget={usd: 500}"]).run()
    assert server.repeats == 0
    ((spent, cost),) = fret.load(llm_pipeline, overrides=[PRICE]).spent()
    assert cost == pytest.approx((spent.usage.input_tokens + spent.usage.output_tokens) * 1e-4)
