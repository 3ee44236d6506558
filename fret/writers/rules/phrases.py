"""The key phrases of a passage and the topic of its page.

Key phrases are runs of content words between stopwords and punctuation (RAKE, Rose et al. 2010),
cut further by what stands around them: before an article, or after a modal, there is a verb.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from fret.writers.rules.english import ENGLISH, ORDERS
from fret.writers.rules.reading import (
    NO_SPACES,
    Lexicon,
    Reading,
    find_words,
    load_lexicon,
    stem,
)
from fret.writers.rules.verbs import load_plain_verbs, load_verbs

_ROMANCE = frozenset({"fr", "es", "it", "pt"})
_LY_NOUNS = {"family", "supply", "reply", "assembly", "butterfly", "anomaly", "monopoly", "jelly"}
_ORDERS = frozenset(ORDERS.split())
_AFTER_VERBS = {"that", "to", "up", "out", "off"}
_BEFORE_INFINITIVES = {"para", "al", "sin", "pour", "sans"}
_NOT_LAST = {
    "en": ("ed", "ing", "ful", "ous", "able", "ible", "less", "grey", "white", "black", "ward"),
    "fr": ("er", "ez", "ait", "aient", "é", "ée", "és", "ées"),
    "es": ("ar", "er", "ir", "ando", "iendo", "ado", "ada", "ados", "adas"),
}


@dataclass(frozen=True)
class Phrase:
    """A key phrase as it is written in the passage."""

    text: str
    score: float
    stems: frozenset[str]


@dataclass(frozen=True)
class _Found:
    """One place where a phrase stands."""

    text: str
    words: tuple[str, ...]
    position: float
    has_article: bool
    in_sentence: bool


# Every rule asks for these, and all of them are done with one reading before the next is begun.
@lru_cache(maxsize=1)
def rank_phrases(reading: Reading) -> tuple[Phrase, ...]:
    """List the key phrases of a passage, the best one first."""
    if reading.language in NO_SPACES:
        return ()
    texts = (*reading.headings, *reading.sentences)
    places: dict[frozenset[str], list[_Found]] = {}
    for number, text in enumerate(texts):
        for found in _find_phrases(text, reading.language, number / len(texts)):
            places.setdefault(frozenset(map(stem, found.words)), []).append(found)
    title = reading.title_stems
    phrases = [Phrase(f[0].text, _score(f, reading, title), key) for key, f in places.items()]
    phrases = [p for p in phrases if p.score > 0]
    return tuple(sorted(phrases, key=lambda p: (-p.score, p.text)))


@lru_cache(maxsize=1)
def find_topic(reading: Reading) -> str:
    """Choose the title's noun phrase whose words the passage, or the page's address, repeats.

    It tells what the page is about; empty if none does.
    """
    best: tuple[float, str] = (0.0, "")
    for found in _find_phrases(reading.title, reading.language, 0.0):
        hits = [reading.stems[stem(w)] for w in found.words]
        in_address = _is_in_address(found, reading)
        # A word of a plain title counts though the passage lacks it; headlines capitalise verbs.
        is_plain = any(hits) and all(w.islower() for w in found.words[1:])
        is_said = all(hits) and (len(hits) > 1 or hits[0] > 1)
        is_sure = is_said or is_plain or (in_address and not any(hits))
        text = found.text if is_sure else _keep_said(found, reading)
        text = re.sub(r"['’]s$", "", text) if reading.language == "en" else text
        is_participle = len(found.words) == 1 and text.endswith("ed")
        if len(text) > 2 and not is_participle and reading.language not in NO_SPACES:
            weight = sum(min(h, 5) for h in hits) + 4 * in_address + len(found.words) / 10
            best = max(best, (weight, text))
    return best[1]


def _is_in_address(found: _Found, reading: Reading) -> bool:
    address = reading.passage.url.casefold().rsplit("/", 1)[-1]
    return "’" not in found.text and all(stem(w)[:4] in address for w in found.words)


def _keep_said(found: _Found, reading: Reading) -> str:
    """Keep of a title's phrase the words that the passage says; the others may be verbs."""
    said = [re.sub(r"['’]s$", "", w) for w in found.words if reading.stems[stem(w)]]
    is_frequent = len(said) == 1 and len(said[0]) > 3 and reading.stems[stem(said[0])] > 2
    return " ".join(said) if len(said) > 1 or is_frequent else ""


