"""The writer that needs nothing: tasks and queries made from a passage by rules."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
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
_MAX_KEYWORDS = 5


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
    gates = (wording.BOILERPLATE, wording.POINTERS)
    return hash_json([RULES_VERSION, tables, wording.TASKS, gates])[:16]


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
    n_letters, n_digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
    return max(2 * n_digits, 1) <= n_letters and 2 * sum(map(str.isupper, text)) <= n_letters


def _is_balanced(text: str) -> bool:
    pairs = (("(", ")"), ("[", "]"), ("“", "”"), ("«", "»"), ("「", "」"), ("（", "）"))
    return all(text.count(a) == text.count(b) for a, b in pairs) and not set(text) & set('"„')


def _words(text: str, language: str) -> list[str]:
    found = (m.group() for m in find_words(text, language))
    return [w.casefold().replace("’", "'") for w in found if w[0].isalnum()]


def _points_back(text: str, reading: Reading, *, allowed: int) -> bool:
    """Say whether a pronoun is among the first `allowed` words, where nothing is named yet."""
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
    n_words = len(_words(sentence, reading.language))
    return 6 <= n_words <= 30 and _has_fair_opening(sentence, reading)


def _has_fair_opening(sentence: str, reading: Reading) -> bool:
    first, lexicon = _words(sentence, reading.language)[0], reading.lexicon
    if reading.language not in wording.WORDINGS:
        return first in wording.ARTICLES.split() or (first not in lexicon.stops and len(first) > 3)
    is_fragment = first in lexicon.prepositions and "," not in sentence
    if first in lexicon.openers or (is_fragment and reading.language == "en"):
        return False
    return not _points_back(sentence, reading, allowed=5)


def _weigh_sentence(number: int, sentence: str, reading: Reading) -> float:
    """Weigh how much a sentence tells: names, numbers, phrases; less for what it leaves open."""
    stems, words = set(stems_of(sentence, reading.language)), sentence.split()
    score = 0.7 * any(map(str.isdigit, sentence)) + 0.8 * _has_name(sentence, reading)
    score += sum(0.4 for p in reading.phrases[:8] if p.stems <= stems)
    score += 1.2 * (not stems.isdisjoint(_topic_stems(reading)))
    score -= 0.5 * (number == 0) + 0.1 * max(0, len(words) - 20)
    score -= 1.2 * _points_back(sentence, reading, allowed=99)
    return score - 1.2 * _has_open_subject(sentence, reading)


def _has_name(sentence: str, reading: Reading) -> bool:
    return reading.language != "de" and any(w[0].isupper() for w in sentence.split()[1:])


def _topic_stems(reading: Reading) -> set[str]:
    return set(stems_of(reading.topic or reading.title, reading.language))


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
    return (
        len(words) <= 28
        and not _lacks_subject(words, reading)
        and _names_subject(sentence, reading)
    )


def _spoken_words(sentence: str, reading: Reading) -> set[str]:
    """Collect a sentence's words, with the pronoun of a contraction (we've) as a word too."""
    words = _words(sentence, reading.language)
    return {*words, *(w.split("'")[0] for w in words if not w.endswith("'s"))}


def _names_subject(sentence: str, reading: Reading) -> bool:
    """Say whether a claim tells what it is about: the topic, a name, or much else."""
    stems = set(stems_of(sentence, reading.language))
    known = sum(p.stems <= stems for p in reading.phrases[:12])
    is_topical = not stems.isdisjoint(_topic_stems(reading))
    return is_topical or _has_name(sentence, reading) or known > 1 or len(stems) > 5


def _lacks_subject(words: list[str], reading: Reading) -> bool:
    """Say whether a sentence has no subject before its verb, as instructions have none."""
    first, lexicon = words[0], reading.lexicon
    if first in lexicon.verbs:
        return True
    if reading.language == "es" and first not in lexicon.stops:
        is_verb = words[1] in wording.SPANISH_AFTER_VERBS or words[1:3] == ["de", "la"]
        return is_verb or first.endswith(("ar", "er", "ir"))
    orders = set(wording.ORDERS.split()) if reading.language == "en" else set()
    if first in orders or any(a == "and" and b in orders for a, b in pairwise(words)):
        return True
    is_plain = first not in lexicon.stops and not first.endswith(("ing", "s"))
    return is_plain and words[1] in lexicon.determiners and reading.language in {"en", "fr", "es"}


def _offer_similar(reading: Reading) -> Iterator[Offer]:
    for number, sentence in _clean_sentences(reading):
        # Spanish leaves pronouns out: "Crece en ..." does not say what grows.
        words = _words(sentence, reading.language)
        is_open = reading.language == "es" and _lacks_subject(words, reading)
        if not is_open and _SPEAKERS.isdisjoint(_spoken_words(sentence, reading)):
            score = _weigh_sentence(number, sentence, reading) - (number == 0)
            yield score, (_reword(sentence, reading),)


def _reword(sentence: str, reading: Reading) -> str:
    """Say a sentence a little differently where that is safe: swaps of words, a clause moved."""
    body, end = sentence[:-1], sentence[-1]
    plain = text = _lower_start(body, reading)
    for pattern, replacement in reading.lexicon.wording.swaps:
        if not re.search(pattern, plain):  # one rule must not undo another
            continue
        changed = re.sub(pattern, replacement, text, count=1)
        if not (pattern.startswith("^") and _points_back(changed, reading, allowed=99)):
            text = changed
    return text[:1].upper() + text[1:] + end


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
        if not _QUOTES.search(sentence):
            yield from _fill_patterns(words.questions, _lower_start(clean, reading), reading)
    yield from _offer_statements(reading)
    is_whole = reading.passage.position == 0 or _covers_title(reading)
    for heading in (*reading.headings, reading.title) if is_whole else reading.headings:
        yield from _fill_patterns(words.headings, _lower_start(heading, reading), reading)


def _offer_statements(reading: Reading) -> Iterator[Offer]:
    """Ask what a named person said about a key phrase of the sentence."""
    for sentence in reading.sentences if reading.language == "en" else ():
        if match := re.search(wording.STATEMENT, sentence):
            name = match.group("n")
            for phrase in reading.phrases[:12]:
                if phrase.text in sentence and phrase.text.islower() and len(phrase.stems) > 1:
                    forms = (
                        f"What did {name} say about {phrase.text}?",
                        f"{name} on {phrase.text}",
                    )
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
    """Put the page's topic before forms too vague without it; none if there is no topic."""
    stems, topic = set(stems_of(forms[0], reading.language)), reading.topic
    is_definite = re.search(r"\b(?:the|der|die|das)\b", forms[0])
    is_definition = not is_definite and re.match(r"[Ww]hat (?:exactly )?(?:is|are) ", forms[0])
    if is_definition or len(stems) > 3 or (len(stems) > 1 and not is_definite):
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
    stems = set(stems_of(forms[0], reading.language))
    return 0.8 * (not stems.isdisjoint(_topic_stems(reading))) + 0.15 * min(len(stems), 4)


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
    return bool(text.strip()) and text.split()[-1] in wording.UNFINISHED.split()


