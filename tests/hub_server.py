"""A Hugging Face Hub on this machine that serves datasets for reading, and counts what it gives."""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

OFF = {
    "HF_HUB_OFFLINE": "0",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


class HubServer:
    """Datasets by their names, each a folder; a commit is the hash of what the folder holds."""

    def __init__(self) -> None:
        self.datasets: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.given: Counter[str] = Counter()
        """Bytes of each file that were sent."""
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}
        self.failing = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to take this for the Hub."""
        host, port = self._server.server_address[:2]
        return OFF | {"HF_ENDPOINT": f"http://{host!s}:{port}"}

    def commit(self, name: str) -> str:
        """Return the latest commit of a dataset; its files stay as they are now."""
        folder = self.datasets[name]
        paths = sorted(p for p in folder.rglob("*") if p.is_file())
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}
        digest = hashlib.sha1(b"".join(k.encode() + b"\0" + v for k, v in files.items()))
        self.commits[name, digest.hexdigest()] = files
        return digest.hexdigest()

    @contextmanager
    def running(self) -> Iterator["HubServer"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(timeout=10)

    def find(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if name not in self.datasets:
            return None
        commit = self.commit(name) if revision == "main" else revision
        files = self.commits.get((name, commit))
        return (commit, files) if files is not None else None

    def has(self, name: str) -> bool:
        return self.find(name, "main") is not None

    def describe(self, path: str, data: bytes) -> dict[str, Any]:
        """Say what the listing of a revision says of a file."""
        return describe_blob(path, data)

    def describe_repository(self, name: str) -> dict[str, Any]:
        return {"private": False}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Here(Handler):
            server_hub = hub

        return Here


_API = re.compile(
    r"/api/datasets/([^/]+/[^/]+)(?:/(revision|tree|paths-info|refs)(?:/([^/]+))?(/.*)?)?$"
)
_FILE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


class Handler(BaseHTTPRequestHandler):
    server_hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_HEAD(self) -> None:
        self._answer(send_body=False)

    def do_GET(self) -> None:
        self._answer(send_body=True)

    def do_POST(self) -> None:
        self._answer(send_body=True)

    def _answer(self, *, send_body: bool) -> None:
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        posted = self.rfile.read(length).decode()
        path = unquote(address.path)
        if found := _FILE.match(path):
            self._send_file(*found.groups(), send_body=send_body)
        elif found := _API.match(path):
            name, what, revision, below = found.groups()
            self._send_facts(name, what, revision or "main", (below or "")[1:], posted)
        else:
            self._send(404, {"error": f"nothing at {path}"})

    def _send_facts(self, name: str, what: str, revision: str, below: str, posted: str) -> None:
        if name in self.server_hub.gated:
            self._send(403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
            return
        if not self.server_hub.has(name):
            self._send(404, {"error": "no repository"}, {"X-Error-Code": "RepoNotFound"})
            return
        found = self.server_hub.find(name, revision)
        if found is None:
            self._send(404, {"error": "no revision"}, {"X-Error-Code": "RevisionNotFound"})
            return
        (commit, files), hub = found, self.server_hub
        if what == "paths-info":
            asked = _read_paths(posted)
            self._send(200, [hub.describe(path, files[path]) for path in asked if path in files])
        elif what == "tree":
            recursive = parse_qs(urlsplit(self.path).query).get("recursive") == ["true"]
            entries = _list_folder(files, below, hub.describe, recursive=recursive)
            missing = {"X-Error-Code": "EntryNotFound"}
            self._send(200, entries) if entries else self._send(404, {"error": "none"}, missing)
        else:
            siblings = [{"rfilename": path} for path in files]
            facts = {"id": name, "sha": commit, "siblings": siblings, "tags": []}
            facts |= hub.describe_repository(name)
            self._send(200, facts | {"lastModified": "2026-01-01T00:00:00.000Z"})

    def _send_file(self, name: str, revision: str, path: str, *, send_body: bool) -> None:
        if self.server_hub.failing:
            self.close_connection = True
            return
        found = self.server_hub.find(name, revision)
        if found is None or path not in found[1]:
            self._send(404, {"error": "no file"}, {"X-Error-Code": "EntryNotFound"})
            return
        commit, data = found[0], found[1][path]
        start, end, status = 0, len(data), 200
        if match := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, status = int(match[1]), 206
            end = min(len(data), int(match[2]) + 1) if match[2] else len(data)
        self.send_response(status)
        for key, value in {
            "Content-Length": str(end - start),
            "Content-Range": f"bytes {start}-{end - 1}/{len(data)}",
            "ETag": f'"{hashlib.sha1(data).hexdigest()}"',
            "X-Repo-Commit": commit,
            "Accept-Ranges": "bytes",
        }.items():
            self.send_header(key, value)
        self.end_headers()
        if send_body:
            self.server_hub.given[path] += end - start
            self.wfile.write(data[start:end])

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _list_folder(
    files: dict[str, bytes],
    below: str,
    describe: Callable[[str, bytes], dict[str, Any]],
    *,
    recursive: bool,
) -> list[dict[str, Any]]:
    """List files and folders, as the Hub does."""
    start = f"{below}/" if below else ""
    entries = {}
    for path in files:
        if path.startswith(start):
            parts = path[len(start) :].split("/")
            folders = [start + "/".join(parts[: n + 1]) for n in range(len(parts) - 1)]
            for folder in folders if recursive else folders[:1]:
                oid = hashlib.sha1(folder.encode()).hexdigest()
                entries[folder] = {"type": "directory", "path": folder, "oid": oid, "size": 0}
            if recursive or not folders:
                entries[path] = describe(path, files[path])
    return list(entries.values())


def describe_blob(path: str, data: bytes) -> dict[str, Any]:
    """Describe a file by its hash as a blob of git."""
    oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return {"type": "file", "path": path, "size": len(data), "oid": oid}


def _read_paths(posted: str) -> list[str]:
    if posted.startswith("{"):
        return list(json.loads(posted)["paths"])
    return parse_qs(posted).get("paths", [])
