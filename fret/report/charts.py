"""The charts of the report, each with one sentence that reads it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fret.figures import agree, percent
from fret.report.counting import rank_counts
from fret.report.drawing import Bars, Form, Shares
from fret.report.gather import RANKS
from fret.report.histograms import draw_grades, draw_hardness, draw_lengths, draw_scores
from fret.report.source import Source
from fret.report.wording import count, count_of, explain, name_language, share_of

_MOST_BARS = 12


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, what it says, and its figures as a table."""

    name: str
    """Also of its picture."""
    section: str
    title: str
    reading: str
    form: Form
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def make_charts(source: Source) -> list[Chart]:
    """Make the charts that the run has figures for, in the order of the page."""
    makers = (
        _draw_funnel,
        _draw_task_types,
        _draw_languages,
        _draw_sites,
        _draw_lengths,
        _draw_ranks,
        _draw_scores,
        _draw_grades,
        _draw_hardness,
        _draw_refusals,
    )
    return [chart for make in makers for chart in make(source)]


def _draw_funnel(source: Source) -> Iterator[Chart]:
    manifests = source.manifests
    worst = max(manifests, key=lambda m: m.dropped / (m.rows + m.dropped or 1))
    lost = worst.dropped / (worst.rows + worst.dropped or 1)
    reading = "Nothing was dropped on the way."
    if lost:
        reason, n = rank_counts(worst.reasons)[0]
        reading = (
            f"Most is lost at {worst.stage}: {percent(lost)} of what reaches it, mostly because "
            f"{explain(reason)} ({count(n)})."
            if len(worst.reasons) > 1
            else f"Most is lost at {worst.stage}: {percent(lost)} ({explain(reason)})."
        )
    yield Chart(
        "funnel",
        "funnel",
        "From pages to examples",
        reading,
        Bars(
            labels=[m.stage for m in manifests],
            parts=[[float(m.rows) for m in manifests], [float(m.dropped) for m in manifests]],
            notes=[
                count(m.rows) + (f", {count(m.dropped)} dropped" if m.dropped else "")
                for m in manifests
            ],
            names=("kept", "dropped") if lost else (),
        ),
        ("stage", "in", "out", "dropped"),
        [(m.stage, count(m.read), count(m.rows), count(m.dropped)) for m in manifests],
    )


def _draw_task_types(source: Source) -> Iterator[Chart]:
    counts, n = source.examples["task_types"], source.found.n
    shown, rest = _split_off(counts)
    moved = source.examples["positive_is_not_seed_by_task_type"]
    names = [name or "free" for name, _ in shown]
    reading = f"“{names[0]}” is the largest kind of task, with {share_of(shown[0][1], n)}"
    if len(counts) == 1:
        reading = f"All queries are of one kind, “{names[0]}”"
    often = {kind: share for kind, share in moved.items() if share and counts[kind] >= 5}
    if often:
        most = max(sorted(often), key=lambda kind: often[kind])
        reading += f"; the positive moved from the seed most often in “{most or 'free'}”"
        reading += f" ({percent(often[most])})"
    parts = [[float(c) for _, c in shown]]
    if has_moved := any(moved.values()):
        away = [float(c * (moved.get(name) or 0)) for name, c in shown]
        parts = [[c - a for (_, c), a in zip(shown, away, strict=True)], away]
    if rest:
        names.append(count_of(len(counts) - len(shown), "other"))
        parts = [*([*part, 0.0] for part in parts), [0.0] * len(shown) + [float(rest)]]
    totals = [c for _, c in shown] + ([rest] if rest else [])
    yield Chart(
        "task_types",
        "queries",
        "Kinds of task",
        reading + ".",
        Bars(
            labels=names,
            parts=parts,
            notes=[f"{count(c)} ({share_of(c, n)})" for c in totals],
            names=("positive is the seed", "positive moved") if has_moved else (),
            roles=("main", "other", "third") if has_moved else ("main", "third"),
        ),
        ("task type", "examples", "positive moved"),
        [
            (name, count(c), "–" if moved.get(key) is None else percent(moved[key]))
            for name, c, key in zip(names, totals, [k for k, _ in shown] + [""] * 1, strict=False)
        ],
    )


