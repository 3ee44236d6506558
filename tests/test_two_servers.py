"""One model behind two addresses: one that is dead costs time, and no row."""

from pathlib import Path

import pytest

import fret
from fret.errors import ModelError, UserError
from fret.llm.types import Chat, ChatReply
from fret.records import Query
from fret.stages.base import Silence
from llm_server import LLMServer
from pools import open_pool


@pytest.fixture
def dead() -> str:
    """An address where a server was, and nothing answers any more."""
    with LLMServer() as gone:
        return gone.url


def chats(n: int, first: int = 0) -> list[Chat]:
    return [Chat((("user", f"hello {i}"),), 20) for i in range(first, first + n)]


@pytest.mark.parametrize("n", [1, 3, 40])
def test_however_few_the_requests_the_server_that_is_left_answers_them(
    server: LLMServer, dead: str, tmp_path: Path, n: int
) -> None:
    with open_pool(tmp_path / "a.sqlite", dead, server.url) as pool:
        replies = list(pool.ask(chats(n)))
    assert [type(reply) for reply in replies] == [ChatReply] * n
    assert server.n_answered == n and server.repeats == 0


def test_a_server_that_dies_between_two_calls_makes_no_faults(
    server: LLMServer, tmp_path: Path
) -> None:
    with LLMServer() as other, open_pool(tmp_path / "a.sqlite", other.url, server.url) as pool:
        assert all(isinstance(reply, ChatReply) for reply in pool.ask(chats(8)))
        assert other.asked and server.asked
        other.__exit__()
        for first in range(100, 106):
            (reply,) = pool.ask(chats(1, first))
            assert isinstance(reply, ChatReply)
        other.__enter__()


def test_a_server_that_answers_with_faults_alone_makes_none_for_the_rows(
    server: LLMServer, tmp_path: Path
) -> None:
    with (
        LLMServer(poison="hello") as ill,
        open_pool(tmp_path / "a.sqlite", ill.url, server.url) as pool,
    ):
        replies = list(pool.ask(chats(3)))
    assert [type(reply) for reply in replies] == [ChatReply] * 3


def test_a_dead_address_is_warned_of_and_the_others_do_the_work(
    server: LLMServer, dead: str, tmp_path: Path
) -> None:
    told: list[str] = []
    with open_pool(tmp_path / "a.sqlite", server.url, dead, tell=told.append) as pool:
        assert len(pool.reach()) == 1
    where = dead.removeprefix("http://").removesuffix("/v1")
    assert len(told) == 1 and "Nothing answers at" in told[0] and where in told[0]
    assert "the others do the work" in told[0]


def test_a_refused_key_at_one_address_is_no_dead_address(server: LLMServer, tmp_path: Path) -> None:
    with LLMServer() as strict, open_pool(tmp_path / "a.sqlite", server.url, strict.url) as pool:
        strict.fail("401")
        with pytest.raises(ModelError, match="key"):
            pool.reach()


def test_where_nothing_answers_at_all_nothing_is_done(dead: str, tmp_path: Path) -> None:
    with LLMServer() as gone:
        also_dead = gone.url
    with (
        open_pool(tmp_path / "a.sqlite", dead, also_dead) as pool,
        pytest.raises(UserError, match=r"nothing answers at .*, .*mend base_url"),
    ):
        pool.reach()


def test_a_whole_run_goes_through_with_one_of_two_servers(
    lanes_pipeline: Path, server: LLMServer, dead: str
) -> None:
    told: list[str] = []

    class Hears(Silence):
        def warned(self, message: str) -> None:
            told.append(message)

    one = f'base_url: "{server.url}"'
    text = lanes_pipeline.read_text("utf-8").replace(one, f"base_urls: [{dead}, {server.url}]")
    lanes_pipeline.write_text(text, "utf-8")
    pipeline = fret.load(lanes_pipeline)
    pipeline.run(["pages", "passages", "queries"], observer=Hears())
    assert len(list(pipeline.rows(Query))) == 48
    assert pipeline.status()[2].reasons == {} and server.repeats == 0
    assert any("the others do the work" in message for message in told)
