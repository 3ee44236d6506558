"""Posts bytes to one OpenAI-compatible server, with the `openai` client, and reads its refusals.

What is in the bytes, `fret.llm.forms` knows; when to send, `fret.llm.gate`; whether to send again,
`fret.llm.pool`.
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from fret.errors import ModelError
from fret.llm.forms.reading import Transient, hide_key
from fret.llm.types import Failure, FailureKind
from fret.llm.waits import parse_retry_after

# Seconds without a byte before the kernel asks whether the other side is still there, and between
# further questions: AWS forgets a silent connection after 350 s, GCP after 120 s.
_KEEPALIVE_S = 30

# A wrong key, no money, no right, no such path or model; what a proxy or a gateway says is left to
# retry.
_REFUSALS = {401, 402, 403, 404}
_BUSY = {408, 409, 425, 429}
# A gateway lost sight of the server, which may have answered.
_LOST = {502, 504}


@dataclass(frozen=True, slots=True)
class Answered:
    """The bytes of an answer with status 200, and what the headers say."""

    raw: bytes
    headers: Mapping[str, str]


class Sender(Protocol):
    """Sends bodies to one server; see `OpenAISender`."""

    where: str

    async def send(self, path: str, body: bytes) -> Answered | Failure: ...
    async def models(self) -> bytes: ...
    async def close(self) -> None: ...


class OpenAISender:
    """Posts bodies to one server.

    All its errors are `Transient`, `Failure` values or `ModelError`.

    Args:
        base_url: ends in /v1, mostly; paths below /v1/ are put after it, others after the root.
        timeout_s: total time for one attempt, from sending to the last byte.
    """

    def __init__(
        self, *, base_url: str, api_key: str | None, concurrency: int, timeout_s: float
    ) -> None:
        import httpx2
        from openai import AsyncOpenAI

        self._timeout_s = timeout_s
        self._response = httpx2.Response
        self._base, self._root = base_url.rstrip("/"), _root_of(base_url)
        parts = urlsplit(base_url)
        self.where = parts.hostname or "the server"
        if parts.port:
            self.where += f":{parts.port}"
        # max_retries=0: the SDK would send again after a timeout with no idempotency key, and a
        # lost answer would be paid three times. The one retry layer is fret's pool.
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,
            timeout=timeout_s,
            http_client=_open_http(concurrency, timeout_s),
        )
        self._secret = api_key

    async def send(self, path: str, body: bytes) -> Answered | Failure:
        """Post a body and return the bytes of the answer."""
        import openai

        try:
            # The SDK's timeout starts anew with every byte; this one is for the whole attempt.
            async with asyncio.timeout(self._timeout_s):
                # Raw bytes, no typed objects: the store keeps what came, and this is twice as fast.
                response = await self._client.post(
                    self._address(path), content=body, cast_to=self._response
                )
                return Answered(
                    hide_key(bytes(response.content), self._secret or ""), response.headers
                )
        except TimeoutError:
            raise self._silence() from None
        except openai.APIStatusError as error:
            return self._read_status(error)
        except openai.APIConnectionError as error:
            raise self._explain(error) from None
        except Exception as error:  # what the transport does not translate: a bad encoding, say
            why = f"{self.where} broke off: {self._clean(error) or type(error).__name__}"
            raise Transient(why, unknown=True) from None

    async def models(self) -> bytes:
        """Ask what models there are; whatever the server answers, something is there.

        Raises:
            Transient: nothing is there.
            ModelError: the key is refused.
        """
        import openai

        try:
            async with asyncio.timeout(min(self._timeout_s, 20)):
                response = await self._client.get("/models", cast_to=self._response)
                return bytes(response.content)
        except TimeoutError:
            raise Transient("it does not answer") from None
        except openai.AuthenticationError as error:
            raise self._refuse(error) from None
        except openai.APIStatusError:
            return b""  # something is there; what it can do, the probe tells
        except openai.APIConnectionError as error:
            raise self._explain(error) from None
        except Exception as error:  # as in `send`
            raise Transient(self._clean(error) or type(error).__name__) from None

    async def close(self) -> None:
        await self._client.close()

    def _address(self, path: str) -> str:
        if path.startswith("/v1/"):
            return self._base + path.removeprefix("/v1")
        return self._root + path

    def _silence(self) -> Transient:
        return Transient(f"no answer within {self._timeout_s:g} s", unknown=True, silent=True)

    def _explain(self, error: Exception) -> Transient:
        """Tell what became of a connection: the SDK calls most of it a timeout, aiohttp knows."""
        import aiohttp

        cause: BaseException = error
        while cause.__cause__ is not None and not isinstance(cause, aiohttp.ClientError):
            cause = cause.__cause__
        said = self._clean(cause) or type(cause).__name__
        match cause:
            case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
                return Transient(f"no connection to {self.where}: {said}")
            case TimeoutError():
                return self._silence()
        return Transient(f"{self.where} broke off: {said}", unknown=True)

    def _read_status(self, error: Any) -> Failure:
        status, text = error.status_code, self._clean(error)[:300]
        quota = getattr(error, "code", None) == "insufficient_quota" or "insufficient_quota" in text
        if status in _REFUSALS or quota:
            raise self._refuse(error) from None
        if status in _BUSY or status >= 500:
            retry_after = parse_retry_after(error.response.headers)
            raise Transient(
                f"status {status}: {text}",
                retry_after,
                limited=status == 429,
                unknown=status in _LOST,
            ) from None
        return Failure(FailureKind.REJECTED, f"status {status}: {text}")

    def _refuse(self, error: Any) -> ModelError:
        why = {
            401: "the key is missing or wrong (see api_key_env)",
            402: "the account has no credit left",
            403: "the key may not do this, or the model does not allow it",
            404: "the server does not know this path or model",
        }.get(error.status_code, "the quota is used up")
        said = self._clean(error)[:300]
        return ModelError(
            f"{self.where} stopped us: {why}. It says: {said}. All answers so far are kept.",
            status=error.status_code,
        )

    def _clean(self, error: object) -> str:
        """What an error says, without the key: some servers repeat what they were sent."""
        text = str(error)
        return text.replace(self._secret, "(key)") if self._secret else text


def open_client(base_url: str, api_key: str | None, *, timeout_s: float) -> Any:
    """Return the SDK's client for calls that come one at a time, such as those of batches."""
    from openai import OpenAI

    return OpenAI(base_url=base_url, api_key=api_key or "none", max_retries=0, timeout=timeout_s)


def _root_of(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _open_http(concurrency: int, timeout_s: float) -> Any:
    """Return the SDK's client on aiohttp, with TCP keepalive.

    aiohttp, for httpx2 gets slower in absolute terms above some 250 connections. Keepalive, for
    neither sets it: a connection that a router has forgotten would hang until the deadline.
    """
    import aiohttp
    import httpx2
    from openai import DefaultAioHttpClient

    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    client: Any = DefaultAioHttpClient(limits=limits, timeout=timeout_s)
    # The SDK has no public way to its sockets; tests check that the option arrives.
    transport = client._transport
    transport.client = lambda: aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=concurrency, ssl=transport.ssl_context, socket_factory=_make_socket
        )
    )
    return client


def _make_socket(address: Any) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):  # not every system has both
        if option := getattr(socket, name, None):
            with suppress(OSError):
                made.setsockopt(socket.IPPROTO_TCP, option, _KEEPALIVE_S)
    return made
