"""Questions and headlines that the patterns of a language make of sentences and headings."""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from fret.writers.rules.english import (
    E_VERBS,
    INFINITIVES,
    NUMERALS,
    ORDERS,
    READER_SPEECH,
    STATEMENT,
)
from fret.writers.rules.kinds import name_kind
from fret.writers.rules.names import find_full_name, list_full_names, offer_people
from fret.writers.rules.phrases import find_topic, rank_phrases
from fret.writers.rules.reading import NO_SPACES, Offer, Reading, list_stems, list_words
from fret.writers.rules.sentences import (
    is_claim,
    list_clean_sentences,
    list_topic_stems,
    lower_start,
    tidy_sentence,
    weigh_sentence,
)
from fret.writers.rules.statements import offer_clause_questions, offer_clause_titles
from fret.writers.rules.wording import ASIDES, BOILERPLATE, FILLERS, UNFINISHED

# What is asked about is a term, not an action or a place: "what is parrying an attack in a game".
_NO_TERM = r"\b(?:[Mm]y|me|in|underneath|from|now)\b|(?:is|are) \w+ing (?:an?|the) |(?:\S+ ){8}"
_BOILERPLATE = re.compile(BOILERPLATE, re.IGNORECASE)
_QUOTES = re.compile(r"[\"“”„«»?]")


def offer_questions(reading: Reading, kind: str = "question") -> Iterator[Offer]:
    """Offer the questions of one kind that a sentence answers or that a heading asks."""
    for score, forms in _list_asked(reading):
        fitting = tuple(f for f in forms if name_kind(f) == kind)
        if kind == "question":
            fitting = tuple(f for f in fitting if f.endswith("?") and not f[0].islower())
        if kind == "definition" and reading.language == "en":
            fitting = tuple(f for f in fitting if not re.search(_NO_TERM, f))
        if fitting:
            yield score, fitting


@lru_cache(maxsize=1)
def _list_asked(reading: Reading) -> tuple[Offer, ...]:
    return (*_offer_patterns(reading), *offer_clause_questions(reading), *offer_people(reading))


def _offer_patterns(reading: Reading) -> Iterator[Offer]:
    words = reading.lexicon.wording
    for sentence in reading.sentences:
        clean = tidy_sentence(sentence, reading).rstrip(".!?")
        if not _QUOTES.search(sentence) and not _BOILERPLATE.search(sentence):
            yield from _fill_patterns(words.questions, lower_start(clean, reading), reading)
    yield from _offer_statements(reading)
    is_whole = reading.passage.position == 0 or _covers_title(reading)
    for heading in (*reading.headings, reading.title) if is_whole else reading.headings:
        yield from _fill_patterns(words.headings, lower_start(heading, reading), reading)


def _offer_statements(reading: Reading) -> Iterator[Offer]:
    """Ask what a named person said about a key phrase of the sentence."""
    for sentence in reading.sentences if reading.language == "en" else ():
        if match := re.search(STATEMENT, sentence):
            name = find_full_name(match.group("n"), reading)
            if name not in list_full_names(reading).values():
                continue
            for phrase in rank_phrases(reading)[:12]:
                if subject := _name_subject(phrase.text, sentence):
                    yield 1.8 + phrase.score / 10, (f"What did {name} say about {subject}?",)


def _name_subject(phrase: str, sentence: str) -> str:
    """Write a phrase with its article, where the sentence has one; empty if it cannot stand so."""
    if " " not in phrase or not phrase.islower() or phrase not in sentence:
        return ""
    match = re.search(rf"\b(?P<the>the )?{re.escape(phrase)}\b(?!['’])", sentence)
    if not match:
        return ""
    return match.group() if match.group("the") or phrase.endswith("s") else ""


def _covers_title(reading: Reading) -> bool:
    """Say whether most of the title's words come up in the passage."""
    stems = reading.title_stems
    return len(stems) > 1 and sum(s in reading.stems for s in stems) > 0.6 * len(stems)