def _draw_languages(source: Source) -> Iterator[Chart]:
    counts, n = source.examples["languages"], source.found.n
    if len(counts) < 2:
        return
    named = {name_language(code): c for code, c in counts.items()}
    (first, most), *_ = rank_counts(named)
    yield _count_chart(
        ("languages", "queries", "Languages", "language"),
        f"{share_of(most, n)} of the queries are {first}; the rest spread over "
        f"{count(len(counts) - 1)} more.",
        named,
        n,
    )


def _draw_sites(source: Source) -> Iterator[Chart]:
    found, n = source.found.sites, source.found.n
    named = dict(found.ranked())
    files = named.pop("", 0)
    if len(named) < 2:
        return
    (first, most), *_ = rank_counts(named)
    about = count(len(named)) if found.is_exact else f"over {count(len(named))}"
    reading = f"Positives come from {about} sites; {first} gives the most, {share_of(most, n)}"
    if files:
        reading += f". {share_of(files, n)} come from files without an address"
    heads = ("sites", "queries", "Sites of the positives", "site")
    yield _count_chart(heads, reading + ".", named, n)


def _draw_lengths(source: Source) -> Iterator[Chart]:
    yield from (Chart("lengths", "queries", *parts) for parts in draw_lengths(source))


def _draw_scores(source: Source) -> Iterator[Chart]:
    yield from (Chart("scores", "positives", *parts) for parts in draw_scores(source))


def _draw_grades(source: Source) -> Iterator[Chart]:
    yield from (Chart("grades", "positives", *parts) for parts in draw_grades(source))


def _draw_hardness(source: Source) -> Iterator[Chart]:
    yield from (Chart("hardness", "negatives", *parts) for parts in draw_hardness(source))


def _draw_ranks(source: Source) -> Iterator[Chart]:
    ranks = dict(list(source.found.ranks.items())[:8])
    if not ranks:
        return
    rows = [[c[name] / c.total() for name in RANKS] for c in ranks.values()]
    first = {whose: row[0] for whose, row in zip(ranks, rows, strict=True)}
    seed = first.get("seed, by retrieval")
    reading = (
        f"Of the examples with a seed, the retrievers rank it first in {percent(seed)}, the "
        f"scorers in {percent(first['seed, after scoring'])}."
        if seed is not None
        else "No query has a seed; the scorers have the positive first for "
        + ", ".join(f"{percent(s)} ({w.removeprefix('positive, by ')})" for w, s in first.items())
        + "."
    )
    yield Chart(
        "ranks",
        "positives",
        "Ranks of the seed and of the positive",
        reading,
        Shares(list(ranks), rows, RANKS),
        ("whose rank", *RANKS),
        [(whose, *map(percent, row)) for whose, row in zip(ranks, rows, strict=True)],
    )


def _draw_refusals(source: Source) -> Iterator[Chart]:
    counts = source.examples["refused"]
    if not counts:
        return
    named = {explain(reason): n for reason, n in counts.items()}
    (first, most), *_ = rank_counts(named)
    total = sum(counts.values())
    yield _count_chart(
        ("refusals", "negatives", "Why candidates may be no negatives", "reason"),
        f"{count_of(total, 'candidate')} {agree(total, 'was', 'were')} kept from being negatives; "
        f"the most frequent reason, with {share_of(most, total)}: {first}.",
        named,
        total,
    )


def _count_chart(
    heads: tuple[str, str, str, str], reading: str, counts: Mapping[str, int], n: int
) -> Chart:
    """Make a chart of counts, the largest first. Heads: name, section, title, what is counted."""
    name, section, title, column = heads
    shown, rest = _split_off(counts)
    values = [[float(c) for _, c in shown]]
    if rest:
        values = [[*values[0], 0.0], [0.0] * len(shown) + [float(rest)]]
        shown = [*shown, (count_of(len(counts) - len(shown), "other"), rest)]
    rows = [(label, count(c), share_of(c, n)) for label, c in shown]
    form = Bars(
        labels=[label for label, _, _ in rows],
        parts=values,
        notes=[f"{number} ({share})" for _, number, share in rows],
    )
    return Chart(name, section, title, reading, form, (column, "count", "share"), rows)


def _split_off(counts: Mapping[str, int]) -> tuple[list[tuple[str, int]], int]:
    """Return the largest counts, and the sum of the others."""
    ranked = rank_counts(dict(counts))
    most = len(ranked) if len(ranked) <= _MOST_BARS else _MOST_BARS - 1
    return ranked[:most], sum(n for _, n in ranked[most:])
