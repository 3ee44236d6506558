"""Sentences that say something on their own: claims, and sentences worded anew."""

import re
from collections.abc import Iterator
from itertools import pairwise

from fret.writers.rules.english import ORDERS
from fret.writers.rules.languages import ARTICLES, WORDINGS
from fret.writers.rules.phrases import find_topic, rank_phrases
from fret.writers.rules.reading import NO_SPACES, Offer, Reading, list_stems, list_words, stem
from fret.writers.rules.spanish import SPANISH_AFTER_VERBS
from fret.writers.rules.wording import READERS, SPEAKERS

_SPEAKERS = frozenset(SPEAKERS.split())
_READERS = frozenset(READERS.split()) | _SPEAKERS


def offer_claims(reading: Reading) -> Iterator[Offer]:
    """Offer the sentences that say of something named what can be checked."""
    for number, sentence in list_clean_sentences(reading):
        if is_claim(sentence, reading):
            yield weigh_sentence(number, sentence, reading), (_reword(sentence, reading),)


def offer_similar(reading: Reading) -> Iterator[Offer]:
    """Offer any sentence that stands alone, claims or not, a little reworded."""
    for number, sentence in list_clean_sentences(reading):
        # Spanish leaves pronouns out: "Crece en ..." does not say what grows.
        words = list_words(sentence, reading.language)
        is_open = reading.language == "es" and _lacks_subject(words, reading)
        if not is_open and _SPEAKERS.isdisjoint(_list_spoken_words(sentence, reading)):
            score = weigh_sentence(number, sentence, reading) - (number == 0)
            yield score, (_reword(sentence, reading),)


def list_clean_sentences(reading: Reading) -> list[tuple[int, str]]:
    """List the sentences that can stand alone, tidied, with their places."""
    tidied = [(n, tidy_sentence(s, reading)) for n, s in enumerate(reading.sentences)]
    return [(n, s) for n, s in tidied if _stands_alone(s, reading)]


def tidy_sentence(sentence: str, reading: Reading) -> str:
    """Cut brackets, and the connective with which a sentence begins."""
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
    n_words = len(list_words(sentence, reading.language))
    return 6 <= n_words <= 30 and _has_fair_opening(sentence, reading)


def _has_fair_opening(sentence: str, reading: Reading) -> bool:
    first, lexicon = list_words(sentence, reading.language)[0], reading.lexicon
    if reading.language not in WORDINGS:
        return first in ARTICLES.split() or (first not in lexicon.stops and len(first) > 3)
    is_fragment = first in lexicon.prepositions and "," not in sentence
    if first in lexicon.openers or (is_fragment and reading.language == "en"):
        return False
    return not _points_back(sentence, reading, allowed=5)


def _points_back(text: str, reading: Reading, *, allowed: int) -> bool:
    """Say whether a pronoun is among the first `allowed` words, where nothing is named yet."""
    words = list_words(text, reading.language)[:allowed]
    return not reading.lexicon.pronouns.isdisjoint(words)


def weigh_sentence(number: int, sentence: str, reading: Reading) -> float:
    """Weigh how much a sentence tells: names, numbers, phrases; less for what it leaves open."""
    stems, words = set(list_stems(sentence, reading.language)), sentence.split()
    score = 0.7 * any(map(str.isdigit, sentence)) + 0.8 * _has_name(sentence, reading)
    score += sum(0.4 for p in rank_phrases(reading)[:8] if p.stems <= stems)
    score += 1.2 * (not stems.isdisjoint(list_topic_stems(reading)))
    score -= 0.5 * (number == 0) + 0.1 * max(0, len(words) - 20)
    score -= 1.2 * _points_back(sentence, reading, allowed=99)
    return score - 1.2 * _has_open_subject(sentence, reading)


def _has_name(sentence: str, reading: Reading) -> bool:
    return reading.language != "de" and any(w[0].isupper() for w in sentence.split()[1:])


def list_topic_stems(reading: Reading) -> set[str]:
    """List the stems of the topic; where there is none, of the title."""
    return set(list_stems(find_topic(reading) or reading.title, reading.language))


def _has_open_subject(sentence: str, reading: Reading) -> bool:
    """Say whether an English sentence begins with "The company said": which company?"""
    match = re.match(r"The (\w+) (?:\w+ly )?(\w+)", sentence)
    if not match or reading.language != "en":
        return False
    noun, follower = match.groups()
    named = stem(noun) in list_stems(reading.title, "en")
    verbal = follower in reading.lexicon.verbs or follower.endswith(("ed", "s"))
    return verbal and not named


def is_claim(sentence: str, reading: Reading) -> bool:
    """Say whether a sentence states something, and neither instructs nor addresses anybody."""
    if reading.language in NO_SPACES:
        return True
    words = list_words(sentence, reading.language)
    if not _READERS.isdisjoint(_list_spoken_words(sentence, reading)):
        return False
    return (
        len(words) <= 28
        and not _lacks_subject(words, reading)
        and _names_subject(sentence, reading)
    )


def _list_spoken_words(sentence: str, reading: Reading) -> set[str]:
    """Collect a sentence's words, with the pronoun of a contraction (we've) as a word too."""
    words = list_words(sentence, reading.language)
    return {*words, *(w.split("'")[0] for w in words if not w.endswith("'s"))}


def _names_subject(sentence: str, reading: Reading) -> bool:
    """Say whether a claim tells what it is about: the topic, a name, or much else."""
    stems = set(list_stems(sentence, reading.language))
    known = sum(p.stems <= stems for p in rank_phrases(reading)[:12])
    is_topical = not stems.isdisjoint(list_topic_stems(reading))
    return is_topical or _has_name(sentence, reading) or known > 1 or len(stems) > 5


def _lacks_subject(words: list[str], reading: Reading) -> bool:
    """Say whether a sentence has no subject before its verb, as instructions have none."""
    first, lexicon = words[0], reading.lexicon
    if first in lexicon.verbs:
        return True
    if reading.language == "es" and first not in lexicon.stops:
        is_verb = words[1] in SPANISH_AFTER_VERBS or words[1:3] == ["de", "la"]
        return is_verb or first.endswith(("ar", "er", "ir"))
    orders = set(ORDERS.split()) if reading.language == "en" else set()
    if first in orders or any(a == "and" and b in orders for a, b in pairwise(words)):
        return True
    is_plain = first not in lexicon.stops and not first.endswith(("ing", "s"))
    return is_plain and words[1] in lexicon.determiners and reading.language in {"en", "fr", "es"}


def _reword(sentence: str, reading: Reading) -> str:
    """Say a sentence a little differently where that is safe: swaps of words, a clause moved."""
    body, end = sentence[:-1], sentence[-1]
    plain = text = lower_start(body, reading)
    for pattern, replacement in reading.lexicon.wording.swaps:
        if not re.search(pattern, plain):  # one rule must not undo another
            continue
        changed = re.sub(pattern, replacement, text, count=1)
        if not (pattern.startswith("^") and _points_back(changed, reading, allowed=99)):
            text = changed
    return text[:1].upper() + text[1:] + end


def lower_start(sentence: str, reading: Reading) -> str:
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
