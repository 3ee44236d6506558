"""English clauses: who did what, read from a sentence by its verb; or not at all.

A shallow parse by word lists. What it is not sure of it leaves: a wrong clause makes a bad query.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from fret.writers.rules.clause_words import (
    ADVERBS,
    APPOSITION,
    ATTRIBUTION_AFTER,
    ATTRIBUTION_BEFORE,
    BAD_END,
    BEGINS_REST,
    BOUNDARY,
    DATE,
    LEAD,
    POINTING,
    RELATIVE,
)
from fret.writers.rules.names import find_full_name, is_name_word, list_full_names
from fret.writers.rules.reading import Reading, list_stems
from fret.writers.rules.verbs import AUXILIARIES, NOUNISH, load_plain_verbs, load_verbs


@dataclass(frozen=True)
class Clause:
    """A statement taken apart; parts in the order of the sentence."""

    subject: str
    auxiliary: str
    verb: str
    """As written; after an auxiliary, all that depends on it begins with this word."""
    base: str
    rest: str
    date: str
    """With its preposition; not in the rest."""
    tail: str
    """What was cut off behind."""
    speaker: str
    is_plural: bool
    weight: float
    sentence: str

    @property
    def text(self) -> str:
        words = (self.subject, self.auxiliary, self.verb, self.rest, self.date)
        return " ".join(word for word in words if word)


def read_clause(sentence: str, reading: Reading) -> Clause | None:
    """Read the main statement of a tidied sentence; None where it is not clear or not whole."""
    core, speaker = _strip_attribution(sentence.rstrip(".!"))
    if re.search(r"[\"“”„«»?:;()]|’ |' |\s[–—-]\s|\.\.\.|…", core):
        return None
    lead = ""
    if match := LEAD.match(core):
        lead, core = match.group("lead"), match.group("core")
    if match := APPOSITION.match(core):
        core = f"{match.group('name')} {match.group('core')}"
    words = core.split()
    place = _find_verb(words)
    if not place:
        return None
    subject, auxiliary, verb, rest = place
    subject = find_full_name(subject, reading)
    weight = _weigh_subject(subject, reading)
    if weight <= 0:
        return None
    rest, tail = _cut_rest(rest)
    rest, date = _take_date(rest, lead)
    base = load_verbs().get(verb.lower(), (verb, ""))[0]
    is_participle = not auxiliary and rest.startswith("by ")
    if is_participle or tail.startswith("but to ") or not _is_whole(verb, rest, reading):
        return None
    is_person = subject in list_full_names(reading).values()
    is_plural = not is_person and _is_plural(subject, auxiliary, verb)
    weight += _weigh_rest(rest, reading)
    return Clause(
        subject, auxiliary, verb, base, rest, date, tail, speaker,
        is_plural, weight, sentence,
    )  # fmt: skip


def _strip_attribution(sentence: str) -> tuple[str, str]:
    """Part what is said from who says it."""
    if match := ATTRIBUTION_AFTER.match(f"{sentence}."):
        return match.group("core"), (match.group("a") or match.group("b") or "").strip()
    if match := ATTRIBUTION_BEFORE.match(sentence):
        core = match.group("core")
        return core[0].upper() + core[1:], match.group("b").strip()
    return sentence, ""


def _find_verb(words: list[str]) -> tuple[str, str, str, str] | None:
    """Find subject, auxiliary, verb and the rest; None if another reading is as likely."""
    verbs = load_verbs()
    for number in range(1, min(len(words) - 1, 10)):
        word = words[number].lower()
        before = words[:number]
        if re.search(r"[,;:]", words[number - 1]):
            return None
        if word in AUXILIARIES:
            return _split_auxiliary(words, number)
        if word not in verbs or words[number][0].isupper():
            continue
        tense = verbs[word][1]
        if tense == "participle" or (tense == "base" and not _looks_plural(before)):
            continue
        if (tense == "third" or word in NOUNISH) and not _may_follow(words[number + 1]):
            continue
        if not _may_follow(words[number + 1]):
            return None
        return _drop_adverbs(before), "", words[number], " ".join(words[number + 1 :])
    return None


def _split_auxiliary(words: list[str], number: int) -> tuple[str, str, str, str] | None:
    subject, auxiliary = _drop_adverbs(words[:number]), words[number]
    follow = [w for n, w in enumerate(words[number + 1 :]) if n or w.lower() not in ADVERBS]
    if len(follow) < 2 or follow[0].lower() in POINTING | AUXILIARIES:
        return None
    tense = load_verbs().get(follow[0], ("", ""))[1]
    if auxiliary in {"has", "have", "had"} and tense not in {"past", "participle"}:
        is_object = follow[0] in BEGINS_REST or follow[0][0].isdigit()
        return (subject, "", auxiliary, " ".join(follow)) if is_object else None
    return subject, auxiliary, follow[0], " ".join(follow[1:])


def _drop_adverbs(words: list[str]) -> str:
    is_adverb = words[-1].lower() in ADVERBS or words[-1].endswith("ly")
    return " ".join(words[:-1] if is_adverb and words[-1].islower() else words)


def _looks_plural(words: list[str]) -> bool:
    word = words[-1].lower()
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "’s"))


def _may_follow(word: str) -> bool:
    """Say whether a word may be the first of an object or of an adverbial."""
    small = word.lower().strip(",")
    return (
        small in BEGINS_REST
        or word[0].isupper()
        or word[0].isdigit()
        or word[0] == "$"
        or (small.endswith("s") and not small.endswith(("ss", "us", "is")))
    )


def _weigh_subject(subject: str, reading: Reading) -> float:
    """Weigh how well a subject says who or what is meant; 0 or less is not enough."""
    words = subject.split()
    small = [w.lower() for w in words]
    if not 1 <= len(words) <= 8 or not POINTING.isdisjoint(small) or small[-1] in BAD_END:
        return 0
    if (
        small[0]
        in reading.lexicon.openers | reading.lexicon.prepositions | reading.lexicon.pronouns
    ):
        return 0
    inner = [w.strip("’'s") for w in small]
    if set(inner) & {"that", "who", "which", "to", "and"} or any(c in subject for c in ",;:"):
        return 0
    if any(
        a not in reading.lexicon.prepositions and b in {"the", "a", "an"}
        for a, b in pairwise(small)
    ):
        return 0
    is_bare = small[0] in {"the", "a", "an"} and len(words) == 2 and not words[1][0].isupper()
    if is_bare or any(w in load_plain_verbs() for w in small[1:]) or "--" in subject:
        return 0
    stems = set(list_stems(subject, "en"))
    known = stems & reading.title_stems
    names = [
        w for w in words[(small[0] in {"the", "a", "an"}) :] if is_name_word(w, words, reading)
    ]
    if small[0] in {"the", "a", "an"} and not names and (not known or len(stems) < 2):
        return 0
    if not stems or (not names and not known and (len(stems) < 2 or not _looks_plural(words))):
        return 0
    return 1.0 + 0.8 * bool(names) + 0.4 * (len(names) > 1) + 0.6 * bool(known)


def _cut_rest(rest: str) -> tuple[str, str]:
    for match in BOUNDARY.finditer(f" {rest}"):
        return rest[: max(match.start() - 1, 0)].strip(), rest[max(match.start() - 1, 0) :].strip()
    return rest, ""


def _take_date(rest: str, lead: str) -> tuple[str, str]:
    rest = re.sub(RELATIVE, "", f" {rest}").strip()
    if match := re.search(rf" ({DATE})$", f" {rest}"):
        return f" {rest}"[: match.start()].strip(), match.group(1)
    match = re.match(rf"{DATE}$", lead[:1].lower() + lead[1:])
    return rest, match.group() if match else ""


def _is_whole(verb: str, rest: str, reading: Reading) -> bool:
    words = [w.strip("’'").lower() for w in rest.split()]
    if (
        not 2 <= len(words) <= 15
        or words[-1] in BAD_END | _bare_verbs()
        or not POINTING.isdisjoint(words)
    ):
        return False
    if verb.lower() in POINTING or ("between" in words and "and" not in words):
        return False
    if (
        words[0] in {"and", "or", "that"}
        or words[-1].endswith(("ly",))
        or words[-1] in NOUNISH & {"own"}
    ):
        return False
    if words[0] in {"a", "an", "the"} and len(words) < 2:
        return False
    if re.search(r"\bthat(?:['’]s| the | we | you )|\b(?:him|her)self", rest):
        return False
    if re.search(r" (?:and|or) (?:\w+ly )?(?!need)[a-z]+ed\b", rest):
        return False
    if "and" in words and any(_is_past(w) for w in words[words.index("and") :]):
        return False
    finite = [w for w in words if w in {"is", "are", "was", "were", "has", "had", "said", "says"}]
    return not finite and bool(list_stems(rest, reading.language))


def _is_past(word: str) -> bool:
    return load_verbs().get(word, ("", ""))[1] == "past"


@cache
def _bare_verbs() -> frozenset[str]:
    """Verbs that want an object, with which no statement ends."""
    return frozenset(w for w, (base, tense) in load_verbs().items() if tense == "base") - NOUNISH


def _weigh_rest(rest: str, reading: Reading) -> float:
    """Prefer names, numbers and the words of the title; a "the" may point outside."""
    words = rest.split()
    names = sum(w[0].isupper() for w in words)
    title = reading.title_stems
    stems = list_stems(rest, "en")
    vague = len(re.findall(r"\b(?:[Tt]he|his|her|its|their) (?=[a-z])", rest))
    number = any(w[0].isdigit() or w[0] == "$" for w in words)
    return (
        0.3 * min(names, 3) + 0.3 * min(sum(s in title for s in stems), 3) + 0.3 * number
        + 0.1 * min(len(stems), 6) - 0.35 * vague - 0.06 * max(0, len(words) - 11)
    )  # fmt: skip


def _is_plural(subject: str, auxiliary: str, verb: str) -> bool:
    if auxiliary in {"are", "were", "have", "do"}:
        return True
    if auxiliary in {"is", "was", "has", "does"}:
        return False
    tense = load_verbs().get(verb.lower(), ("", ""))[1]
    if tense in {"third", "base"}:
        return tense == "base"
    head = re.split(r" (?:of|in|for|from|at|on|with) ", subject)[0]
    return _looks_plural(head.split())
