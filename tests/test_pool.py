"""The pool: order kept, nothing asked twice, faults retried once in one place, refusals stop."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from fret.errors import ModelError, UserError
from fret.llm.answers import AnswerStore
from fret.llm.openai import OpenAISender
from fret.llm.pool import Pool
from fret.llm.types import Chat, ChatReply, Failure, FailureKind, Labels
from llm_server import LLMServer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    opened = AnswerStore(tmp_path / "answers.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def pool(server: LLMServer, store: AnswerStore) -> Iterator[Pool]:
    made = make_pool(server.url, store)
    yield made
    made.close()


def make_pool(url: str, store: AnswerStore, concurrency: int = 4, timeout_s: float = 1.0) -> Pool:
    return Pool(
        name="tiny",
        server="local",
        make_sender=lambda: OpenAISender(
            base_url=url, api_key=None, concurrency=concurrency, timeout_s=timeout_s
        ),
        store=store,
        concurrency=concurrency,
    )


def chats(n: int) -> list[Chat]:
    return [
        Chat((("user", f"<<<{i:012d}\nwords of passage number{i}\n{i:012d}>>>"),), 50)
        for i in range(n)
    ]


def texts(replies: Iterator[object]) -> list[str]:
    return [reply.text if isinstance(reply, ChatReply) else repr(reply) for reply in replies]


def test_answers_come_in_the_order_of_the_requests(pool: Pool, server: LLMServer) -> None:
    server.latency_s = 0.01
    answers = texts(pool.ask(chats(40)))
    assert all(f"number{i}" in answer for i, answer in enumerate(answers))


def test_requests_are_pulled_only_as_there_is_room(pool: Pool) -> None:
    pulled = itertools.count()
    n_pulled = 0

    def endless() -> Iterator[Chat]:
        nonlocal n_pulled
        for i in itertools.count():
            n_pulled = next(pulled) + 1
            yield chats(1)[0] if i % 2 else chats(2)[1]

    replies = pool.ask(endless())
    for _ in range(20):
        next(replies)
    assert n_pulled < 20 + 4 * 4 + 2


def test_what_the_store_holds_is_not_asked_again(
    pool: Pool, server: LLMServer, store: AnswerStore
) -> None:
    first = texts(pool.ask(chats(10)))
    other = make_pool(server.url, store)
    assert texts(other.ask(chats(12)))[:10] == first
    other.close()
    assert len(server.asked) == 12 and other.tally.reused == 10
    assert other.tally.requests == 12 and other.tally.input_tokens > 0


def test_equal_requests_in_flight_are_asked_once(pool: Pool, server: LLMServer) -> None:
    server.latency_s = 0.05
    answers = texts(pool.ask(chats(1) * 8))
    assert len(set(answers)) == 1 and len(server.asked) == 1


@pytest.mark.parametrize(
    "fault", ["500", "503", "429", "429 soon", "cut", "html", "cut json", "error 200", "hang"]
)
def test_a_fault_of_the_server_is_retried(pool: Pool, server: LLMServer, fault: str) -> None:
    server.fail(fault)
    (answer,) = texts(pool.ask(chats(1)))
    assert "number0" in answer
    assert server.n_answered == 1
    assert pool.tally.sent == 2


def test_attempts_of_unknown_outcome_are_counted(pool: Pool, server: LLMServer) -> None:
    server.fail("cut", "500", "hang", "429 soon")
    texts(pool.ask(chats(1)))
    assert (pool.tally.sent, pool.tally.unknown) == (5, 2)


def test_retry_after_is_waited_for(pool: Pool, server: LLMServer) -> None:
    import time

    server.fail("429 soon")  # asks for 0.2 s
    started = time.monotonic()
    texts(pool.ask(chats(1)))
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(("fault", "says"), [("401", "key"), ("404", "model"), ("quota", "quota")])
def test_a_refusal_stops_at_once_and_says_why(
    pool: Pool, server: LLMServer, fault: str, says: str
) -> None:
    server.fail(fault)
    with pytest.raises(ModelError, match=says):
        texts(pool.ask(chats(1)))
    assert len(server.asked) == 1


def test_a_request_that_the_server_calls_wrong_costs_one_row(pool: Pool, server: LLMServer) -> None:
    server.fail("400")
    replies = list(pool.ask(chats(3)))
    failures = [reply for reply in replies if isinstance(reply, Failure)]
    assert [failure.kind for failure in failures] == [FailureKind.REJECTED]
    assert len(server.asked) == 3


def test_an_unusable_answer_is_asked_once_more(pool: Pool, server: LLMServer) -> None:
    server.fail("refusal")
    (answer,) = texts(pool.ask(chats(1)))
    assert "number0" in answer and len(server.asked) == 2


def test_unusable_answers_are_not_asked_for_ever(
    pool: Pool, server: LLMServer, store: AnswerStore
) -> None:
    server.fail("refusal", "empty")
    (reply,) = pool.ask(chats(1))
    assert isinstance(reply, Failure)
    other = make_pool(server.url, store)
    assert isinstance(next(other.ask(chats(1))), Failure)
    other.close()
    assert len(server.asked) == 2


def test_nothing_at_the_address_is_a_user_error(store: AnswerStore) -> None:
    nowhere = make_pool("http://127.0.0.1:9/v1", store)
    with pytest.raises(UserError, match="nothing answers"):
        nowhere.reach()
    nowhere.close()


def test_a_probe_does_not_remember_a_bad_answer(pool: Pool, server: LLMServer) -> None:
    request = Labels((("user", "Which number?"),), ("0", "1", "2", "3"))
    server.fail("think", "no logprobs", "think")
    for _ in range(3):
        assert isinstance(pool.try_once(request), Failure)
    assert not isinstance(pool.try_once(request), Failure)
    assert not isinstance(pool.try_once(request), Failure)
    assert len(server.asked) == 4
    pool.try_once(request, afresh=True)
    assert len(server.asked) == 5


def test_being_asked_to_slow_down_never_stops_the_run(pool: Pool, server: LLMServer) -> None:
    server.fail(*["429 soon"] * 14)
    assert all("number" in answer for answer in texts(pool.ask(chats(3))))
    assert server.n_answered == 3


def test_one_request_that_the_server_cannot_bear_costs_one_row(
    pool: Pool, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.poison = "number3"
    monkeypatch.setattr("fret.llm.pool._LONGEST_PAUSE_S", 0.05)  # time only
    replies = list(pool.ask(chats(12)))
    failed = [i for i, reply in enumerate(replies) if isinstance(reply, Failure)]
    assert failed == [3]
    assert isinstance(replies[3], Failure) and replies[3].kind == FailureKind.FAULT


def test_a_server_that_is_down_stops_the_run(
    pool: Pool, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.poison = "number"
    monkeypatch.setattr("fret.llm.pool._LONGEST_PAUSE_S", 0.05)  # time only
    with pytest.raises(ModelError, match="failed 10 times in a row"):
        texts(pool.ask(chats(2)))
