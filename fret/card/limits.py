"""What one should know before trusting the dataset: said where this run gives the reason."""

import re
from collections.abc import Iterator
from pathlib import PureWindowsPath

from fret.card.contents import Contents
from fret.card.facts import Facts
from fret.card.making import is_made_up, judging_models, list_models, writing_models
from fret.card.markdown import bullets, code, plain
from fret.figures import agree, count, percent
from fret.manifest import count_lost
from fret.reasons import Reason

# From here on a card warns. They are for drawing attention, not bounds of what is good.
_ONE_SITE, _ONE_LANGUAGE, _COPIED_WORDS, _EASY, _TELLING = 0.25, 0.9, 0.8, 0.7, 0.65
_RESTRICTS = re.compile(r"\b(nc|nd|non-?commercial|no-?deriv\w*)\b", re.IGNORECASE)
_FEW_HELD_OUT = 300  # queries: with fewer, a share of one half is known to +-6 points at best


def list_limits(facts: Facts, contents: Contents) -> str:
    lines = [
        *_who_took_part(facts),
        *_what_is_in_it(facts),
        *_how_hard_it_is(facts),
        *_how_clean_it_is(facts),
        *_what_is_held_out(contents),
    ]
    return f"## Limits and biases\n\n{bullets(lines)}"


def _who_took_part(facts: Facts) -> Iterator[str]:
    yield (
        "Queries and judgements were made by machines and not checked by people: some positives "
        "answer only in part, and some negatives may be relevant after all."
    )
    if is_made_up(facts):
        yield "A made-up model answered: queries and judgements mean nothing."
    if facts.writer["kind"] == "template":
        yield "Rules wrote the queries: they repeat forms, and people would ask in other words."
    if not list_models(facts):
        yield "No language model read the passages."
    for model in sorted(writing_models(facts) & judging_models(facts)):
        yield (
            f"{code(model)} wrote the queries and judged the candidates: what it misreads it "
            "misreads twice, and it may like what it would write itself."
        )
    if not any(int(n) for n in facts.examples["relevant_candidates"]):
        yield (
            "No scorer grades: nobody said that a positive meets its query, only that it does so "
            "better than others, nor that a negative does not."
        )


def _what_is_in_it(facts: Facts) -> Iterator[str]:
    languages, total = facts.examples["languages"], facts.manifests["examples"].rows
    language, most = max(languages.items(), key=lambda item: item[1], default=("", 0))
    if total and most / total >= _ONE_LANGUAGE:
        name = plain(language or "not known which")
        yield f"{percent(most / total)} of the examples are in one language ({name})."
    elif len(languages) > 1:
        small = [plain(name) for name, n in languages.items() if name and n < total * 0.01]
        if small:
            yield f"Under 1 % of the examples each are in: {', '.join(small[:20])}."
    named = {site: n for site, n in facts.sources.sites.items() if site}
    site, n = max(named.items(), key=lambda item: item[1], default=("", 0))
    if total and n / total > _ONE_SITE:
        yield f"{percent(n / total)} of the positives come from one site ({code(site)})."
    yield from _what_was_dropped(facts)


def _what_was_dropped(facts: Facts) -> Iterator[str]:
    lost, asked_for = count_lost(facts.manifests.values())
    if lost:
        where = ", ".join(f"{n} at {stage}" for stage, n in lost.items())
        yield (
            f"Of {count(asked_for, 'query')} asked for, {percent(sum(lost.values()) / asked_for)} "
            f"gave no example ({where}; see the funnel): what is hard to ask about or to judge is "
            "rarer here than in the pages."
        )


def _how_hard_it_is(facts: Facts) -> Iterator[str]:
    overlap = facts.manifests["queries"].measures.get("queries", {}).get("overlap") or {}
    copied = overlap.get("content_words_in_passage")
    if copied is not None and copied > _COPIED_WORDS:
        yield (
            f"{percent(copied)} of a query's content words are in its passage: models that go by "
            "words look better here than on queries of people."
        )
    easiness = facts.manifests["candidates"].measures.get("easiness")
    if easiness is not None and easiness > _EASY:
        first = percent(easiness)
        yield f"BM25 alone has the seed first for {first} of all queries with one: most are easy."
    unjudged = facts.examples["picks"].get("unjudged", 0)
    if unjudged:
        yield f"Judged by no scorer: {count(unjudged, 'negative')} from deeper in the ranking."
    blind = facts.examples["separability"]
    if blind and blind["auc"] > _TELLING:
        yield (
            f"Positives can be told from negatives without the query (AUC {blind['auc']:.2f}): a "
            "model may learn what positives look like, and not what answers."
        )


def _how_clean_it_is(facts: Facts) -> Iterator[str]:
    passages = facts.manifests["passages"]
    duplicates = facts.setting("passages", "duplicates") or {}
    if not (duplicates.get("exact") and duplicates.get("near")):
        yield "Equal or nearly equal passages were not all dropped, so texts may repeat."
    if facts.setting("passages", "replace_personal_data") is False:
        yield "Personal data that pages show was left as it is."
    else:
        found = passages.measures.get("passages", {})
        yield (
            f"Replaced were {count(found.get('emails', 0), 'mail address')} and "
            f"{count(found.get('ips', 0), 'network address')}; names and other personal data that "
            "pages show were not."
        )
    n = sum(n for name, n in facts.sources.licences.items() if _RESTRICTS.search(name))
    if n:
        yield (
            f"{count(n, 'page')} {agree(n, 'states', 'state')} a licence that forbids commercial "
            "use or changed versions; it holds for their texts whatever the licence of the whole "
            "says."
        )
    yield from _say_decontamination(facts)


def _say_decontamination(facts: Facts) -> Iterator[str]:
    against = facts.setting("passages", "decontamination")
    if not against:
        yield (
            "Nothing was done against evaluation sets: texts of public benchmarks may be among "
            "these, and figures on them may be too good."
        )
        return
    sets = [plain(_name_set(each)) for each in against.get("against", [])]
    found = facts.manifests["passages"].measures.get("passages", {}).get("contamination", {})
    n = found.get("passages", 0)
    dropped = facts.manifests["passages"].reasons.get(Reason.IN_EVALUATION_SET, 0)
    what = (
        f"{count(dropped, 'passage')} dropped"
        if against["action"] == "drop"
        else "all of them kept"
    )
    yield (
        f"Held against the evaluation sets {', '.join(sets)} (runs of {against['ngram']} words): "
        f"{count(n, 'passage')} {agree(n, 'holds', 'hold')} something of theirs, {what}. Other "
        "benchmarks were not looked at."
    )


def _name_set(each: dict[str, object]) -> str:
    """Name a set as the Hub does, or by the last part of its path."""
    name = str(each.get("name") or each.get("path") or "unnamed")
    return name if each.get("kind") == "hub" else PureWindowsPath(name).name


def _what_is_held_out(contents: Contents) -> Iterator[str]:
    for split, n in contents.rows("queries").items():
        corpus = contents.rows("corpus")[split]
        few = " With so few queries, small differences between models mean nothing." * (
            n < _FEW_HELD_OUT
        )
        yield (
            f"The held-out split `{split}` has {count(n, 'query')} over "
            f"{count(corpus, 'passage')}, an easier "
            f"search than over a whole corpus; what nobody judged counts as not relevant.{few}"
        )
