"""The pool: order kept, nothing asked twice, faults retried once in one place, refusals stop."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from fret.errors import ModelError, UserError
from fret.llm.answers import AnswerStore
from fret.llm.background import Background
from fret.llm.forms import Form
from fret.llm.pool import Pool
from fret.llm.sender import OpenAISender
from fret.llm.shared import Pacing, Shared
from fret.llm.stored import Source, Stored
from fret.llm.types import (
    Chat,
    ChatReply,
    Failure,
    FailureKind,
    Labels,
    Likelihood,
    LikelihoodReply,
)
from llm_server import LLMServer

WAYS = {"chat": "json_schema", "labels": "top_logprobs", "likelihood": "echo"}


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


def make_pool(
    url: str,
    store: AnswerStore,
    concurrency: int = 4,
    timeout_s: float = 1.0,
    *,
    urls: Sequence[str] = (),
    tell: Callable[[str], None] = lambda message: None,
    patience_s: float = 120.0,
    prompts_per_request: int = 1,
) -> Pool:
    addresses = [*urls] or [url]
    return Pool(
        Source("local", "tiny", "r"),
        make_senders=lambda: [
            OpenAISender(
                base_url=address, api_key=None, concurrency=concurrency, timeout_s=timeout_s
            )
            for address in addresses
        ],
        forms={kind: Form(kind, way, "tiny", {}) for kind, way in WAYS.items()},
        shared=Shared(store, Background(), tell=tell),
        pacing=Pacing(concurrency, prompts_per_request, patience_s=patience_s),
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
    monkeypatch.setattr("fret.llm.courier._LONGEST_PAUSE_S", 0.05)  # time only
    monkeypatch.setattr("fret.llm.gate._LONGEST_REST_S", 0.05)
    replies = list(pool.ask(chats(12)))
    failed = [i for i, reply in enumerate(replies) if isinstance(reply, Failure)]
    assert failed == [3]
    assert isinstance(replies[3], Failure) and replies[3].kind == FailureKind.FAULT


def test_the_last_request_of_a_run_may_be_one_that_the_server_cannot_bear(
    pool: Pool, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is answered meanwhile: something small tells that the server is well."""
    server.poison = "number0"
    monkeypatch.setattr("fret.llm.courier._LONGEST_PAUSE_S", 0.05)  # time only
    monkeypatch.setattr("fret.llm.gate._LONGEST_REST_S", 0.05)
    (reply,) = pool.ask(chats(1))
    assert isinstance(reply, Failure) and reply.kind == FailureKind.FAULT


