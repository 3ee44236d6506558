"""The figures over queries and over examples, in a few lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from fret.figures import count

# What the stage passages counts, in the order of its work.
_CHANGES = {
    "emails": ("e-mail address", "replaced"),
    "ips": ("IP address", "replaced"),
    "repeated_lines": ("line", "removed that many pages of a site have"),
    "c4_lines": ("line", "removed by C4's rules"),
}


def describe_passages(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what was changed in pages, and how much of evaluation sets was found."""
    told = [
        f"{count(found[name], what)} {done}"
        for name, (what, done) in _CHANGES.items()
        if found.get(name)
    ]
    if told:
        yield f"pages: {', '.join(told)}"
    if matches := found.get("contamination"):
        yield (
            f"evaluation sets: {count(matches['matches'], 'match')} in "
            f"{count(matches['passages'], 'passage')}"
            + (", listed in passages/kept/contamination.jsonl" if matches["matches"] else "")
        )


def describe_queries(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how various the queries are, and how much they have from their passages."""
    if not found["n"]:
        return
    text = f"queries: {count(found['distinct_tasks'], 'different task')}"
    if len(found["task_types"]) > 1:
        text += f", task types {found['task_type_entropy_bits']:.2f} bits"
    if variety := found.get("variety"):
        text += (
            f"; of {variety['of']}: distinct-2 {variety['distinct_2']:.2f}, "
            f"compression {variety['compression_ratio']:.2f}, "
            f"self-repetition {variety['self_repetition']:.2f}"
        )
        if "vendi_score" in variety:
            text += f", Vendi {variety['vendi_score']:.1f}, cosine {variety['mean_cosine']:.2f}"
    yield text
    asked = 1 - found["question_words"].get("-", 0) / found["n"]
    text = f"queries: {asked:.0%} ask"
    if overlap := found["overlap"]:
        text += (
            f"; their passage has {overlap['content_words_in_passage']:.0%} of their content "
            f"words, {overlap['longest_run_words']:.1f} words in a row"
        )
    yield text


def describe_candidates(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how often the retrievers find the seeds, how far they agree, and what they took."""
    recall = found.get("seed_recall", {})
    parts = [
        f"{name} " + " ".join(f"{k} {v:.2f}" for k, v in at.items()) for name, at in recall.items()
    ]
    if parts:
        yield f"seed found: {'; '.join(parts)}"
    yield from _describe_dense(found.get("dense") or {})
    told = []
    if (overlap := found.get("pool_overlap")) is not None:
        told.append(f"both retrievers found {overlap:.0%} of the pool")
    for work, name in (("index", "word index"), ("search", "search")):
        if effort := found.get("retrieval", {}).get(work):
            told.append(f"{name} {effort['seconds']:.1f} s, peak {effort['peak_mb']:,} MB")
    if told:
        yield f"candidates: {'; '.join(told)}"


def _describe_dense(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what an approximate search misses, and what training on the run's pairs has gained."""
    search = found.get("search") or {}
    for name, share in search.items():
        if name.startswith("recall@") and share is not None:
            yield (
                f"{search['kind']} index: {share:.3f} of the {name.removeprefix('recall@')} "
                f"nearest passages found ({count(search['queries'], 'query')} beside exact search)"
            )
    gain = found.get("bootstrap") or {}
    if "after" in gain:
        moved = ", ".join(
            f"{key.removeprefix('recall')} {gain['before'][key]:.2f} to {after:.2f}"
            for key, after in gain["after"].items()
            if key.startswith("recall@")
        )
        yield (
            f"first retriever, trained on {count(gain['pairs'], 'pair')}: seed of "
            f"{gain['held_out_queries']} held-out queries found {moved}"
        )


def describe_examples(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how many examples there are of what, and how their positives and negatives came about."""
    yield f"examples: {_count(found['splits'])}; tasks: {_list_types(found['task_types'])}"
    if len(rules := found["positive_rules"]) > 1:
        yield f"rules: {_count(rules)}"
    moved = found["positive_is_not_seed"]
    if moved is not None:
        n_seeded = sum(found["seed_ranks"].values())
        yield f"the positive is another passage than the seed in {moved:.1%} of {n_seeded} with one"
    yield _describe_negatives(found)


def _count(found: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in found.items())


def _list_types(counts: Mapping[str, int], most: int = 12) -> str:
    """Name the most frequent task types: where the model names them, there are many."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{n} {kind or 'free'}" for kind, n in ranked[:most]]
    if rest := ranked[most:]:
        told.append(f"{sum(n for _, n in rest)} of {count(len(rest), 'other')}")
    return ", ".join(told)


def _describe_negatives(found: Mapping[str, Any]) -> str:
    text, hardness = f"negatives: {_count(found['picks'])}", found["hardness"]
    if (easy := hardness["under_0.5"]) is not None:
        text += f"; of {hardness['of']} comparable {easy:.1%} under half the positive's similarity"
    if blind := found["separability"]:
        text += f"; told from positives without the query with AUC {blind['auc']:.2f}"
    return text
