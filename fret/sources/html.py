"""A folder of HTML files."""

from collections.abc import Iterator
from pathlib import Path

from fret.sources import Contents, RawPage
from fret.sources.files import hash_files, list_files, name_of

ENDINGS = (".html", ".htm", ".html.gz", ".htm.gz")


class HtmlFolder:
    """All HTML files at or below a path, gzipped or not."""

    def __init__(self, path: Path) -> None:
        self._root = path

    def describe(self) -> Contents:
        files = self._files()
        return Contents(len(files), hash_files(files, self._root))

    def parts(self, size: int) -> Iterator[list[RawPage]]:
        files = self._files()
        for start in range(0, len(files), size):
            chunk = files[start : start + size]
            yield [RawPage(name_of(file, self._root), path=str(file)) for file in chunk]

    def _files(self) -> list[Path]:
        return list_files(self._root, ENDINGS, "HTML files")
