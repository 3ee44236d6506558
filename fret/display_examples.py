"""Examples to judge: the positive against the negatives, their scores, why others were refused.

Part of the command line. Text from pages and models is hostile and goes through `clean`.
"""

from collections.abc import Iterator

from rich.text import Text

from fret.display_layout import (
    make_table,
    print_facts,
    print_head,
    print_line,
    print_table,
    shorten_id,
)
from fret.display_pages import print_marked_passage
from fret.records import Example
from fret.retrieval.query_words import QueryWords
from fret.terminal import clean, out

# What `fret.choosing.negatives.Refusal` says, in words.
_REFUSALS = {
    "not_scored": "a scorer could not tell",
    "other_split": "on the other side of the split",
    "as_relevant": "as good as the positive",
    "too_relevant": "judged relevant (max_relevance)",
    "seed": "the query was written from it",
    "same_page": "on the positive's page",
    "above_positive": "ranked above the positive",
    "too_similar": "nearly as similar as the positive (max_similarity)",
    "outside_band": "outside the band",
    "same_text": "nearly the same text as one taken",
}


def print_example(example: Example, *, whole: bool) -> None:
    """Show an example: query, positive, negatives, a table of scores, what was refused."""
    words = QueryWords(example.query, example.language)
    facts = (example.task_type or "free task", example.language, example.split)
    print_head(example.query_id, facts)
    print_facts(
        [
            ("task", example.task),
            ("query", Text(clean(example.query), style="bold")),
            ("seed", _describe_seed(example)),
            ("writer", f"{example.writer} {example.model}".strip() if whole else ""),
        ]
    )
    for label, passage in _list_passages(example, whole=whole):
        out.print()
        print_marked_passage(label, passage, words, record_id="" if whole else example.query_id)
    out.print()
    _print_scores(example)
    _print_others(example, whole=whole)
    if whole:
        _print_addresses(example)


def _describe_seed(example: Example) -> str:
    if example.seed_id is None:
        return "none: a query of your own"
    ranks = (("bm25", example.seed_bm25_rank), ("dense", example.seed_dense_rank))
    found = ", ".join(f"{name} #{rank}" for name, rank in ranks if rank)
    retrieved = f"; found by {found}" if found else "; not found by the retrievers"
    if example.positive_is_seed:
        return f"is the positive{retrieved}"
    return f"{shorten_id(example.seed_id)}, judged #{example.seed_rank or '-'}{retrieved}"


def _list_passages(example: Example, *, whole: bool) -> Iterator[tuple[Text, tuple[str, str]]]:
    """Yield (what it is, (title, text)) of the passages to show."""
    told = f"chosen by the rule {example.positive_rule}"
    yield (
        _label("+ positive", "green", example.positive_id, told, example.seed_id),
        (example.positive_title, example.positive),
    )
    if whole:
        rows = zip(
            example.extra_positive_ids,
            example.extra_positive_titles,
            example.extra_positives,
            strict=True,
        )
        for passage_id, title, text in rows:
            label = _label("+ as relevant", "green", passage_id, "", example.seed_id)
            yield label, (title, text)
    for i, passage_id in enumerate(example.negative_ids):
        label = _label(
            f"- {_name_negative(example, i)}",
            "red",
            passage_id,
            f"picked as {example.negative_picks[i]}",
            example.seed_id,
        )
        yield label, (example.negative_titles[i], example.negatives[i])


def _label(name: str, colour: str, passage_id: str, told: str, seed_id: str | None) -> Text:
    label = Text.assemble((name, f"bold {colour}"), (f"  {shorten_id(passage_id)}", "dim"))
    if passage_id == seed_id:
        label.append("  seed", style="bold cyan")
    return label.append(f"  {clean(told)}" if told else "", style="dim")


def _name_negative(example: Example, i: int) -> str:
    return f"negative {i + 1}" if len(example.negative_ids) > 1 else "negative"


def _print_scores(example: Example) -> None:
    """Print the scores of all that was chosen; what nobody measured has no column."""
    names = [f">{clean(name)}" for name in example.scorers]
    has_grades = example.positive_grade is not None
    columns = ["", ">rank", ">fused", *names, ">similarity", *([">grade"] if has_grades else [])]
    table = make_table(*columns)
    for row in _list_scores(example):
        table.add_row(*(row if has_grades else row[:-1]))
    print_table(table)


def _list_scores(example: Example) -> Iterator[list[Text]]:
    positive = _join(example.positive_scores, example.positive_ranks)
    # The positive's fused rank is not stored: by the rule `top` it is the first.
    rank = "1" if example.positive_rule == "top" else ""
    fused = f"{example.positive_fused_score:.3f}"
    ends = (example.positive_similarity, example.positive_grade)
    yield [Text("positive", "green"), Text(rank), Text(fused), *positive, *map(_number, ends)]
    for i in range(len(example.negatives)):
        ends = (example.negative_similarities[i], example.negative_grades[i])
        yield [
            Text(_name_negative(example, i), "red"),
            Text(str(example.negative_fused_ranks[i] or "-")),
            _number(example.negative_fused_scores[i]),
            *_join(example.negative_scores[i], example.negative_ranks[i]),
            *map(_number, ends),
        ]


def _join(scores: tuple[float | None, ...], ranks: tuple[int | None, ...]) -> Iterator[Text]:
    for score, rank in zip(scores, ranks, strict=True):
        yield _number(score).append(f" #{rank}" if rank else "")


def _number(value: float | None) -> Text:
    return Text("-", style="dim") if value is None else Text(f"{value:.3f}")


def _print_others(example: Example, *, whole: bool) -> None:
    """Say which candidates could be no negatives, and how many further positives there are."""
    if example.extra_positives and not whole:
        ids = " ".join(map(shorten_id, example.extra_positive_ids))
        print_line(f"{len(example.extra_positives)} more as relevant as the positive: {ids}")
    reasons: dict[str, list[str]] = {}
    for passage_id, reason in zip(example.refused_ids, example.refused_reasons, strict=True):
        reasons.setdefault(reason, []).append(passage_id)
    if reasons:
        print_line(Text("refused as negatives", style="yellow"))
    for reason, refused in reasons.items():
        known = _REFUSALS.get(reason, "")
        some = refused if whole else refused[:4]
        more = f" and {len(refused) - len(some)} more" if len(refused) > len(some) else ""
        print_line(
            f"{len(refused)} {reason}{f' ({known})' if known else ''}: "
            f"{' '.join(map(shorten_id, some))}{more}",
            2,
        )


def _print_addresses(example: Example) -> None:
    urls = [("positive", example.positive_url)]
    urls += [(_name_negative(example, i), url) for i, url in enumerate(example.negative_urls)]
    out.print()
    print_facts(urls, indent=0)
