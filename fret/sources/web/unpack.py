"""Packed bodies, unpacked as they come and no further than a limit.

300 MB of zeros pack into 300 kB, or into a few hundred bytes packed twice: what is unpacked must be
counted while it is unpacked.
"""

import zlib
from typing import Protocol

import brotli

from fret.reasons import Reason
from fret.sources.web import NotFetched

_IDENTITY, _GZIP = {"", "identity"}, {"gzip", "x-gzip"}


class _Decoder(Protocol):
    def feed(self, data: bytes, most: int) -> bytes:
        """Unpack, and return at most `most` bytes; more shows that there would be more."""
        ...

    @property
    def whole(self) -> bool: ...


class _Zlib:
    """gzip, of one member or several, or deflate."""

    def __init__(self, window: int) -> None:
        self._window, self._inner = window, zlib.decompressobj(window)

    def feed(self, data: bytes, most: int) -> bytes:
        out = bytearray()
        while data and len(out) < most:
            if self._inner.eof:  # another member follows
                self._inner = zlib.decompressobj(self._window)
            out += self._inner.decompress(data, most - len(out))
            data = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
        return bytes(out)

    @property
    def whole(self) -> bool:
        return self._inner.eof


class _Deflate:
    """With or without zlib's header: servers send both under this name."""

    def __init__(self) -> None:
        self._head, self._inner = b"", _Zlib(zlib.MAX_WBITS)
        self._known = False

    def feed(self, data: bytes, most: int) -> bytes:
        if not self._known:
            data = self._head = self._head + data
            if len(data) < 2:
                return b""
            self._known = True
            if data[0] & 15 != 8 or int.from_bytes(data[:2], "big") % 31:
                self._inner = _Zlib(-zlib.MAX_WBITS)
        return self._inner.feed(data, most)

    @property
    def whole(self) -> bool:
        return self._inner.whole


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def feed(self, data: bytes, most: int) -> bytes:
        out: bytes = self._inner.process(data, output_buffer_limit=most)
        while len(out) < most and not self._inner.can_accept_more_data():
            out += self._inner.process(b"", output_buffer_limit=most - len(out))
        return out

    @property
    def whole(self) -> bool:
        return bool(self._inner.is_finished())


ACCEPTED = "gzip, deflate, br"


class Unpacker:
    """Collects a body of some `Content-Encoding`, up to `most` bytes unpacked.

    Raises:
        NotFetched: the encoding is unknown; the body is too large, broken or cut short.
    """

    def __init__(self, encoding: str, most: int) -> None:
        self._most, self._packed, self._body = most, 0, bytearray()
        self._decoder = _find_decoder(encoding.strip().lower())

    def feed(self, data: bytes) -> None:
        self._packed += len(data)
        # One byte more than allowed: so that a body of just the limit is told from a longer one.
        room = self._most + 1 - len(self._body)
        try:
            self._body += self._decoder.feed(data, room) if self._decoder else data
        except (zlib.error, brotli.error) as error:
            raise NotFetched(Reason.NOT_FETCHED, f"it cannot be unpacked: {error}") from error
        if max(len(self._body), self._packed) > self._most:
            raise NotFetched(Reason.TOO_LARGE, f"over {self._most} bytes")

    def first_lines(self) -> bytes:
        """Return the whole lines of a body that was too large."""
        return bytes(self._body[: self._most]).rpartition(b"\n")[0]

    def finish(self) -> bytes:
        """Return the body, which must be whole."""
        if self._decoder and self._packed and not self._decoder.whole:
            raise NotFetched(Reason.NOT_FETCHED, "its packed body is cut short")
        return bytes(self._body)


def _find_decoder(encoding: str) -> _Decoder | None:
    if encoding in _IDENTITY:
        return None
    if encoding in _GZIP:
        return _Zlib(zlib.MAX_WBITS | 16)
    if encoding == "deflate":
        return _Deflate()
    if encoding == "br":
        return _Brotli()
    raise NotFetched(Reason.NOT_FETCHED, f"its encoding {encoding[:50]!r} is not known")


def unpack_gzip(data: bytes, most: int) -> bytes:
    """Unpack a file that may be gzipped, whatever its name says."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = Unpacker("gzip", most)
    unpacker.feed(data)
    return unpacker.finish()
