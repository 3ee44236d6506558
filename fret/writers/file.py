"""The user's own queries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fret.errors import UserError
from fret.reasons import Reason
from fret.records import Dropped, Query, make_id

# Keys that a row may have; others are the user's own business and are passed over.
_KEYS = ("text", "task", "passage_id", "language", "task_type")


class FileWriter:
    """Makes queries of rows with `text`, and optionally `task`, `passage_id` (the seed), `language`
    (ISO 639-1) and `task_type`.

    Args:
        passages_of: the passages' ids by what rows may name as `passage_id`.
    """

    name = "file"
    prompt_hash = "file"

    def __init__(self, *, task: str, passages_of: Mapping[str, Sequence[str]]) -> None:
        self._task = task
        self._passages_of = passages_of
        self._seen: set[str] = set()

    def read(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Query | Dropped]:
        """Make a query of each (line number, row)."""
        for number, row in rows:
            named = row.get("passage_id") or None
            found = self._passages_of.get(named, ()) if named else ()
            query = self._make(row, found[0] if len(found) == 1 else named)
            if named and not found:
                detail = f"line {number}: no passage, and no page that gave one, has the id {named}"
                yield Dropped("queries", query.id, Reason.SEED_NOT_FOUND, detail)
            elif len(found) > 1:
                detail = (
                    f"line {number}: {named} is the id of {len(found)} passages; name one of them "
                    "by its own id, or keep pages whole with passages.split: none"
                )
                yield Dropped("queries", query.id, Reason.SEED_AMBIGUOUS, detail)
            elif query.id in self._seen:
                yield Dropped(
                    "queries", query.id, Reason.DUPLICATE_QUERY, f"line {number}: {query.text[:80]}"
                )
            else:
                self._seen.add(query.id)
                yield query

    def remember(self, query_ids: Iterable[str]) -> None:
        """Count queries of an earlier process as read, so that their doubles are noticed."""
        self._seen.update(query_ids)

    def _make(self, row: dict[str, Any], seed: str | None) -> Query:
        text, task = " ".join(row["text"].split()), str(row.get("task") or self._task)
        return Query(
            id=make_id("query", seed or "", self.prompt_hash, task, text),
            passage_id=seed,
            task=task,
            text=text,
            language=(row.get("language") or "").strip().lower(),
            task_type=(row.get("task_type") or "").strip(),
            writer=self.name,
            model="",
            prompt_hash=self.prompt_hash,
            sample=0,
        )


def check_row(row: dict[str, Any], where: str) -> None:
    """Refuse a row that is no query.

    Raises:
        UserError: naming the row and what is wrong with it.
    """
    for key in _KEYS:
        if row.get(key) is not None and not isinstance(row[key], str):
            raise UserError(f"{where}: {key} must be text, it is {row[key]!r}.")
        if row.get(key) and row[key].encode("utf-8", "ignore").decode() != row[key]:
            raise UserError(f"{where}: {key} holds half a surrogate pair, which is no text.")
    if not (row.get("text") or "").strip():
        found = ", ".join(sorted(row)) or "nothing"
        raise UserError(f"{where}: a query needs `text`; the row has {found}.")
