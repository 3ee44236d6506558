"""Queries made of English clauses: questions, headlines, claims, search words."""

# ruff: noqa: E501 - a pattern is read as one line

import re
from collections.abc import Iterator
from functools import lru_cache

from fret.writers.rules.clauses import Clause, read_clause
from fret.writers.rules.names import list_full_names
from fret.writers.rules.phrases import list_phrase_texts
from fret.writers.rules.reading import Offer, Reading
from fret.writers.rules.sentences import lower_start, tidy_sentence
from fret.writers.rules.verbs import load_verbs, spell_third_person
from fret.writers.rules.wording import list_set

_MIN_WEIGHT = 2.3
_NUMBER = r"(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|twelve|dozens|hundreds)"
_COUNTED = re.compile(
    rf"^(?:about |around |nearly |more than |over |at least |up to |some )*{_NUMBER}(?: of)? "
    r"(?P<n>(?!percent|per |of |million|billion|thousand)[a-z-]+(?: [a-z-]+)?(?<!s')s)\b(?P<r>(?: .*)?)$"
)
_MONEY = re.compile(
    r"^(?:about |around |nearly |more than |over |at least |up to )*\$[\d,.]+(?: (?:million|billion|trillion))?"
    r"(?P<r> (?:for|on|to|in|as|a year|per)\b.*)$"
)
_ARTICLES = re.compile(r"\b(?:[Tt]he|[Aa]n?) (?!few|lot|little|number|couple)")
_INVERTED = list_set("is are was were has have will can should")
_STATED = list_set("say tell note claim")


@lru_cache(maxsize=1)
def list_clauses(reading: Reading) -> tuple[Clause, ...]:
    """List the clear statements of an English passage, the most telling first."""
    if reading.language != "en":
        return ()
    found = [read_clause(tidy_sentence(s, reading), reading) for s in reading.sentences]
    clauses = [c for c in found if c and c.weight >= _MIN_WEIGHT and c.base not in _STATED]
    clauses = [c for c in clauses if not c.rest.startswith("that ")]
    return tuple(sorted(clauses, key=lambda c: (-c.weight, c.text)))


def offer_clause_questions(reading: Reading) -> Iterator[Offer]:
    """Ask for a statement's time, cause, number, doer; or whether it is true."""
    for clause in list_clauses(reading):
        subject = lower_start(clause.subject, reading)
        opening = _invert(clause, subject)
        if not opening:
            continue
        if clause.date:
            yield clause.weight + 0.4, (f"When {opening} {clause.rest}?",)
        if re.match(r",? ?(?:because|due to|amid|in order|so that)\b", clause.tail):
            yield clause.weight + 0.6, (f"Why {opening} {clause.rest}?",)
        yield from _ask_number(clause, opening)
        if _is_person(clause.subject, reading) and re.search(r" [A-Z]", f" {clause.rest}"):
            verb = f"{clause.auxiliary} {clause.verb}".strip()
            yield clause.weight + 0.2, (f"Who {verb} {clause.rest}?",)
        if not re.match(r"(?:the |an? )", f"{clause.verb} {clause.rest}") or clause.auxiliary == "":
            text = f"{opening[0].upper()}{opening[1:]} {clause.rest} {clause.date}".strip()
            yield clause.weight - 0.2, (f"{text}?",)


def _ask_number(clause: Clause, opening: str) -> Iterator[Offer]:
    if clause.auxiliary in {"is", "are", "was", "were"}:
        return
    match = _COUNTED.match(clause.rest)
    if match and not re.match(r" (?:and|or)\b", match.group("r")):
        text = f"How many {match.group('n')} {opening}{match.group('r')}"
        yield clause.weight + 0.6, (f"{text} {clause.date}".strip() + "?",)
    elif match := _MONEY.match(clause.rest):
        yield clause.weight + 0.6, (f"How much {opening}{match.group('r')}?",)


def _invert(clause: Clause, subject: str) -> str:
    """Put the auxiliary, or a form of do, before the subject."""
    if clause.auxiliary:
        is_fit = clause.auxiliary in _INVERTED
        return f"{clause.auxiliary} {subject} {clause.verb}" if is_fit else ""
    if clause.verb == "had":
        return f"did {subject} have"
    tense = load_verbs()[clause.verb.lower()][1]
    do = {"past": "did", "third": "does", "base": "do"}.get(tense, "did")
    return f"{do} {subject} {clause.base}"


def _is_person(subject: str, reading: Reading) -> bool:
    return any(subject.endswith(name) for name in list_full_names(reading).values())


def offer_clause_titles(reading: Reading) -> Iterator[Offer]:
    """Write statements as headlines are written: in the present, without articles."""
    for clause in list_clauses(reading):
        verb = _shorten_verb(clause)
        if verb and not re.match(r"(?:his|her|their|its) ", clause.rest):
            subject = _ARTICLES.sub("", clause.subject)
            text = f"{subject} {verb} {_ARTICLES.sub('', clause.rest)}"
            if len(text.split()) <= 13:
                yield clause.weight - 0.4, (text[0].upper() + text[1:],)


def _shorten_verb(clause: Clause) -> str:
    tense = load_verbs().get(clause.verb.lower(), ("", ""))[1]
    match clause.auxiliary:
        case "":
            is_unsure = (
                tense == "past" and clause.is_plural and clause.subject.split()[-1].istitle()
            )
            if clause.base == "have" or is_unsure:
                return ""
            return clause.base if clause.is_plural else spell_third_person(clause.base)
        case "has" | "have":
            return clause.base if clause.is_plural else spell_third_person(clause.base)
        case "will":
            return f"to {clause.verb}"
        case "was" | "were" | "is" | "are" if tense in {"past", "participle"}:
            return clause.verb
    return ""


def offer_clause_claims(reading: Reading) -> Iterator[Offer]:
    """State in one clause what a sentence says among other things."""
    for clause in list_clauses(reading):
        yield clause.weight, (_end(clause.text),)


def offer_clause_rewordings(reading: Reading) -> Iterator[Offer]:
    """Say a statement in another order: its source or its time first."""
    for clause in list_clauses(reading):
        text = clause.text
        small = lower_start(text, reading)
        if clause.speaker and len(clause.speaker.split()) > 1:
            yield clause.weight, (_end(f"According to {_lower_article(clause.speaker)}, {small}"),)
        elif clause.date and not clause.date.startswith(("of", "from")):
            plain = clause.text.removesuffix(f" {clause.date}")
            moved = f"{clause.date[0].upper()}{clause.date[1:]}, {lower_start(plain, reading)}"
            yield clause.weight, (_end(moved), _end(text))


def _lower_article(text: str) -> str:
    return re.sub(r"^(?:The|An?) ", lambda m: m.group().lower(), text)


def _end(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")


def offer_clause_keywords(reading: Reading) -> Iterator[Offer]:
    """Type a statement's names and nouns in their order."""
    for clause in list_clauses(reading):
        subject = list_phrase_texts(clause.subject, reading.language)
        rest = list_phrase_texts(f"- {clause.rest}", reading.language)
        rest = [text for text in rest if " " in text or text[0].isupper() or len(rest) == 1]
        words = " ".join(subject[-1:] + rest[:2]).split()
        if subject and rest and len(words) > 6:
            words = " ".join([subject[-1], rest[0]]).split()
        is_named_only = all(w[0].isupper() for w in words)
        if (
            subject
            and rest
            and not is_named_only
            and 3 <= len(words) <= 6
            and len(set(words)) == len(words)
        ):
            yield clause.weight + 1, (" ".join(words).lower(),)
