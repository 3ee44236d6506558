"""The records of a WARC file, whole ones and what became of the others.

A record is handed out only when all its bytes are there: by its Content-Length, by its block digest
where it has one, and by the checksum of its gzip member. After a damage reading goes on at the next
record: in the unpacked text, or at the next gzip member that begins with one. Reading from the
place of any item gives that item and all that follow, so it can be gone on with.

The two common readers, warcio and fastwarc, give short records out as whole and lose what follows a
damage (measured: shared/knowledge/apis.md 4.3); hence this one. Versions 0.17 to 1.1 differ in
nothing that matters here (ISO 28500:2017).
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from fret.sources.members import (
    GZIP_MAGIC,
    RECORD,
    MemberStream,
    Place,
    PlainStream,
    Stream,
    find_member,
)

_VERSION = re.compile(rb"WARC/\d+\.\d+[ \t]*\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_NEWLINES = re.compile(rb"[\r\n]*")
_HEAD_BYTES = 1 << 16
_BEGINNING = Place(0)
_DIGESTS = {"sha1": "sha1", "sha-1": "sha1", "sha256": "sha256", "sha-256": "sha256", "md5": "md5"}


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record, whole."""

    place: Place
    headers: dict[str, str]
    """With names in small letters; of a name that comes twice, the first."""
    block: bytes
    length: int
    """Bytes of the block; its bytes are left out where there are more than asked for."""

    @property
    def kind(self) -> str:
        return self.headers["warc-type"].lower()

    @property
    def is_too_large(self) -> bool:
        return self.length > len(self.block)


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that are no whole record."""

    place: Place
    detail: str


class _BadRecord(Exception):
    """A record that cannot be handed out; its stream stands where the next is to be looked for."""


def read_records(
    file: IO[bytes], *, start: Place = _BEGINNING, is_packed: bool, max_block: int
) -> Iterator[WarcRecord | Broken]:
    """Yield what a WARC file holds from a place on; memory is bounded by `max_block`, in bytes.

    Args:
        start: the beginning, or the place of something that was yielded before.
        is_packed: whether it consists of gzip members.
    """
    if is_packed:
        yield from _read_members(file, start, max_block)
    else:
        yield from _read_stream(PlainStream(file, start.member), max_block)


def _read_members(file: IO[bytes], start: Place, max_block: int) -> Iterator[WarcRecord | Broken]:
    offset: int | None = start.member
    inner = start.inner
    while offset is not None:
        file.seek(offset)
        head = file.read(20)
        if not head:
            return
        if not head.startswith(GZIP_MAGIC):
            yield Broken(Place(offset), f"neither WARC nor gzip: {head!r}")
            offset = find_member(file, offset + 1)
            continue
        stream = MemberStream(file, offset)
        stream.skip(inner)
        inner = 0
        yield from _read_stream(stream, max_block)
        offset = find_member(file, offset + 1) if stream.damage else stream.next_offset


def _read_stream(stream: Stream, max_block: int) -> Iterator[WarcRecord | Broken]:
    is_reported = False
    while True:
        stream.take(len(_newlines_ahead(stream)))
        place = stream.place
        if not stream.peek(1):
            break
        try:
            found: WarcRecord | Broken = _read_record(stream, max_block)
        except _BadRecord as bad:
            _, passed = stream.skip_to_record()
            detail = str(bad)
            if stream.damage and stream.damage not in detail:
                detail += f"; {stream.damage}"
            found = Broken(place, f"{detail}; {passed} bytes passed over" if passed else detail)
        is_reported = isinstance(found, Broken)
        yield found
    if stream.damage and not is_reported:
        yield Broken(stream.place, stream.damage)


def _read_record(stream: Stream, max_block: int) -> WarcRecord:
    place = stream.place
    headers = _read_head(stream)
    length = int(headers["content-length"])
    if length > max_block:
        _pass_over(stream, length)
        return WarcRecord(place, headers, b"", length)
    block = stream.take(length)
    if problem := _find_problem(stream, headers, block, length):
        stream.unread(block)  # the next record may lie in it, where the length was wrong
        raise _BadRecord(problem)
    return WarcRecord(place, headers, block, length)


def _read_head(stream: Stream) -> dict[str, str]:
    """Take a record's head; nothing is taken but a byte where there is none."""
    head = stream.peek(64)
    if not _VERSION.match(head):
        stream.take(1)
        raise _BadRecord(f"no WARC record begins here: {head[:20]!r}")
    n_bytes = 1024
    while not (end := _END_OF_HEAD.search(head := stream.peek(n_bytes))):
        # Without the search for a next record, a file of nothing but beginnings would be read
        # thousands of times over.
        if len(head) < n_bytes or n_bytes >= _HEAD_BYTES or RECORD.search(head, 1):
            stream.take(1)
            raise _BadRecord(stream.damage or f"the head of the record has no end: {head[:60]!r}")
        n_bytes *= 2
    stream.take(end.end())
    headers = parse_headers(head[: end.start()])
    if not headers.get("warc-type"):
        raise _BadRecord("the record has no WARC-Type")
    # ASCII digits, and fewer than Python refuses to turn into a number.
    if not re.fullmatch(r"[0-9]{1,18}", headers.get("content-length", "")):
        raise _BadRecord(f"no length: Content-Length {headers.get('content-length')!r:.40}")
    return headers


def parse_headers(head: bytes) -> dict[str, str]:
    """Read `Name: value` lines after a first line; a line that begins with a space goes on."""
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).decode("utf-8", "replace").split("\n")[1:]
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _pass_over(stream: Stream, length: int) -> None:
    """Leave out a block that is too large, unless it only claims to be."""
    found, passed = stream.skip_to_record(length)
    if found or passed < length:
        why = "the next record begins" if found else stream.damage or "the file ends"
        raise _BadRecord(f"the record should have {length} bytes, but {why} after {passed}")
    if not _ends_here(stream):
        raise _BadRecord(f"the record does not end after its {length} bytes")


def _find_problem(stream: Stream, headers: dict[str, str], block: bytes, length: int) -> str:
    """Say why a block is not all of its record and nothing else."""
    if len(block) < length:
        why = stream.damage or "the file or its gzip member ends before"
        return f"cut off: {len(block)} of {length} bytes are there: {why}"
    fits = fits_digest(block, headers.get("warc-block-digest", ""))
    if fits:
        return ""
    if not _ends_here(stream):
        return f"the record does not end after its {length} bytes"
    if fits is False:
        return "the bytes do not give the record's WARC-Block-Digest"
    return stream.damage  # the checksum of its gzip member is wrong


def _ends_here(stream: Stream) -> bool:
    """Whether nothing but newlines is left, or lies before the next record."""
    newlines = _newlines_ahead(stream)
    rest = stream.peek(len(newlines) + 5)[len(newlines) :]
    return not rest or rest == b"WARC/"


def _newlines_ahead(stream: Stream) -> bytes:
    found = _NEWLINES.match(stream.peek(64))
    return found[0] if found else b""


def fits_digest(data: bytes, digest: str) -> bool | None:
    """Whether data give a WARC digest (`sha1:BASE32` or hexadecimal); None where unknown."""
    algorithm, _, value = digest.partition(":")
    name = _DIGESTS.get(algorithm.strip().lower())
    if not name:
        return None
    made = hashlib.new(name, data, usedforsecurity=False)
    value = value.strip().lower().rstrip("=")
    return value in (
        made.hexdigest(),
        base64.b32encode(made.digest()).decode("ascii").lower().rstrip("="),
    )
