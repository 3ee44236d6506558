"""Candidates and judgements as tables: one row per candidate, best first, with what it says.

Part of the command line. At the end of each row stands the beginning of the passage, with its title
where there is room; in a narrow terminal it stands below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.table import Table
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
from fret.figures import count
from fret.records import Candidates, Judgement, Passage, Query, Scoring
from fret.retrieval.query_words import QueryWords
from fret.terminal import clean, out

# Cells that the beginning of a passage needs to say anything, and that it needs with a title.
_LEAST, _WITH_TITLE = 24, 60
_BEGINNING = 160


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the queries and passages that rows name by their ids."""

    queries: Mapping[str, Query]
    passages: Mapping[str, Passage]

    def words(self, query_id: str) -> QueryWords:
        query = self.queries.get(query_id)
        return QueryWords(query.text, query.language) if query else QueryWords()


def print_candidates(candidates: Candidates, known: Known, *, whole: bool) -> None:
    """Show the candidates of a query with the ranks that the retrievers gave them."""
    n = len(candidates.passage_ids)
    print_head(candidates.key, _describe_query(known, candidates.query_id))
    _print_query(known, candidates.query_id, _describe_pool(candidates))
    table = make_table(">rank", "passage", "", ">bm25", ">dense")
    shown = range(n if whole else min(n, candidates.n_top))
    rows = [
        [
            Text(str(i + 1)),
            Text(shorten_id(candidates.passage_ids[i])),
            _mark_kin(candidates, i),
            _describe_rank(candidates.bm25_scores[i], candidates.bm25_ranks[i]),
            _describe_rank(candidates.dense_scores[i], candidates.dense_ranks[i]),
        ]
        for i in shown
    ]
    _print_ranking(table, rows, [candidates.passage_ids[i] for i in shown], known, candidates.key)
    if len(shown) < n:
        out.print(
            f"  … {n - len(shown)} more in the pool: --id {shorten_id(candidates.key)}", style="dim"
        )


def print_judgement(judgement: Judgement, known: Known) -> None:
    """Show what every scorer says of every candidate, the best of the fused ranking first."""
    print_head(judgement.key, _describe_query(known, judgement.query_id))
    _print_query(known, judgement.query_id, "")
    names = (f">{clean(s.scorer)}" for s in judgement.scorings)
    table = make_table(">rank", ">fused", "passage", "", *names)
    n = len(judgement.passage_ids)
    order = sorted(range(n), key=lambda i: judgement.fused_ranks[i] or n + 1)
    rows = [
        [
            Text(str(judgement.fused_ranks[i] or "-")),
            Text("-" if (fused := judgement.fused_scores[i]) is None else f"{fused:.3f}"),
            Text(shorten_id(judgement.passage_ids[i])),
            _mark_seed(judgement.passage_ids[i] == judgement.seed_id),
            *(Text(_describe_score(scoring, i)) for scoring in judgement.scorings),
        ]
        for i in order
    ]
    ids = [judgement.passage_ids[i] for i in order]
    _print_ranking(table, rows, ids, known, judgement.key)


def _describe_query(known: Known, query_id: str) -> tuple[str, ...]:
    query = known.queries.get(query_id)
    return (query.task_type or "free task", query.language) if query else ()


def _print_query(known: Known, query_id: str, pool: str) -> None:
    query = known.queries.get(query_id)
    text = Text(clean(query.text), style="bold") if query else ""
    print_facts([("task", query.task if query else ""), ("query", text), ("pool", pool)])


def _describe_pool(candidates: Candidates) -> str:
    told = [f"{count(len(candidates.passage_ids), 'candidate')}, {candidates.n_top} to be judged"]
    if candidates.seed_id:
        found = f"rank {candidates.seed_rank}" if candidates.seed_rank else "not found"
        told.append(f"seed: {found}")
    if candidates.pool_overlap is not None:
        told.append(f"both retrievers found {candidates.pool_overlap:.0%}")
    return ", ".join(told)


def _mark_kin(candidates: Candidates, i: int) -> Text:
    kinship = candidates.kinships[i] if candidates.kinships else ""
    if candidates.passage_ids[i] == candidates.seed_id:
        return _mark_seed(True)
    return Text(clean(kinship).replace("_", " "), style="yellow")


def _mark_seed(is_seed: bool) -> Text:
    return Text("seed" if is_seed else "", style="bold cyan")


def _describe_rank(score: float | None, rank: int | None) -> Text:
    if score is None:
        return Text("-", style="dim")
    return Text(f"{score:.3f} #{rank}" if rank else f"{score:.3f}   -")


def _describe_score(scoring: Scoring, i: int) -> str:
    """Write a score with its rank, the grade where it is another number, and what is odd."""
    score, grade, odd = scoring.scores[i], scoring.grades[i], clean(scoring.fallbacks[i])
    if score is None:
        return odd or "-"
    text = f"{score:.3f} #{scoring.ranks[i]}"
    text += "" if grade is None or grade == score else f" grade {grade:.2f}"
    return f"{text} ({odd})" if odd else text


def _print_ranking(
    table: Table, rows: Sequence[Sequence[Text]], ids: Sequence[str], known: Known, query_id: str
) -> None:
    """Print rows with the beginning of each passage beside it, or below where there is no room."""
    words = known.words(query_id)
    headers = [cell_len(str(column.header)) for column in table.columns]
    widths = [max(width, *(row[i].cell_len for row in rows)) + 2 for i, width in enumerate(headers)]
    room = out.width - sum(widths)
    is_beside = room >= _LEAST
    has_title = not is_beside or room >= _WITH_TITLE
    beginnings = [_begin(known.passages.get(i), words, has_title=has_title) for i in ids]
    for beginning in beginnings:
        beginning.truncate(room if is_beside else out.width - 2, overflow="ellipsis")
    if is_beside:
        table.add_column("", no_wrap=True)
    for row, beginning in zip(rows, beginnings, strict=True):
        table.add_row(*row, *([beginning] if is_beside else []))
    print_table(table, [] if is_beside else beginnings)


def _begin(passage: Passage | None, words: QueryWords, *, has_title: bool) -> Text:
    if passage is None:
        return Text("")
    text = mark(words, shorten(passage.text, _BEGINNING))
    if not has_title or not passage.full_title:
        return text
    title = mark(words, shorten(passage.full_title, _BEGINNING // 2), "bold")
    return Text.assemble(title, ": ", text)
