"""Writes WARC files, record by record, as the tests want them."""

import base64
import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HTML = "text/html; charset=utf-8"


def write_record(
    kind: str,
    block: bytes,
    *,
    url: str = "",
    content_type: str = "application/http; msgtype=response",
    version: str = "1.0",
    length: int | None = None,
    digest: bool = True,
    more: str = "",
) -> bytes:
    """Return one record; `length` is what it claims, by default the truth."""
    sha1 = base64.b32encode(hashlib.sha1(block).digest()).decode()
    lines = [
        f"WARC/{version}",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{hashlib.md5(block + url.encode()).hexdigest()}>",
        *([f"WARC-Target-URI: {url}"] if url else []),
        *([f"WARC-Block-Digest: sha1:{sha1}"] if digest else []),
        *([more] if more else []),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def answer(body: bytes, *headers: str, status: str = "200 OK", content_type: str = HTML) -> bytes:
    """Return an answer by HTTP."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 50) -> bytes:
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def make_html(number: int, n_words: int = 60) -> bytes:
    """Return a page that says something else for each number, and hardly packs."""
    words = " ".join(
        hashlib.sha256(f"{number} {i}".encode()).hexdigest()[:9] for i in range(n_words)
    )
    return (
        f"<!doctype html><html lang='en'><head><title>Page {number}</title></head><body><article>"
        f"<h1>Page {number}</h1><p>The page number {number} is about this and that, and says so in "
        f"a whole sentence. It goes on: {words}.</p></article></body></html>"
    ).encode()


def page_record(number: int, *, html: bytes | None = None, **options: Any) -> bytes:
    url = f"https://a.example/{number}"
    return write_record("response", answer(html or make_html(number)), url=url, **options)


def pack(records: Iterable[bytes], form: str) -> bytes:
    """Join records: `plain`, in a gzip member each (`members`), or all in one (`one`)."""
    if form == "members":
        return b"".join(gzip.compress(record, mtime=0) for record in records)
    whole = b"".join(records)
    return gzip.compress(whole, mtime=0) if form == "one" else whole


def write_archive(path: Path, records: Iterable[bytes], form: str = "members") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(records, form))
    return path
