"""The sender: one request on the wire per attempt, and each way in which a server fails told apart.

The SDK's surprises that are tested here were measured: knowledge/apis.md, 1.5.
"""

import asyncio
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import pytest

from fret.errors import ModelError
from fret.llm.forms import Form
from fret.llm.forms.reading import Transient
from fret.llm.sender import Answered, OpenAISender
from fret.llm.types import Chat, ChatReply, Failure, FailureKind
from fret.llm.waits import parse_retry_after
from llm_server import LLMServer

PATH = "/v1/chat/completions"
REQUEST = Chat((("user", "hi"),), 9)
FORM = Form("chat", "text", "tiny", {})
BODY = FORM.body_of(REQUEST)
KEY = "sk-secret-0123456789abcdef"


def send(
    url: str, *, path: str = PATH, key: str | None = None, timeout_s: float = 5.0
) -> Answered | Failure:
    async def once() -> Answered | Failure:
        sender = OpenAISender(base_url=url, api_key=key, concurrency=2, timeout_s=timeout_s)
        try:
            return await sender.send(path, BODY)
        finally:
            await sender.close()

    return asyncio.run(once())


def fault_of(url: str, *, key: str | None = None, timeout_s: float = 5.0) -> Transient:
    with pytest.raises(Transient) as error:
        send(url, key=key, timeout_s=timeout_s)
    return error.value


@contextmanager
def wire(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers every request with the same bytes, then hangs up."""
    came: list[bytes] = []

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b"".join(iter(self.rfile.readline, b"\r\n"))
            came.append(head + self.rfile.read(len(BODY) if head.startswith(b"POST") else 0))
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}/v1", came
        finally:
            running.shutdown()
            thread.join()


def http(status: int, body: bytes = b"{}", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} what\r\ncontent-length: {len(body)}\r\n{headers}"
    return f"{head}content-type: application/json\r\n\r\n".encode() + body


# What is sent.


def test_the_bytes_of_the_answer_come_back_as_they_were_sent(server: LLMServer) -> None:
    answer = send(server.url, key=KEY)
    assert isinstance(answer, Answered)
    assert isinstance(FORM.read(REQUEST, answer.raw), ChatReply)
    assert server.asked[0].raw == BODY and server.keys == {f"Bearer {KEY}"}


def test_headers_that_tell_of_limits_come_with_the_answer(server: LLMServer) -> None:
    server.headers = {"x-ratelimit-remaining-requests": "3"}
    answer = send(server.url)
    assert isinstance(answer, Answered)
    assert answer.headers["X-RateLimit-Remaining-Requests"] == "3"


@pytest.mark.parametrize("base", ["/v1", "/v1/", "/openai/v1", ""])
def test_paths_below_v1_follow_the_base_url_and_others_the_root(base: str) -> None:
    with wire(http(200)) as (url, came):
        root = url.removesuffix("/v1")
        send(root + base, path=PATH)
        send(root + base, path="/generate")
    lines = [request.split(b" ")[1].decode() for request in came]
    assert lines == [f"{base.rstrip('/')}/chat/completions", "/generate"]


def test_the_kernel_asks_whether_a_silent_connection_is_alive(server: LLMServer) -> None:
    """Neither transport of the SDK does so; what a router has forgotten would hang."""

    async def options() -> list[int]:
        sender = OpenAISender(base_url=server.url, api_key=None, concurrency=2, timeout_s=5)
        await sender.send(PATH, BODY)
        connections = sender._client._client._transport.client.connector._conns
        ((protocol, _),) = next(iter(connections.values()))
        connected = protocol.transport.get_extra_info("socket")
        names = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE)]
        if hasattr(socket, "TCP_KEEPIDLE"):
            names.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
            names.append((socket.IPPROTO_TCP, socket.TCP_KEEPINTVL))
        found = [connected.getsockopt(*name) for name in names]
        await sender.close()
        return found

    found = asyncio.run(options())
    assert found[0] != 0 and all(seconds == 30 for seconds in found[1:])


@pytest.mark.parametrize(
    "answer",
    [http(500), http(503), http(429), http(408), http(409), b"", b"HTTP/1.1 200 OK\r\n", b"what?"],
)
def test_one_attempt_is_one_request_on_the_wire(answer: bytes) -> None:
    """The SDK by itself would send up to three times, and pay a lost answer three times."""
    with wire(answer) as (url, came):
        fault_of(url)
    assert len(came) == 1 and came[0].endswith(BODY)
    assert b"x-stainless-retry-count: 0" in came[0].lower()


# Answers that are none, with status 200.


@pytest.mark.parametrize("kind", ["html", "error 200", "cut json", "no choices"])
def test_what_is_no_answer_but_has_status_200_is_handed_on_and_is_a_fault(
    server: LLMServer, kind: str
) -> None:
    server.fail(kind)
    answer = send(server.url)
    assert isinstance(answer, Answered)
    with pytest.raises(Transient):
        FORM.read(REQUEST, answer.raw)


def test_an_answer_that_is_huge_when_inflated_is_read(server: LLMServer) -> None:
    server.fail("huge")
    answer = send(server.url, timeout_s=60)
    assert isinstance(answer, Answered) and len(answer.raw) > 40_000_000
    assert isinstance(FORM.read(REQUEST, answer.raw), ChatReply)


# Lost on the way.


@pytest.mark.parametrize("kind", ["hang", "slow bytes"])
def test_an_attempt_has_one_deadline_from_the_first_to_the_last_byte(
    server: LLMServer, kind: str
) -> None:
    """The SDK's own timeout begins anew with each byte."""
    server.fail(kind)
    fault = fault_of(server.url, timeout_s=0.5)
    assert str(fault) == "no answer within 0.5 s" and fault.unknown and not fault.limited


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("cut", "Server disconnected"),
        ("cut body", "payload is not completed"),
        ("bad gzip", "decompressing"),
    ],
)
def test_an_answer_lost_on_the_way_may_have_been_paid(
    server: LLMServer, kind: str, says: str
) -> None:
    server.fail(kind)
    fault = fault_of(server.url)
    assert fault.unknown and not fault.limited
    assert "broke off" in str(fault) and says in str(fault) and "127.0.0.1" in str(fault)


