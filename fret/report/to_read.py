"""Examples in full, for people to read: drawn over all groups, cut to a bounded size."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fret.records import Example, Passage, join_title
from fret.report.counting import draw, share_out
from fret.report.gather import Found
from fret.report.source import N_TO_READ
from fret.report.wording import explain, name_language
from fret.retrieval.query_words import QueryWords
from fret.single_page import escape_json, show_controls

# Bytes of text of one example in the page: 300 of them are at most 9 MB.
_ROOM = 30_000
_NEGATIVES = 6
_REFUSED = 30
_TITLE = 200
_QUERY = 2_000


def choose_to_read(found: Found) -> frozenset[str]:
    """Return the ids of the queries to show: every group has its share, the small ones more."""
    shares = share_out(dict(found.sizes), N_TO_READ)
    return frozenset(
        query_id for group, n in shares.items() for query_id in list(found.groups[group])[:n]
    )


def describe_examples(
    chosen: frozenset[str], examples: Iterable[Example], passages: Iterable[Passage]
) -> list[dict[str, Any]]:
    """Return what the page shows of the chosen examples, in random order.

    Args:
        passages: all of the run; looked through for seeds and candidates that were refused.
    """
    kept = [example for example in examples if example.query_id in chosen]
    kept.sort(key=lambda example: draw(example.query_id))  # so that neighbours differ
    wanted = {i for e in kept for i in (*e.refused_ids[:_REFUSED], e.seed_id) if i}
    others = {p.id: p for p in passages if p.id in wanted}
    return [_describe(example, others) for example in kept]


def _describe(example: Example, others: dict[str, Passage]) -> dict[str, Any]:
    words = QueryWords(example.query, example.language)
    parts = [*_parts(example, others)]
    room = _ROOM // max(len(parts), 1)
    return {
        "id": example.query_id,
        "task": _clip(example.task, _QUERY),
        "query": words.cut(_clip(example.query, _QUERY)),
        "type": _clip(example.task_type or "free", _TITLE),
        "language": _clip(example.language, _TITLE),
        "languageName": _clip(name_language(example.language), _TITLE),
        "split": example.split,
        "how": _say_how(example),
        "rule": example.positive_rule,
        "scorers": [_clip(name, _TITLE) for name in example.scorers],
        "picks": sorted(set(example.negative_picks)),
        "reasons": sorted(set(example.refused_reasons)),
        "passages": [_show(part, words, room) for part in parts],
        "moreNegatives": max(len(example.negatives) - _NEGATIVES, 0),
        "refused": [*_list_refused(example, others)],
        "moreRefused": max(len(example.refused_ids) - _REFUSED, 0),
        "seedRanks": [example.seed_retrieval_rank, example.seed_rank],
    }


def _say_how(example: Example) -> str:
    if example.positive_is_seed is None:
        return "no seed"
    return "seed" if example.positive_is_seed else "moved"


def _parts(example: Example, others: dict[str, Passage]) -> Iterator[dict[str, Any]]:
    """Yield the passages to show: the positive, its negatives, and the seed where it is neither."""
    yield {
        "role": "positive",
        "isSeed": bool(example.positive_is_seed),
        "title": example.positive_title,
        "text": example.positive,
        "url": example.positive_url,
        "scores": example.positive_scores,
        "ranks": example.positive_ranks,
        "grade": example.positive_grade,
        "similarity": example.positive_similarity,
    }
    for i in range(min(len(example.negatives), _NEGATIVES)):
        yield {
            "role": "negative",
            "isSeed": example.negative_ids[i] == example.seed_id,
            "title": example.negative_titles[i],
            "text": example.negatives[i],
            "url": example.negative_urls[i],
            "scores": example.negative_scores[i],
            "ranks": example.negative_ranks[i],
            "grade": example.negative_grades[i],
            "similarity": example.negative_similarities[i],
            "pick": example.negative_picks[i],
        }
    for i in range(min(len(example.extra_positives), 3)):
        yield {
            "role": "extra",
            "isSeed": example.extra_positive_ids[i] == example.seed_id,
            "title": example.extra_positive_titles[i],
            "text": example.extra_positives[i],
            "url": example.extra_positive_urls[i],
            "scores": example.extra_positive_scores[i],
            "ranks": (),
            "grade": example.extra_positive_grades[i],
            "similarity": None,
        }
    shown = {example.positive_id, *example.negative_ids, *example.extra_positive_ids}
    seed = others.get(example.seed_id or "")
    if seed is not None and seed.id not in shown:
        yield _part_of_seed(example, seed)


def _part_of_seed(example: Example, seed: Passage) -> dict[str, Any]:
    reasons = dict(zip(example.refused_ids, example.refused_reasons, strict=True))
    return {
        "role": "seed",
        "isSeed": True,
        "title": seed.full_title,
        "text": seed.text,
        "url": seed.url,
        "scores": (),
        "ranks": (),
        "grade": None,
        "similarity": None,
        "reason": reasons.get(seed.id, ""),
    }


def _show(part: dict[str, Any], words: QueryWords, room: int) -> dict[str, Any]:
    text = show_controls(part["text"])
    cut = _cut_to_bytes(text, room)
    return {
        **part,
        "title": _clip(part["title"], _TITLE),
        "url": _clip(part["url"], _TITLE * 2),
        "text": words.cut(cut),
        "cut": len(text) - len(cut),
        "scores": _round(part["scores"]),
        "grade": _round([part["grade"]])[0],
        "similarity": _round([part["similarity"]])[0],
    }


def _list_refused(example: Example, others: dict[str, Passage]) -> Iterator[list[str]]:
    pairs = zip(example.refused_ids, example.refused_reasons, strict=True)
    for passage_id, reason in list(pairs)[:_REFUSED]:
        passage = others.get(passage_id)
        title = join_title(passage.title, passage.headings) if passage else ""
        start = _clip(" ".join(passage.text[:400].split()), 160) if passage else passage_id
        yield [reason, _clip(title, _TITLE), start]


def list_meanings(examples: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Say in words what the reasons and picks mean that these examples name."""
    names = {name for e in examples for name in (*e["picks"], *e["reasons"])}
    return {name: explain(name) for name in sorted(names)}


def _clip(text: str, longest: int) -> str:
    text = show_controls(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _cut_to_bytes(text: str, room: int) -> str:
    """Cut a text so that it takes no more than `room` bytes in the page's JSON."""
    while (size := len(escape_json(text).encode())) > room:
        text = text[: min(len(text) * room // size, len(text) - 1)]
    return text


def _round(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else float(f"{value:.4g}") for value in values]
