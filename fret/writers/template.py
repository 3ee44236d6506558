"""The writer that needs nothing: tasks and queries made from a passage by rules."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from random import Random

from fret.records import Dropped, Passage, Query, Reason, hash_json, make_id
from fret.writers import wording
from fret.writers.keyphrases import (
    NO_SPACES,
    Reading,
    find_words,
    read_passage,
    stem,
    stems_of,
)

RULES_VERSION = 1

Offer = tuple[float, tuple[str, ...]]
"""How good a query is, and the forms of words it may take."""

_BOILERPLATE = re.compile(wording.BOILERPLATE, re.IGNORECASE)
_POINTERS = re.compile(wording.POINTERS, re.IGNORECASE)
_SPEAKERS = frozenset(wording.SPEAKERS.split())
_READERS = frozenset(wording.READERS.split()) | _SPEAKERS
_QUOTES = re.compile(r"[\"“”„«»?]")
# Only so many of the best offers of a kind are drawn from: what comes after them is weak.
_DRAWN = 5
_MAX_WORDS = 32


class TemplateWriter:
    """Writes queries by rules: key phrases, sentence patterns and headings; no language model.

    `task_types` are kinds of query: question, keywords, claim, title, similar. Each query takes one
    of those for which the passage offers a good one. The same seed gives the same queries.
    """

    name = "template"

    def __init__(self, *, task_types: Sequence[str], per_passage: int, seed: int) -> None:
        unknown = [t for t in task_types if t not in _BUILDERS]
        if unknown or not task_types:
            raise ValueError(
                f"task types {unknown or 'are missing'}; there are {', '.join(_BUILDERS)}"
            )
        self._task_types = tuple(dict.fromkeys(task_types))
        self._per_passage = per_passage
        self._seed = seed
        self.prompt_hash = _hash_rules()

    def write(self, passages: Iterable[Passage]) -> Iterator[Query | Dropped]:
        """Yield up to `per_passage` different queries for each passage, or why there is none."""
        for passage in passages:
            queries = list(self._write_passage(passage))
            yield from queries
            if not queries:
                yield _drop(passage)

    def _write_passage(self, passage: Passage) -> Iterator[Query]:
        reading = read_passage(passage)
        offers = {t: _gather_offers(t, reading) for t in self._task_types}
        written: set[str] = set()
        for sample in range(self._per_passage):
            draw = Random(make_id("template", str(self._seed), passage.id, str(sample)))
            if not (drawn := _draw_query(offers, written, draw)):
                return
            written.add(drawn[1].casefold())
            yield self._make_query(passage, *drawn, sample=sample, draw=draw)

    def _make_query(
        self, passage: Passage, task_type: str, text: str, *, sample: int, draw: Random
    ) -> Query:
        return Query(
            id=Query.make_id(passage.id, self.prompt_hash, (task_type, text), sample),
            passage_id=passage.id,
            task=draw.choice(wording.TASKS[task_type]),
            text=text,
            language=passage.language,
            task_type=task_type,
            writer=self.name,
            model="",
            prompt_hash=self.prompt_hash,
            sample=sample,
        )


def _hash_rules() -> str:
    tables = {language: asdict(words) for language, words in wording.WORDINGS.items()}
    return hash_json([RULES_VERSION, tables, wording.TASKS, wording.BOILERPLATE, wording.POINTERS])[
        :16
    ]


def _drop(passage: Passage) -> Dropped:
    detail = f"no rule makes a good query of {passage.text[:60]!r}"
    return Dropped("queries", passage.id, Reason.NO_QUERY, detail)


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
    kind = draw.choice(kinds)
    best = fresh[kind][:_DRAWN]
    # The square leans to the best offers.
    _, forms = best[int(draw.random() ** 2 * len(best))]
    return kind, draw.choice(forms)


def _gather_offers(task_type: str, reading: Reading) -> list[Offer]:
    offers: dict[str, Offer] = {}
    for score, forms in _BUILDERS[task_type](reading):
        good = tuple(dict.fromkeys(f for f in forms if _is_good(f, task_type, reading)))
        if good and good[0].casefold() not in offers:
            offers[good[0].casefold()] = (score, good)
    return sorted(offers.values(), key=lambda offer: (-offer[0], offer[1]))


# --- what no query may be


def _is_good(text: str, task_type: str, reading: Reading) -> bool:
    size = len(text) / 2 if reading.language in NO_SPACES else len(text.split())
    if not (2 if task_type == "keywords" else 4) <= size <= _MAX_WORDS:
        return False
    if _BOILERPLATE.search(text) or _POINTERS.search(text) or not _is_balanced(text):
        return False
    letters = [c for c in text if c.isalpha()]
    digits = sum(c.isdigit() for c in text)
    return (
        bool(letters)
        and digits <= len(letters) / 2
        and sum(c.isupper() for c in letters) <= len(letters) / 2
    )


def _is_balanced(text: str) -> bool:
    pairs = ("()", "[]", "“”", "«»", "「」", "（）")
    return (
        all(text.count(a) == text.count(b) for a, b in pairs)
        and '"' not in text
        and "„" not in text
    )


def _words(text: str, language: str) -> list[str]:
    return [m.group().casefold().replace("’", "'") for m in find_words(text, language)]


def _points_back(text: str, reading: Reading, *, allowed: int) -> bool:
    """Say whether a pronoun comes among the first `allowed` words, where it can mean nothing named."""
    words = _words(text, reading.language)[:allowed]
    return not reading.lexicon.pronouns.isdisjoint(words)


# --- sentences that stand alone


def _clean_sentences(reading: Reading) -> list[tuple[int, str]]:
    """List the sentences that can stand alone, tidied, with their places."""
    tidied = [(n, _tidy_sentence(s, reading)) for n, s in enumerate(reading.sentences)]
    return [(n, s) for n, s in tidied if _stands_alone(s, reading)]


def _tidy_sentence(sentence: str, reading: Reading) -> str:
    sentence = re.sub(r"\s*\((?:[^()]*)\)|\s*\[\d+\]|\s*（[^（）]*）", "", sentence).strip()
    pattern = reading.lexicon.wording.connectives
    sentence = re.sub(r"\s+([.,])", r"\1", sentence)
    cut = re.sub(pattern, "", sentence, flags=re.IGNORECASE) if pattern else sentence
    return cut[:1].upper() + cut[1:] if cut != sentence else sentence


def _stands_alone(sentence: str, reading: Reading) -> bool:
    if not sentence.endswith((".", "。", "！")) or sentence.endswith(("...", "etc.")):
        return False
    if re.search(r"[\"“”„«»‘「」:;?!]|’ |' |\s[–—-]\s", sentence):
        return False
    if reading.language in NO_SPACES:
        return 10 <= len(sentence) <= 70 and not sentence.startswith(tuple(reading.lexicon.openers))
    return _has_fair_opening(sentence, reading) and 6 <= len(sentence.split()) <= 30


def _has_fair_opening(sentence: str, reading: Reading) -> bool:
    first = _words(sentence, reading.language)[0]
    if first in reading.lexicon.prepositions and "," not in sentence and reading.language == "en":
        return False
    if reading.language in wording.WORDINGS:
        return first not in reading.lexicon.openers and not _points_back(
            sentence, reading, allowed=4
        )
    return (
        first in wording.ARTICLES.split() or first not in reading.lexicon.stops and len(first) > 3
    )


def _weigh_sentence(number: int, sentence: str, reading: Reading) -> float:
    """Weigh how much a sentence tells: names, numbers, key phrases; less for what it leaves open."""
    language = reading.language
    stems = set(stems_of(sentence, language))
    words = sentence.split()
    score = 0.8 * any(w[0].isupper() for w in words[1:]) * (language != "de") + 0.7 * any(
        map(str.isdigit, sentence)
    )
    score += sum(0.4 for p in reading.phrases[:8] if p.stems <= stems)
    score += 1.2 * (not stems.isdisjoint(stems_of(reading.topic or reading.title, language)))
    score -= 0.5 * (number == 0) + 0.1 * max(0, len(words) - 20)
    score -= 1.2 * _has_open_subject(sentence, reading) + 0.8 * _points_back(
        sentence, reading, allowed=99
    )
    return score


def _has_open_subject(sentence: str, reading: Reading) -> bool:
    """Say whether an English sentence begins with "The company said": which company?"""
    match = re.match(r"The (\w+) (?:\w+ly )?(\w+)", sentence)
    if not match or reading.language != "en":
        return False
    noun, follower = match.groups()
    named = stem(noun) in stems_of(reading.title, "en")
    verbal = follower in reading.lexicon.verbs or follower.endswith(("ed", "s"))
    return verbal and not named


def _offer_claims(reading: Reading) -> Iterator[Offer]:
    for number, sentence in _clean_sentences(reading):
        if _is_claim(sentence, reading):
            yield _weigh_sentence(number, sentence, reading), (_reword(sentence, reading),)


def _is_claim(sentence: str, reading: Reading) -> bool:
    if reading.language in NO_SPACES:
        return True
    words = _words(sentence, reading.language)
    if not _READERS.isdisjoint(_spoken_words(sentence, reading)):
        return False
    return len(words) <= 28 and not _is_order(words, reading) and _names_subject(sentence, reading)


def _spoken_words(sentence: str, reading: Reading) -> set[str]:
    """Collect a sentence's words, with the pronoun of a contraction (we've) as a word of its own."""
    words = _words(sentence, reading.language)
    return {*words, *(w.split("'")[0] for w in words if not w.endswith("'s"))}


def _names_subject(sentence: str, reading: Reading) -> bool:
    """Say whether a claim tells what it is about: the topic, a name, or much else."""
    stems = set(stems_of(sentence, reading.language))
    topic = set(stems_of(reading.topic, reading.language))
    has_name = any(w[0].isupper() for w in sentence.split()[1:]) and reading.language != "de"
    known = sum(p.stems <= stems for p in reading.phrases[:12])
    return not stems.isdisjoint(topic) or has_name or known > 1 or len(stems) > 5


def _is_order(words: list[str], reading: Reading) -> bool:
    """Say whether a sentence is an instruction: a verb first, and often an article next."""
    if reading.language == "en" and words[0] in wording.ORDERS.split():
        return True
    lexicon = reading.lexicon
    plain = words[0] not in lexicon.stops and not words[0].endswith(("ing", "s"))
    return plain and words[1] in lexicon.determiners and reading.language in {"en", "fr", "es"}


def _offer_similar(reading: Reading) -> Iterator[Offer]:
    for number, sentence in _clean_sentences(reading):
        if _SPEAKERS.isdisjoint(_spoken_words(sentence, reading)):
            score = _weigh_sentence(number, sentence, reading) - (number == 0)
            yield score, (_reword(sentence, reading),)


def _reword(sentence: str, reading: Reading) -> str:
    """Say a sentence a little differently where that is safe: swaps of words, a clause moved."""
    body, end = sentence[:-1], sentence[-1]
    plain = small = _lower_start(body, reading)
    for pattern, replacement in reading.lexicon.wording.swaps:
        # Only what stood there before: one rule must not undo another.
        changed = (
            re.sub(pattern, replacement, small, count=1) if re.search(pattern, plain) else small
        )
        if not (pattern.startswith("^") and _points_back(changed, reading, allowed=99)):
            small = changed
    return small[:1].upper() + small[1:] + end


def _lower_start(sentence: str, reading: Reading) -> str:
    """Write a sentence's first letter small unless its first word is a name."""
    match = re.match(r"[^\W\d_]+(?:['’-]\w+)*", sentence)
    if not match or _begins_with_name(match.group(), sentence[match.end() :], reading):
        return sentence
    return sentence[0].lower() + sentence[1:]


