"""The crawler, against servers on this machine: polite, bounded, and never where it may not go."""

import ast
import gzip
import hashlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import brotli
import pytest
import yaml
from aiohttp.abc import AbstractResolver, ResolveResult

import fret
from conftest import ASPECTS, SUBJECTS, page_text
from fret.errors import SourceError, StoreError
from fret.reasons import Reason
from fret.records import Dropped, Page
from fret.sources import RawPage
from fret.sources.urls import UrlList
from fret.sources.web import Fetched, Manners, NotFetched
from fret.sources.web.addresses import is_public, parse_address
from fret.sources.web.robots import MOST_BYTES as MOST_ROBOTS_BYTES
from fret.sources.web.sitemaps import BadSitemap, parse_sitemap
from fret.unpack import BombError, unpack
from test_cli import call, said
from web_server import Answer, WebServer, page

MANNERS = Manners(
    contact="mail@example.org",
    delay_s=0.0,
    max_crawl_delay_s=60.0,
    max_wait_s=2.0,
    timeout_s=20.0,
    max_redirects=5,
    max_bytes=100_000,
    hosts_at_once=8,
    allow_private=True,
)


class Names(AbstractResolver):
    """Resolves every name to the addresses given for it, one after another; else to loopback."""

    def __init__(self, **addresses: list[str]) -> None:
        self._addresses = {
            name.replace("_", "."): itertools.chain(found, itertools.repeat(found[-1]))
            for name, found in addresses.items()
        }
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        address = next(self._addresses.get(host, iter(["127.0.0.1"])))
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        found = {"hostname": host, "host": address, "port": port, "family": kind}
        return [ResolveResult(**found, proto=0, flags=socket.AI_NUMERICHOST)]  # type: ignore[typeddict-item]

    async def close(self) -> None: ...


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