def _score(places: list[_Found], reading: Reading, title: frozenset[str]) -> float:
    """Score a phrase by frequency, length, articles, capitals, title and spread; 0 is no phrase."""
    words, first = places[0].words, places[0]
    names = all(w[0].isupper() for w in words) and any(p.in_sentence for p in places)
    count = sum(min(reading.stems[stem(w)], 4) for w in words) / len(words)
    if _is_chance(places, count, reading.language):
        return 0.0
    score = count / 2 + (0, 0, 1.2, 1.3, 0.6)[min(len(words), 4)] + min(len(places) - 1, 2) * 0.7
    score += 0.6 * any(p.has_article for p in places) + 0.7 * (names and len(words) > 1)
    score += 0.5 * (not title.isdisjoint(map(stem, words)))
    score += 0.4 * (places[-1].position - first.position > 0.3)
    score += 0.8 * any(first.text in heading for heading in reading.headings)
    if reading.language in _ROMANCE and len(words) == 2 and len(places) == 1:
        # Noun and verb look like noun and adjective; with a "de" between them they are two nouns.
        score += 0.3 if len(first.text.replace("'", " ").split()) > 2 else -0.8
    return score


def _is_chance(places: list[_Found], count: float, language: str) -> bool:
    """Say whether what looks like a phrase may be words that happen to meet, or a stray verb."""
    words, first = places[0].words, places[0]
    if len(words[0]) < 3:
        return True
    if len(words) > 1:
        return language == "de" and len(places) == 1 and words[0][0].isupper()
    if words[0][0].isupper() and first.in_sentence and language != "de":
        return False
    is_noun = any(p.has_article for p in places)
    return not is_noun or not (count > 1 or len(words[0]) > 9)


def list_phrase_texts(text: str, language: str) -> list[str]:
    """List what look like noun phrases in a text, in their order, without possessive endings."""
    found = (f.text for f in _find_phrases(text, language, 0.0))
    return [re.sub(r"['’]s\b|['’](?!\w)", "", text) if language == "en" else text for text in found]


def _find_phrases(text: str, language: str, position: float) -> Iterator[_Found]:
    """Find runs of content words that look like noun phrases."""
    lexicon, matches = load_lexicon(language), find_words(text, language)
    words = [m.group() for m in matches]
    runs = _find_runs(words, lexicon)
    for begin, end in _split_at_verbs(words, runs) if language == "en" else runs:
        begin, end = _trim_run(words, begin, end, language)
        if 0 < end - begin <= 4:
            before = words[begin - 1].casefold() if begin else ""
            yield _Found(
                text=text[matches[begin].start() : matches[end - 1].end()],
                words=tuple(w for w in words[begin:end] if w.casefold() not in lexicon.links),
                position=position,
                has_article=before in lexicon.determiners | lexicon.prepositions,
                in_sentence=begin > 0,
            )


def _find_runs(words: list[str], lexicon: Lexicon) -> Iterator[tuple[int, int]]:
    begin: int | None = None
    is_sentence = sum(map(str.islower, words)) > len(words) / 2
    for number, word in enumerate([*words, "."]):
        is_link = (
            begin is not None
            and word.casefold() in lexicon.links
            and number + 1 < len(words)
            and _is_content(words[number + 1], lexicon)
            and number - begin <= 2
        )
        is_name = is_sentence and number > 1 and word.istitle() and words[number - 1].istitle()
        if _is_content(word, lexicon) or (is_name and begin is not None and len(word) > 2):
            begin = number if begin is None else begin
        elif begin is not None and not is_link:
            yield begin, number
            begin = None


