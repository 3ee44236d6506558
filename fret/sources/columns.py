"""Which columns of a table hold what of a page."""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from fret.errors import SourceError
from fret.sources import RawPage


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns; rows may lack all but the text."""

    text: str
    title: str | None = None
    url: str | None = None
    id: str | None = None

    @property
    def names(self) -> list[str]:
        """The text's first."""
        return [name for name in astuple(self) if name]

    def read_page(self, row: Mapping[str, Any], name: str, *, where: str) -> RawPage:
        """Read a row as a page.

        Args:
            where: the row's place, for messages.

        Raises:
            SourceError: it has no such column of text.
        """
        text = row.get(self.text, row)
        if text is None:  # one empty row is dropped later, with its reason
            text = ""
        if not isinstance(text, str):
            found = ", ".join(sorted(map(str, row)))
            raise SourceError(
                f"{where} has no text in the column {self.text!r} (it has: {found}). "
                "Name the right one in pages.source.text."
            )
        title, url = (str(row.get(c) or "") if c else "" for c in (self.title, self.url))
        own_id = row.get(self.id) if self.id else None
        return RawPage(
            name, text=text, title=title, url=url, id="" if own_id is None else str(own_id)
        )


def hash_row(page: RawPage) -> bytes:
    """Hash all that a row of texts gives."""
    digest = hashlib.sha256()
    for part in (page.name, page.text, page.title, page.url, page.id):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
