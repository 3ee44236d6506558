"""The charts that show how figures are spread, each as (title, reading, form, header, rows)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from fret.figures import percent
from fret.report.drawing import Form, Histograms, Panel
from fret.report.gather import GRADE_BINS, SAMPLE
from fret.report.source import Source
from fret.report.wording import count, share_of

Parts = tuple[str, str, Form, Sequence[str], Sequence[Sequence[str]]]

_BINS = 24
# More scorers than that would make a chart that nobody reads; the examples show all.
_SCORERS = 4


def draw_lengths(source: Source) -> Iterator[Parts]:
    """Lengths of queries and of passages, in words."""
    rows = list(source.found.sample)
    queries = [row.query_words for row in rows]
    passages = [
        [row.positive_words for row in rows],
        [words for row in rows for words in row.negative_words],
    ]
    panels = [
        _spread("words of a query", [("queries", queries)], roles=("soft",)),
        _spread("words of a passage", list(zip(("positives", "negatives"), passages, strict=True))),
    ]
    kinds = {"queries": queries, "positives": passages[0], "negatives": passages[1]}
    table = [(name, *_quantiles(values)) for name, values in kinds.items() if values]
    middle = [f"{np.median(values):.0f}" for values in kinds.values() if values]
    reading = f"Half of the queries have up to {middle[0]} words, of the positives {middle[1]}"
    if passages[1]:
        reading += f", of the negatives {middle[2]}"
        if is_telling(passages[0], passages[1]):
            reading += ": length alone partly tells positives from negatives"
    yield (
        "Lengths",
        f"{reading}.{_say_sample(source)}",
        Histograms([panels[0], panels[1]]),
        ("words", "5% have at most", "half", "95%"),
        table,
    )


def is_telling(positives: Sequence[int], negatives: Sequence[int]) -> bool:
    """Whether lengths differ so much that they give positives away: medians by over a third."""
    longer, shorter = sorted((float(np.median(positives)), float(np.median(negatives))))[::-1]
    return longer > shorter * 4 / 3


def draw_scores(source: Source) -> Iterator[Parts]:
    """Scores of positives and negatives, a panel for each scorer."""
    scores: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row in source.found.sample:
        for place, scorer in enumerate(row.scorers):
            if (positive := row.positive_scores[place]) is not None:
                scores[scorer][0].append(positive)
            scores[scorer][1].extend(
                found for line in row.negative_scores if (found := line[place]) is not None
            )
    full = {name: pair for name, pair in scores.items() if pair[0] or pair[1]}
    if not full:
        return
    panels = [
        _spread(f"score by {name}", [("positives", pair[0]), ("negatives", pair[1])])
        for name, pair in list(full.items())[:_SCORERS]
    ]
    duels = source.found.duels
    told = [f"{percent(duel.share)} of the pairs by {name}" for name, duel in duels.items()]
    reading = (
        f"A positive scores above its negative in {', '.join(told)}."
        if told
        else "No negative has a score, so positives cannot be compared with them."
    )
    rows = [
        (name, kind, *_quantiles(values, digits=2), share_of(duels[name].won, duels[name].of))
        if name in duels
        else (name, kind, *_quantiles(values, digits=2), "–")
        for name, pair in full.items()
        for kind, values in zip(("positives", "negatives"), pair, strict=True)
        if values
    ]
    yield (
        "Scores of positives and negatives",
        reading + _say_sample(source),
        Histograms(panels),
        ("scorer", "of", "5% have at most", "half", "95%", "positive above"),
        rows,
    )


def draw_grades(source: Source) -> Iterator[Parts]:
    """Grades of relevance that the judge gave."""
    found = source.found
    if not source.n_graded:
        return
    counts = [found.positive_grades, found.negative_grades]
    names = ("positives", "negatives")
    edges = [i * 3 / GRADE_BINS for i in range(GRADE_BINS + 1)]
    series = [
        (name, [c[i] / c.total() for i in range(GRADE_BINS)])
        for name, c in zip(names, counts, strict=True)
        if c
    ]
    bound = source.relevant_from
    reading = (
        f"{share_of(found.relevant_positives, source.n_graded)} of the graded positives count as "
        f"relevant (from {bound:g} of 3)"
    )
    if n := found.negative_grades.total():
        reading += f"; {share_of(found.relevant_negatives, n)} of the graded negatives do, too"
    yield (
        "Grades of relevance",
        reading + ".",
        Histograms([Panel("expected relevance", edges, series, at=bound)]),
        ("grade", *(name for name, _ in series)),
        [
            (f"{edges[i]:g} to {edges[i + 1]:g}", *(percent(shares[i]) for _, shares in series))
            for i in range(GRADE_BINS)
        ],
    )


def draw_hardness(source: Source) -> Iterator[Parts]:
    """How similar negatives are to the query, as shares of the positive's similarity."""
    found = source.examples["hardness"]
    n = found["of"]
    if not n:
        return
    counts = [found["by_share_of_positive"].get(str(low / 10), 0) for low in range(11)]
    edges = [low / 10 for low in range(12)]
    easy, hard = found["under_0.5"], found["over_0.95"]
    reading = (
        f"Of {count(n)} negatives that can be compared, {percent(easy)} are easy (under half of "
        f"the positive's similarity to the query), {percent(hard)} so near that they "
        "may be relevant (over 0.95 of it)."
    )
    panel = Panel(
        "similarity of the negative / of the positive",
        edges,
        [("negatives", [c / n for c in counts])],
        at=0.95,
        roles=("other",),
    )
    rows = [
        (f"{low / 10:g} to {low / 10 + 0.1:g}" if low < 10 else "1 and over", count(c))
        for low, c in enumerate(counts)
    ]
    yield "Hardness of the negatives", reading, Histograms([panel]), ("share", "negatives"), rows


def _spread(
    label: str,
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    roles: Sequence[str] = ("main", "other"),
) -> Panel:
    """Make a histogram; the hundredth that lies farthest out is counted at the ends."""
    joined = np.asarray([value for _, values in series for value in values], dtype=np.float64)
    low, high = np.quantile(joined, [0.005, 0.995])
    whole = bool(np.all(joined == np.floor(joined)))
    if whole:
        step = np.ceil((high - low + 1) / _BINS)
        edges = np.arange(np.floor(low), np.ceil(high) + step + 1, step) - 0.5
    else:
        edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    found = []
    for name, values in series:
        if values:
            counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
            found.append((name, [float(c) / len(values) for c in counts]))
    return Panel(label, [float(edge) for edge in edges], found, roles=roles, is_whole=whole)


def _quantiles(values: Sequence[float], *, digits: int = 0) -> tuple[str, ...]:
    return tuple(f"{q:,.{digits}f}" for q in np.quantile(values, [0.05, 0.5, 0.95]))


def _say_sample(source: Source) -> str:
    return f" (Of {count(SAMPLE)} examples drawn at random.)" if source.found.n > SAMPLE else ""
