"""The first screen: what this dataset is, and what speaks for and against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fret.figures import agree, percent
from fret.manifest import count_lost
from fret.report.counting import rank_counts
from fret.report.source import Source
from fret.report.wording import (
    count,
    count_of,
    explain,
    join_counts,
    name_language,
    share_of,
)

Level = Literal["look", "good", "note"]

# Bounds from which a reader should look closer. They are rules of thumb, to be read beside the
# figure itself, which each sentence gives.
_RELEVANT = 0.9  # of the positives; below, one in ten is no answer by the judge's own word
_FALSE = 0.02  # of the negatives; noise of that size is seen in nearly all mined data
_EASY = 0.5  # of the negatives; such teach little after the first steps
_FOUND = 0.9  # of the seeds among the first 20; else queries do not fit their passages
_BLIND = (0.6, 0.7)  # AUC without the query; 0.5 is chance
_ONE_SITE = 0.5  # of the positives
_LOST = 0.3  # of the queries that reach the last stage


@dataclass(frozen=True, slots=True)
class Tile:
    """One large figure."""

    figure: str
    what: str
    more: str


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence on whether to trust the data."""

    level: Level
    text: str


def summarize(source: Source) -> str:
    """Say in a sentence or two what this is."""
    pages, passages = source.manifest("pages").rows, source.manifest("passages").rows
    writer = source.manifest("queries").identity.get("writer", {})
    models = sorted({str(model.get("model", "")) for model in source.models} - {""})
    return (
        "Training examples for embedding models: a retrieval task, a query, the passage that "
        f"answers it best, and hard negatives. Made from {count_of(passages, 'passage')} of "
        f"{count_of(pages, 'page')}. " + _say_who_wrote(str(writer.get("kind", "")), models)
    )


def _say_who_wrote(kind: str, models: list[str]) -> str:
    by = f" by {', '.join(models)}" if models else ""
    if kind == "file":
        return f"The queries are the user's own{f', judged{by}' if models else ''}."
    if kind == "template":
        return f"Queries were written by rules{f', judged{by}' if models else ''}."
    return f"Queries were written{by or ' by a language model'}."


def make_tiles(source: Source) -> list[Tile]:
    """Make the large figures."""
    measures, n = source.examples, source.found.n
    n_negatives = sum(n * int(each) for each, n in measures["negatives"].items())
    picks = [f"{count(n)} {explain(pick)}" for pick, n in rank_counts(measures["picks"])[:3]]
    return [
        Tile(count(n), agree(n, "example", "examples"), join_counts(_ordered(measures["splits"]))),
        _tile_moved(measures["positive_is_not_seed"], sum(measures["seed_ranks"].values())),
        _tile_grades(source),
        _tile_dropped(source),
        _tile_languages(measures["languages"], n),
        Tile(count(n_negatives), agree(n_negatives, "negative", "negatives"), ", ".join(picks)),
    ]


def _tile_moved(share: float | None, n_seeded: int) -> Tile:
    if share is None:
        return Tile("–", "positives moved", "no query has a seed")
    return Tile(
        percent(share),
        "positives moved",
        f"of {count(n_seeded)} with a seed: another passage was chosen than the one the query was "
        "written from",
    )


def _tile_dropped(source: Source) -> Tile:
    lost, asked_for = count_lost(source.manifests)
    where = ", ".join(f"{count(n)} at {stage}" for stage, n in lost.items())
    return Tile(
        share_of(sum(lost.values()), asked_for),
        "of queries dropped",
        f"of {count(asked_for)} asked for: {where or 'each gave an example'}",
    )


def _tile_languages(counts: dict[str, int], n: int) -> Tile:
    known = rank_counts({name_language(code): c for code, c in counts.items() if code})
    told = ", ".join(f"{name} {share_of(c, n)}" for name, c in known[:3])
    return Tile(
        count(len(known)) if known else "–",
        agree(len(known), "language", "languages"),
        told + (" …" if len(known) > 3 else "") if known else "not known",
    )


def _ordered(splits: dict[str, int]) -> dict[str, int]:
    order = ("train", "validation", "test")
    return dict(sorted(splits.items(), key=lambda item: order.index(item[0])))


