"""Search words: the topic and the key phrases of a passage, put together."""

from collections.abc import Iterator

from fret.writers.rules.phrases import Phrase, find_topic, list_phrase_texts, rank_phrases
from fret.writers.rules.reading import Offer, Reading, list_stems, list_words, stem
from fret.writers.rules.statements import offer_clause_keywords

_MAX_WORDS = 5


def offer_keywords(reading: Reading) -> Iterator[Offer]:
    """Take a statement's or the title's nouns, or join the topic and a key phrase."""
    yield from offer_clause_keywords(reading)
    if reading.passage.position == 0:
        yield from _offer_title_words(reading)
    yield from _offer_pairs(reading)


def _offer_title_words(reading: Reading) -> Iterator[Offer]:
    """Type the nouns of the title, in their order."""
    lexicon, title = reading.lexicon, list_words(reading.title, reading.language)
    small = lexicon.determiners | lexicon.prepositions | lexicon.openers | {"to"}
    kept = [w for w in title if w not in small and len(w) > 1]
    is_sentence = sum(map(str.islower, reading.title.split())) >= len(title) / 2
    is_known = all(stem(w) in reading.stems for w in kept)
    if is_sentence and is_known and 3 <= len(kept) <= 5 and len(kept) < len(title):
        yield 3.9, (" ".join(kept),)
    # "Kettle cleaning", "Apollo 11": as short a title is what people type.
    if is_known and 2 <= len(kept) <= 3 and len(kept) == len(title):
        yield 2.0, (" ".join(kept),)
    phrases = list_phrase_texts(reading.title, reading.language)
    words = " ".join(phrases).split()
    known = [stem(w) in reading.stems for w in words if w.casefold() not in reading.lexicon.links]
    if len(phrases) < 4 and all(known) and 3 <= len(words) <= 6 and len(set(words)) == len(words):
        yield 4.0, (" ".join(words).lower(),)


def _offer_pairs(reading: Reading) -> Iterator[Offer]:
    topic = [stem(w) for w in find_topic(reading).split()]
    is_word = len(topic) == 1 and (
        reading.language == "de" or not reading.uses[find_topic(reading).capitalize()]
    )
    if is_word and reading.stems[topic[0]] < 3:
        return
    fitting = [p for p in rank_phrases(reading)[:8] if p.stems.isdisjoint(topic) and p.score > 1.0]
    fitting = [p for p in fitting if len(topic) + len(p.text.split()) <= _MAX_WORDS]
    others = [p for p in fitting if p.score > 2.4] or fitting
    for phrase in others if topic else ():
        if not _stand_together(phrase, topic, reading):
            continue
        weight = phrase.score + (len(phrase.stems) > 1)
        yield weight, _join_keywords(find_topic(reading), phrase.text)


def _join_keywords(first: str, second: str) -> tuple[str, ...]:
    texts = (f"{first} {second}".lower(), f"{second} {first}".lower())
    return tuple(t for t in texts if 2 <= len(t.split()) <= _MAX_WORDS)


def _stand_together(phrase: Phrase, topic: list[str], reading: Reading) -> bool:
    """Say whether a phrase heads a part of the passage, comes often, or stands beside the topic."""
    if len(phrase.stems) > 1 and any(phrase.text in heading for heading in reading.headings):
        return True
    both = f"{find_topic(reading)} {phrase.text}".split()
    # Two names do not say what is sought.
    if len(both) < 3 or (reading.language != "de" and all(w[0].isupper() for w in both)):
        return False
    text = reading.passage.text
    often = text.count(phrase.text) > 1 or min(reading.stems[s] for s in phrase.stems) > 2
    if len(phrase.stems) < 2 and reading.language == "en":
        return False  # "success", "region": a word alone says little beside the topic
    is_beside = any(
        phrase.text in sentence and set(topic) <= set(list_stems(sentence, reading.language))
        for sentence in reading.sentences
    )
    if reading.language == "en":
        return often and is_beside and len(topic) > 1
    return (often and len(both) > 2) or (is_beside and len(phrase.stems) > 1)
