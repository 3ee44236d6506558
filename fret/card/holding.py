"""What the dataset is, and what its configs hold."""

from collections.abc import Mapping

from fret.card.contents import Contents
from fret.card.facts import Facts
from fret.card.markdown import bullets, code
from fret.figures import agree, count, percent


def describe(facts: Facts) -> str:
    """Say in a few sentences what this is."""
    n = facts.manifests["examples"].rows
    moved, seeded = facts.examples["positive_is_not_seed"], facts.examples["seed_ranks"]
    relabelled = (
        f" Of the {sum(seeded.values())} with a seed, which is the passage that the query was "
        f"written from, {percent(moved)} have another passage as their positive."
        if moved is not None
        else ""
    )
    return (
        f"{count(n, 'example')} for training embedding models: a retrieval task, a query, the "
        "passage that answers it best, and hard negatives. The passages are taken from real "
        f"pages. Made with fret, after the recipe of FRet in Gecko (Lee et al. 2024).{relabelled}"
    )


def list_configs(facts: Facts, contents: Contents) -> str:
    """List the configs with their rows and columns."""
    lines = [
        f"`triplets` ({_count(contents.rows('triplets'))}): "
        f"{', '.join(map(code, _columns(contents, 'triplets')))}. Anchors read "
        f"`task: … | query: …`, passages `title: … | text: …`.{_say_ragged(facts)}",
        _describe_scores(contents),
        "`full`: the rows of `triplets` in the same order with every field: ids, addresses, seed, "
        "scores, ranks, grades and similarities; further positives (`extra_positives`); and for "
        "each candidate that may be no negative the reason (`refused_ids`, `refused_reasons`).",
    ]
    if contents.held_out:
        lines.append(_describe_held_out(facts, contents))
    return f"## What it holds\n\n{bullets(lines)}\n\n{_say_splits(facts)}"


def _columns(contents: Contents, config: str) -> list[str]:
    tables = contents.tables.get(config, {})
    return list(next(iter(tables.values())).schema.names) if tables else []


def _count(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{n} in `{split}`" for split, n in rows.items())


def _say_ragged(facts: Facts) -> str:
    counts = sorted(map(int, facts.examples["negatives"]))
    if len(counts) < 2:
        return ""
    return (
        f" Examples have {counts[0]} to {counts[-1]} negatives; here are the first {counts[0]}, "
        "so that every column is full, and in `full` are all."
    )


def _describe_scores(contents: Contents) -> str:
    if contents.scorer is None:
        return "There is no config `scores`: places in an order are no scores to learn from."
    if "scores" not in contents.tables:
        return (
            f"There is no config `scores`: the scorer {code(contents.scorer)} did not score the "
            "positive and all negatives of any example."
        )
    left = contents.n_unscored
    out = (
        f" Left out: {count(left, 'example')}, of whose passages it did not score all."
        if left
        else ""
    )
    return (
        f"`scores` ({_count(contents.rows('scores'))}): the same texts and `scores`, the raw "
        f"scores of the scorer {code(contents.scorer)} for the positive and then each negative, "
        f"for losses such as `MarginMSELoss` and `DistillKLDivLoss`.{out}"
    )


def _describe_held_out(facts: Facts, contents: Contents) -> str:
    graded = any(int(n) for n in facts.examples["relevant_candidates"])
    score = (
        "scores are grades from 1 to 3, rounded, of the positive and of every other candidate that "
        "the judge found relevant"
        if graded
        else "the score is always 1, for the positive alone: no scorer grades"
    )
    counts = {name: _count(contents.rows(name)) for name in ("corpus", "queries", "qrels")}
    return (
        f"`corpus` ({counts['corpus']}), `queries` ({counts['queries']}), "
        f"`qrels` ({counts['qrels']}) and `instruction` (the task of each query): "
        "the held-out examples as a retrieval set, in the layout that MTEB reads. The corpus is "
        f"every passage of the pages on that side, and none else; in `qrels`, {score}."
    )


def _say_splits(facts: Facts) -> str:
    if len(facts.examples["splits"]) < 2:
        return "There is one split only."
    groups = facts.examples.get("page_groups")
    if groups:
        return (
            "No page has passages in two splits, and pages with equal or nearly equal passages are "
            f"on one side: {count(groups['pages'], 'page')} in {count(groups['groups'], 'group')}, "
            f"the largest of {groups['largest']}{_say_too_large(groups)}."
        )
    return (
        "No page has passages in two splits. Equal and nearly equal passages were dropped from the "
        "whole corpus before, so they are in no two splits either."
    )


def _say_too_large(groups: Mapping[str, int]) -> str:
    n = groups["too_large"]
    return (
        f"; {count(n, 'page')} {agree(n, 'is', 'are')} in groups too large to be held out, so in "
        "`train`"
        if n
        else ""
    )
