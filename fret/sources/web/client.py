"""One request: no redirect followed, no cookie kept, no proxy used, no byte too many read."""

import asyncio
import email.utils
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from fret.reasons import Reason
from fret.sources.web import NotFetched
from fret.sources.web.addresses import IsAllowed, make_connector
from fret.unpack import ACCEPTED, BombError, UnpackError, read_encodings, unpack

HTML = frozenset({"text/html", "application/xhtml+xml"})
_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.1"


class Disconnected(Exception):
    """The connection broke; another attempt may go better."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a server said; the body only where it was wanted."""

    url: URL
    status: int
    location: str
    retry_after_s: float | None
    charset: str
    body: bytes


class Client:
    """Asks servers; use as an async context manager.

    Args:
        contact: an address of mail or web, for who minds the visits.
        resolver: turns names into addresses; by default the system's.
    """

    def __init__(
        self, contact: str, *, is_allowed: IsAllowed, resolver: AbstractResolver | None = None
    ) -> None:
        self._agent = f"fret/{version('fret')} (+{contact})"
        self._is_allowed, self._resolver = is_allowed, resolver

    async def __aenter__(self) -> Self:
        resolver = self._resolver or aiohttp.ThreadedResolver()
        self._session = aiohttp.ClientSession(
            connector=make_connector(resolver, self._is_allowed),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            # The visit has a deadline over all its requests.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            headers={
                "User-Agent": self._agent,
                "Accept": _ACCEPT,
                "Accept-Encoding": ACCEPTED,
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(
        self,
        url: URL,
        *,
        most_bytes: int,
        types: frozenset[str] | None = None,
        may_be_cut: bool = False,
    ) -> Response:
        """Ask once.

        Args:
            types: the media types that are wanted; None for any.
            may_be_cut: whether the whole lines of the first `most_bytes` of a larger file will do.

        Raises:
            NotFetched: nothing can come of it.
            Disconnected: it may go better next time.
        """
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                body = b""
                if response.status == 200:
                    _check_type(response, types)
                    body = await _read(response, most_bytes, may_be_cut)
                return Response(
                    url,
                    response.status,
                    _mend(response.headers.get("Location", "")),
                    _read_wait(response.headers.get("Retry-After", "")),
                    (response.charset or "").encode("ascii", "ignore").decode("ascii"),
                    body,
                )
        except aiohttp.ClientConnectorError as error:
            raise NotFetched(Reason.NOT_FETCHED, _describe(error)) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise Disconnected(_describe(error)) from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise NotFetched(Reason.NOT_FETCHED, _describe(error)) from error


def _check_type(response: aiohttp.ClientResponse, types: frozenset[str] | None) -> None:
    if types is not None and response.content_type.lower() not in types:
        told = response.headers.get("Content-Type", "nothing")
        raise NotFetched(Reason.NOT_HTML, f"its type is {told[:100]}")


async def _read(response: aiohttp.ClientResponse, most_bytes: int, may_be_cut: bool) -> bytes:
    packed = bytearray()
    async for chunk in response.content.iter_any():
        packed += chunk
        if len(packed) > most_bytes:
            break
    encodings = read_encodings(response.headers.get("Content-Encoding", ""))
    try:
        body = await asyncio.to_thread(unpack, bytes(packed), encodings, most_bytes)
        if len(body) > most_bytes:
            raise BombError(f"over {most_bytes} bytes", body[:most_bytes])
    except BombError as error:
        if may_be_cut:
            return error.beginning.rpartition(b"\n")[0]
        raise NotFetched(Reason.TOO_LARGE, str(error)) from error
    except UnpackError as error:
        if len(packed) > most_bytes:  # no more was read
            raise NotFetched(Reason.TOO_LARGE, f"over {most_bytes} bytes") from error
        raise NotFetched(Reason.NOT_FETCHED, f"it cannot be unpacked: {error}") from error
    return body


def _mend(value: str) -> str:
    """Read a header that is no UTF-8 as Latin-1; its bytes come as halves of surrogate pairs."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _read_wait(value: str) -> float | None:
    """Read Retry-After: seconds, or a date."""
    with suppress(ValueError):
        return max(0.0, float(int(value)))
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
