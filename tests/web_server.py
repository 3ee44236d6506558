"""Small web sites on this machine, for crawls: what they answer, and what they saw."""

import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

WORDS = "A kettle descales best with vinegar, and so does a stove when its flue is clean. "


def page(name: str, text: str = WORDS) -> bytes:
    """An HTML page that has a main text."""
    paragraphs = "".join(f"<p>{text} This is paragraph {n} of {name}.</p>" for n in range(4))
    return (
        f"<!doctype html><html lang='en'><head><title>{name}</title></head>"
        f"<body><article><h1>{name}</h1>{paragraphs}</article></body></html>"
    ).encode()


@dataclass
class Answer:
    """What a path is answered with."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "text/html; charset=utf-8"
    drip_s: float = 0.0
    """Seconds between single bytes of the body."""
    holds: bool = False
    """Never answered, as long as the server lives."""
    length: int | None = None
    """Another Content-Length than the true one."""


@dataclass
class Seen:
    """One request that came."""

    path: str
    host: str
    headers: dict[str, str]
    began: float
    peer: tuple[str, int]
    ended: float = 0.0


Answers = Answer | bytes | Callable[[Seen], "Answer | bytes"]


@dataclass
class WebServer:
    """Use as a context manager; paths that have no answer are answered with status 404.

    A path may be given with its host in front (`a.test/page`), or without for all hosts.
    """

    answers: dict[str, Answers] = field(default_factory=dict)
    bind: str = "127.0.0.1"
    seen: list[Seen] = field(default_factory=list)
    latency_s: float = 0.0
    most_at_once: Counter[str] = field(default_factory=Counter)
    """Per host, the most requests that were in work at a time."""
    at_once_in_all: int = 0
    port: int = 0
    certificate: Path | None = None
    """A file with a key and a certificate: makes it speak TLS."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._in_work: Counter[str] = Counter()
        self._closing = threading.Event()
        self.held = threading.Event()
        """Set when a request is held."""

    @property
    def url(self) -> str:
        return f"http://{self.bind}:{self.port}"

    def at(self, host: str, path: str = "") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def counts(self) -> Counter[str]:
        """How often each path was asked for, robots.txt left out."""
        return Counter(s.path for s in self.seen if s.path != "/robots.txt")

    def times(self, host: str) -> list[tuple[float, float]]:
        """When requests to a host came and were answered, by the server's clock."""
        return [(s.began, s.ended) for s in self.seen if s.host.partition(":")[0] == host]

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer((self.bind, 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, *_: Any) -> None: ...

        return Handler

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        host = request.headers.get("Host", "")
        seen = Seen(
            request.path, host, dict(request.headers), time.monotonic(), request.client_address
        )
        name = host.partition(":")[0]
        with self._lock:
            self.seen.append(seen)
            self._in_work[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self._in_work[name])
            self.at_once_in_all = max(self.at_once_in_all, sum(self._in_work.values()))
        try:
            time.sleep(self.latency_s)
            found = self.answers.get(f"{name}{request.path}") or self.answers.get(request.path)
            found = found(seen) if callable(found) else found
            answer = found if isinstance(found, Answer) else Answer(found or b"")
            if found is None:
                answer.status = 404
            self._leave(name, seen)
            self._send(request, answer)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True

    def _leave(self, name: str, seen: Seen) -> None:
        with self._lock:
            seen.ended = time.monotonic()
            self._in_work[name] -= 1

    def _send(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.holds:
            self.held.set()
            self._closing.wait()
            request.close_connection = True
            return
        length = len(answer.body) if answer.length is None else answer.length
        headers = {"Content-Length": str(length), **answer.headers}
        if answer.kind:
            headers["Content-Type"] = answer.kind
        request.send_response(answer.status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.end_headers()
        if answer.drip_s:
            for byte in answer.body:
                request.wfile.write(bytes([byte]))
                if self._closing.wait(answer.drip_s):
                    break
        else:
            request.wfile.write(answer.body)
        if answer.length is not None:
            request.close_connection = True