def offer_titles(reading: Reading) -> Iterator[Offer]:
    """Offer headings, the title where it fits, headlines from patterns, and short sentences."""
    offers = [o for heading in reading.headings for o in _offer_heading(heading, reading)]
    # Of a page's passages the first one gets its title: no two are to have the same query.
    if reading.title and reading.passage.position == 0:
        offers.append((2.5, (reading.title.rstrip("."),)))
    for sentence in reading.sentences:
        if not _QUOTES.search(sentence):
            small = lower_start(tidy_sentence(sentence, reading).rstrip(".!"), reading)
            offers += _fill_patterns(reading.lexicon.wording.headlines, small, reading)
    offers += offer_clause_titles(reading)
    if reading.language != "en":
        offers += _offer_short_sentences(reading)
    yield from offers


def _offer_heading(heading: str, reading: Reading) -> Iterator[Offer]:
    stems, topic = set(list_stems(heading, reading.language)), find_topic(reading)
    if not _is_fair_heading(heading, reading):
        return
    if topic and stems.isdisjoint(list_stems(topic, reading.language)):
        forms = (
            _put_before(topic, lower_start(heading, reading), reading),
            f"{heading} ({topic})",
        )
        yield 2.8, forms
    elif len(stems) > 1:
        yield 2.8, (heading,)


def _is_fair_heading(heading: str, reading: Reading) -> bool:
    """Say whether a heading names what stands below it, and is a heading at all."""
    stems, words = list_stems(heading, reading.language), list_words(heading, reading.language)
    if not stems or _points_outside(heading, reading) or re.match(ASIDES, heading):
        return False
    if (
        heading[0].islower()
        or not {"i", "me", "my", "i'm", "i've"}.isdisjoint(words)
        or words[-1] in reading.lexicon.determiners | set(UNFINISHED.split())
    ):
        return False
    if re.search(r"[^\w\s.,:;!?¿¡'’‘“”\"()&/%$€£+–—-]|,\S|\d-\d|\d\.\d", heading):
        return False
    body = " ".join(reading.sentences).casefold()
    said = sum(s in body for s in stems)
    return said > 0.5 * len(stems) or not list_topic_stems(reading).isdisjoint(stems)


def _offer_short_sentences(reading: Reading) -> Iterator[Offer]:
    longest = 40 if reading.language in NO_SPACES else 80
    for number, sentence in list_clean_sentences(reading):
        if len(sentence) <= longest and is_claim(sentence, reading):
            weight = 1.2 + weigh_sentence(number, sentence, reading) / 5
            yield weight, (sentence.rstrip("。！."),)


def _fill_patterns(
    table: Iterable[tuple[float, str, tuple[str, ...]]], text: str, reading: Reading
) -> Iterator[Offer]:
    for score, pattern, forms in table:
        match = _compile(pattern).search(text)
        groups = match.groupdict("") if match else {}
        if not match or not _are_fair_parts(groups, reading):
            continue
        if "c" in groups and reading.language == "en" and not _is_topical(groups["c"], reading):
            continue
        parts = _prepare_parts(groups)
        filled = tuple(_finish(form.format_map(parts), reading) for form in forms)
        filled = tuple(f for f in filled if not _points_outside(f, reading))
        if filled:
            yield score + _weigh_focus(filled, reading), _name_topic(filled, reading)


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _is_topical(text: str, reading: Reading) -> bool:
    stems = list_stems(text, reading.language)
    often = any(reading.stems[s] > 2 for s in stems)
    return often or not list_topic_stems(reading).isdisjoint(stems)


