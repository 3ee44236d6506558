"""Money: never more than the budget, whatever is in flight, over all processes of a run."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fret
from fret.errors import ModelError
from fret.llm.budget import BudgetError, Price, Purse, bound_cost
from fret.llm.forms import Form
from fret.llm.types import Chat, ChatReply, Labels, Request, Usage
from fret.llm.upkeep import read_spent
from llm_server import LLMServer
from pools import open_pool

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
    cap = 6.0
    with pytest.raises(ModelError, match=r"budget of 6\.00 USD allows no further request"):
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


CHAT = Chat((("user", "hello"),), 20)
LABELS = Labels((("user", "hello"),), ("0", "1"))


@pytest.mark.parametrize(
    ("request_", "extra", "most"),
    [
        (CHAT, {}, 20),
        (CHAT, {"max_tokens": 1000}, 1000),
        (CHAT, {"max_completion_tokens": 1000}, 1000),
        (CHAT, {"max_tokens": 5}, 20),
        (CHAT, {"n": 3}, 60),
        (CHAT, {"n": 3, "max_tokens": 1000}, 3000),
        (LABELS, {}, 1),
        (LABELS, {"max_tokens": 1000}, 1000),
    ],
)
def test_what_the_pipeline_file_lets_a_model_write_is_in_the_bound(
    request_: Request, extra: dict[str, Any], most: int
) -> None:
    kind = "chat" if isinstance(request_, Chat) else "labels"
    form = Form(kind, "text" if kind == "chat" else "top_logprobs", "m", extra)
    assert form.longest_output(request_) == most


def test_a_request_that_may_write_too_much_for_the_budget_is_not_sent(
    lanes_pipeline: Path, server: LLMServer
) -> None:
    overrides = [PRICE, "budget={usd: 0.15}", "models.teacher.extra_body={max_tokens: 2000}"]
    with pytest.raises(BudgetError, match=r"the next may cost 0\.2"):
        fret.load(lanes_pipeline, overrides=overrides).run(["pages", "passages", "queries"])
    assert server.n_answered == 0


DEAR = Price(100.0, 100.0)
SLOW: dict[str, Any] = {"concurrency": 1, "timeout_s": 0.5}


@pytest.mark.parametrize(
    ("fault", "n_unknown"),
    [
        *[(fault, 1) for fault in ("cut body", "cut json", "502", "504", "hang")],
        *[(fault, 0) for fault in ("500", "503", "429 soon", "html")],
    ],
)
def test_an_attempt_that_may_have_been_answered_keeps_what_was_set_aside(
    server: LLMServer, tmp_path: Path, fault: str, n_unknown: int
) -> None:
    purse, path = Purse(cap=1.0), tmp_path / "answers.sqlite"
    server.fail(fault)
    with open_pool(path, server.url, purse=purse, price=DEAR, **SLOW) as pool:
        (reply,) = pool.ask([CHAT])
        (spent,) = read_spent(path, "r")  # while the run goes on
        assert spent.unknown == n_unknown == pool.tally.unknown
    assert isinstance(reply, ChatReply)
    most = bound_cost(DEAR, len(server.asked[-1].raw), CHAT.max_tokens)
    assert purse.spent == pytest.approx(DEAR.cost_of(reply.usage) + n_unknown * most)


def test_lost_answers_use_a_budget_up(server: LLMServer, tmp_path: Path) -> None:
    """Each answer that is cut off may be paid: with a service that does so the run must stop."""
    server.fail(*["cut body"] * 5)
    purse, path = Purse(cap=0.05), tmp_path / "answers.sqlite"
    with (
        open_pool(path, server.url, purse=purse, price=DEAR, **SLOW) as pool,
        pytest.raises(BudgetError),
    ):
        list(pool.ask([CHAT]))
    assert purse.spent <= 0.05 and len(server.asked) <= 2


KILLED = """
import sys, time
from pathlib import Path
from fret.llm.types import Chat
from pools import open_pool
with open_pool(Path(sys.argv[2]), sys.argv[1]) as pool:
    list(pool.ask([Chat((("user", "hello"),), 20)]))
    print("answered", flush=True)
    time.sleep(60)
"""


def test_attempts_of_unknown_outcome_survive_sigkill(server: LLMServer, tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    server.fail("cut", "cut body")
    command = [sys.executable, "-c", KILLED, server.url, str(path)]
    environment = {"PYTHONPATH": f"{Path(__file__).parent}:{Path(fret.__file__).parents[1]}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout and process.stdout.readline() == b"answered\n"
        process.send_signal(signal.SIGKILL)
    (spent,) = read_spent(path, "r")
    assert (spent.answers, spent.unknown) == (1, 2)
