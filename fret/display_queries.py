"""What `fret show PIPELINE queries` shows: queries to be judged at a glance, and why some fell.

Part of the command line. Text from pages and models is hostile and goes through `clean`.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from rich.table import Table
from rich.text import Text

from fret.records import Dropped, Passage, Query
from fret.terminal import clean, out

# What was asked for besides task type and language.
_WISHES = ("query_type", "length", "difficulty", "persona")


def print_queries(queries: Iterable[Query], passages: Iterable[Passage], *, n: int) -> int:
    """Print n queries as a table, each beside the beginning of its seed; return how many.

    Those with the least ids: ids are hashes, so that is a fair draw over all pages.
    """
    drawn = heapq.nsmallest(n, queries, key=lambda query: query.id)
    wanted = {query.passage_id for query in drawn if query.passage_id}
    seeds = {p.id: p for p in passages if p.id in wanted} if wanted else {}
    table = _make_table("type", "", "task and query", "seed")
    for query in drawn:
        table.add_row(
            _describe_kind(query),
            Text(clean(query.language)),
            _describe_text(query),
            _describe_seed(seeds.get(query.passage_id or "")),
        )
    if drawn:
        out.print(table)
        out.print(f"{len(drawn)} queries, drawn at random. One in full: --id ID", style="dim")
    return len(drawn)


def print_dropped(dropped: Iterable[Dropped], reasons: Mapping[str, int], *, n: int) -> int:
    """Print how many fell for which reason, then n of them, each reason in turn; return how many.

    Args:
        reasons: how many of each there are.
    """
    rows = list(_take_in_turn(dropped, n))
    if not rows:
        return 0
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        out.print(f"{count:>8}  {clean(reason)}", markup=False)
    table = _make_table("reason", "what", "id")
    for row in rows:
        table.add_row(
            Text(clean(row.reason)), Text(_shorten(row.detail, 300)), Text(clean(row.record_id))
        )
    out.print()
    out.print(table)
    return len(rows)


def _take_in_turn(dropped: Iterable[Dropped], n: int) -> Iterator[Dropped]:
    """Yield n rows at most, as evenly over the reasons as can be, reason by reason."""
    kept: dict[str, list[Dropped]] = {}
    for row in dropped:
        rows = kept.setdefault(row.reason, [])
        if len(rows) < n:
            rows.append(row)
    shares: Counter[str] = Counter()
    while sum(shares.values()) < n:
        more = [reason for reason, rows in kept.items() if shares[reason] < len(rows)]
        if not more:
            break
        shares.update(sorted(more)[: n - sum(shares.values())])
    for reason in sorted(shares):
        yield from kept[reason][: shares[reason]]


def _make_table(*columns: str) -> Table:
    return Table(
        *columns, box=None, header_style="bold", pad_edge=False, padding=(0, 2, 1, 0), expand=False
    )


def _describe_kind(query: Query) -> Text:
    text = Text(clean(query.task_type) or "free", style="cyan")
    for name in _WISHES:
        if value := getattr(query, name):
            text.append(f"\n{clean(value)}", style="dim")
    return text


def _describe_text(query: Query) -> Text:
    text = Text.assemble((f"{clean(query.task)}\n", "dim"), clean(query.text))
    if query.draft:
        text.append(f"\nfirst: {clean(query.draft)}", style="dim")
    return text


def _describe_seed(seed: Passage | None) -> Text:
    if seed is None:
        return Text("no seed", style="dim")
    return Text.assemble((f"{_shorten(seed.full_title, 60)}\n", "bold"), _shorten(seed.text, 120))


def _shorten(text: str, limit: int) -> str:
    text = clean(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"
