"""Domains whose pages are left out."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from fret.errors import ConfigError, SourceError
from fret.reasons import Reason
from fret.text.filters.fault import Fault

# A hosts file names the machine itself, too.
_OWN = frozenset(["localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost"])
_ADDRESS = re.compile(r"[\d.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*(?:%\w+)?")


class BlockedDomains:
    """Says which pages lie below a blocked domain.

    Args:
        domains: as people write them: with or without www., in any script; a whole address counts
            as its domain.

    Raises:
        ConfigError: one of them is no domain.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        self.domains = frozenset(map(_read_domain, domains))

    def check(self, url: str) -> Fault | None:
        labels = find_host(url).split(".") if self.domains else []
        for start in range(len(labels)):
            domain = ".".join(labels[start:])
            if domain in self.domains:
                return Fault(Reason.BLOCKED_DOMAIN, f"{domain} is blocked: {url[:200]}")
        return None


def read_domains(path: Path) -> list[str]:
    """Return the domains of a file: one a line, or as in a hosts file behind an address.

    Raises:
        SourceError: it cannot be read, or names none.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path}, which passages.filters.blocked_domains names, cannot be read: {error}."
        ) from error
    found = []
    for line in lines:
        words = line.partition("#")[0].split()
        names = words[1:] if len(words) > 1 and _ADDRESS.fullmatch(words[0]) else words
        found += [name for name in names if name.lower() not in _OWN]
    # UT1's lists hold addresses of single machines among the domains.
    found = [name for name in found if not name.startswith("!")]
    if not found:
        raise SourceError(
            f"{path}, which passages.filters.blocked_domains names, holds no domain. Write one a "
            "line, or set it to [] to block none."
        )
    return found


@lru_cache(maxsize=4096)
def find_host(url: str) -> str:
    """Return the host of an address without www., in ASCII (IDNA); empty where it has none."""
    try:
        host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    return _to_ascii(host.rstrip(".")).removeprefix("www.")


def _read_domain(written: str) -> str:
    # Wildcards are implied: subdomains are blocked anyway.
    domain = find_host(written.strip().removeprefix("*.").removeprefix("."))
    if not domain or any(c.isspace() for c in domain):
        raise ConfigError(
            f"passages.filters.blocked_domains names {written[:80]!r}, which is no domain. Write "
            "it like example.org."
        )
    return domain


def _to_ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host.lower()