def _begins_with_name(word: str, rest: str, reading: Reading) -> bool:
    text, small = f"{reading.title} {reading.passage.text}", word.casefold()
    if any(c.isupper() for c in word[1:]):
        return True
    if small in reading.lexicon.stops or re.search(rf"\b{re.escape(small)}\b", text):
        return False
    follower = rest.split()[0] if rest.split() else ""
    if reading.language == "de":
        return not (word.endswith(("e", "es", "en", "em")) and follower[:1].isupper())
    inside = re.search(rf"(?<=[a-z,] ){re.escape(word)}\b", reading.passage.text)
    return bool(inside) or follower[:1].isupper()


# --- questions and headlines from patterns


def _offer_questions(reading: Reading) -> Iterator[Offer]:
    words = reading.lexicon.wording
    for sentence in reading.sentences:
        clean = _tidy_sentence(sentence, reading).rstrip(".!?")
        if not re.search(r"[\"“”„«»?]", sentence):
            yield from _fill_patterns(words.questions, _lower_start(clean, reading), reading)
    yield from _offer_statements(reading)
    for heading in reading.headings:
        for score, forms in _fill_patterns(words.headings, _lower_start(heading, reading), reading):
            yield score, forms
    if reading.passage.position == 0 or _covers_title(reading):
        yield from _fill_patterns(words.headings, _lower_start(reading.title, reading), reading)