class Crawl:
    """Crawls lists of addresses in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ticks: list[Any] = []

    def source(self, *addresses: str, **options: Any) -> UrlList:
        (self.folder / "urls.txt").write_text("\n".join(addresses), "utf-8")
        given: dict[str, Any] = {
            "path": self.folder / "urls.txt" if addresses else None,
            "sitemaps": [],
            "kept": self.folder / "run" / "crawl.sqlite",
            "resolver": Names(),
        }
        manners = {k: options.pop(k) for k in list(options) if hasattr(MANNERS, k)}
        return UrlList(**(given | options), manners=replace(MANNERS, **manners))

    def __call__(self, *addresses: str, again: bool = False, **options: Any) -> list[Fetched]:
        source = self.source(*addresses, **options)
        source.describe()
        source.fetch(
            lambda *counts: self.ticks.append(counts),
            lambda: self.ticks.append("page"),
            failed_again=again,
        )
        return [_describe(row) for part in source.parts(3) for row in part]


def _describe(row: RawPage | Dropped) -> Fetched:
    if isinstance(row, Dropped):
        return Fetched(row.record_id, reason=Reason(row.reason), detail=row.detail)
    return Fetched(row.name, row.url, row.body or b"", row.charset)


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    return Crawl(tmp_path)


def reasons(pages: list[Fetched]) -> list[Reason | None]:
    return [page.reason for page in pages]


# -- pages


def test_pages_come_in_the_order_of_the_list_with_what_the_server_said(
    crawl: Crawl, web: WebServer
) -> None:
    web.answers = {
        "/a": page("a"),
        "/b": Answer(page("b"), kind="application/xhtml+xml"),
        "/c": Answer("<p>größer".encode("cp1252"), kind="Text/HTML; charset=windows-1252"),
    }
    found = crawl(*(f"{web.url}/{name}" for name in "cab"))
    assert [p.address for p in found] == [f"{web.url}/{name}" for name in "cab"]
    assert [p.url for p in found] == [p.address for p in found]
    assert [p.body for p in found] == ["<p>größer".encode("cp1252"), page("a"), page("b")]
    assert [p.charset for p in found] == ["windows-1252", "utf-8", ""]
    assert crawl.ticks == [(0, 3), "page", "page", "page"]


def test_every_request_says_who_asks_and_brings_nothing_else(
    crawl: Crawl, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    web.answers = {
        name: Answer(page(name), headers={"Set-Cookie": "a=b; Path=/"}) for name in ("/a", "/b")
    }
    assert reasons(crawl(f"{web.url}/a", f"{web.url}/b")) == [None, None]
    assert [seen.path for seen in web.seen] == ["/robots.txt", "/a", "/b"]
    for seen in web.seen:
        assert seen.headers["User-Agent"].startswith("fret/")
        assert seen.headers["User-Agent"].endswith(" (+mail@example.org)")
        assert not {"Cookie", "Referer", "Authorization"} & set(seen.headers)


@pytest.mark.parametrize(
    ("answer", "reason", "told"),
    [
        (Answer(page("x"), 404), Reason.HTTP_STATUS, "404"),
        (Answer(page("x"), 500), Reason.HTTP_STATUS, "500"),
        (Answer(b"", 204), Reason.HTTP_STATUS, "204"),
        (Answer(page("x"), 206), Reason.HTTP_STATUS, "206"),
        (Answer(b"{}", kind="application/json"), Reason.NOT_HTML, "application/json"),
        (Answer(page("x"), kind="text/plain"), Reason.NOT_HTML, "text/plain"),
        (Answer(page("x"), kind=""), Reason.NOT_HTML, "nothing"),
        (Answer(b"x" * 100_001), Reason.TOO_LARGE, "over 100000 bytes"),
        (Answer(page("x"), length=10_000), Reason.NOT_FETCHED, "Payload"),
        (
            Answer(page("x"), headers={"Content-Encoding": "compress"}),
            Reason.NOT_FETCHED,
            "'compress' is not known",
        ),
        (
            Answer(b"x" * 100, headers={"Content-Encoding": "gzip"}),
            Reason.NOT_FETCHED,
            "cannot be unpacked",
        ),
        (
            Answer(gzip.compress(page("x"))[:-20], headers={"Content-Encoding": "gzip"}),
            Reason.NOT_FETCHED,
            "cut off",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_what_is_no_whole_page_is_dropped_with_its_reason(
    crawl: Crawl, web: WebServer, answer: Answer, reason: Reason, told: str
) -> None:
    web.answers = {"/x": answer, "/good": page("good")}
    bad, good = crawl(f"{web.url}/x", f"{web.url}/good")
    assert (bad.reason, bad.body, good.reason) == (reason, b"", None)
    assert told in bad.detail


def test_a_page_of_just_the_limit_is_kept(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/x": b"<p>" + b"x" * 99_997}
    assert reasons(crawl(f"{web.url}/x")) == [None]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def pack_brotli(data: bytes) -> bytes:
    packed: bytes = brotli.compress(data, quality=5)
    return packed


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip members": ("x-gzip", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
    "zlib": ("deflate", zlib.compress),
    "deflate": ("deflate", raw_deflate),
    "brotli": ("br", pack_brotli),
}


BOMBS = {"gzip": 300_000_000, "brotli": 300_000_000}


@pytest.mark.parametrize("name", PACKERS)
def test_packed_pages_are_unpacked_and_bombs_are_stopped(
    crawl: Crawl, web: WebServer, name: str
) -> None:
    encoding, pack = PACKERS[name]
    headers = {"Content-Encoding": encoding}
    web.answers = {
        "/good": Answer(pack(page("good")), headers=headers),
        # In brotli, 455 bytes.
        "/bomb": Answer(pack(bytes(BOMBS.get(name, 3_000_000))), headers=headers),
    }
    good, bomb = crawl(f"{web.url}/good", f"{web.url}/bomb")
    assert good.body == page("good")
    assert (bomb.reason, bomb.body) == (Reason.TOO_LARGE, b"")


@pytest.mark.parametrize("name", PACKERS)
def test_what_is_unpacked_never_grows_over_its_limit(name: str) -> None:
    encoding, pack = PACKERS[name]
    bomb = pack(bytes(5_000_000))
    tracemalloc.start()
    with pytest.raises(BombError) as caught:
        unpack(bomb, [encoding], 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400_000
    assert caught.value.beginning == bytes(1000)


@pytest.mark.parametrize("where", ["body", "silence"])
def test_what_drips_or_hangs_ends_with_its_deadline(
    crawl: Crawl, web: WebServer, where: str
) -> None:
    slow = Answer(page("slow"), drip_s=0.05) if where == "body" else Answer(holds=True)
    web.answers = {"/slow": slow, "/good": page("good")}
    bad, good = crawl(f"{web.url}/slow", f"{web.url}/good", timeout_s=1.0)
    assert (bad.reason, bad.detail, good.reason) == (Reason.TIMED_OUT, "longer than 1 s", None)


def test_headers_that_are_no_text_harm_nobody(crawl: Crawl, web: WebServer) -> None:
    odd = "text/\udcff\x01\udcfe; charset=\udcff".encode("utf-8", "surrogateescape").decode(
        "latin-1"
    )
    web.answers = {
        "/type": Answer(page("x"), kind=odd),
        "/charset": Answer(page("x"), kind="text/html; charset=\xff\xfe"),
        "/encoding": Answer(page("x"), headers={"Content-Encoding": "\xff"}),
        "/away": redirect("/\xff\xfe?q=\xe4"),
        "/scheme": redirect("x\xff:y"),
        "/long": redirect("/" + "x" * 7_000),
        "/%C3%BF%C3%BE?q=%C3%A4": page("away"),
    }
    names = ("type", "charset", "encoding", "away", "scheme", "long")
    found = crawl(*(f"{web.url}/{name}" for name in names))
    assert reasons(found)[:4] == [Reason.NOT_HTML, None, Reason.NOT_FETCHED, None]
    assert all(found[i].reason for i in (4, 5))
    for text in [p.detail + p.charset + p.url for p in found]:
        text.encode("utf-8")


def test_a_host_that_is_not_there_costs_its_pages_alone(crawl: Crawl, web: WebServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://dead.test:{closed.getsockname()[1]}"
        web.answers = {"/good": page("good")}
        found = crawl(f"{dead}/1", f"{web.url}/good", f"{dead}/2")
    assert reasons(found) == [Reason.NOT_FETCHED, None, Reason.NOT_FETCHED]
    assert "/robots.txt: ClientConnectorError" in found[0].detail


def test_a_host_that_hangs_is_left_after_ten_pages(crawl: Crawl, web: WebServer) -> None:
    web.answers = {f"slow.test/{n}": Answer(holds=True) for n in range(1, 15)}
    web.answers |= {"/0": page("0"), "/20": page("20")}
    slow = [web.at("slow.test", f"/{n}") for n in range(15)]
    found = crawl(*slow, web.at("good.test", "/20"), timeout_s=0.2)
    assert reasons(found) == [None, *[Reason.TIMED_OUT] * 10, *[Reason.NOT_FETCHED] * 4, None]
    assert found[14].detail == "not asked for: its host failed 10 times in a row"
    assert len(web.counts) == 12


# -- robots.txt


def test_robots_are_obeyed_under_our_own_name(crawl: Crawl, web: WebServer) -> None:
    rules = "User-agent: *\nDisallow: /\n\nUser-agent: FRet\nDisallow: /no\nAllow: /no/yes*.html$\n"
    web.answers = {"/robots.txt": Answer(rules.encode(), kind="text/plain")}
    web.answers |= {path: page(path) for path in ("/a", "/no/b", "/no/yes1.html")}
    found = crawl(*(f"{web.url}{path}" for path in ("/a", "/no/b", "/no/yes1.html")))
    assert reasons(found) == [None, Reason.NOT_ALLOWED_BY_ROBOTS, None]
    assert "/no/b" not in web.counts
    assert f"{web.url}/robots.txt forbids it" in found[1].detail


def test_the_contact_is_no_name_that_robots_can_mean(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/robots.txt": b"User-agent: mail\nDisallow: /\n", "/a": page("a")}
    assert reasons(crawl(f"{web.url}/a")) == [None]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, None),
        (401, None),
        (403, None),
        (429, Reason.NOT_ALLOWED_BY_ROBOTS),
        (500, Reason.NOT_ALLOWED_BY_ROBOTS),
        (503, Reason.NOT_ALLOWED_BY_ROBOTS),
    ],
)
def test_no_robots_is_a_yes_and_a_broken_one_a_no(
    crawl: Crawl, web: WebServer, status: int, reason: Reason | None
) -> None:
    web.answers = {
        "/robots.txt": Answer(b"", status, headers={"Retry-After": "0"}),
        "/a": page("a"),
        "/b": page("b"),
    }
    assert reasons(crawl(f"{web.url}/a", f"{web.url}/b")) == [reason, reason]
    assert set(web.counts) == (set() if reason else {"/a", "/b"})
    asked = [seen.path for seen in web.seen].count("/robots.txt")
    assert asked == (3 if status in {429, 503} else 1)


def test_robots_that_hang_are_a_no(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/robots.txt": Answer(holds=True), "/a": page("a")}
    (found,) = crawl(f"{web.url}/a", timeout_s=0.5)
    assert found.reason is Reason.TIMED_OUT and "robots.txt" in found.detail
    assert not web.counts


def test_robots_may_be_elsewhere_and_very_long(crawl: Crawl, web: WebServer) -> None:
    rules = b"User-agent: *\nDisallow: /no\n" + b"# filler\n" * (MOST_ROBOTS_BYTES // 9)
    web.answers = {
        "a.test/robots.txt": Answer(b"", 301, headers={"Location": web.at("b.test", "/r")}),
        "/r": Answer(rules + b"Disallow: /a\n", kind="text/plain"),
        "/a": page("a"),
    }
    found = crawl(web.at("a.test", "/a"), web.at("a.test", "/no"))
    assert reasons(found) == [None, Reason.NOT_ALLOWED_BY_ROBOTS]


def test_a_redirect_is_checked_against_the_rules_of_where_it_leads(
    crawl: Crawl, web: WebServer
) -> None:
    away = Answer(b"", 302, headers={"Location": web.at("b.test", "/no")})
    web.answers = {"a.test/x": away, "b.test/robots.txt": b"User-agent: *\nDisallow: /no"}
    web.answers |= {"b.test/no": page("no")}
    (found,) = crawl(web.at("a.test", "/x"))
    assert found.reason is Reason.NOT_ALLOWED_BY_ROBOTS
    assert "/no" not in web.counts


# -- politeness


def gaps(times: list[tuple[float, float]]) -> list[float]:
    """From the answer of one request to the beginning of the next."""
    return [began - ended for (_, ended), (began, _) in itertools.pairwise(times)]


def test_a_host_is_asked_one_thing_at_a_time_and_many_hosts_at_once(
    crawl: Crawl, web: WebServer
) -> None:
    web.latency_s = 0.05
    hosts = [f"{name}.test" for name in "abcd"]
    web.answers = {f"/{n}": page(str(n)) for n in range(4)}
    # Those of a.test lead to b.test: a visit from elsewhere keeps the host's pace too.
    web.answers["a.test/0"] = Answer(b"", 301, headers={"Location": web.at("b.test", "/0")})
    addresses = [web.at(host, f"/{n}") for n in range(4) for host in hosts]
    assert reasons(crawl(*addresses, delay_s=0.1)) == [None] * 16
    assert dict(web.most_at_once) == dict.fromkeys(hosts, 1)
    assert web.at_once_in_all > 1
    for host in hosts:
        # Slack: an answer is noted just before it is sent, and the client's clock may be coarse.
        assert min(gaps(web.times(host))) > 0.09
    one_connection = {host: {s.peer for s in web.seen if s.host.startswith(host)} for host in hosts}
    assert all(len(peers) <= 2 for peers in one_connection.values())


@pytest.mark.parametrize(
    ("rules", "cap", "least"),
    [
        ("Crawl-delay: 0.5", 60.0, 0.48),
        ("Request-rate: 2/1s", 60.0, 0.48),
        ("Crawl-delay: 3000", 0.3, 0.28),
        ("Crawl-delay: nonsense", 60.0, 0.0),
    ],
)
def test_a_pause_that_robots_ask_for_is_kept_up_to_the_cap(
    crawl: Crawl, web: WebServer, rules: str, cap: float, least: float
) -> None:
    web.answers = {f"/{n}": page(str(n)) for n in range(3)}
    web.answers["/robots.txt"] = f"User-agent: *\n{rules}\n".encode()
    found = crawl(*(f"{web.url}/{n}" for n in range(3)), max_crawl_delay_s=cap)
    assert reasons(found) == [None] * 3
    assert min(gaps(web.times("127.0.0.1"))) >= least


def test_a_busy_host_is_waited_for_as_it_asks(crawl: Crawl, web: WebServer) -> None:
    states = iter([Answer(b"", 429, {"Retry-After": "1"}), Answer(b"", 503, {"Retry-After": "0"})])
    web.answers = {"/a": lambda _: next(states, page("a")), "/b": page("b")}
    assert reasons(crawl(f"{web.url}/a", f"{web.url}/b")) == [None, None]
    assert [s.path for s in web.seen] == ["/robots.txt", "/a", "/a", "/a", "/b"]
    assert gaps(web.times("127.0.0.1"))[1] > 0.95


def test_a_host_that_stays_busy_or_asks_for_too_long_is_given_up(
    crawl: Crawl, web: WebServer
) -> None:
    web.answers = {
        "/busy": Answer(b"", 503, {"Retry-After": "0"}),
        "/long": Answer(b"", 429, {"Retry-After": "3600"}),
        "/date": Answer(b"", 503, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}),
    }
    found = crawl(*(f"{web.url}/{name}" for name in ("busy", "long", "date")))
    assert reasons(found) == [Reason.HTTP_STATUS] * 3
    assert web.counts == {"/busy": 3, "/long": 1, "/date": 1}


# -- redirects


def redirect(where: str, status: int = 302) -> Answer:
    return Answer(b"", status, headers={"Location": where})


def test_redirects_are_followed_and_the_last_address_is_the_page_s(
    crawl: Crawl, web: WebServer
) -> None:
    web.answers = {
        "/1": redirect("/2", 301),
        "/2": redirect("3?q=ä#part", 307),
        "/3?q=%C3%A4": redirect(web.at("b.test", "/4"), 308),
        "/4": page("4"),
    }
    (found,) = crawl(f"{web.url}/1")
    assert (found.address, found.url) == (f"{web.url}/1", web.at("b.test", "/4"))
    assert found.body == page("4")


def test_redirects_without_end_are_left(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/loop": redirect("/loop"), "/1": redirect("/2"), "/2": page("2")}
    loop, one = crawl(f"{web.url}/loop", f"{web.url}/1", max_redirects=1)
    assert (loop.reason, one.reason) == (Reason.NOT_FETCHED, None)
    assert "over 1 redirects" in loop.detail
    assert web.counts["/loop"] == 2


@pytest.mark.parametrize(
    "where",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "data:text/html,<p>x",
        "javascript:alert(1)",
        "gopher://127.0.0.1:70/x",
        "http://user:secret@example.org/",
        "http://[::1",
    ],
)
def test_a_redirect_to_what_is_no_plain_web_address_is_refused(
    crawl: Crawl, web: WebServer, where: str
) -> None:
    web.answers = {"/x": redirect(where)}
    (found,) = crawl(f"{web.url}/x")
    assert found.reason is Reason.ADDRESS_REFUSED


# -- addresses


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "no address",
]  # fmt: skip


def test_only_addresses_of_the_public_internet_are_public() -> None:
    assert [address for address in PRIVATE if is_public(address)] == []
    public = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e"]
    assert all(map(is_public, public))


LOOPBACK = [
    "127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1",
    "127.0.1", "127.000.000.001", "0", "0.0.0.0", "localhost", "localhost.",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
    "①②⑦.⓪.⓪.①", "127。0。0。1",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_refused_however_it_is_written(
    crawl: Crawl, web: WebServer, host: str
) -> None:
    web.answers = {"/x": page("x")}
    (found,) = crawl(f"http://{host}:{web.port}/x", allow_private=False)
    assert (found.reason, web.seen) == (Reason.ADDRESS_REFUSED, [])


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, which is Linux's own")
def test_no_redirect_leads_to_this_machine_however_it_is_written(crawl: Crawl) -> None:
    """127.0.0.2 plays the public site here."""
    with WebServer(bind="0.0.0.0") as web:
        hosts = {f"/{n}": host for n, host in enumerate(LOOPBACK) if host.isascii()}
        web.answers = {path: redirect(web.at(host, "/x")) for path, host in hosts.items()}
        found = crawl(
            *(web.at("site.test", path) for path in hosts),
            resolver=Names(site_test=["127.0.0.2"]),
            is_allowed=lambda address: address == "127.0.0.2",
        )
        assert reasons(found) == [Reason.ADDRESS_REFUSED] * len(hosts)
        assert web.counts == dict.fromkeys(hosts, 1)


def test_a_redirect_to_the_cloud_s_own_address_is_refused(crawl: Crawl, web: WebServer) -> None:
    def only_here(address: str) -> bool:
        return address == "127.0.0.1" or is_public(address)

    targets = ["169.254.169.254", "[::ffff:169.254.169.254]", "2852039166", "metadata.test"]
    web.answers = {f"/{n}": redirect(f"http://{host}/meta") for n, host in enumerate(targets)}
    found = crawl(
        *(f"{web.url}/{n}" for n in range(len(targets))),
        is_allowed=only_here,
        resolver=Names(metadata_test=["169.254.169.254"]),
    )
    assert reasons(found) == [Reason.ADDRESS_REFUSED] * len(targets)
    assert "169.254.169.254) is no public address" in found[3].detail


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, which is Linux's own")
def test_a_name_that_changes_its_address_gains_nothing(crawl: Crawl) -> None:
    """127.0.0.1 plays the public site here, 127.0.0.2 the machine behind the wall."""
    with WebServer(bind="0.0.0.0") as web:
        web.answers = {
            f"/{n}": Answer(page(str(n)), headers={"Connection": "close"}) for n in "123"
        }
        names = Names(a_test=["127.0.0.1", "127.0.0.2"])
        found = crawl(
            *(web.at("a.test", f"/{n}") for n in "123"),
            resolver=names,
            is_allowed=lambda address: address == "127.0.0.1",
        )
        # One connection brought robots.txt and the first page, with one look-up.
        assert reasons(found) == [None, Reason.ADDRESS_REFUSED, Reason.ADDRESS_REFUSED]
        assert names.asked == ["a.test"] * 3
        assert [seen.path for seen in web.seen] == ["/robots.txt", "/1"]


def test_a_name_of_which_any_address_is_private_is_refused(crawl: Crawl, web: WebServer) -> None:
    class Both(Names):
        async def resolve(self, *arguments: Any, **options: Any) -> list[ResolveResult]:
            (found,) = await super().resolve(*arguments, **options)
            return [ResolveResult({**found, "host": "8.8.8.8"}), found]

    (found,) = crawl(web.at("a.test", "/x"), allow_private=False, resolver=Both())
    assert found.reason is Reason.ADDRESS_REFUSED
    assert "a.test (127.0.0.1) is no public address; pages.source.allow_private" in found.detail
    assert web.seen == []


def test_numbers_that_are_no_plain_address_are_refused_even_where_private_ones_are_allowed() -> (
    None
):
    for host in ("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "a.0x1", "1.2.3.4.5"):
        with pytest.raises(NotFetched) as caught:
            parse_address(f"http://{host}/")
        assert caught.value.reason is Reason.ADDRESS_REFUSED
    for host in ("127.0.0.1", "8.8.8.8", "1.example", "0x.example", "[::1]"):
        assert parse_address(f"http://{host}/").scheme == "http"


TLS_CRAWL = """
import sys
from pathlib import Path
from test_crawl import Crawl
found = Crawl(Path(sys.argv[1]))(*sys.argv[2:])
print([page.detail or "fetched" for page in found])
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_certificate_must_be_of_the_host_that_was_asked_for(tmp_path: Path) -> None:
    """Though the connection goes to an address; in a process that trusts the test's certificate."""
    file, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=a.test"
    where = ["-out", file, "-keyout", key]
    subprocess.run(
        ["openssl", *made.split(), "-addext", "subjectAltName=DNS:a.test", *where],
        check=True,
        capture_output=True,
    )
    (tmp_path / "both.pem").write_bytes(key.read_bytes() + file.read_bytes())
    with WebServer(certificate=tmp_path / "both.pem") as web:
        web.answers = {"/x": page("x")}
        addresses = [f"https://{name}.test:{web.port}/x" for name in "ab"]
        command = [sys.executable, "-c", TLS_CRAWL, str(tmp_path), *addresses]
        for trusted, told in ((file, "fetched"), (os.devnull, "CERTIFICATE_VERIFY_FAILED")):
            environment = {**os.environ, "SSL_CERT_FILE": str(trusted)}
            path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
            environment |= {"PYTHONPATH": path, "SSL_CERT_DIR": str(tmp_path / "none")}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            first, second = ast.literal_eval(done.stdout)
            assert told in first and "CERTIFICATE" in second.upper()
            (tmp_path / "run" / "crawl.sqlite").unlink()


