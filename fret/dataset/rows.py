"""Rows of the dataset's configs, made from batches of examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fret.publicity import public_address, public_name

COLUMNS = ("task", "query", "positive_title", "positive", "negative_titles", "negatives")
SCORES = ("scorers", "positive_scores", "negative_scores")

_Columns = Mapping[str, Sequence[Any]]


def format_anchor(task: str, query: str) -> str:
    """Return a query in Gecko's form (arXiv 2403.20327, appendix B)."""
    return f"task: {task} | query: {query}"


def format_passage(title: str, text: str) -> str:
    """Return a passage in Gecko's form; a passage without a title says so."""
    return f"title: {title or 'none'} | text: {text}"


def triplet_schema(n_negatives: int) -> pa.Schema:
    """Return texts only, in trainers' order: the first of several negatives is `negative`."""
    negatives = ["negative", *(f"negative_{i}" for i in range(2, n_negatives + 1))]
    return pa.schema([(name, pa.string()) for name in ("anchor", "positive", *negatives)])


def scores_schema(n_negatives: int) -> pa.Schema:
    """Return the same with `scores`, the name that sentence-transformers takes for a label."""
    return triplet_schema(n_negatives).append(pa.field("scores", pa.list_(pa.float32())))


def make_triplets(columns: _Columns, schema: pa.Schema) -> pa.Table:
    """Format the texts of examples; what examples have beyond the schema's negatives is left."""
    n_negatives = len(schema) - 2
    anchors = list(map(format_anchor, columns["task"], columns["query"]))
    positives = list(map(format_passage, columns["positive_title"], columns["positive"]))
    pairs = list(zip(columns["negative_titles"], columns["negatives"], strict=True))
    negatives = [
        [format_passage(titles[i], texts[i]) for titles, texts in pairs] for i in range(n_negatives)
    ]
    return pa.table([anchors, positives, *negatives], schema=schema)


def make_scores(triplets: pa.Table, columns: _Columns, scorer: str, schema: pa.Schema) -> pa.Table:
    """Add one scorer's scores of the positive and the negatives; leave out rows that lack one."""
    n_negatives = triplets.num_columns - 2
    scored = zip(*(columns[name] for name in SCORES), strict=True)
    scores = [
        _scores_of(scorer, scorers, positive, negatives[:n_negatives])
        for scorers, positive, negatives in scored
    ]
    whole = pa.array([score is not None for score in scores])
    table = triplets.append_column(schema.field("scores"), pa.array(scores, pa.list_(pa.float32())))
    return table.filter(whole)


def _scores_of(
    scorer: str,
    scorers: Sequence[str],
    positive: Sequence[float | None],
    negatives: Sequence[Sequence[float | None]],
) -> list[float] | None:
    if scorer not in scorers:
        return None
    place = scorers.index(scorer)
    found = [positive[place], *(scores[place] for scores in negatives)]
    known = [score for score in found if score is not None]
    return known if len(known) == len(found) else None


def without_paths(batch: pa.RecordBatch) -> pa.Table:
    """Return whole examples without what says where on this machine something lay."""
    table = pa.Table.from_batches([batch])
    names = pa.array(list(map(public_name, batch.column("model").to_pylist())), pa.string())
    table = table.set_column(table.schema.get_field_index("model"), "model", names)
    for place, field in enumerate(table.schema):
        if field.name.endswith(("_url", "_urls")):
            table = table.set_column(place, field, _without_files(table.column(place)))
    return table


def _without_files(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    if not pc.any(pc.starts_with(texts, "file:", ignore_case=True)).as_py():
        return column
    cleaned = [_clean(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(cleaned, column.type)])


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return public_address(value)
