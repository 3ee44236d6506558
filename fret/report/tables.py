"""What the report says in tables: dropped records, the scorers' agreement, and the cost."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fret.figures import percent, span
from fret.prices import cost_of
from fret.report.source import Source
from fret.report.wording import count, count_of, explain, share_of

_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class Table:
    """A table with one sentence that reads it."""

    section: str
    title: str
    reading: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_names: int = 1
    """How many columns, from the left, hold words."""


def make_tables(source: Source) -> list[Table]:
    """Make the tables that the run has figures for."""
    return [
        *_list_dropped(source),
        *_compare_scorers(source),
        *_list_retrievers(source),
        *_add_up_costs(source),
    ]


def _list_dropped(source: Source) -> Iterator[Table]:
    reasons = {(m.stage, reason): n for m in source.manifests for reason, n in m.reasons.items()}
    if not reasons:
        return
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    totals = {m.stage: m.rows + m.dropped for m in source.manifests}
    (stage, reason), n = ranked[0]
    yield Table(
        "funnel",
        "What was dropped, and why",
        f"The most frequent reason is “{explain(reason)}”, at {stage}: {count(n)}.",
        ("stage", "reason", "rows", "of the stage"),
        [
            (stage, explain(reason), count(n), share_of(n, totals[stage]))
            for (stage, reason), n in ranked[:_MOST_REASONS]
        ],
        n_names=2,
    )


def _compare_scorers(source: Source) -> Iterator[Table]:
    pairs = source.measures("judgements").get("pairs") or {}
    if not pairs:
        return
    pair, least = min(pairs.items(), key=lambda item: item[1]["same_first"])
    yield Table(
        "positives",
        "How far the scorers agree",
        f"{pair.replace(' & ', ' and ')} have the same favourite in {percent(least['same_first'])} "
        "of the judged queries; where they differ, the fused ranking decides.",
        ("scorers", "same favourite", "Kendall’s tau"),
        [
            (
                name.replace(" & ", " and "),
                percent(figures["same_first"]),
                "–" if figures["tau_b"] is None else f"{figures['tau_b']:.2f}",
            )
            for name, figures in pairs.items()
        ],
    )


def _list_retrievers(source: Source) -> Iterator[Table]:
    recall: Mapping[str, Mapping[str, float]] = source.measures("candidates").get("seed_recall", {})
    if not recall:
        return
    depths = list(next(iter(recall.values())))
    best = max(sorted(recall), key=lambda name: recall[name][depths[0]])
    names = {"bm25": "BM25", "dense": "embeddings", "fused": "both fused"}
    yield Table(
        "positives",
        "How often retrieval finds the seed",
        f"{names.get(best, best)} has the seed first most often, for "
        f"{percent(recall[best][depths[0]])} of all queries with one: the higher, the easier they "
        "are.",
        ("retriever", *(f"first {d.removeprefix('@')}" for d in depths)),
        [
            (names.get(name, name), *(percent(at[d]) if d in at else "–" for d in depths))
            for name, at in recall.items()
        ],
    )


def _add_up_costs(source: Source) -> Iterator[Table]:
    """Yield what models were asked. How long it took is no part: equal runs have equal reports."""
    totals: dict[str, float] = defaultdict(float)
    lines: list[tuple[str, Mapping[str, float]]] = []
    for manifest in source.manifests:
        low, high = cost_of(manifest, source.prices) or (0.0, 0.0)
        usage = {**manifest.usage, "low": low, "high": high}
        lines.append((manifest.stage, usage))
        for key, value in usage.items():
            totals[key] += value
    if totals["requests"]:
        yield Table(
            "cost",
            "Answers and tokens by stage",
            _say_costs(totals, source.found.n),
            ("stage", "answers", "tokens in", "tokens out", "cost"),
            [(stage, *_tell_usage(usage)) for stage, usage in [*lines, ("all", totals)]],
        )


def _say_costs(totals: Mapping[str, float], n: int) -> str:
    tokens = totals["input_tokens"] + totals["output_tokens"]
    told = (
        f"{count_of(totals['requests'], 'answer')} of language models and "
        f"{count_of(tokens, 'token')}: {count_of(tokens / n, 'token')} for each example"
    )
    if totals["high"]:
        cost = span(totals["low"], totals["high"])
        told += f", {cost} by the pipeline file's prices, without discounts"
    return told + "."


def _tell_usage(usage: Mapping[str, float]) -> tuple[str, str, str, str]:
    requests, told = usage.get("requests", 0), usage.get("input_tokens", 0)
    if not requests:
        return "–", "–", "–", "–"
    return (
        count(requests),
        count(told),
        count(usage.get("output_tokens", 0)),
        span(usage["low"], usage["high"]) if usage["high"] else "–",
    )