def _offer_statements(reading: Reading) -> Iterator[Offer]:
    """Ask what a named person said about a key phrase of the sentence."""
    for sentence in reading.sentences if reading.language == "en" else ():
        match = re.search(
            rf"({wording.NAME}),? (?:said|says|told|announced|warned|argued|claimed)\b", sentence
        )
        for phrase in reading.phrases[:12] if match else ():
            name = match.group(1) if match else ""
            if phrase.text in sentence and phrase.text.islower() and len(phrase.stems) > 1:
                forms = (f"What did {name} say about {phrase.text}?", f"{name} on {phrase.text}")
                yield 1.8 + phrase.score / 10, forms


def _covers_title(reading: Reading) -> bool:
    """Say whether most of the title's words come up in the passage."""
    stems = set(stems_of(reading.title, reading.language))
    return len(stems) > 1 and sum(s in reading.stems for s in stems) > 0.6 * len(stems)


def _fill_patterns(
    table: Iterable[tuple[float, str, tuple[str, ...]]], text: str, reading: Reading
) -> Iterator[Offer]:
    for score, pattern, forms in table:
        match = re.search(pattern, text)
        groups = match.groupdict("") if match else {}
        if not match or not _are_fair_parts(groups, reading):
            continue
        parts = _prepare_parts(groups)
        filled = tuple(_finish(form.format_map(parts), reading) for form in forms)
        filled = tuple(f for f in filled if not _points_outside(f, reading))
        if filled:
            yield score + _weigh_focus(filled, reading), _name_topic(filled, reading)