def _tile_grades(source: Source) -> Tile:
    if not source.n_graded:
        return Tile("–", "graded relevant", "no judge graded the positives")
    return Tile(
        share_of(source.found.relevant_positives, source.n_graded),
        "graded relevant",
        f"of the positives, by a judge (from {source.relevant_from:g} of 3)",
    )


def make_checks(source: Source) -> list[Check]:
    """Say what speaks for and against the data; what asks for a look comes first."""
    checks = [
        check
        for make in (
            _check_models,
            _check_grades,
            _check_false_negatives,
            _check_easy,
            _check_moved,
            _check_found,
            _check_blind,
            _check_sites,
            _check_lost,
        )
        for check in make(source)
    ]
    return sorted(checks, key=lambda check: ("look", "good", "note").index(check.level))


def _check_models(source: Source) -> Iterator[Check]:
    if any(model.get("server") == "scripted" for model in source.models):
        yield Check("look", "A made-up model took part: this data is for trying things out.")


def _check_grades(source: Source) -> Iterator[Check]:
    if not source.n_graded:
        yield Check(
            "look",
            "No judge graded relevance. That positives answer their queries rests on the scorers "
            "alone; have people mark a sample: fret audit PIPELINE.",
        )
        return
    share = source.found.relevant_positives / source.n_graded
    yield Check(
        "good" if share >= _RELEVANT else "look",
        f"The judge finds {percent(share)} of the positives that it graded relevant. How right "
        "it is, only people can say: fret audit PIPELINE.",
    )


def _check_false_negatives(source: Source) -> Iterator[Check]:
    graded = source.found.negative_grades.total()
    if graded:
        share = source.found.relevant_negatives / graded
        text = f"The judge finds {percent(share)} of the negatives that it graded relevant, too"
    elif (near := source.examples["hardness"]["over_0.95"]) is not None:
        share = near
        text = (
            f"{_say_compared(source, share)} are nearly as similar to the query as the positive "
            "(over 0.95 of it), where they are often relevant"
        )
    else:
        return
    yield Check("good" if share <= _FALSE else "look", text + ".")


def _check_easy(source: Source) -> Iterator[Check]:
    share = source.examples["hardness"]["under_0.5"]
    if share is not None:
        yield Check(
            "look" if share > _EASY else "good",
            f"{_say_compared(source, share)} are under half as similar to the query as the positive"
            f"{': easy ones, which teach little' if share > _EASY else ''}.",
        )


def _say_compared(source: Source, share: float) -> str:
    n = source.examples["hardness"]["of"]
    return f"{percent(share)} of the {count(n)} negatives that can be compared with their positive"


def _check_moved(source: Source) -> Iterator[Check]:
    if source.examples["positive_is_not_seed"] == 0:
        yield Check("look", "No positive moved from its seed: choosing it again changed nothing.")


def _check_found(source: Source) -> Iterator[Check]:
    share = source.measures("candidates").get("seed_recall", {}).get("fused", {}).get("@20")
    if share is not None:
        yield Check(
            "good" if share >= _FOUND else "look",
            f"The retrievers find {percent(share)} of the seeds among their first 20.",
        )


def _check_blind(source: Source) -> Iterator[Check]:
    if not (blind := source.examples["separability"]):
        return
    auc = blind["auc"]
    level: Level = "good" if auc <= _BLIND[0] else "note" if auc <= _BLIND[1] else "look"
    yield Check(
        level,
        f"Without the query, words alone tell positives from negatives with an AUC of {auc:.2f} "
        "(0.5 is chance): "
        + ("style gives little away." if level == "good" else "style gives something away."),
    )


def _check_sites(source: Source) -> Iterator[Check]:
    ranked = [(site, n) for site, n in source.found.sites.ranked() if site]
    if ranked and ranked[0][1] > _ONE_SITE * source.found.n and source.found.n > 1:
        yield Check(
            "look",
            f"{share_of(ranked[0][1], source.found.n)} of the positives are of {ranked[0][0]}.",
        )


def _check_lost(source: Source) -> Iterator[Check]:
    last = source.manifest("examples")
    if last.dropped > _LOST * last.read:
        reason, n = rank_counts(last.reasons)[0]
        yield Check(
            "look",
            f"{share_of(last.dropped, last.read)} of the judged queries gave no example, mostly "
            f"because {explain(reason)} ({count(n)}).",
        )
