"""Bytes of a web page to text, whatever its encoding."""

import codecs
import re
from contextlib import suppress

from charset_normalizer import from_bytes
from webencodings import lookup

_DECLARED = re.compile(
    rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)|<\?xml[^>]*encoding=["']([A-Za-z0-9_.:-]+)""",
    re.I,
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A few broken bytes are no reason to doubt an encoding that so many times more letters speak for.
_GOOD_PER_BROKEN = 10
# The encoding in which all bytes mean something, and that servers declare unasked.
_ANY_BYTES = "cp1252"
_GUESSED_FROM = 100_000
_A_WORD_OR_TWO = 20
_TAG = re.compile(r"<[^<>]*>")
_CONTROL = re.compile("[\x80-\x9f]")
_REFERENCE = re.compile("&#([xX][0-9a-fA-F]{1,8}|[0-9]{1,8});?")
_JAPANESE_ESCAPES = (b"\x1b$B", b"\x1b$@")
# Bytes from which UTF-16 is told: the tags at the start of a page are half zeros.
_HEAD = 200


def decode_html(data: bytes, charset: str = "") -> str:
    """Decode a page, and drop references to characters that no document may hold.

    lxml takes the first of them for the end of the page.
    """
    return _REFERENCE.sub(_drop_if_forbidden, _decode(data, charset))


def _drop_if_forbidden(found: re.Match[str]) -> str:
    number = int(found[1][1:], 16) if found[1][0] in "xX" else int(found[1])
    is_control = number < 0x20 and number not in (0x9, 0xA, 0xD)
    is_none = 0xD800 <= number <= 0xDFFF or number & 0xFFFE == 0xFFFE or number > 0x10FFFF
    return "" if is_control or is_none else found[0]


def _decode(data: bytes, charset: str) -> str:
    """Decode a page: byte order mark, valid UTF-8, what is declared, or the likeliest guess.

    What its server declares (`charset`) comes before what the page does, as in browsers.

    Valid UTF-8 comes before the declaration because pages lie: text with other than ASCII letters
    is hardly ever valid UTF-8 by chance. A declared ISO-8859-1 means windows-1252, as in browsers,
    but where most letters would then be accented it is a server's default, and no word of a person.
    """
    for mark, marked in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace")
    if wide := _utf16_without_mark(data[:_HEAD]):
        return data.decode(wide, "replace")
    declared = _known_encoding(charset) or _declared_encoding(data)
    order = _order_encodings(data, declared)
    for encoding in order:
        with suppress(UnicodeDecodeError, LookupError):
            text = data.decode(encoding)
            if encoding != _ANY_BYTES or not _is_unlike_western(text):
                return text
    for encoding in order:
        with suppress(LookupError):
            text = data.decode(encoding, "replace")
            if _is_nearly_whole(text) and encoding != _ANY_BYTES:
                return text
    return _decode_by_guess(data, declared or _ANY_BYTES)


def _order_encodings(data: bytes, declared: str | None) -> list[str]:
    # ISO-2022-JP and its kin are plain ASCII bytes, so "valid UTF-8" proves nothing there.
    if (declared or "").startswith("iso2022"):
        return [str(declared), "utf-8"]
    first = ["iso2022_jp"] if any(mark in data for mark in _JAPANESE_ESCAPES) else []
    return [*first, "utf-8", *([declared] if declared else [])]


def _decode_by_guess(data: bytes, otherwise: str) -> str:
    """Decode by resiliparse's guess, or charset-normalizer's where that one cannot be right."""
    from resiliparse.parse.encoding import detect_encoding

    guess = detect_encoding(data) or otherwise
    with suppress(UnicodeDecodeError, LookupError):
        text = data.decode(guess)
        # It takes windows-1250 for ISO-8859-2, whose letters are control characters there.
        if not _CONTROL.search(text):
            return text
    best = from_bytes(data[:_GUESSED_FROM]).best()
    return data.decode(best.encoding if best else otherwise, "replace")


def _is_unlike_western(text: str) -> bool:
    """Whether most letters between tags are beyond ASCII, as in no language of windows-1252."""
    letters = [c for c in _TAG.sub("", text[:_GUESSED_FROM]) if c.isalpha() or c > "\x7f"]
    n_far = sum(letter > "\x7f" for letter in letters)
    return n_far > _A_WORD_OR_TWO and 2 * n_far > len(letters)


def _utf16_without_mark(head: bytes) -> str | None:
    """Return the kind of UTF-16 that a page begins in, by the halves of its tags that are zero."""
    n_first, n_second = head[::2].count(0), head[1::2].count(0)
    if 8 * max(n_first, n_second) < len(head) or 8 * min(n_first, n_second) > len(head):
        return None
    return "utf-16-be" if n_first > n_second else "utf-16-le"


def _is_nearly_whole(text: str) -> bool:
    """Whether letters beyond ASCII that were decoded outnumber by far the bytes that were not."""
    n_broken = text.count("\ufffd")
    n_good = sum(character > "\x7f" for character in text) - n_broken
    return n_good >= _GOOD_PER_BROKEN * n_broken


def _declared_encoding(data: bytes) -> str | None:
    found = _DECLARED.search(data[:4096])
    if not found:
        return None
    return _known_encoding((found[1] or found[2]).decode("ascii"))


def _known_encoding(label: str) -> str | None:
    known = lookup(label) if label else None
    return known.codec_info.name if known else None
