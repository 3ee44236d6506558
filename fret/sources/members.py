"""Bytes of an archive, unpacked as they are asked for: a plain file, or one gzip member at a time.

Reading never fails: where the bytes are damaged a stream ends, and says why. All that could be
unpacked before the damage was handed out.
"""

import re
import zlib
from typing import IO, Any, NamedTuple

GZIP_MAGIC = b"\x1f\x8b\x08"
_CHUNK = 1 << 16
# Where a record begins: unlike a mention of the format's name, a header follows at once.
RECORD = re.compile(rb"WARC/\d\.\d{1,2}\r?\n(?:WARC-|Content-)", re.IGNORECASE)
_RECORD_LENGTH = 32
# Bytes that nobody reads (of a block that is too large anyway) are unpacked all the same, to find
# the next record; not when they are a bomb: deflate packs HTML 10 times, and 1032 times at most.
_BOMB_BYTES = 1 << 26
_BOMB_RATIO = 200


class Place(NamedTuple):
    """Where something lies in an archive."""

    member: int
    """Offset in the file: of the gzip member, or of the thing itself in a plain file."""
    inner: int = 0
    """Unpacked bytes between the member's beginning and the thing."""

    def __str__(self) -> str:
        return f"{self.member}+{self.inner}" if self.inner else f"{self.member}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        member, _, inner = text.partition("+")
        return cls(int(member), int(inner or 0))


class Stream:
    """Bytes with a look ahead; `_more` gives the next ones, none at the end."""

    def __init__(self) -> None:
        self._ahead = bytearray()
        self.position = 0
        """Bytes taken so far."""
        self.damage = ""
        """Why the stream ended before its time; known once it has ended."""

    @property
    def place(self) -> Place:
        raise NotImplementedError

    @property
    def consumed(self) -> int:
        """Bytes of the file read so far."""
        raise NotImplementedError

    def _more(self) -> bytes:
        raise NotImplementedError

    def peek(self, n: int) -> bytes:
        """Return the next n bytes without taking them; fewer at the end."""
        while len(self._ahead) < n and (data := self._more()):
            self._ahead += data
        return bytes(self._ahead[:n])

    def take(self, n: int) -> bytes:
        """Take the next n bytes; fewer at the end."""
        data = self.peek(n)
        del self._ahead[: len(data)]
        self.position += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put back what was taken last."""
        self._ahead[:0] = data
        self.position -= len(data)

    def skip(self, n: int) -> int:
        """Pass over n bytes; return how many there were."""
        left = n
        while left and (data := self.take(min(left, _CHUNK))):
            left -= len(data)
        return n - left

    def skip_to_record(self, n: int | None = None) -> tuple[bool, int]:
        """Pass over at most n bytes, no further than to where a record begins.

        Returns:
            whether a record begins here, and how many bytes were passed over. A stream that turns
            out to be a decompression bomb ends.
        """
        start, packed_start = self.position, self.consumed
        while n is None or self.position - start < n:
            window = self.peek(_CHUNK)
            found = RECORD.search(window)
            left = len(window) if n is None else n - (self.position - start)
            if found and found.start() < left:
                self.take(found.start())
                return True, self.position - start
            if len(window) < _CHUNK or left <= len(window):  # the end of one or the other
                self.take(min(left, len(window)))
                break
            self.take(len(window) - _RECORD_LENGTH)
            passed, packed = self.position - start, self.consumed - packed_start
            if passed > _BOMB_BYTES and passed > _BOMB_RATIO * packed:
                self.end(f"a decompression bomb: {passed} bytes unpacked from {packed}")
        return False, self.position - start

    def end(self, damage: str) -> None:
        """Give no more bytes."""
        raise NotImplementedError


class PlainStream(Stream):
    """A file that is not packed, from an offset on."""

    def __init__(self, file: IO[bytes], offset: int) -> None:
        super().__init__()
        self._file, self._offset = file, offset
        file.seek(offset)

    @property
    def place(self) -> Place:
        return Place(self._offset + self.position)

    @property
    def consumed(self) -> int:
        return self.position

    def _more(self) -> bytes:
        return self._file.read(_CHUNK)


class MemberStream(Stream):
    """What a gzip member holds, and those after it that only go on with its last record.

    Attributes:
        next_offset: where the next member begins, after an end without damage.
    """

    def __init__(self, file: IO[bytes], offset: int) -> None:
        super().__init__()
        self._file, self._offset = file, offset
        self._unpacker: Any = zlib.decompressobj(wbits=31)
        self._packed = b""
        self._pending_damage = ""
        self._ended = False
        self.next_offset = offset
        file.seek(offset)

    @property
    def place(self) -> Place:
        return Place(self._offset, self.position)

    @property
    def consumed(self) -> int:
        return self._file.tell() - self._offset - len(self._packed)

    def end(self, damage: str) -> None:
        self._ended, self.damage = True, damage
        self._ahead.clear()

    def _more(self) -> bytes:
        while not self._ended:
            if self._pending_damage:
                self.damage, self._ended = self._pending_damage, True
            elif self._unpacker.eof:
                self._ended = not self._goes_on()
            elif data := self._unpack():
                return data
        return b""

    def _unpack(self) -> bytes:
        packed = self._packed or self._file.read(_CHUNK)
        before = self._unpacker.copy()
        try:
            data: bytes = self._unpacker.decompress(packed, _CHUNK)
        except zlib.error as error:
            self._pending_damage = f"damaged gzip data ({error})"
            return _unpack_before_flaw(before, packed)
        self._packed = self._unpacker.unconsumed_tail
        if self._unpacker.eof:
            self.next_offset = self._file.tell() - len(self._unpacker.unused_data)
            self._packed = b""
        elif not packed and not data:
            self._pending_damage = "the file is cut off within a gzip member"
        return data

    def _goes_on(self) -> bool:
        """Go on to the next member if it begins in the middle of a record."""
        if begins_with_record(self._file, self.next_offset) is not False:
            return False
        self._file.seek(self.next_offset)
        self._unpacker, self._packed = zlib.decompressobj(wbits=31), b""
        return True


def _unpack_before_flaw(unpacker: Any, packed: bytes) -> bytes:
    """Unpack again in ever smaller steps: zlib throws away what one call made before a flaw."""
    found = bytearray()
    for step in (4096, 64, 1):
        while len(found) < _CHUNK:
            before = unpacker.copy()
            try:
                data = unpacker.decompress(packed, step)
            except zlib.error:
                unpacker = before
                break
            if not data:
                break
            found += data
            packed = unpacker.unconsumed_tail
    return bytes(found)


def begins_with_record(file: IO[bytes], offset: int) -> bool | None:
    """Whether the gzip member at an offset begins with a WARC record; None if there is none."""
    file.seek(offset)
    packed = file.read(4096)
    if not packed.startswith(GZIP_MAGIC):
        return None
    try:
        head = zlib.decompressobj(wbits=31).decompress(packed, 5)
    except zlib.error:
        return None
    return head == b"WARC/" if head else None


def find_member(file: IO[bytes], offset: int) -> int | None:
    """Find the next gzip member that begins with a WARC record, at or after an offset."""
    while True:
        file.seek(offset)
        window = file.read(_CHUNK)
        at = window.find(GZIP_MAGIC)
        while at >= 0:
            if begins_with_record(file, offset + at):
                return offset + at
            at = window.find(GZIP_MAGIC, at + 1)
        if len(window) < _CHUNK:
            return None
        offset += len(window) - len(GZIP_MAGIC) + 1
