"""Which addresses may be reached, and connections that go to no other.

A page or its redirect may name a machine of the user's own network (server-side request forgery).
A name is resolved once for each connection; every address it has is checked, and the connection
goes to one of exactly these. The socket is checked once more as it is made, and that sees addresses
written as numbers too. So a name that changes its address between a check and a connection (DNS
rebinding) gains nothing: there is no second look-up.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from fret.reasons import Reason
from fret.sources.web import NotFetched

IsAllowed = Callable[[str], bool]
"""Whether a numeric IP address may be connected to."""

# Characters of an address; servers take 8,000 at least (RFC 9110, 4.1), and hardly more.
LONGEST = 8_000
# IPv6 addresses that stand for an IPv4 address, behind which anything may lie: compatible, mapped,
# translated (NAT64, RFC 6052 and 8215), Teredo, 6to4.
_EMBEDDING = [
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
] + [ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16")]
# A host whose last label is a number is an IPv4 address to some readers (WHATWG URL, inet_aton).
_NUMBER_LAST = re.compile(r"(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)\.?$", re.IGNORECASE)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and (
        found.is_site_local or any(found in network for network in _EMBEDDING)
    ):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def is_any(address: str) -> bool:
    """Allow all: for crawls of the user's own network."""
    return True


def parse_address(text: str, base: URL | None = None) -> URL:
    """Parse the address of a page, or of a redirect from `base`, without its fragment.

    Raises:
        NotFetched: it is none that may be asked for, whatever stands behind it.
    """
    if len(text) > LONGEST:
        raise _refuse(text, f"longer than {LONGEST} characters")
    try:
        url = URL(text)
        url = (base.join(url) if base else url).with_fragment(None)
        host, _ = url.host, url.port
    except ValueError as error:
        raise _refuse(text, str(error)) from error
    if url.scheme not in {"http", "https"}:
        raise _refuse(text, "neither http nor https")
    if not host:
        raise _refuse(text, "it names no host")
    if url.user is not None or url.password is not None:
        raise _refuse(text, "it holds a user's name or password")
    if _NUMBER_LAST.search(host) and not _is_plain_ipv4(host):
        raise _refuse(text, "a number that is no plain IPv4 address")
    return url


def _is_plain_ipv4(host: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


def _refuse(text: str, why: str) -> NotFetched:
    return NotFetched(Reason.ADDRESS_REFUSED, f"{text[:200]}: {why}")


def make_connector(resolver: AbstractResolver, is_allowed: IsAllowed) -> aiohttp.TCPConnector:
    """Make a connector that reaches allowed addresses only; TLS still checks the host's name."""

    def make_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = info
        _check(str(where[0]), str(where[0]), is_allowed)
        return socket.socket(family=family, type=kind, proto=protocol)

    return aiohttp.TCPConnector(
        resolver=CheckedResolver(resolver, is_allowed),
        use_dns_cache=False,
        limit=0,
        limit_per_host=1,
        socket_factory=make_socket,
    )


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses those with any address that is not allowed."""

    def __init__(self, resolver: AbstractResolver, is_allowed: IsAllowed) -> None:
        self._resolver, self._is_allowed = resolver, is_allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            _check(host, result["host"], self._is_allowed)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _check(host: str, address: str, is_allowed: IsAllowed) -> None:
    if not is_allowed(address):
        whose = address if host == address else f"{host} ({address})"
        raise NotFetched(
            Reason.ADDRESS_REFUSED,
            f"{whose} is no public address; pages.source.allow_private allows it",
        )
