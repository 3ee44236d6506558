"""Main text and metadata of an HTML page; run in worker processes (isolate)."""

import gc
import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fret.reasons import Reason
from fret.text.decode import decode_html
from fret.text.heading_links import drop_heading_links
from fret.text.main_text import Focus, find_text, find_text_fast, mark_preformatted
from fret.text.metadata import Metadata, read_metadata
from fret.text.structure import drop_title, number_items
from fret.unpack import BombError, UnpackError, unpack

# Below this, language identification is a guess; the page's own word is better.
_LANGUAGE_CHARACTERS = 60
# So much is plenty, and more takes its time: 1.1 ms per thousand characters. Of 407 texts twice as
# much told no other language of any.
_LANGUAGE_ENOUGH = 1000
# The attribute of <html> only: links have `hreflang`, and other elements may be in other languages.
_HTML_LANGUAGE = re.compile(
    r"""<html\b[^>]*?[\s:"']lang\s*=\s*["']?([a-z]{2})(?![a-z])""", re.IGNORECASE
)
# A page in which so many characters can be seen has text, whether or not an extractor found it.
_PLAINLY_TEXT = 250
# In no encoding of text; the escape of ISO-2022 is not among them.
_CONTROLS = bytes({*range(1, 9), *range(14, 27), *range(28, 32)})
_MOST_CONTROLS = 0.03
_TAG = re.compile(r"<[^<>]*>")
_HIDDEN = re.compile(r"(<!--|<script\b|<style\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Method:
    """How main text is found."""

    extractor: Literal["trafilatura", "resiliparse"] = "trafilatura"
    focus: Focus = "balanced"
    """For trafilatura alone."""


_DEFAULT = Method()


class GaveUpError(Exception):
    """The parser gave up on a page that has text."""


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

    extract_html(b"<html><body><p>A first page.</p></body></html>")
    py3langid.classify("A first text.")
    # What was imported lives as long as the process: no collection need look at it again.
    gc.freeze()


def extract_file(path: str, max_bytes: int, method: Method = _DEFAULT) -> MainText | Unusable:
    """Read an HTML file, unpack it where it is gzipped, and extract its main text."""
    try:
        data = _read_capped(Path(path), max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        return Unusable(Reason.UNREADABLE, str(error).replace(path, Path(path).name))
    if len(data) > max_bytes:
        return Unusable(Reason.TOO_LARGE, f"over {max_bytes} bytes")
    return extract_html(data, method=method)


def extract_body(
    data: bytes,
    encodings: Sequence[str],
    charset: str,
    url: str,
    max_bytes: int,
    method: Method = _DEFAULT,
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
    return extract_html(html, charset=charset, url=url, method=method)


def extract_html(
    data: bytes, *, charset: str = "", url: str = "", method: Method = _DEFAULT
) -> MainText | Unusable:
    """Extract the main text of an HTML page; comments of readers are left out.

    Args:
        charset: the encoding by the page's own server, where one said.
        url: where the page was found.

    Raises:
        GaveUpError: the page plainly has text, but is too deep or too broken to be parsed.
    """
    if not data.strip():
        return Unusable(Reason.NO_MAIN_TEXT, "the file is empty")
    if not _looks_like_html(data):
        return Unusable(Reason.NOT_HTML, f"begins with {data[:20]!r}")
    html = decode_html(data, charset)
    tree = _parse(html)
    if tree is not None and drop_heading_links(tree) and method.extractor == "resiliparse":
        html = _write(tree)
    metadata = Metadata("", "", "", "", "") if tree is None else read_metadata(tree, url)
    if method.extractor == "resiliparse":
        text = find_text_fast(html)
    elif tree is None:
        text = ""
    else:
        mark_preformatted(tree)
        number_items(tree)
        text = find_text(tree, url, method.focus)
    text = drop_title(text, metadata.title)
    if not any(map(str.isalnum, text)):
        return _explain_no_text(html, data, tree)
    return MainText(
        title=metadata.title,
        text=text,
        url=metadata.url,
        language=detect_language(text) or _declared_language(html),
        date=metadata.date,
        site=metadata.site,
        licence=metadata.licence,
    )


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of a text's language; empty for a text too short to tell."""
    if len(text) < _LANGUAGE_CHARACTERS:
        return ""
    import py3langid

    return str(py3langid.classify(text[:_LANGUAGE_ENOUGH])[0])


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
    return b"<" in data[:65536] and not _is_binary(data[:4096])


def _is_binary(head: bytes) -> bool:
    """Whether bytes are no text: control characters throughout, without the zeros of UTF-16."""
    n_controls = len(head) - len(head.translate(None, _CONTROLS))
    return n_controls > len(head) * _MOST_CONTROLS and head.count(0) < len(head) * _MOST_CONTROLS


def _declared_language(html: str) -> str:
    found = _HTML_LANGUAGE.search(html[:4096])
    return found[1].lower() if found else ""


def _parse(html: str) -> Any:
    """Parse a page; None where the parser gives up, as on trees that are too deep."""
    from trafilatura import load_html

    _choose_classes()
    # Without this, what begins otherwise is taken for a fragment, and its head is thrown away.
    whole = html if "<html" in html[:50].lower() else f"<!DOCTYPE html>\n{html}"
    return load_html(whole)


@cache
def _choose_classes() -> None:
    """Make every element that trafilatura parses a plain one, at once.

    lxml.html asks a function in Python for the class of each, as some are forms and fields, which
    nothing here needs. It took a twelfth of an extraction (181 pages, with and without by turns).
    """
    from lxml import etree, html
    from trafilatura.utils import HTML_PARSER

    HTML_PARSER.set_element_class_lookup(
        etree.ElementDefaultClassLookup(
            element=html.HtmlElement,
            comment=html.HtmlComment,
            pi=html.HtmlProcessingInstruction,
            entity=html.HtmlEntity,
        )
    )


def _write(tree: Any) -> str:
    from lxml.html import tostring

    return str(tostring(tree, encoding="unicode"))


def _explain_no_text(html: str, data: bytes, tree: Any) -> Unusable:
    """Tell a page that says nothing from one that the parser gave up on, at once or midway."""
    n_parsed = 0 if tree is None else sum(len(text) for text in tree.itertext())
    if _count_visible(html) > max(_PLAINLY_TEXT, 2 * n_parsed):
        raise GaveUpError(
            f"nothing came of {len(data)} bytes of HTML that hold text: too deep or too broken"
        )
    return Unusable(Reason.NO_MAIN_TEXT, f"{len(data)} bytes of HTML")


def _count_visible(html: str) -> int:
    """Count the characters between tags, comments, scripts and styles left out."""
    first, *rest = _HIDDEN.split(html)
    shown = [first]
    for opened, piece in zip(rest[::2], rest[1::2], strict=True):
        end = "-->" if opened == "<!--" else "</"
        shown.append(piece.partition(end)[2])
    return sum(len(word) for word in _TAG.sub(" ", " ".join(shown)).split())