# -- lists


def test_a_list_has_comments_blank_lines_and_doubles(crawl: Crawl, web: WebServer) -> None:
    lines = [
        "\ufeff# my pages",
        "",
        f"  {web.url}/a#top  ",
        f"{web.url}/a",
        f"HTTP://127.0.0.1:{web.port}/a#end",
        f"{web.url}/b?q=ä",
        "no address",
        "ftp://example.org/c",
        f"{web.url}/{'x' * 8000}",
    ]
    web.answers = {"/a": page("a"), "/b?q=%C3%A4": page("b")}
    source = crawl.source(*lines)
    assert source.describe().n_pages == 5
    found = crawl(*lines)
    assert [p.address for p in found] == [
        f"{web.url}/a",
        f"{web.url}/b?q=%C3%A4",
        "no address",
        "ftp://example.org/c",
        lines[-1],
    ]
    assert reasons(found) == [None, None, *[Reason.ADDRESS_REFUSED] * 3]
    assert found[4].detail.endswith("longer than 8000 characters")
    assert [p.detail for p in found[2:4]] == [
        "no address: neither http nor https",
        "ftp://example.org/c: neither http nor https",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "example.org/a\n", "\xff"])
def test_a_list_without_addresses_is_told(crawl: Crawl, text: str) -> None:
    source = crawl.source("x")
    (crawl.folder / "urls.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match=r"urls\.txt (holds no address|cannot be read)"):
        source.describe()


def test_the_addresses_are_the_identity_in_their_order(crawl: Crawl) -> None:
    first = crawl.source("http://a.test/1", "http://a.test/2").describe()
    same = crawl.source("# x", "http://a.test/1#x", "", "http://a.test/2").describe()
    other = crawl.source("http://a.test/2", "http://a.test/1").describe()
    more = crawl.source("http://a.test/1", "http://a.test/2", "http://a.test/3").describe()
    assert first == same and len({first.sha256, other.sha256, more.sha256}) == 3
    assert not (crawl.folder / "run").exists()  # describing fetches and writes nothing


# -- sitemaps


def urlset(*addresses: str) -> bytes:
    entries = "".join(
        f"<url><loc> {address} </loc><lastmod>2026-01-01</lastmod>"
        "<image:image><image:loc>http://a.test/picture.png</image:loc></image:image></url>"
        for address in addresses
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><urlset '
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://x">'
        f"{entries}</urlset>"
    ).encode()


def index(*addresses: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f"<sitemapindex>{entries}</sitemapindex>".encode()


def xml(body: bytes) -> Answer:
    return Answer(body, kind="application/xml")


def test_sitemaps_and_indexes_of_them_are_read_once(crawl: Crawl, web: WebServer) -> None:
    at = [f"{web.url}/{n}" for n in range(5)]
    web.answers = {f"/{n}": page(str(n)) for n in range(5)}
    web.answers |= {
        "/index.xml": xml(
            index(f"{web.url}/s1.xml", f"{web.url}/s2.xml.gz", f"{web.url}/index.xml")
        ),
        "/s1.xml": xml(urlset(at[1], at[2], at[0])),
        "/s2.xml.gz": Answer(gzip.compress(urlset(at[3])), kind="application/x-gzip"),
        "/more.xml": xml(urlset(at[4].replace("/4", "/4?a=1&amp;b=2"))),
    }
    sitemaps = [f"{web.url}/index.xml", f"{web.url}/more.xml"]
    first = crawl.source(at[0], sitemaps=sitemaps).describe()
    found = crawl(at[0], sitemaps=sitemaps)
    assert [p.address for p in found] == [*at[:4], f"{at[4]}?a=1&b=2"]
    assert crawl.source(at[0], sitemaps=sitemaps).describe() == first
    assert set(web.counts.values()) == {1}
    # Older than allowed: read anew.
    crawl.source(at[0], sitemaps=sitemaps, max_age_s=1e-9).describe()
    assert web.counts["/index.xml"] == web.counts["/s2.xml.gz"] == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(b"", 404), "cannot be had: status 404"),
        (xml(b"<html><body>"), "begins with <html>"),
        (xml(b"no xml"), "no XML that can be read"),
        (xml(urlset("http://a.test/1")[:-20]), "no XML that can be read"),
        (xml(b"<urlset></urlset>"), "list no page"),
        (xml(gzip.compress(bytes(60_000_000))), "over 52428800 bytes"),
        (xml(gzip.compress(urlset("http://a.test/1"))[:-9]), "cut off"),
    ],
    ids=["404", "html", "text", "cut", "empty", "bomb", "cut gzip"],
)
def test_a_sitemap_that_is_none_is_told_with_its_address(
    crawl: Crawl, web: WebServer, answer: Answer, told: str
) -> None:
    web.answers = {"/index.xml": xml(index(f"{web.url}/s.xml")), "/s.xml": answer}
    with pytest.raises(SourceError) as caught:
        crawl.source(sitemaps=[f"{web.url}/index.xml"]).describe()
    assert told in str(caught.value)
    assert "list no page" in told or f"{web.url}/s.xml" in str(caught.value)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))