def test_where_no_connection_was_made_nothing_was_paid() -> None:
    """The SDK calls this a timeout."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fault = fault_of(f"http://127.0.0.1:{port}/v1")
    assert not fault.unknown
    assert f"no connection to 127.0.0.1:{port}" in str(fault)


# Statuses.


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 520, 529])
def test_a_fault_of_the_server_may_be_sent_again(status: int) -> None:
    with wire(http(status, b'{"error": {"message": "busy"}}')) as (url, _):
        fault = fault_of(url)
    assert f"status {status}" in str(fault) and "busy" in str(fault)
    assert (fault.limited, fault.retry_after_s) == (False, None)
    assert fault.unknown == (status in {502, 504})  # a gateway does not know what became of it


def test_being_asked_to_slow_down_is_no_fault(server: LLMServer) -> None:
    server.fail("429 long", "429 date", "429")
    first, second, third = (fault_of(server.url) for _ in range(3))
    assert first.limited and second.limited and third.limited
    assert first.retry_after_s == 300 and third.retry_after_s is None
    assert second.retry_after_s is not None and 0 <= second.retry_after_s <= 3


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_the_server_calls_wrong_is_a_failure(status: int) -> None:
    with wire(http(status, b'{"error": {"message": "too long"}}')) as (url, _):
        reply = send(url)
    assert isinstance(reply, Failure) and reply.kind == FailureKind.REJECTED
    assert f"status {status}" in reply.detail and "too long" in reply.detail


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("401", "the key is missing or wrong"),
        ("402", "no credit left"),
        ("403", "may not do this"),
        ("404", "does not know this path or model"),
        ("quota", "the quota is used up"),
    ],
)
def test_a_refusal_stops_the_run_and_says_what_to_do(
    server: LLMServer, kind: str, says: str
) -> None:
    server.fail(kind)
    with pytest.raises(ModelError, match=says) as error:
        send(server.url)
    assert error.value.status == (429 if kind == "quota" else int(kind))
    assert "All answers so far are kept" in str(error.value) and error.value.exit_code == 3


# The key.


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 503])
def test_a_key_that_the_server_repeats_is_not_repeated_by_us(status: int) -> None:
    said = f'{{"error": {{"message": "who is {KEY}? {KEY}"}}}}'.encode()
    with wire(http(status, said)) as (url, _):
        try:
            told = repr(send(url, key=KEY))
        except (Transient, ModelError) as error:
            told = repr(error)
    assert KEY not in told and "who is (key)?" in told


def test_a_key_in_an_answer_is_neither_kept_nor_shown() -> None:
    """Proxies put errors, and debugging fields, into answers with status 200."""
    with wire(http(200, f'{{"error": "wrong key {KEY}"}}'.encode())) as (url, _):
        answer = send(url, key=KEY)
    assert isinstance(answer, Answered) and KEY.encode() not in answer.raw
    with pytest.raises(Transient) as error:
        FORM.read(REQUEST, answer.raw)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("key", ["EMPTY", "none", None])
def test_a_word_that_stands_for_no_key_may_be_in_an_answer(key: str | None) -> None:
    with wire(http(200, b'{"choices": ["EMPTY", "none"]}')) as (url, _):
        answer = send(url, key=key)
    assert isinstance(answer, Answered) and answer.raw == b'{"choices": ["EMPTY", "none"]}'


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n<" + KEY.encode(), b"what?"])
def test_no_fault_on_the_wire_shows_the_key(answer: bytes) -> None:
    with wire(answer) as (url, _):
        try:
            told = repr(send(url, key=KEY))
        except Transient as error:
            told = repr(error)
    assert KEY not in told


# What there is.


@pytest.mark.parametrize("shape", ["openai", "html", "404", "strings"])
def test_whatever_a_server_says_of_its_models_it_is_there(server: LLMServer, shape: str) -> None:
    server.models_shape = shape  # type: ignore[assignment]
    assert models(server.url) == b"" if shape == "404" else models(server.url)


def test_no_server_and_a_refused_key_are_told_apart(server: LLMServer) -> None:
    server.fail("401")
    with pytest.raises(ModelError, match="key is missing or wrong"):
        models(server.url)
    with pytest.raises(Transient, match="no connection"):
        models("http://127.0.0.1:9/v1")
    with wire(b"") as (url, _), pytest.raises(Transient, match="broke off"):
        models(url)


def models(url: str) -> bytes:
    async def once() -> bytes:
        sender = OpenAISender(base_url=url, api_key=None, concurrency=1, timeout_s=5)
        try:
            return await sender.models()
        finally:
            await sender.close()

    return asyncio.run(once())


# Retry-After.

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1s"}, 1.0),
        ({"retry-after": "6m0s"}, 360.0),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "150"}, 0.15),
        ({"retry-after-ms": "150", "retry-after": "1"}, 0.15),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(NOW - 90, usegmt=True)}, 0.0),
        ({"retry-after": formatdate(NOW + 90)}, 90.0),
        ({"retry-after": "2027-01-15T08:01:30Z"}, 90.0),
        ({"retry-after": "2027-01-15T10:01:30+02:00"}, 90.0),
        ({"retry-after": "2027-01-15T08:01:30"}, 90.0),
        ({}, None),
    ],
)
def test_each_form_of_retry_after_is_read(
    headers: dict[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert parse_retry_after(headers) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "value",
    [
        *("", "-1", "inf", "nan", "soon", "1.2.3", "..", "1e5", "²", "9" * 400),
        *("Wed, 21 Oct", "2027-13-45", "Wed, 21 Oct 99999999999 07:28:00 GMT"),
        "Wed, 21 Oct 2026 07:28:00 +99999999999",
    ],
)
def test_nonsense_for_retry_after_is_passed_over(value: str) -> None:
    assert parse_retry_after({"retry-after": value}) is None
