"""What a record of a WARC file is to fret: a page, or a reason why it is none."""

import re
from dataclasses import dataclass

from fret.reasons import Reason
from fret.records import Dropped
from fret.sources import RawPage
from fret.sources.warc_records import Broken, WarcRecord, fits_digest, parse_headers
from fret.unpack import read_encodings

_NO_PAGES = {"warcinfo", "request", "metadata"}
_HTML = {"text/html", "application/xhtml+xml"}
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)


class _NoPage(Exception):
    """A record that gives no page."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class _Body:
    """What was archived of a page."""

    data: bytes
    media_type: str
    charset: str
    encodings: tuple[str, ...] = ()


def make_row(found: WarcRecord | Broken, file: str) -> RawPage | Dropped | None:
    """Return a page that is all there, or why it is none; None for what is no page's record.

    Args:
        file: the archive's name, which goes before the record's place.
    """
    name = f"{file}:{found.place}"
    if isinstance(found, Broken):
        return Dropped(
            "pages", name, Reason.DAMAGED, f"{file}, offset {found.place}: {found.detail}"
        )
    if found.kind in _NO_PAGES:
        return None
    try:
        return _make_page(found, name)
    except _NoPage as no:
        url = _url_of(found)
        return Dropped("pages", name, no.reason, f"{no.detail}: {url}" if url else no.detail)


def _make_page(record: WarcRecord, name: str) -> RawPage:
    _refuse_others(record)
    url = _url_of(record)
    if record.kind == "conversion":
        return RawPage(name, text=record.block.decode("utf-8", "replace"), url=url)
    body = _read_response(record) if record.kind == "response" else _read_resource(record)
    if body.media_type not in _HTML:
        raise _NoPage(Reason.NOT_HTML, body.media_type or "no Content-Type")
    return RawPage(name, body=body.data, charset=body.charset, encodings=body.encodings, url=url)


def _refuse_others(record: WarcRecord) -> None:
    """Refuse what holds no page, or not all of one."""
    if record.kind == "revisit":
        raise _NoPage(Reason.REVISIT, "seen before with the same content, which is not here")
    if record.kind == "continuation" or "warc-segment-number" in record.headers:
        raise _NoPage(Reason.TRUNCATED, "a part of a page that lies in several records")
    if record.kind not in {"response", "resource", "conversion"}:
        raise _NoPage(Reason.DAMAGED, f"unknown WARC-Type {record.kind[:40]!r}")
    if record.is_too_large:
        raise _NoPage(Reason.TOO_LARGE, f"the record has {record.length} bytes")
    if why := record.headers.get("warc-truncated"):
        raise _NoPage(Reason.TRUNCATED, f"the crawler cut it off ({why[:40]})")


def _url_of(record: WarcRecord) -> str:
    # Some writers put it between <>, as the grammar of WARC 1.0 had it by mistake.
    return record.headers.get("warc-target-uri", "").strip().strip("<>")


def _read_resource(record: WarcRecord) -> _Body:
    content_type = record.headers.get("content-type", "")
    _check_payload(record, record.block)
    return _Body(record.block, _media_type(content_type), _charset(content_type))


def _read_response(record: WarcRecord) -> _Body:
    status, end = _STATUS.match(record.block), _END_OF_HEAD.search(record.block)
    if not status:
        raise _NoPage(Reason.NOT_HTML, "not an answer by HTTP")
    if not end:
        raise _NoPage(Reason.TRUNCATED, "the head of the answer has no end")
    if status[1] != b"200":
        raise _NoPage(Reason.STATUS_NOT_200, f"status {status[1].decode()}")
    headers = parse_headers(record.block[: end.start()])
    raw = record.block[end.end() :]
    content_type = headers.get("content-type", "")
    # Crawlers that looked at the content say so here; Common Crawl does.
    media_type = _media_type(content_type or record.headers.get("warc-identified-payload-type", ""))
    if media_type not in _HTML:
        raise _NoPage(Reason.NOT_HTML, media_type or "no Content-Type")
    data = _take_body(headers, raw)
    _check_payload(record, raw, data)
    encodings = read_encodings(headers.get("content-encoding", ""))
    return _Body(data, media_type, _charset(content_type), encodings)


def _take_body(headers: dict[str, str], raw: bytes) -> bytes:
    """Undo the transfer encoding, and refuse a body of which a part was never received."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _join_chunks(raw)
    stated = headers.get("content-length", "")
    # Longer bodies are common: unpacked by the crawler, the header left as it was.
    if stated.isascii() and stated.isdigit() and len(stated) <= 18 and len(raw) < int(stated):
        raise _NoPage(Reason.TRUNCATED, f"{len(raw)} of {stated} bytes were received")
    return raw


def _join_chunks(raw: bytes) -> bytes:
    """Join the chunks of a body (RFC 9112, 7.1); one that has none was joined by the crawler."""
    parts: list[bytes] = []
    at = 0
    while size := _CHUNK_SIZE.match(raw, at):
        n_bytes, start = int(size[1], 16), size.end()
        if not n_bytes:
            return b"".join(parts)
        if start + n_bytes > len(raw):
            break
        parts.append(raw[start : start + n_bytes])
        at = start + n_bytes
        at += 2 if raw.startswith(b"\r\n", at) else raw.startswith(b"\n", at)
    if not parts and not size:
        return raw
    raise _NoPage(Reason.TRUNCATED, "its last chunk was not received")


def _check_payload(record: WarcRecord, *payloads: bytes) -> None:
    """Compare with WARC-Payload-Digest, where no digest of the whole block was.

    Writers differ in whether they hash the body with its chunks or without.
    """
    digest = record.headers.get("warc-payload-digest", "")
    if fits_digest(record.block, record.headers.get("warc-block-digest", "")) is None:
        fits = [fits_digest(payload, digest) for payload in payloads]
        if not any(fit is not False for fit in fits):
            raise _NoPage(Reason.DAMAGED, "the body does not give the WARC-Payload-Digest")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()[:100]


def _charset(content_type: str) -> str:
    found = _CHARSET.search(content_type)
    return found[1] if found else ""
