"""Bytes of a web page to text, whatever its encoding."""

import codecs
import re

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


def decode_html(data: bytes) -> str:
    """Decode a page: byte order mark, then valid UTF-8, then what it declares, then the likeliest guess.

    Valid UTF-8 comes before the declaration because pages lie: text with other than ASCII letters is
    hardly ever valid UTF-8 by chance. A declared ISO-8859-1 means windows-1252, as in browsers.
    """
    for mark, marked in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace")
    declared = _declared_encoding(data)
    # ISO-2022-JP and its kin are plain ASCII bytes, so "valid UTF-8" proves nothing there.
    order = [declared, "utf-8"] if (declared or "").startswith("iso2022") else ["utf-8", declared]
    for encoding in filter(None, order):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(data[:100_000]).best()
    return data.decode(best.encoding if best else declared or "windows-1252", "replace")


def _declared_encoding(data: bytes) -> str | None:
    found = _DECLARED.search(data[:4096])
    if not found:
        return None
    known = lookup((found[1] or found[2]).decode("ascii"))
    return known.codec_info.name if known else None