@pytest.mark.parametrize(
    "declared",
    [
        f'<!DOCTYPE urlset [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE urlset [<!ENTITY l19 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE urlset SYSTEM "http://127.0.0.1/x.dtd">',
    ],
    ids=["laughs", "file", "dtd"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_sitemap_with_entities_is_refused(declared: str, encoding: str) -> None:
    text = f"{declared}<urlset><url><loc>http://a.test/&l19;</loc></url></urlset>"
    with pytest.raises(BadSitemap, match="declares a document type"):
        parse_sitemap(text.encode(encoding))


@pytest.mark.parametrize("n_each", [1, 2000], ids=["deep", "many"])
def test_sitemaps_without_end_are_told(crawl: Crawl, web: WebServer, n_each: int) -> None:
    numbers = itertools.count()

    def deeper(_: Any) -> Answer:
        return xml(index(*(f"{web.url}/{next(numbers)}.xml" for _ in range(n_each))))

    web.answers = {
        f"/{name}.xml": deeper for name in ("index", *range(5), *range(2000, 6000, 2000))
    }
    with pytest.raises(SourceError, match=r"over 5000 files .* over 3 levels"):
        crawl.source(sitemaps=[f"{web.url}/index.xml"]).describe()
    assert sum(web.counts.values()) <= 4


def test_a_sitemap_of_a_private_address_is_refused(crawl: Crawl, web: WebServer) -> None:
    with pytest.raises(SourceError, match="is no public address"):
        crawl.source(sitemaps=[f"{web.url}/s.xml"], allow_private=False).describe()
    assert web.seen == []


# -- what is kept


def test_nothing_is_fetched_twice_and_a_longer_list_only_adds(crawl: Crawl, web: WebServer) -> None:
    web.answers = {f"/{n}": page(str(n)) for n in range(4)}
    at = [f"{web.url}/{n}" for n in range(5)]
    first = crawl(*at[:2], at[4])
    assert crawl(*at[:2], at[4]) == first
    assert crawl.ticks[-1] == (3, 3)
    grown = crawl(at[3], *at)
    assert [p.address for p in grown] == [at[3], *at[:3], at[4]]
    assert grown[1:3] == first[:2]
    assert web.counts == {f"/{n}": 1 for n in range(5)}


def test_only_what_failed_is_asked_for_again(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/good": page("good")}
    at = [f"{web.url}/good", f"{web.url}/late"]
    assert reasons(crawl(*at)) == [None, Reason.HTTP_STATUS]
    web.answers["/late"] = page("late")
    assert reasons(crawl(*at)) == [None, Reason.HTTP_STATUS]
    assert reasons(crawl(*at, again=True)) == [None, None]
    assert web.counts == {"/good": 1, "/late": 2}


def test_pages_that_are_too_old_are_fetched_anew(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/a": page("old")}
    crawl(f"{web.url}/a", max_age_s=3600.0)
    web.answers = {"/a": page("new")}
    assert crawl(f"{web.url}/a", max_age_s=3600.0)[0].body == page("old")
    assert crawl(f"{web.url}/a", max_age_s=1e-9)[0].body == page("new")


def test_a_damaged_file_is_told_with_what_to_do(crawl: Crawl, web: WebServer) -> None:
    web.answers = {"/a": page("a")}
    crawl(f"{web.url}/a")
    file = crawl.folder / "run" / "crawl.sqlite"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"crawl\.sqlite cannot be read or written.*remove it"):
        crawl(f"{web.url}/a")


# -- by the command line

PIPELINE: dict[str, Any] = {
    "run": "web",
    "pages": {
        "source": {
            "kind": "urls",
            "path": "urls.txt",
            "contact": "mail@example.org",
            "delay_s": 0.0,
            "allow_private": True,
        },
        "shard_pages": 4,
        "workers": 1,
    },
    "passages": {"max_size": 60, "min_size": 10},
    "queries": {"writer": {"kind": "template"}, "checks": False},
    "candidates": {"top_k": 6, "dense": None},
    "judgements": {"scorers": [{"kind": "unigram"}]},
}


@pytest.fixture
def site(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """Ten pages, a list of them, and a pipeline file."""
    monkeypatch.chdir(tmp_path)
    subjects = itertools.product(SUBJECTS, ASPECTS)
    web.answers = {
        f"/{n}": page(" ".join(pair), page_text(*pair)) for n, pair in enumerate(subjects)
    }
    write_list(web, range(10))
    Path("web.yaml").write_text(yaml.safe_dump(PIPELINE), "utf-8")
    return web


def write_list(web: WebServer, numbers: Iterable[int]) -> None:
    Path("urls.txt").write_text("".join(f"{web.url}/{n}\n" for n in numbers), "utf-8")


def run(*arguments: str) -> None:
    result = call("run", "web.yaml", *arguments)
    assert result.exit_code == 0, result.output


def pages() -> list[Page]:
    return list(fret.load("web.yaml").rows(Page))


def test_a_list_goes_through_all_stages(site: WebServer) -> None:
    site.answers |= {
        "/3": Answer(b"{}", kind="application/json"),
        "/4": b"<p>",
        "/5": redirect("/elsewhere"),
        "/elsewhere": page("elsewhere"),
    }
    run()
    found = pages()
    assert [p.source for p in found] == [f"{site.url}/{n}" for n in (0, 1, 2, 5, 6, 7, 8, 9)]
    assert found[3].url == f"{site.url}/elsewhere"
    assert {p.site for p in found} == {"127.0.0.1"}
    manifest = json.loads(Path("data/runs/web/pages/manifest.json").read_text())
    assert manifest["reasons"] == {"not_html": 1, "no_main_text": 1}
    addresses = "\n".join(f"{site.url}/{n}" for n in range(10))
    source = manifest["identity"]["source"]
    assert source["pages"] == 10
    assert source["sha256"] == hashlib.sha256(addresses.encode()).hexdigest()
    assert "contact" not in source and "path" not in source
    before = site.counts
    run()
    assert site.counts == before


def test_a_list_that_grew_at_its_end_only_adds_and_another_is_told(site: WebServer) -> None:
    write_list(site, range(6))
    run("pages")
    first = pages()
    write_list(site, range(10))
    run("pages")
    assert pages()[:6] == first and len(pages()) == 10
    assert site.counts == {f"/{n}": 1 for n in range(10)}
    write_list(site, range(1, 10))
    result = call("run", "web.yaml", "pages")
    assert result.exit_code == 2 and "pages.source: its content has changed" in said(result)


def test_redo_extracts_anew_and_fetches_only_what_failed_or_is_too_old(site: WebServer) -> None:
    late = site.answers.pop("/7")
    run("pages")
    site.answers["/7"] = late
    run("pages", "--redo", "pages")
    assert len(pages()) == 10
    assert site.counts == {f"/{n}": 1 for n in range(10)} | {"/7": 2}
    run("pages", "--redo", "pages", "--set", "pages.source.max_age_s=0.001")
    assert site.counts == {f"/{n}": 2 for n in range(10)} | {"/7": 3}


def test_a_killed_crawl_goes_on_and_fetches_nothing_twice(site: WebServer) -> None:
    whole = site.answers["/6"]
    site.answers["/6"] = Answer(holds=True)
    command = [sys.executable, "-m", "fret", "run", "web.yaml", "pages"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert site.held.wait(120)
        process.kill()
    assert site.counts == {f"/{n}": 1 for n in range(7)}
    site.answers["/6"] = whole
    run("pages")
    # The page that was on its way when the process was killed, and no other.
    assert site.counts == {f"/{n}": 1 for n in range(10)} | {"/6": 2}
    assert [p.source for p in pages()] == [f"{site.url}/{n}" for n in range(10)]
    run("pages", "--redo", "pages")
    assert sum(site.counts.values()) == 11


def test_an_interrupted_crawl_ends_at_once_and_keeps_what_it_has(site: WebServer) -> None:
    site.answers["/6"] = Answer(holds=True)
    command = [sys.executable, "-m", "fret", "run", "web.yaml", "pages"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert site.held.wait(120)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode not in (0, -signal.SIGINT) and "Traceback" not in output
    assert site.counts == {f"/{n}": 1 for n in range(7)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"contact": None}, "contact"),
        ({"contact": "me"}, "e-mail address (me@example.org) or a web address"),
        ({"contact": "a@b.example\r\nX-More: 1"}, "e-mail address"),
        ({"contact": "a@b.example) other/1 ("}, "e-mail address"),
        ({"path": None}, "name a list of addresses (path), sitemaps, or both"),
        ({"delay_s": -1.0}, "delay_s"),
    ],
)
def test_what_is_missing_or_wrong_in_the_file_is_told_before_any_request(
    site: WebServer, change: dict[str, Any], told: str
) -> None:
    source = {**PIPELINE["pages"]["source"], **change}
    if change == {"contact": None}:
        del source["contact"]
    data = {**PIPELINE, "pages": {**PIPELINE["pages"], "source": source}}
    Path("web.yaml").write_text(yaml.safe_dump(data), "utf-8")
    result = call("run", "web.yaml")
    assert result.exit_code == 2 and told in said(result)
    assert site.seen == []


def test_private_addresses_are_refused_where_the_file_does_not_allow_them(site: WebServer) -> None:
    result = call("run", "web.yaml", "pages", "--set", "pages.source.allow_private=false")
    assert result.exit_code == 1
    assert "10 address_refused" in said(result) and "is no public address" in said(result)
    assert site.seen == []