def _is_noun_phrase(text: str, reading: Reading) -> bool:
    words, lexicon = _words(text, reading.language), reading.lexicon
    if not 1 <= len(words) <= 9 or not stems_of(text, reading.language):
        return False
    if words[0] in lexicon.prepositions | lexicon.openers or words[0] in wording.NUMERALS.split():
        return False
    if words[-1] in lexicon.stops or not (lexicon.verbs | lexicon.pronouns).isdisjoint(words):
        return False
    if reading.language == "de":
        return _is_german_noun(text.split())
    return reading.language != "en" or len(words) == 1 or words[0] not in wording.ORDERS.split()


def _is_german_noun(words: list[str]) -> bool:
    adverb = len(words) == 1 and words[0].endswith(("end", "lich", "ig", "weise", "isch", "t"))
    return words[-1][0].isupper() and not adverb


def _points_outside(text: str, reading: Reading) -> bool:
    """Say whether a pronoun other than those of the reader comes in the text."""
    readers = {"you", "your", "yourself", "i", "me", "my", "myself", "mine", "here", "man"}
    words = set(_words(text, reading.language))
    return not words.isdisjoint(reading.lexicon.pronouns - readers)


def _prepare_parts(groups: dict[str, str]) -> dict[str, str]:
    """Make of a pattern's groups what its forms may ask for."""
    parts = {n: text.rstrip(" ,") if n == "r" else text.strip(" ,") for n, text in groups.items()}
    parts["r"] = re.sub(wording.FILLERS, "", parts.get("r", ""))
    parts["w"] = parts.get("w", "").lower()
    parts |= {f"{name}_me": _speak_as_reader(text) for name, text in parts.items()}
    parts |= {n.upper(): text[:1].upper() + text[1:] for n, text in parts.items() if len(n) == 1}
    verb, order = parts.get("v", ""), parts.get("i", "")
    parts["v_base"], parts["do"] = _base_form(verb), "does" if verb.endswith("s") else "do"
    return parts | {"i_t": order[:1].lower() + order[1:]}


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
    is_telling = len(reading.title.split()) > 4 and _covers_title(reading)
    if reading.title and (reading.passage.position == 0 or is_telling):
        offers.append((2.5, (reading.title.rstrip("."),)))
    for sentence in reading.sentences:
        if not _QUOTES.search(sentence):
            small = _lower_start(_tidy_sentence(sentence, reading).rstrip(".!"), reading)
            offers += _fill_patterns(reading.lexicon.wording.headlines, small, reading)
    offers += _offer_short_sentences(reading)
    yield from offers or _offer_headline(reading)