def _split_at_verbs(words: list[str], runs: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Split English runs at -s and -ed in their middle: in a noun phrase plurals come last."""
    for begin, end in runs:
        start = begin
        for number in range(begin, end - 1):
            word = words[number]
            is_plural = re.search(r"(?<![suia'])s$", word) and words[number + 1] != "of"
            is_verbal = is_plural or (number > begin and word.endswith("ed"))
            if is_verbal and word.islower():
                yield start, number
                start = number + 1
        yield start, end


def _is_content(word: str, lexicon: Lexicon) -> bool:
    if word == "New":  # York, Zealand
        return True
    if lexicon.wording is ENGLISH and word.casefold() in load_plain_verbs():
        return False
    if re.search(r"['’](?:ve|re|ll|d|m|t)$", word):
        return False
    is_word = word[0].isalpha() and len(word) > 1 and word.casefold() not in lexicon.stops
    return is_word and not (lexicon.wording is ENGLISH and _is_adverb(word))


def _is_adverb(word: str) -> bool:
    return len(word) > 4 and word.endswith("ly") and word.islower() and word not in _LY_NOUNS


def _trim_run(words: list[str], begin: int, end: int, language: str) -> tuple[int, int]:
    """Cut from a run the words that their neighbours show to be verbs."""
    lexicon = load_lexicon(language)
    before = words[begin - 1].casefold() if begin else ""
    after = words[end].casefold() if end < len(words) else "."
    if _begins_with_verb(words, begin, before, language):
        begin += 1
    if end > begin and after in lexicon.determiners | lexicon.pronouns | _AFTER_VERBS:
        end -= words[end - 1].islower()
    if language == "de":
        return _trim_german(words, begin, end) if before not in {"des", "eines"} else (0, 0)
    return _trim_links(words, begin, _trim_endings(words, begin, end, language), lexicon)


def _begins_with_verb(words: list[str], begin: int, before: str, language: str) -> bool:
    lexicon, word = load_lexicon(language), words[begin]
    if language in {"fr", "es"} and (begin == 0 or before in _BEFORE_INFINITIVES):
        return word.endswith(("ar", "er", "ir"))
    if begin == 0:
        return language == "en" and word.casefold() in _ORDERS
    if language == "en" and before not in lexicon.determiners | lexicon.prepositions:
        return load_verbs().get(word, ("", ""))[1] == "past" or before in {"to", "or"}
    is_verbal = before in lexicon.pronouns | lexicon.verbs | {"to", "someone", "or"}
    return is_verbal and before not in lexicon.determiners and word.islower()


def _trim_links(words: list[str], begin: int, end: int, lexicon: Lexicon) -> tuple[int, int]:
    while begin < end and words[begin].casefold() in lexicon.links:
        begin += 1
    while begin < end and words[end - 1].casefold() in lexicon.links:
        end -= 1
    return begin, end


def _trim_endings(words: list[str], begin: int, end: int, language: str) -> int:
    """Cut participles, infinitives and some adjectives from the end, where a noun should be."""
    endings = _NOT_LAST.get(language, ())
    if language == "en" and end - begin > 1 and words[end - 2][0].isupper():
        # Sondland faces, Trump says
        is_verb = (
            words[end - 1].islower() and load_verbs().get(words[end - 1], ("", ""))[1] == "third"
        )
        end -= is_verb
    while end > begin and words[end - 1].islower() and len(words[end - 1]) > 4:
        is_gerund = language == "en" and end - begin == 2 and words[end - 1].endswith("ing")
        if is_gerund or not words[end - 1].endswith(endings):
            break
        end -= 1
    return end


def _trim_german(words: list[str], begin: int, end: int) -> tuple[int, int]:
    """German nouns are capitalised; only an adjective may stand before them."""
    while end > begin and not words[end - 1][0].isupper():
        end -= 1
    while begin < end and words[begin].islower() and not words[begin].endswith(("e", "es")):
        begin += 1
    return begin, end
