"""When the next request may go: driven by hand, on a clock of the test's own."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fret.errors import ModelError
from fret.llm.forms.reading import Transient
from fret.llm.gate import Gate, Limit, Pace, Server
from fret.llm.sender import Answered
from fret.llm.types import Failure
from fret.llm.waits import parse_duration, read_used_up


class Nobody:
    """A sender that is never asked."""

    def __init__(self, where: str) -> None:
        self.where = where

    async def send(self, path: str, body: bytes) -> Answered | Failure:
        raise AssertionError

    async def models(self) -> bytes:
        raise AssertionError

    async def close(self) -> None: ...


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make_gate(
    n_servers: int = 1, most: int = 4, patience_s: float = 60.0, **paces: Pace
) -> tuple[Gate, Clock, list[str]]:
    clock, told = Clock(), list[str]()
    servers = [Server(Nobody(f"s{i}"), Limit(most)) for i in range(n_servers)]
    gate = Gate(servers, now=clock, patience_s=patience_s, tell=told.append, **paces)
    return gate, clock, told


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_limit_doubles_each_round_then_adds_one_and_never_passes_the_most() -> None:
    limit = Limit(100)
    assert limit.value == 8
    for _ in range(8):
        limit.answered(in_flight=8, held_back=True)
    assert limit.value == 16
    limit.shrink()
    assert limit.value == 12
    for _ in range(13):
        limit.answered(in_flight=20, held_back=True)
    assert limit.value == 13
    for _ in range(20_000):
        limit.answered(in_flight=1000, held_back=True)
    assert limit.value == 100


def test_the_limit_grows_only_while_it_is_what_holds_requests_back() -> None:
    limit = Limit(100)
    for _ in range(1000):
        limit.answered(in_flight=8, held_back=False)
        limit.answered(in_flight=3, held_back=True)
    assert limit.value == 8


def test_the_limit_never_falls_below_one() -> None:
    limit = Limit(4)
    for _ in range(100):
        limit.shrink()
    assert limit.value == 1


def test_a_pace_spreads_units_over_the_minute() -> None:
    pace = Pace(60)
    assert pace.wait_s(0.0) == 0
    pace.take(0.0, 3)
    assert pace.wait_s(0.0) == pytest.approx(3.0) and pace.wait_s(3.5) == 0
    pace.give_back(2)
    assert pace.wait_s(0.0) == pytest.approx(1.0)
    assert Pace(None).wait_s(0.0) == 0


def test_no_more_than_the_limit_go_through_and_the_next_goes_when_one_leaves() -> None:
    async def check() -> None:
        gate, _, _ = make_gate(most=2)
        first, _ = await gate.enter(1), await gate.enter(1)
        third = asyncio.create_task(gate.enter(1))
        await settle()
        assert not third.done()
        gate.leave(first)
        await settle()
        assert third.done() and third.result().in_flight == 2

    run(check())


def test_the_rate_per_minute_holds_back_the_next_request() -> None:
    async def check() -> None:
        gate, clock, _ = make_gate(requests=Pace(60))
        await gate.enter(1)
        second = asyncio.create_task(gate.enter(1))
        await settle()
        assert not second.done()
        clock.now += 1.1
        gate._wake()
        await settle()
        assert second.done()

    run(check())


def test_a_burst_of_refusals_shrinks_the_limit_once_and_waits_as_asked() -> None:
    gate, clock, _ = make_gate(most=8)
    (server,) = gate.servers
    for _ in range(5):
        gate.failed(server, Transient("slow down", 2.0, limited=True))
    assert server.limit.value == 6
    assert server.wait_s(clock.now) == pytest.approx(2.0)
    clock.now += 2.1
    assert server.wait_s(clock.now) == 0
    assert gate.servers[0].n_faults == 0


def test_faults_do_not_shrink_the_limit_but_answers_that_come_too_late_do() -> None:
    gate, _, _ = make_gate(most=8)
    (server,) = gate.servers
    gate.failed(server, Transient("status 500"))
    assert server.limit.value == 8
    gate.failed(server, Transient("no answer in time", unknown=True))
    gate.failed(server, Transient("no answer in time", unknown=True))
    assert server.limit.value == 6


def test_a_long_wait_is_told_once() -> None:
    gate, clock, told = make_gate()
    for _ in range(3):
        gate.failed(gate.servers[0], Transient("slow down", 300.0, limited=True))
    assert len(told) == 1 and "s0 asks for fewer requests: waiting 300 s" in told[0]
    assert gate.servers[0].wait_s(clock.now) == pytest.approx(300)


def test_the_least_busy_server_is_asked_and_one_that_fails_rests() -> None:
    async def check() -> None:
        gate, clock, told = make_gate(n_servers=2, most=8)
        entered = [await gate.enter(1) for _ in range(4)]
        assert [gate.servers.index(server) for server in entered] == [0, 1, 0, 1]
        for _ in range(3):
            gate.failed(gate.servers[0], Transient("status 500"))
        assert (gate.servers[0].wait_s(clock.now) or 0) > 0
        assert await gate.enter(1) is gate.servers[1]
        assert not told  # the other one is well

    run(check())


def test_an_ill_server_is_tried_by_one_request_at_a_time_until_it_answers() -> None:
    gate, clock, _ = make_gate(most=8)
    (server,) = gate.servers
    for _ in range(3):
        gate.failed(server, Transient("status 500"))
    clock.now += 40
    assert server.wait_s(clock.now) == 0
    server.in_flight = 1
    assert server.wait_s(clock.now) is None
    gate.answered(server, {})
    assert server.wait_s(clock.now) == 0


def test_when_no_server_answers_the_run_is_told_once_and_stopped_in_time() -> None:
    gate, clock, told = make_gate(n_servers=2, patience_s=50.0)
    for _ in range(5):
        for server in gate.servers:
            gate.failed(server, Transient("status 503: overloaded"))
    assert len(told) == 1 and "for 50 s (patience_s)" in told[0]
    clock.now += 51
    with pytest.raises(ModelError, match="s0, s1 gave no answer for 51 s, lastly: status 503"):
        gate.failed(gate.servers[0], Transient("status 503: overloaded"))


def test_an_answer_ends_the_trouble() -> None:
    gate, clock, told = make_gate(patience_s=50.0)
    for _ in range(3):
        gate.failed(gate.servers[0], Transient("status 500"))
    clock.now += 40
    gate.answered(gate.servers[0], {})
    clock.now += 40
    for _ in range(3):
        gate.failed(gate.servers[0], Transient("status 500"))
    assert len(told) == 2  # a new trouble, with patience of its own


def test_all_who_wait_are_woken_with_the_error_that_stops_the_run() -> None:
    async def check() -> None:
        gate, _, _ = make_gate(most=1)
        await gate.enter(1)
        waiting = [asyncio.create_task(gate.enter(1)) for _ in range(3)]
        await settle()
        gate.stop(ModelError("the end"))
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, ModelError) for error in done)
        with pytest.raises(ModelError, match="the end"):
            await gate.enter(1)

    run(check())


def test_one_who_goes_away_while_waiting_takes_no_turn_with_him() -> None:
    async def check() -> None:
        gate, _, _ = make_gate(most=1)
        first = await gate.enter(1)
        gone, stays = (asyncio.create_task(gate.enter(1)) for _ in range(2))
        await settle()
        gone.cancel()
        gate.leave(first)
        await settle()
        assert stays.done() and gone.cancelled()

    run(check())


def limits(kind: str, limit: str, remaining: str, reset: str) -> dict[str, str]:
    names = ("limit", "remaining", "reset")
    values = (limit, remaining, reset)
    return {f"x-ratelimit-{n}-{kind}": v for n, v in zip(names, values, strict=True)}


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        (limits("requests", "60", "0", "1s"), 1.0),
        (limits("tokens", "1000", "0", "6m0s"), 360.0),
        (limits("requests", "60", "0", "1s") | limits("tokens", "9", "0", "120ms"), 1.0),
        (limits("requests", "60", "3", "1s"), None),
        (limits("requests", "-1", "0", "0"), None),  # Azure's placeholders
        (limits("requests", "0", "0", "1s"), None),
        (limits("requests", "60", "0", "soon"), None),
        ({}, None),
    ],
)
def test_used_up_limits_in_the_headers_are_waited_for(
    headers: dict[str, str], wait_s: float | None
) -> None:
    assert read_used_up(headers) == wait_s
    gate, clock, _ = make_gate()
    gate.answered(gate.servers[0], headers)
    assert gate.servers[0].wait_s(clock.now) == pytest.approx(wait_s or 0.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3s", 3723), ("7.5", 7.5), ("1d", 86400)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1", "inf", "5x", "1s later"])
def test_what_is_no_duration_says_nothing(text: str) -> None:
    assert parse_duration(text) is None
