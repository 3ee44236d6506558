"""A folder of HTML files."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from fret.sources import Contents, Finished, RawPage, Source
from fret.sources.files import hash_files, list_files, name_of
from fret.sources.parts import divide

ENDINGS = (".html", ".htm", ".html.gz", ".htm.gz")


class HtmlFolder(Source):
    """All HTML files at or below a path, gzipped or not."""

    holds: ClassVar[Literal["texts", "files", "bodies"]] = "files"

    def __init__(self, path: Path) -> None:
        self._root = path

    def describe(self, first: int | None = None) -> Contents:
        files = self._files[:first]
        return Contents(len(files), hash_files(files, self._root))

    def parts(self, size: int, finished: Finished | None = None) -> Iterator[list[RawPage]]:
        for part in divide(len(self._files), size, finished):
            yield [RawPage(name_of(f, self._root), path=str(f)) for f in self._files[part]]

    @cached_property
    def _files(self) -> list[Path]:
        return list_files(self._root, ENDINGS, "HTML files")
