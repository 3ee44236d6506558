"""Sentences that say something on their own: claims, and sentences worded anew."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from fret.writers.rules.english import ORDERS
from fret.writers.rules.languages import ARTICLES, WORDINGS
from fret.writers.rules.phrases import find_topic, rank_phrases
from fret.writers.rules.reading import NO_SPACES, Offer, Reading, list_stems, list_words, stem
from fret.writers.rules.spanish import SPANISH_AFTER_VERBS
from fret.writers.rules.verbs import AUXILIARIES, load_verbs
from fret.writers.rules.wording import READERS, SPEAKERS

_SPEAKERS = frozenset(SPEAKERS.split())
_READERS = frozenset(READERS.split()) | _SPEAKERS


def offer_claims(reading: Reading) -> Iterator[Offer]:
    """Offer the sentences that say of something named what can be checked."""
    for number, sentence in list_clean_sentences(reading):
        if reading.language == "en" and not _names_early(sentence, reading):
            continue
        if is_claim(sentence, reading):
            weight = weigh_sentence(number, sentence, reading)
            short = _shorten(sentence, reading)
            yield weight, (_reword(short or sentence, reading),)


def _shorten(sentence: str, reading: Reading) -> str:
    """Leave out the subordinate clause at a sentence's end; empty if too little is left."""
    if reading.language in NO_SPACES:
        first = re.split("[，、,]", sentence)[0]
        return f"{first}。" if 8 <= len(first) < len(sentence) - 1 else ""
    tails = reading.lexicon.wording.tails
    match = re.search(tails, sentence) if tails else None
    short = sentence[: match.start()].rstrip(" ,") + "." if match else ""
    is_enough = len(short.split()) > 5 and len(set(list_stems(short, reading.language))) > 2
    return short if is_enough and short.split()[-1].strip(".") not in reading.lexicon.stops else ""


def offer_similar(reading: Reading) -> Iterator[Offer]:
    """Offer any sentence that stands alone, claims or not, a little reworded."""
    for number, sentence in list_clean_sentences(reading):
        # Spanish leaves pronouns out: "Crece en ..." does not say what grows.
        words = list_words(sentence, reading.language)
        is_open = reading.language == "es" and _lacks_subject(words, reading)
        if reading.language == "en" and not _names_early(sentence, reading):
            continue
        if not is_open and _SPEAKERS.isdisjoint(_list_spoken_words(sentence, reading)):
            score = weigh_sentence(number, sentence, reading) - (number == 0)
            yield score, (_reword(sentence, reading),)


def _names_early(sentence: str, reading: Reading) -> bool:
    """Say whether an English sentence tells soon what it is about."""
    start = " ".join(sentence.split()[:7])
    is_topical = not reading.title_stems.isdisjoint(list_stems(start, "en"))
    is_named = is_topical or _has_name(start, reading) or _is_general(sentence, reading)
    return is_named and not _has_open_subject(sentence, reading)


def _is_general(sentence: str, reading: Reading) -> bool:
    """Say whether a sentence speaks in the present of something without an article."""
    words = list_words(sentence, "en")
    past = {"was", "were", "had", "did", "would"}
    is_past = any(w in past or load_verbs().get(w, ("", ""))[1] == "past" for w in words)
    return not is_past and words[0] not in reading.lexicon.stops and not words[0].endswith("ly")


@lru_cache(maxsize=1)
def list_clean_sentences(reading: Reading) -> list[tuple[int, str]]:
    """List the sentences that can stand alone, tidied, with their places."""
    tidied = [(n, tidy_sentence(s, reading)) for n, s in enumerate(reading.sentences)]
    return [(n, s) for n, s in tidied if _stands_alone(s, reading)]


@lru_cache(maxsize=200)
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


@lru_cache(maxsize=1)
def list_topic_stems(reading: Reading) -> set[str]:
    """List the stems of the topic; where there is none, of the title."""
    return set(list_stems(find_topic(reading) or reading.title, reading.language))


def _has_open_subject(sentence: str, reading: Reading) -> bool:
    """Say whether an English sentence begins with "The company said": which company?"""
    match = re.match(
        r"(?:[^,]{3,40}, )?[Tt]he ((?:[\w-]+ ){1,2}?)(?:\w+ly |also |then )?(\w+)", sentence
    )
    if not match or reading.language != "en":
        return False
    nouns, follower = match.groups()
    named = any(stem(noun) in reading.title_stems for noun in nouns.split())
    verbal = follower in reading.lexicon.verbs or follower in load_verbs()
    return (verbal or follower in AUXILIARIES) and not named


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
    word = re.sub(r"['’]s$", "", word)
    small = word.casefold()
    if word in {"Mr", "Mrs", "Ms", "Dr"} or any(c.isupper() for c in word[1:]):
        return True
    if small in reading.lexicon.stops:
        return False
    n_small, n_inside = reading.uses[small], reading.uses[word]
    if n_small and (reading.language != "en" or n_small >= n_inside):
        return False
    follower = rest.split()[0] if rest.split() else ""
    if reading.language == "de":
        return not (word.endswith(("e", "es", "en", "em")) and follower[:1].isupper())
    return bool(n_inside) or follower[:1].isupper()
