"""Main text and metadata of an HTML page, by trafilatura; run in worker processes (isolate)."""

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fret.reasons import Reason
from fret.text.decode import decode_html
from fret.unpack import BombError, UnpackError, unpack

# Below this, language identification is a guess; the page's own word is better.
_LANGUAGE_CHARACTERS = 60
# The attribute of <html> only: links have `hreflang`, and other elements may be in other languages.
_HTML_LANGUAGE = re.compile(
    r"""<html\b[^>]*?[\s:"']lang\s*=\s*["']?([a-z]{2})(?![a-z])""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class MainText:
    """What a page says, without what stands around it."""

    title: str
    text: str
    url: str
    """The page's own idea of its address; empty when it has none."""
    language: str
    date: str
    site: str
    licence: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a page gives no text."""

    reason: Reason
    detail: str


def prepare() -> None:
    """Import what takes long, so that no page's time is spent on it."""
    import py3langid
    import trafilatura

    trafilatura.bare_extraction("<html><body><p>A first page.</p></body></html>")
    py3langid.classify("A first text.")


def extract_file(path: str, max_bytes: int) -> MainText | Unusable:
    """Read an HTML file, unpack it where it is gzipped, and extract its main text."""
    try:
        data = _read_capped(Path(path), max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        return Unusable(Reason.UNREADABLE, str(error).replace(path, Path(path).name))
    if len(data) > max_bytes:
        return Unusable(Reason.TOO_LARGE, f"over {max_bytes} bytes")
    return extract_html(data)


def extract_body(
    data: bytes, encodings: Sequence[str], charset: str, url: str, max_bytes: int
) -> MainText | Unusable:
    """Unpack the body of an answer by HTTP, and extract its main text.

    Args:
        encodings: its content encodings, in the order in which they were put on.
        charset: what the answer's head says, empty where it says nothing.
    """
    try:
        html = unpack(data, encodings, max_bytes)
    except BombError as error:
        return Unusable(Reason.TOO_LARGE, str(error))
    except UnpackError as error:
        return Unusable(Reason.UNREADABLE, str(error))
    if len(html) > max_bytes:
        return Unusable(Reason.TOO_LARGE, f"over {max_bytes} bytes")
    return extract_html(html, charset=charset, url=url)


def extract_html(data: bytes, *, charset: str = "", url: str = "") -> MainText | Unusable:
    """Extract the main text of an HTML page; comments of readers are left out.

    Args:
        charset: the encoding by the page's own server, where one said.
        url: where the page was found.
    """
    if not _looks_like_html(data):
        return Unusable(Reason.NOT_HTML, f"begins with {data[:20]!r}")
    from trafilatura import bare_extraction

    html = decode_html(data, charset)
    document: Any = bare_extraction(
        html, url=url or None, with_metadata=True, include_comments=False
    )
    text = _tidy(document.text or "", document.title or "") if document else ""
    if not text:
        return Unusable(Reason.NO_MAIN_TEXT, f"{len(data)} bytes of HTML")
    return MainText(
        title=" ".join((document.title or "").split()),
        text=text,
        url=document.url or "",
        language=detect_language(text) or _declared_language(html),
        date=document.date or "",
        site=document.sitename or document.hostname or "",
        licence=document.license or "",
    )


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of a text's language; empty for a text too short to tell."""
    if len(text) < _LANGUAGE_CHARACTERS:
        return ""
    import py3langid

    return str(py3langid.classify(text[:5000])[0])


def _read_capped(path: Path, limit: int) -> bytes:
    """Read at most `limit` bytes, unpacked: a small file may unpack to gigabytes."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    opener: Any = gzip.open if packed else open
    with opener(path, "rb") as file:
        return bytes(file.read(limit))


def _looks_like_html(data: bytes) -> bool:
    head = data[:2048].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    if head.startswith((b"%PDF", b"\x89PNG", b"GIF8", b"PK\x03\x04", b"{", b"\xff\xd8")):
        return False
    return b"<" in data[:65536]


def _declared_language(html: str) -> str:
    found = _HTML_LANGUAGE.search(html[:4096])
    return found[1].lower() if found else ""


def _tidy(text: str, title: str) -> str:
    """Strip lines, drop empty ones, and the title where it stands again as the first line."""
    lines = [line for raw in text.splitlines() if (line := " ".join(raw.split()))]
    if lines and title and lines[0].casefold() == " ".join(title.split()).casefold():
        lines = lines[1:]
    return "\n".join(lines)