def _name_topic(forms: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """Put the page's topic before forms that would be too vague without it; none if it has none."""
    stems, topic = set(stems_of(forms[0], reading.language)), reading.topic
    is_definite = re.search(r"\b(?:the|der|die|das)\b", forms[0])
    is_definition = not is_definite and re.match(r"[Ww]hat (?:exactly )?(?:is|are) ", forms[0])
    if is_definition or len(stems) > 3 or len(stems) > 1 and not is_definite:
        return forms
    if not stems.isdisjoint(stems_of(topic, reading.language)):
        return forms
    if not topic:
        return forms if len(stems) > 2 else ()
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
    stems = set(stems_of(forms[0], reading.language)) if forms else set()
    topic = set(stems_of(reading.topic or reading.title, reading.language))
    return 0.8 * (not stems.isdisjoint(topic)) + 0.15 * min(len(stems), 4)


def _are_fair_parts(parts: dict[str, str], reading: Reading) -> bool:
    for name, text in parts.items():
        is_phrase = name in {"s", "n", "o"} or name in {"a", "b"} and len(text) > 9
        if is_phrase and not _is_noun_phrase(text, reading):
            return False
        if name in {"c", "i", "r"} and (_points_outside(text, reading) or _is_cut_off(text)):
            return False
    return True


def _is_cut_off(text: str) -> bool:
    return bool(text.strip()) and text.split()[-1] in wording.UNFINISHED.split()


def _is_noun_phrase(text: str, reading: Reading) -> bool:
    words, lexicon = _words(text, reading.language), reading.lexicon
    wrong = lexicon.verbs | lexicon.pronouns
    if (
        not 1 <= len(words) <= 9
        or not wrong.isdisjoint(words)
        or words[0] in lexicon.prepositions | lexicon.openers
    ):
        return False
    if words[-1] in lexicon.stops or not stems_of(text, reading.language):
        return False
    if reading.language == "de":
        return _is_german_noun(text.split())
    return reading.language != "en" or not (words[0] in wording.ORDERS.split() and len(words) > 1)


def _is_german_noun(words: list[str]) -> bool:
    adverb = len(words) == 1 and words[0].endswith(("end", "lich", "ig", "weise", "isch", "t"))
    return words[-1][0].isupper() and not adverb


def _points_outside(text: str, reading: Reading) -> bool:
    """Say whether a pronoun other than those of the reader comes in the text."""
    readers = {"you", "your", "yourself", "i", "me", "my", "myself", "mine", "here"}
    words = set(_words(text, reading.language))
    return not words.isdisjoint(reading.lexicon.pronouns - readers)


def _prepare_parts(groups: dict[str, str]) -> dict[str, str]:
    """Make of a pattern's groups what its forms may ask for."""
    parts = {
        name: text.strip(" ,") if name != "r" else text.rstrip(" ,")
        for name, text in groups.items()
    }
    parts["r"] = re.sub(wording.FILLERS, "", parts.get("r", ""))
    parts["w"] = parts.get("w", "").lower()
    parts |= {f"{name}_me": _speak_as_reader(text) for name, text in parts.items()}
    parts |= {n.upper(): text[:1].upper() + text[1:] for n, text in parts.items() if len(n) == 1}
    verb, order = parts.get("v", ""), parts.get("i", "")
    return parts | {
        "v_base": _base_form(verb),
        "do": "does" if verb.endswith("s") else "do",
        "i_t": order[:1].lower() + order[1:],
    }


def _speak_as_reader(text: str) -> str:
    for pattern, word in wording.READER_SPEECH:
        text = re.sub(pattern, word, text)
    return text


def _base_form(verb: str) -> str:
    """Return the infinitive of an English verb of the patterns."""
    if verb in wording.INFINITIVES or not verb.endswith(("s", "ed")):
        return wording.INFINITIVES.get(verb, verb)
    if verb.endswith("ed"):
        return verb[:-1] if verb[:-1] in wording.E_VERBS.split() else verb[:-2]
    return verb[:-2] if verb.endswith(("ches", "shes", "sses", "xes", "oes")) else verb[:-1]


def _finish(text: str, reading: Reading) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    if reading.language == "fr":
        return re.sub(r"\b([Qq]u)e (?=[aeiouyéèê])", r"\1'", text)
    return text


def _offer_titles(reading: Reading) -> Iterator[Offer]:
    offers = [o for heading in reading.headings for o in _offer_heading(heading, reading)]
    is_whole = (
        reading.passage.position == 0 or len(reading.title.split()) > 4 and _covers_title(reading)
    )
    if is_whole and reading.title:
        offers.append((2.5, (reading.title.rstrip("."),)))
    for sentence in reading.sentences:
        if not _QUOTES.search(sentence):
            small = _lower_start(_tidy_sentence(sentence, reading).rstrip(".!"), reading)
            offers += _fill_patterns(reading.lexicon.wording.headlines, small, reading)
    offers += _offer_short_sentences(reading)
    yield from offers or _offer_headline(reading)


def _offer_heading(heading: str, reading: Reading) -> Iterator[Offer]:
    first = _words(heading, reading.language)[:1]
    if _points_outside(heading, reading) or first in (
        ["also"],
        ["see"],
        ["related"],
        ["siehe"],
        ["q"],
    ):
        return
    stems, topic = set(stems_of(heading, reading.language)), reading.topic
    if topic and stems and stems.isdisjoint(stems_of(topic, reading.language)):
        yield (
            2.8,
            (_put_before(topic, _lower_start(heading, reading), reading), f"{heading} ({topic})"),
        )
    elif len(stems) > 1:
        yield 2.8, (heading,)


def _offer_short_sentences(reading: Reading) -> Iterator[Offer]:
    longest = 40 if reading.language in NO_SPACES else 80
    for number, sentence in _clean_sentences(reading):
        if len(sentence) <= longest and _is_claim(sentence, reading):
            weight = 1.2 + _weigh_sentence(number, sentence, reading) / 5
            yield weight, (sentence.rstrip("。！."),)


def _offer_headline(reading: Reading) -> Iterator[Offer]:
    """Make a headline of the topic and two key phrases, for a passage that offers nothing better."""
    topic = reading.topic
    others = [p for p in reading.phrases if p.stems.isdisjoint(map(stem, topic.split()))]
    others = [p for p in others if len(p.stems) > 1 and p.score > 2.2][:2]
    if topic and len(others) > 1 and others[0].stems.isdisjoint(others[1].stems):
        joint = {"de": "und", "fr": "et", "es": "y", "en": "and"}.get(reading.language, "/")
        yield 0.9, (_put_before(topic, f" {joint} ".join(p.text for p in others), reading),)


# --- keywords


def _offer_keywords(reading: Reading) -> Iterator[Offer]:
    """Combine the topic with a key phrase of the passage; without a topic, two key phrases."""
    topic = [stem(w) for w in reading.topic.split()]
    others = [p for p in reading.phrases[:8] if p.score > 2.4 and p.stems.isdisjoint(topic)]
    for phrase in others if topic else ():
        weight = phrase.score + (len(phrase.stems) > 1)
        yield weight, _join_keywords(reading.topic, phrase.text)
    for number, phrase in enumerate(others if len(others) < 3 or not topic else ()):
        for other in others[number + 1 :]:
            if len(phrase.stems) + len(other.stems) > 2 and phrase.stems.isdisjoint(other.stems):
                weight = (phrase.score + other.score) / 2 - 1
                yield weight, _join_keywords(phrase.text, other.text)


def _join_keywords(first: str, second: str) -> tuple[str, ...]:
    texts = (f"{first} {second}".lower(), f"{second} {first}".lower())
    return tuple(t for t in texts if 2 <= len(t.split()) <= 6)


_BUILDERS: dict[str, Callable[[Reading], Iterator[Offer]]] = {
    "question": _offer_questions,
    "keywords": _offer_keywords,
    "claim": _offer_claims,
    "title": _offer_titles,
    "similar": _offer_similar,
}