def _offer_heading(heading: str, reading: Reading) -> Iterator[Offer]:
    stems, topic = set(stems_of(heading, reading.language)), reading.topic
    if not stems or _points_outside(heading, reading) or re.match(wording.ASIDES, heading):
        return
    if topic and stems.isdisjoint(stems_of(topic, reading.language)):
        forms = (
            _put_before(topic, _lower_start(heading, reading), reading),
            f"{heading} ({topic})",
        )
        yield 2.8, forms
    elif len(stems) > 1:
        yield 2.8, (heading,)


def _offer_short_sentences(reading: Reading) -> Iterator[Offer]:
    longest = 40 if reading.language in NO_SPACES else 80
    for number, sentence in _clean_sentences(reading):
        if len(sentence) <= longest and _is_claim(sentence, reading):
            weight = 1.2 + _weigh_sentence(number, sentence, reading) / 5
            yield weight, (sentence.rstrip("。！."),)


def _offer_headline(reading: Reading) -> Iterator[Offer]:
    """Make a headline of topic and two key phrases, where a passage offers nothing better."""
    topic = reading.topic
    others = [p for p in reading.phrases if p.stems.isdisjoint(map(stem, topic.split()))]
    others = [p for p in others if len(p.stems) > 1 and p.score > 2.4][:2]
    if topic and len(others) > 1 and others[0].stems.isdisjoint(others[1].stems):
        joint = {"de": "und", "fr": "et", "es": "y", "en": "and"}.get(reading.language, "/")
        yield 0.9, (_put_before(topic, f" {joint} ".join(p.text for p in others), reading),)


# --- keywords


def _offer_keywords(reading: Reading) -> Iterator[Offer]:
    """Combine the topic with a key phrase of the passage; without a topic, two key phrases."""
    topic = [stem(w) for w in reading.topic.split()]
    fitting = [p for p in reading.phrases[:8] if p.stems.isdisjoint(topic) and p.score > 1.0]
    fitting = [p for p in fitting if len(topic) + len(p.text.split()) <= _MAX_KEYWORDS]
    others = [p for p in fitting if p.score > 2.4] or fitting
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
    return tuple(t for t in texts if 2 <= len(t.split()) <= _MAX_KEYWORDS)


_BUILDERS: dict[str, Callable[[Reading], Iterator[Offer]]] = {
    "question": _offer_questions,
    "keywords": _offer_keywords,
    "claim": _offer_claims,
    "title": _offer_titles,
    "similar": _offer_similar,
}
