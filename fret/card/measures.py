"""The card's figures: the funnel, costs, and the measures of queries, candidates and judgements."""

from collections.abc import Iterator, Mapping
from typing import Any

from fret.card.facts import Facts
from fret.card.markdown import bullets, code, plain, table
from fret.figures import count, percent, span
from fret.manifest import Manifest
from fret.prices import cost_of, read_prices


def draw_funnel(facts: Facts) -> str:
    """Draw what each stage took in, gave and dropped, with the reasons."""
    rows = []
    for manifest in facts.manifests.values():
        reasons = ", ".join(f"{n} {reason}" for reason, n in manifest.reasons.items())
        rows.append((manifest.stage, manifest.read, manifest.rows, reasons or 0))
    return f"## The funnel\n\n{table(('stage', 'in', 'out', 'dropped'), rows)}"


def describe_costs(facts: Facts) -> str:
    """Say what language models answered, and what that costs where prices are known."""
    asked = [m for m in facts.manifests.values() if m.usage.get("requests")]
    if not asked:
        return "## Costs\n\nNo language model was asked, so nothing was paid."
    rows = [
        (
            manifest.stage,
            *(f"{manifest.usage.get(key, 0):.0f}" for key in _USAGE),
            _price(facts, manifest),
        )
        for manifest in asked
    ]
    head = ("stage", "answers", "tokens in", "tokens out", "cost")
    note = (
        "The answers behind these rows, at the prices in the pipeline file, without discounts for "
        "cached tokens or batches; attempts that gave nothing are not counted."
    )
    return f"## Costs\n\n{table(head, rows)}\n\n{note}"


_USAGE = ("requests", "input_tokens", "output_tokens")


def _price(facts: Facts, manifest: Manifest) -> str:
    """Price a stage; from the cheapest to the dearest of its models where they differ."""
    cost = cost_of(manifest, read_prices(facts.settings))
    return "unknown" if cost is None else span(*cost)


def describe_measures(facts: Facts) -> str:
    lines = [
        *_describe_queries(facts),
        *_describe_candidates(facts.manifests["candidates"].measures),
        *_describe_judgements(facts.manifests["judgements"].measures.get("judgements", {})),
        *describe_choice(facts.examples),
    ]
    return f"## Measures\n\n{bullets(lines)}" if lines else ""


def _describe_queries(facts: Facts) -> Iterator[str]:
    types, languages = facts.examples["task_types"], facts.examples["languages"]
    yield f"Examples by task type: {_count_few(types)}."
    yield f"Examples by language: {_count_few(languages)}."
    measures = facts.manifests["queries"].measures.get("queries", {})
    if words := measures.get("words"):
        yield f"Queries by words: {', '.join(f'{n} of {size}' for size, n in words.items())}."
    if overlap := (measures.get("overlap") or {}).get("content_words_in_passage"):
        yield f"{percent(overlap)} of a query's content words are in the passage that it is from."
    variety = measures.get("variety") or {}
    if "distinct_2" in variety:
        vendi = variety.get("vendi_score")
        more = "" if vendi is None else f"; the Vendi score is {vendi}"
        yield (
            f"Of {count(variety['of'], 'query')} looked at, {percent(variety['distinct_2'])} of "
            f"the pairs of words are distinct{more}."
        )


def _describe_candidates(measures: Mapping[str, Any]) -> Iterator[str]:
    for retriever, recall in measures.get("seed_recall", {}).items():
        found = ", ".join(f"{percent(part)} within {depth[1:]}" for depth, part in recall.items())
        yield f"Of all queries with a seed, {plain(retriever)} finds it for {found}."
    if overlap := measures.get("pool_overlap"):
        yield f"Both retrievers found {percent(overlap)} of what either found."


def _describe_judgements(measures: Mapping[str, Any]) -> Iterator[str]:
    if (best := measures.get("seed_is_best")) is not None:
        yield (
            f"The seed is the best of the fused ranking for {percent(best)} of the judged queries "
            "with one."
        )
    for pair, found in measures.get("pairs", {}).items():
        if found["tau_b"] is not None:
            yield (
                f"Scorers {code(pair)}: Kendall's tau-b {found['tau_b']:.2f}, the same first "
                f"candidate for {percent(found['same_first'])} of the judged queries."
            )
    for fallback, n in measures.get("fallbacks", {}).items():
        yield f"Scores obtained in another way than wanted: {n} {plain(fallback)}."


def describe_choice(measures: Mapping[str, Any]) -> Iterator[str]:
    """Say how positives and negatives were chosen, from the measures of the examples."""
    if len(rules := measures["positive_rules"]) > 1:
        yield f"Positives by rule: {_count(rules)}."
    yield f"Negatives by pick: {_count(measures['picks'])}."
    hardness = measures["hardness"]
    if hardness["over_0.95"] is not None:
        yield (
            f"Of the {count(hardness['of'], 'negative')} whose similarity to the query can be "
            f"compared with the positive's, {percent(hardness['over_0.95'])} are over 0.95 of it, "
            f"{percent(hardness['under_0.5'])} under 0.5."
        )
    if measures["with_extra_positives"] is not None:
        extra = percent(measures["with_extra_positives"])
        yield f"{extra} of the graded examples have further positives."
    if refused := measures.get("refused"):
        yield f"Candidates refused as negatives: {_count(refused)}."
    if blind := measures["separability"]:
        yield (
            f"A classifier over words that does not see the query tells positives from negatives "
            f"with an AUC of {blind['auc']:.2f} (0.5: not at all)."
        )


def _count(found: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {plain(what)}" for what, n in found.items())


def _count_few(found: Mapping[str, int], most: int = 20) -> str:
    """Count the most frequent; a model may name any number of task types."""
    largest = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{n} {plain(what) or 'unknown'}" for what, n in largest[:most])
    rest = sum(n for _, n in largest[most:])
    return f"{named}, and {rest} of {count(len(largest) - most, 'other')}" if rest else named
