"""Undo the content encodings of a page: gzip, deflate, brotli; never more bytes than asked for.

300 MB of zeros pack into 300 kB, or into a few hundred bytes packed twice: what is unpacked must be
counted while it is unpacked.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence

import brotli

_CHUNK = 1 << 16

ACCEPTED = "gzip, deflate, br"
"""What a server may send: the header `Accept-Encoding`."""


class UnpackError(Exception):
    """The bytes are not whole, or not what they are said to be."""


class BombError(UnpackError):
    """There are more bytes than asked for; no more than that were unpacked.

    Attributes:
        beginning: the bytes that were.
    """

    def __init__(self, message: str, beginning: bytes) -> None:
        super().__init__(message)
        self.beginning = beginning


def read_encodings(header: str) -> tuple[str, ...]:
    """Read `Content-Encoding`: the names, in the order in which they were put on."""
    names = (name.strip().lower() for name in header.split(","))
    return tuple(name for name in names if name not in {"", "identity"})


def unpack(data: bytes, encodings: Sequence[str], max_bytes: int) -> bytes:
    """Undo encodings, the last one first (RFC 9110, 8.4).

    Crawlers that unpack pages often leave the header as it was: data that do not begin as they
    should stay as they are.

    Raises:
        UnpackError: an encoding is not known, or the data are damaged or cut off.
        BombError: over `max_bytes` would come out, of any step.
    """
    for encoding in reversed(encodings):
        steps = _UNPACKERS.get(encoding)
        if steps is None:
            raise UnpackError(f"the content encoding {encoding[:40]!r} is not known")
        if data:
            data = _collect(steps(data), data, max_bytes, encoding)
    return data


def _collect(pieces: Iterator[bytes], packed: bytes, max_bytes: int, encoding: str) -> bytes:
    unpacked = bytearray()
    try:
        for piece in pieces:
            unpacked += piece
            if len(unpacked) > max_bytes:
                message = f"over {max_bytes} bytes from {len(packed)}"
                raise BombError(message, bytes(unpacked[:max_bytes]))
    except (zlib.error, brotli.error) as error:
        if not unpacked and _looks_unpacked(packed):
            return packed
        raise UnpackError(f"damaged {encoding} data: {error}") from error
    return bytes(unpacked)


def _looks_unpacked(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _gunzip(data: bytes) -> Iterator[bytes]:
    if not data.startswith(b"\x1f\x8b"):
        raise zlib.error("no gzip header")
    while data.startswith(b"\x1f\x8b"):  # members follow each other; what else follows is ignored
        unpacker = zlib.decompressobj(wbits=31)
        yield from _inflate(unpacker, data)
        data = unpacker.unused_data


def _undeflate(data: bytes) -> Iterator[bytes]:
    """Take both forms: zlib's, which the standard names, and the bare one that servers send."""
    # RFC 1950: method 8, and the first two bytes a multiple of 31.
    has_head = len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _inflate(zlib.decompressobj(wbits=15 if has_head else -15), data)


def _inflate(unpacker: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    while not unpacker.eof:
        piece = unpacker.decompress(data, _CHUNK)
        data = unpacker.unconsumed_tail
        if not piece and not data and not unpacker.eof:
            raise UnpackError("cut off within the packed data")
        yield piece


def _unbrotli(data: bytes) -> Iterator[bytes]:
    unpacker = brotli.Decompressor()
    while not unpacker.is_finished():
        piece = unpacker.process(data, output_buffer_limit=_CHUNK)
        data = b""
        if not piece and unpacker.can_accept_more_data():
            if not unpacker.is_finished():
                raise UnpackError("cut off within the packed data")
            break
        yield piece


_UNPACKERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
}
