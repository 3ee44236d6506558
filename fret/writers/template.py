"""The writer that needs nothing: tasks and queries made from a passage by rules."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from random import Random

from fret.reasons import Reason
from fret.records import Dropped, Passage, Query, hash_json, make_id
from fret.writers.rules.keywords import offer_keywords
from fret.writers.rules.languages import WORDINGS
from fret.writers.rules.patterns import offer_questions, offer_titles
from fret.writers.rules.reading import NO_SPACES, Offer, Reading, list_words, read_passage
from fret.writers.rules.sentences import offer_claims, offer_similar
from fret.writers.rules.statements import offer_clause_claims, offer_clause_rewordings
from fret.writers.rules.wording import BOILERPLATE, POINTERS, TASKS

RULES_VERSION = 2

_BOILERPLATE = re.compile(BOILERPLATE, re.IGNORECASE)
_POINTERS = re.compile(POINTERS, re.IGNORECASE)
# Only so many of the best offers of a kind are drawn from: what comes after them is weak.
_DRAWN = 5
_MAX_WORDS = 32

# Keywords and titles can be made of nearly every passage; the other kinds are to come up as well.
_WEIGHTS = {"question": 3, "howto": 4, "definition": 3, "comparison": 4, "claim": 2, "similar": 3}

_RULES: dict[str, Callable[[Reading], Iterator[Offer]]] = {
    "question": offer_questions,
    "howto": partial(offer_questions, kind="howto"),
    "definition": partial(offer_questions, kind="definition"),
    "comparison": partial(offer_questions, kind="comparison"),
    "entity": partial(offer_questions, kind="entity"),
    "keywords": offer_keywords,
    "claim": lambda reading: chain(offer_clause_claims(reading), offer_claims(reading)),
    "title": offer_titles,
    "similar": lambda reading: chain(offer_clause_rewordings(reading), offer_similar(reading)),
}


class TemplateWriter:
    """Writes queries by rules: key phrases, sentence patterns and headings; no language model.

    `task_types` are kinds of query, see `fret.config.queries.RuleTask`. Each query takes one of
    those for which the passage offers a good one. The same seed gives the same queries.

    Args:
        find_fault: what else is asked of a query: it gives the reason and detail of what is wrong,
            and the query is not written; None where it is fit.
    """

    name = "template"

    def __init__(
        self,
        *,
        task_types: Sequence[str],
        per_passage: int,
        seed: int,
        find_fault: Callable[[Query, Passage], tuple[Reason, str] | None] | None = None,
    ) -> None:
        unknown = [t for t in task_types if t not in _RULES]
        if unknown or not task_types:
            raise ValueError(
                f"task types {unknown or 'are missing'}; there are {', '.join(_RULES)}"
            )
        self._task_types = tuple(dict.fromkeys(task_types))
        self._per_passage = per_passage
        self._seed = seed
        self._find_fault = find_fault or (lambda query, passage: None)
        self.prompt_hash = _hash_rules()

    def write(
        self, passages: Iterable[Passage], tick: Callable[[], None] | None = None
    ) -> Iterator[Query | Dropped]:
        """Yield up to `per_passage` different queries for each passage, or why there is none.

        Args:
            tick: never called: no model is asked.
        """
        for passage in passages:
            tried = list(self._write_passage(passage))
            queries = [query for query, fault in tried if fault is None]
            yield from queries
            if not queries:
                yield _drop(passage, next((fault for _, fault in tried if fault), None))

    def _write_passage(self, passage: Passage) -> Iterator[tuple[Query, tuple[Reason, str] | None]]:
        """Yield queries, each with its fault, until enough have none."""
        reading = read_passage(passage)
        offers = {t: _gather_offers(t, reading) for t in self._task_types}
        written: set[str] = set()
        for sample in range(self._per_passage):
            draw = Random(make_id("template", str(self._seed), passage.id, str(sample)))
            while drawn := _draw_query(offers, written, draw):
                written.add(drawn[1].casefold())
                query = self._make_query(passage, *drawn, sample=sample, draw=draw)
                fault = self._find_fault(query, passage)
                yield query, fault
                if fault is None:
                    break

    def _make_query(
        self, passage: Passage, task_type: str, text: str, *, sample: int, draw: Random
    ) -> Query:
        return Query(
            id=Query.make_id(passage.id, self.prompt_hash, (task_type, text), sample),
            passage_id=passage.id,
            task=draw.choice(TASKS[task_type]),
            text=text,
            language=passage.language,
            task_type=task_type,
            writer=self.name,
            model="",
            prompt_hash=self.prompt_hash,
            sample=sample,
        )


def _hash_rules() -> str:
    tables = {language: asdict(words) for language, words in WORDINGS.items()}
    gates = (BOILERPLATE, POINTERS)
    return hash_json([RULES_VERSION, tables, TASKS, gates])[:16]


def _drop(passage: Passage, fault: tuple[Reason, str] | None) -> Dropped:
    """Drop a passage, for what was wrong with the first query that a rule made of it."""
    detail = f"no rule makes a good query of {passage.text[:60]!r}"
    return Dropped("queries", passage.id, *(fault or (Reason.NO_QUERY, detail)))


def _draw_query(
    offers: dict[str, list[Offer]], written: set[str], draw: Random
) -> tuple[str, str] | None:
    """Draw a kind, then one of its best offers, then a form of it that is not written yet."""
    fresh = {
        t: [o for o in list_ if written.isdisjoint(map(str.casefold, o[1]))]
        for t, list_ in offers.items()
    }
    kinds = [t for t, list_ in fresh.items() if list_]
    if not kinds:
        return None
    kind = draw.choices(kinds, [_WEIGHTS.get(k, 1) for k in kinds])[0]
    best = fresh[kind][:_DRAWN]
    # The square leans to the best offers.
    _, forms = best[int(draw.random() ** 2 * len(best))]
    return kind, draw.choice(forms)


def _gather_offers(task_type: str, reading: Reading) -> list[Offer]:
    offers: dict[str, Offer] = {}
    for score, forms in _RULES[task_type](reading):
        good = tuple(dict.fromkeys(f for f in forms if _is_good(f, task_type, reading)))
        if good and good[0].casefold() not in offers:
            offers[good[0].casefold()] = (score, good)
    return sorted(offers.values(), key=lambda offer: (-offer[0], offer[1]))


def _is_good(text: str, task_type: str, reading: Reading) -> bool:
    size = len(text) / 2 if reading.language in NO_SPACES else len(text.split())
    if not (2 if task_type == "keywords" else 4) <= size <= _MAX_WORDS:
        return False
    if _BOILERPLATE.search(text) or _POINTERS.search(text) or not _is_balanced(text):
        return False
    if _repeats(text, reading):
        return False
    n_letters, n_digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
    return max(2 * n_digits, 1) <= n_letters and 2 * sum(map(str.isupper, text)) <= n_letters


def _repeats(text: str, reading: Reading) -> bool:
    """Say whether a text holds a whole sentence of the passage, or all of it but a word."""
    if reading.language in NO_SPACES:
        return any(text.strip("。！") == s.strip("。！") for s in reading.sentences)
    words = list_words(text, reading.language)
    joined = f" {' '.join(words)} "
    for said in reading.sentence_words:
        if len(said) > 5 and len(said) <= len(words) + 1:
            ahead = _count_shared(said, words)
            behind = _count_shared(said[::-1], words[::-1])
            if ahead + behind >= len(said) - 1 or f" {' '.join(said)} " in joined:
                return True
    return False


def _count_shared(some: Sequence[str], others: Sequence[str]) -> int:
    pairs = enumerate(zip(some, others, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(some), len(others)))


def _is_balanced(text: str) -> bool:
    pairs = (("(", ")"), ("[", "]"), ("“", "”"), ("«", "»"), ("「", "」"), ("（", "）"))
    return all(text.count(a) == text.count(b) for a, b in pairs) and not set(text) & set('"„')