def test_a_server_that_is_down_stops_the_run_and_is_told_at_once(
    server: LLMServer, store: AnswerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.poison = "model"  # every request
    monkeypatch.setattr("fret.llm.courier._LONGEST_PAUSE_S", 0.05)  # time only
    monkeypatch.setattr("fret.llm.gate._LONGEST_REST_S", 0.05)
    told: list[str] = []
    pool = make_pool(server.url, store, tell=told.append, patience_s=1.0)
    with pytest.raises(ModelError, match=r"gave no answer for \d+ s, lastly: status 500") as error:
        texts(pool.ask(chats(20)))
    pool.close()
    assert error.value.exit_code == 3
    assert len(told) == 1 and "with one request at a time" in told[0]


def pairs(n: int) -> list[Likelihood]:
    return [Likelihood(f"Passage: paris {i}\nTask: t\nQuery:", f" word{i} paris") for i in range(n)]


def test_prompts_travel_together_and_come_back_apart(server: LLMServer, store: AnswerStore) -> None:
    one_by_one = make_pool(server.url, store)
    expected = list(one_by_one.ask(pairs(20)))
    one_by_one.close()
    n_before = len(server.asked)
    with_others = AnswerStore(store.path.with_name("other.sqlite"))
    server.scrambled = True
    together = make_pool(server.url, with_others, prompts_per_request=8)
    found = list(together.ask(pairs(20)))
    assert [r.logprob for r in found if isinstance(r, LikelihoodReply)] == [
        r.logprob for r in expected if isinstance(r, LikelihoodReply)
    ]
    assert len(server.asked) - n_before == 3
    together.close()
    with_others.close()


def test_a_server_that_takes_no_lists_is_asked_one_by_one(
    server: LLMServer, store: AnswerStore
) -> None:
    server.lists = False
    pool = make_pool(server.url, store, prompts_per_request=8)
    assert all(isinstance(reply, LikelihoodReply) for reply in pool.ask(pairs(10)))
    pool.close()


def test_one_prompt_that_is_too_long_costs_only_its_own_row(
    server: LLMServer, store: AnswerStore
) -> None:
    server.max_context = 50
    asked = pairs(8)
    asked[3] = Likelihood("Passage: " + "paris " * 100 + "\nQuery:", " paris")
    pool = make_pool(server.url, store, prompts_per_request=8)
    replies = list(pool.ask(asked))
    assert [i for i, reply in enumerate(replies) if isinstance(reply, Failure)] == [3]
    pool.close()


def test_several_servers_share_the_work_and_one_that_dies_costs_nothing(
    server: LLMServer, store: AnswerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fret.llm.courier._LONGEST_PAUSE_S", 0.05)  # time only
    with LLMServer(latency_s=0.01) as other:
        server.latency_s = 0.01
        pool = make_pool(server.url, store, 8, urls=[server.url, other.url])
        replies = pool.ask(chats(200))
        first = [next(replies) for _ in range(60)]
        other.poison = "model"  # from now on it answers nothing but status 500
        rest = list(replies)
        assert all(isinstance(reply, ChatReply) for reply in [*first, *rest])
        assert server.n_answered + other.n_answered == 200
        assert min(server.n_answered, other.n_answered) > 20
        pool.close()


def test_more_than_the_server_bears_is_asked_again_and_nothing_is_lost(
    server: LLMServer, store: AnswerStore
) -> None:
    server.max_in_flight, server.latency_s = 6, 0.01
    pool = make_pool(server.url, store, 64)
    assert all(isinstance(reply, ChatReply) for reply in pool.ask(chats(200)))
    assert server.repeats == 0
    pool.close()


def test_a_long_retry_after_is_told(server: LLMServer, store: AnswerStore) -> None:
    server.fail("429 long")
    heard = threading.Event()
    told: list[str] = []

    def tell(message: str) -> None:
        told.append(message)
        heard.set()

    pool = make_pool(server.url, store, tell=tell)
    stopped: list[Exception] = []

    def ask() -> None:
        try:
            list(pool.ask(chats(1)))
        except ModelError as error:
            stopped.append(error)

    caller = threading.Thread(target=ask)
    caller.start()
    assert heard.wait(10) and "waiting 300 s" in told[0]
    pool.close()
    caller.join(10)
    assert len(stopped) == 1


def test_no_more_answers_are_lost_in_a_kill_than_requests_may_be_in_flight(
    server: LLMServer, store: AnswerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place is held until the answer is stored, however slow the disk is."""
    pool, n_stored, most = make_pool(server.url, store, 4), 0, 0
    commit = store.put

    def slow_put(*items: Stored) -> "Future[None]":
        nonlocal n_stored, most
        most = max(most, server.n_answered - n_stored)
        time.sleep(0.02)
        n_stored += len(items)
        return commit(*items)

    monkeypatch.setattr(store, "put", slow_put)  # a slower disk, nothing else
    texts(pool.ask(chats(60)))
    pool.close()
    assert 0 < most <= 4


def test_a_probe_that_gets_no_answer_is_not_sent_again(pool: Pool, server: LLMServer) -> None:
    """Some servers are silent on a path that they do not know, and there are other ways to ask."""
    server.fail("hang", "hang")
    reply = pool.try_once(Chat((("user", "hi"),), 9))
    assert isinstance(reply, Failure) and reply.kind is FailureKind.FAULT
    assert "no answer within 1 s" in reply.detail
    assert pool.tally.sent == 1


def test_a_probe_that_is_cut_off_is_sent_again(pool: Pool, server: LLMServer) -> None:
    server.fail("cut", "500")
    assert isinstance(pool.try_once(Chat((("user", "hi"),), 9)), ChatReply)
