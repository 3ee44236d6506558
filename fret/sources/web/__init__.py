"""Pages fetched from the web, politely: nothing here knows of pipelines or runs.

addresses   which addresses may be reached, and a connection that goes nowhere else
client      one request, with its limits
unpack      packed bodies, unpacked no further than a limit
hosts       one request at a time and a pause between, per host
robots      what a host allows
visit       a page: robots, redirects, new attempts, a deadline
sitemaps    the addresses that a site lists
kept        what was fetched, on disk
crawl       many pages of many hosts
"""

from dataclasses import dataclass

from fret.reasons import Reason


@dataclass(frozen=True, slots=True)
class Manners:
    """How a crawl behaves; see the keys of the same names in the pipeline file."""

    contact: str
    delay_s: float
    max_crawl_delay_s: float
    max_wait_s: float
    timeout_s: float
    max_redirects: int
    max_bytes: int
    hosts_at_once: int
    allow_private: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one address: a page, or the reason why there is none."""

    address: str
    """As it was asked for."""
    url: str = ""
    """Where redirects led."""
    body: bytes = b""
    charset: str = ""
    """What the server says of the encoding; empty where it says nothing."""
    reason: Reason | None = None
    detail: str = ""


class NotFetched(Exception):
    """An address that gives no page; why is told to the user, page by page."""

    def __init__(self, reason: Reason, detail: str) -> None:
        # What a server says may be no text at all, and must be storable.
        self.detail = detail.encode("utf-8", "replace").decode("utf-8")
        self.reason = reason
        super().__init__(self.detail)
