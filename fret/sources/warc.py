"""Pages from WARC files, whole ones only; what is none, or is damaged, becomes a dropped row.

A shard holds rows of one file, in order. Where the next shard begins, the name of the last row says
(file and place), so finished shards are not read again.
"""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from itertools import accumulate
from typing import ClassVar, Literal

from fret.errors import SourceError
from fret.sources import Contents, Finished, Source
from fret.sources.archive_files import ArchiveFile, find_archives
from fret.sources.members import GZIP_MAGIC, Place
from fret.sources.parts import Row, cut
from fret.sources.warc_records import Broken, read_records
from fret.sources.warc_rows import make_row

_MB = 1_000_000
# Beside a page's bytes a block holds the head of the answer, and the sizes of its chunks.
_HEAD_BYTES = 1 << 16


class WarcFiles(Source):
    """The pages of WARC and WET files.

    Args:
        patterns: paths, folders, globs, or addresses that fsspec knows.
        max_bytes: a record of which more than twice that would have to be kept is dropped.
    """

    holds: ClassVar[Literal["texts", "files", "bodies"]] = "bodies"
    counts_in: ClassVar[str] = "MB"

    def __init__(self, patterns: Sequence[str], *, max_bytes: int) -> None:
        self._patterns = list(patterns)
        self._max_block = 2 * max_bytes + _HEAD_BYTES

    @cached_property
    def files(self) -> list[ArchiveFile]:
        return find_archives(self._patterns)

    def describe(self, first: int | None = None) -> Contents:
        """Hash names, sizes and ends of the files: reading all of them would take hours."""
        hashes = self._hashes[:first]
        n_bytes = self._starts[len(hashes)]
        if not n_bytes:
            raise SourceError(f"The files of {', '.join(self._patterns)} are empty.")
        total = hashlib.sha256("".join(hashes).encode()).hexdigest()
        return Contents(None, total, n_files=len(hashes), n_bytes=n_bytes)

    @cached_property
    def _hashes(self) -> list[str]:
        return [file.hash_ends() for file in self.files]

    def parts(self, size: int, finished: Finished | None = None) -> Iterator[Iterator[Row]]:
        """Yield all rows in order, at most `size` at a time, of one file at a time."""
        n_finished = finished.n if finished else 0
        for index in range(n_finished):
            yield self._part_again(index, size, finished)
        yield from self._parts_after(self._end_of(n_finished - 1, finished), size)

    def count_units(self, name: str | None = None) -> int:
        if name is None:
            return -(-self._starts[-1] // _MB)  # even the last one that is begun
        number, place = self._find_row(name)
        return (self._starts[number] + place.member) // _MB

    def _part_again(self, index: int, size: int, finished: Finished | None) -> Iterator[Row]:
        """Read a part whose shard was there once."""
        for part in self._parts_after(self._end_of(index - 1, finished), size):
            yield from part
            return

    def _end_of(self, index: int, finished: Finished | None) -> tuple[int, Place] | None:
        """Return the place of the last row of a finished part."""
        if finished is None or index < 0:
            return None
        return max(self._find_row(name) for name in finished.names(index))

    def _find_row(self, name: str) -> tuple[int, Place]:
        file, _, place = name.rpartition(":")
        return self._numbers[file], Place.parse(place)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {file.name: number for number, file in enumerate(self.files)}

    @cached_property
    def _starts(self) -> list[int]:
        """Bytes before each file, and of all of them."""
        return list(accumulate((file.size for file in self.files), initial=0))

    def _parts_after(self, last: tuple[int, Place] | None, size: int) -> Iterator[Iterator[Row]]:
        first, place = last or (0, None)
        for number, file in enumerate(self.files[first:]):
            with closing(self._rows(file, None if number else place)) as rows:
                yield from cut(rows, size)

    def _rows(self, file: ArchiveFile, after: Place | None) -> Generator[Row, None, None]:
        if not file.size:
            if after is None:
                yield _dropped(file, Broken(Place(0), "the file is empty"))
            return
        with file.opened() as opened:
            head = opened.read(5)
            # By its content first: names lie. By its name where the content is damaged.
            named_packed = file.name.lower().endswith(".gz") and head != b"WARC/"
            found = read_records(
                opened,
                start=after or Place(0),
                is_packed=head.startswith(GZIP_MAGIC) or named_packed,
                max_block=self._max_block,
            )
            for record in found:
                if record.place != after and (row := make_row(record, file.name)):
                    yield row


def _dropped(file: ArchiveFile, broken: Broken) -> Row:
    row = make_row(broken, file.name)
    assert row is not None
    return row
