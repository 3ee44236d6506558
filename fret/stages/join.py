"""Read a later stage's rows beside the queries that they belong to."""

from collections.abc import Iterator
from typing import Any

from fret.errors import StoreError
from fret.records import Query, Record
from fret.store import Run


def join_queries(run: Run, record: type[Record], shard: int) -> Iterator[tuple[Query, Any]]:
    """Yield (query, row) for each row of a shard.

    Both stages keep one order, so nothing is held but a row.
    Some queries were dropped on the way; those are passed over.
    """
    queries = run.rows(Query, shard)
    for row in run.rows(record, shard):
        query = next((query for query in queries if query.id == row.query_id), None)
        if query is None:
            raise StoreError(
                f"The stages queries and {record.STAGE} do not fit together in shard {shard}. "
                f"Make the later one anew with `fret run PIPELINE --redo {record.STAGE}`."
            )
        yield query, row
