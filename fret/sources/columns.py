"""Which columns of a table hold what of a page."""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from fret.records import Dropped
from fret.sources import RawPage

NAME_THE_TEXT = "Name the column that holds the text in pages.source.text."


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

    def find_fault(self, row: Mapping[str, Any]) -> str:
        """Say why a row is no page: it has no such column, or no text in it; empty for a page.

        A text that is null counts as empty: such rows are dropped later, with that reason.
        """
        if self.text not in row:
            return f"no column {self.text!r} (there are: {', '.join(sorted(map(str, row)))})"
        text = row[self.text]
        if text is None or isinstance(text, str):
            return ""
        return (
            f"the column {self.text!r} holds {_name_kind(text)} where text is wanted: {text!r:.60}"
        )

    def read_page(self, row: Mapping[str, Any], name: str) -> RawPage:
        """Read a row without fault as a page."""
        text = row[self.text] or ""
        title, url = (str(row.get(c) or "") if c else "" for c in (self.title, self.url))
        own_id = row.get(self.id) if self.id else None
        return RawPage(
            name, text=text, title=title, url=url, id="" if own_id is None else str(own_id)
        )


def _name_kind(value: Any) -> str:
    """Name a type as those do who write JSON."""
    if isinstance(value, bool):
        return "true or false"
    kinds = {int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)


def hash_row(row: RawPage | Dropped) -> bytes:
    """Hash all that a row of texts gives."""
    digest = hashlib.sha256()
    if isinstance(row, Dropped):
        parts: tuple[str, ...] = (row.record_id, row.reason, row.detail)
    else:
        parts = (row.name, row.text, row.title, row.url, row.id)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
