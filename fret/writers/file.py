"""The user's own queries."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fret.errors import UserError
from fret.records import Dropped, Query, Reason, make_id

# Keys that a row may have; others are the user's own business and are passed over.
_KEYS = ("text", "task", "passage_id")


class FileWriter:
    """Makes queries of rows with `text`, and optionally `task` and `passage_id` (the seed)."""

    name = "file"
    prompt_hash = "file"

    def __init__(self, *, task: str, knows_passage: Callable[[str], bool]) -> None:
        self._task = task
        self._knows_passage = knows_passage
        self._seen: set[str] = set()

    def read(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Query | Dropped]:
        """Make a query of each (line number, row)."""
        for number, row in rows:
            query = self._make(row)
            if query.passage_id is not None and not self._knows_passage(query.passage_id):
                detail = f"line {number}: no passage has the id {query.passage_id}"
                yield Dropped("queries", query.id, Reason.SEED_NOT_FOUND, detail)
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

    def _make(self, row: dict[str, Any]) -> Query:
        text, task = " ".join(row["text"].split()), str(row.get("task") or self._task)
        seed = row.get("passage_id") or None
        return Query(
            id=make_id("query", seed or "", self.prompt_hash, task, text),
            passage_id=seed,
            task=task,
            text=text,
            language="",
            task_type="",
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