def _name_topic(forms: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """Put the page's topic before forms too vague without it; none if there is no topic."""
    stems, topic = set(list_stems(forms[0], reading.language)), find_topic(reading)
    is_definite = re.search(r"\b(?:the|der|die|das)\b", forms[0])
    is_definition = not is_definite and re.match(r"[Ww]hat (?:exactly )?(?:is|are) ", forms[0])
    # "How much do males weigh?" says too little where males are not the page's subject.
    enough = 2 if reading.language == "en" and name_kind(forms[0]) != "howto" else 1
    if is_definition or len(stems) > 3 or (len(stems) > enough and not is_definite):
        return forms
    if not stems.isdisjoint(list_stems(topic, reading.language)):
        return forms
    if not topic or (reading.language == "en" and (not topic.islower() or " " not in topic)):
        return forms if len(stems) > 2 and not is_definite else ()
    return tuple(_ask_about(topic, form, reading) for form in forms)


def _ask_about(topic: str, form: str, reading: Reading) -> str:
    if form[0].islower():
        return f"{topic.lower()} {form}"
    start = 1 + (form[0] == "¿")
    return _put_before(topic, f"{form[:start].lower()}{form[start:]}", reading)


def _put_before(topic: str, text: str, reading: Reading) -> str:
    colon = " : " if reading.language == "fr" else ": "
    return f"{topic[0].upper()}{topic[1:]}{colon}{text}"


def _weigh_focus(forms: tuple[str, ...], reading: Reading) -> float:
    """Weigh how well a query names what the page is about."""
    stems = set(list_stems(forms[0], reading.language))
    return 0.8 * (not stems.isdisjoint(list_topic_stems(reading))) + 0.15 * min(len(stems), 4)


def _are_fair_parts(parts: dict[str, str], reading: Reading) -> bool:
    for name, text in parts.items():
        # Groups a and b are noun phrases in comparisons, and a short verb elsewhere.
        is_phrase = name in {"s", "n", "o"} or (name in {"a", "b"} and len(text) > 9)
        if is_phrase and not _is_noun_phrase(text, reading):
            return False
        if name in {"c", "i", "r"} and (_points_outside(text, reading) or _is_cut_off(text)):
            return False
    return True


def _is_cut_off(text: str) -> bool:
    return bool(text.strip()) and text.split()[-1] in UNFINISHED.split()


def _is_noun_phrase(text: str, reading: Reading) -> bool:
    words, lexicon = list_words(text, reading.language), reading.lexicon
    if not 1 <= len(words) <= 9 or not list_stems(text, reading.language):
        return False
    if words[0] in lexicon.prepositions | lexicon.openers or words[0] in NUMERALS.split():
        return False
    if words[-1] in lexicon.stops or not (lexicon.verbs | lexicon.pronouns).isdisjoint(words):
        return False
    if reading.language == "de":
        return _is_german_noun(text.split())
    return reading.language != "en" or len(words) == 1 or words[0] not in ORDERS.split()


def _is_german_noun(words: list[str]) -> bool:
    adverb = len(words) == 1 and words[0].endswith(("end", "lich", "ig", "weise", "isch", "t"))
    return words[-1][0].isupper() and not adverb


def _points_outside(text: str, reading: Reading) -> bool:
    """Say whether a pronoun other than those of the reader comes in the text."""
    readers = {"you", "your", "yourself", "i", "me", "my", "myself", "mine", "here", "man"}
    words = set(list_words(text, reading.language))
    return not words.isdisjoint(reading.lexicon.pronouns - readers)


def _prepare_parts(groups: dict[str, str]) -> dict[str, str]:
    """Make of a pattern's groups what its forms may ask for."""
    parts = {n: text.rstrip(" ,") if n == "r" else text.strip(" ,") for n, text in groups.items()}
    parts["r"] = re.sub(FILLERS, "", parts.get("r", ""))
    parts["w"] = parts.get("w", "").lower()
    parts |= {f"{name}_me": _speak_as_reader(text) for name, text in parts.items()}
    parts |= {n.upper(): text[:1].upper() + text[1:] for n, text in parts.items() if len(n) == 1}
    verb, order = parts.get("v", ""), parts.get("i", "")
    parts["v_base"], parts["do"] = _find_base_form(verb), "does" if verb.endswith("s") else "do"
    return parts | {"i_t": order[:1].lower() + order[1:]}


def _speak_as_reader(text: str) -> str:
    for pattern, word in READER_SPEECH:
        text = re.sub(pattern, word, text)
    return text


def _find_base_form(verb: str) -> str:
    """Return the infinitive of an English verb of the patterns."""
    if verb in INFINITIVES or not verb.endswith(("s", "ed")):
        return INFINITIVES.get(verb, verb)
    if verb.endswith("ed"):
        return verb[:-1] if verb[:-1] in E_VERBS.split() else verb[:-2]
    return verb[:-2] if verb.endswith(("ches", "shes", "sses", "xes", "oes")) else verb[:-1]


def _finish(text: str, reading: Reading) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    if reading.language == "fr":
        return re.sub(r"\b([Qq]u)e (?=[aeiouyéèê])", r"\1'", text)
    return text
