"""Replace e-mail addresses and public IP addresses, as FineWeb does (Penedo et al. 2024).

Every pattern takes linear time: it starts at the beginning of a run of its characters alone, and
looks ahead no farther than the longest address goes (RFC 5321: 64 characters before the @).
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

# Names that are reserved for examples (RFC 2606), and addresses that answered nothing when FineWeb
# was made; version 6 has a range for documentation (RFC 3849).
EMAILS = ("email@example.com", "firstname.lastname@example.org")
IPS_4 = (
    "22.214.171.124",
    "126.96.36.199",
    "188.8.131.52",
    "184.108.40.206",
    "220.127.116.11",
    "18.104.22.168",
)
IPS_6 = ("2001:db8::1", "2001:db8::2")

# Latin, Greek and Cyrillic letters: in scripts without spaces, what comes before an address is no
# part of it. A single class, which is found several times faster than two.
_NAME = r"[A-Za-z0-9_%+\-\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u052f\u1e00-\u1fff]"
_INNER = _NAME.replace("[", "['’")
_LABEL = r"[^\W_](?:[^\W_]|-){0,62}"
_EMAIL = re.compile(
    rf"{_NAME}(?<!{_NAME}.)(?<!{_NAME}[.'’].)"
    rf"{_INNER}{{0,63}}(?:\.{_INNER}{{1,64}}){{0,8}}"
    rf"@(?:{_LABEL}\.){{1,8}}"
    # Not re.I: it makes classes several times slower.
    r"(?:[Xx][Nn]--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,24}|[^\W\d_A-Za-z]{2,24})(?![A-Za-z0-9_-])"
)
_EXAMPLE = re.compile(r"@(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid)", re.I)
_IP_4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)", re.A)
# Addresses are given out from 2000::/3 alone (RFC 4291), so C++ names are none.
_IP_6 = re.compile(r"(?<![\w:.])[23][0-9a-f]{3}(?::[0-9a-f]{0,4}){2,8}(?![\w:])", re.I)
_VERSION = re.compile(
    r"(?:\b(?:versions?|ver|v|releases?|firmware|build|driver|update|kernel|rev|section|§)\b\.?"
    r"|§)[\s:=]*$",
    re.I,
)
_VERSION_REACH = 20


class Replaced(NamedTuple):
    """Texts without personal data, and how much of it there was."""

    texts: tuple[str, ...]
    n_emails: int
    n_ips: int


def replace_personal_data(texts: Sequence[str]) -> Replaced:
    """Replace e-mail and public IP addresses in texts that belong together.

    The same address has the same replacement throughout. What stands in an example's domain stays;
    so do dotted numbers that look like versions or sections: behind such a word, or with one digit
    in each place (`1.2.3.4` is a public address, but hardly ever meant as one).
    """
    emails, ips_4, ips_6 = _Stand(EMAILS), _Stand(IPS_4), _Stand(IPS_6)
    found = []
    for text in texts:
        if "@" in text:
            text = _EMAIL.sub(lambda m: emails.replace(m[0]) if _is_personal(m[0]) else m[0], text)
        text = _IP_4.sub(lambda m: ips_4.replace(m[0]) if _is_public(m) else m[0], text)
        if ":" in text:
            text = _IP_6.sub(lambda m: ips_6.replace(m[0]) if _is_global(m[0]) else m[0], text)
        found.append(text)
    return Replaced(tuple(found), emails.n, ips_4.n + ips_6.n)


class _Stand:
    """What stands for each address, in turn."""

    def __init__(self, replacements: Sequence[str]) -> None:
        self.n = 0
        self._replacements, self._known = replacements, dict[str, str]()

    def replace(self, address: str) -> str:
        if address in self._replacements:
            return address
        self.n += 1
        turn = self._replacements[len(self._known) % len(self._replacements)]
        return self._known.setdefault(address.lower(), turn)


def _is_personal(address: str) -> bool:
    return _EXAMPLE.fullmatch(address, address.rindex("@")) is None


def _is_public(found: re.Match[str]) -> bool:
    address, start = found[0], found.start()
    if len(address) == len("1.2.3.4") or not _is_global(address):
        return False
    return _VERSION.search(found.string[max(0, start - _VERSION_REACH) : start]) is None


@lru_cache(maxsize=4096)
def _is_global(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
