"""What `fret show PIPELINE queries` shows: queries to be judged at a glance, and why some fell.

Part of the command line. Text from pages and models is hostile and goes through `clean`.
"""

from collections.abc import Mapping, Sequence

from rich.text import Text

from fret.display_layout import (
    make_table,
    print_facts,
    print_head,
    print_table,
    shorten,
    shorten_id,
)
from fret.display_marks import mark
from fret.display_pages import print_marked_passage
from fret.records import Dropped, Passage, Query
from fret.retrieval.query_words import QueryWords
from fret.terminal import clean, out

# What was asked for besides task type and language.
_WISHES = ("query_type", "length", "difficulty", "persona")


def print_queries(queries: Sequence[Query], seeds: Mapping[str, Passage]) -> None:
    """Print queries as a table, each beside the beginning of its seed.

    Args:
        seeds: passages by id.
    """
    table = make_table(
        *("type", "", "task and query", "seed"),
        wraps={"task and query": 24, "seed": 24},
        lines=1,
    )
    for query in queries:
        table.add_row(
            _describe_kind(query),
            Text(clean(query.language)),
            _describe_text(query),
            _describe_seed(query, seeds.get(query.passage_id or "")),
        )
    print_table(table)


def print_query(query: Query, seed: Passage | None) -> None:
    """Print one query in full, with all of its seed."""
    print_head(query.id, (query.task_type or "free task", query.language))
    print_facts(
        [
            ("task", query.task),
            ("query", Text(clean(query.text), style="bold")),
            ("first", query.draft),
            *((name.replace("_", " "), getattr(query, name)) for name in _WISHES),
            ("writer", f"{query.writer} {query.model}".strip()),
            ("variant", query.variant),
            ("sample", str(query.sample)),
            ("prompt_hash", query.prompt_hash),
        ]
    )
    if seed is not None:
        out.print()
        label = Text.assemble(("seed", "bold cyan"), (f"  {shorten_id(seed.id)}", "dim"))
        words = QueryWords(query.text, query.language)
        print_marked_passage(label, (seed.full_title, seed.text), words)


def print_dropped(rows: Sequence[Dropped], reasons: Mapping[str, int]) -> None:
    """Print how many fell for which reason, then some of them.

    Args:
        reasons: how many of each there are.
    """
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        out.print(f"{count:>8}  {clean(reason)}", markup=False)
    table = make_table("reason", "what", "id", wraps={"what": 30}, lines=1)
    for row in rows:
        table.add_row(
            Text(clean(row.reason)), Text(shorten(row.detail, 300)), Text(clean(row.record_id))
        )
    out.print()
    print_table(table)


def _describe_kind(query: Query) -> Text:
    text = Text(clean(query.task_type) or "free", style="cyan")
    text.append(f"\n{shorten_id(query.id)}", style="dim")
    for name in _WISHES:
        if value := getattr(query, name):
            text.append(f"\n{clean(value)}", style="dim")
    return text


def _describe_text(query: Query) -> Text:
    text = Text.assemble((f"{clean(query.task)}\n", "dim"), (clean(query.text), "bold"))
    if query.draft:
        text.append(f"\nfirst: {clean(query.draft)}", style="dim")
    return text


def _describe_seed(query: Query, seed: Passage | None) -> Text:
    if seed is None:
        return Text("no seed", style="dim")
    words = QueryWords(query.text, query.language)
    title = mark(words, shorten(seed.full_title, 60), style="bold")
    return Text.assemble(title, "\n", mark(words, shorten(seed.text, 160)))
