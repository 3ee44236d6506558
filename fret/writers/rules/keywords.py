"""Search words: the topic and the key phrases of a passage, put together."""

from collections.abc import Iterator

from fret.writers.rules.phrases import find_topic, rank_phrases
from fret.writers.rules.reading import Offer, Reading, stem

_MAX_WORDS = 5


def offer_keywords(reading: Reading) -> Iterator[Offer]:
    """Combine the topic with a key phrase of the passage; without a topic, two key phrases."""
    topic = [stem(w) for w in find_topic(reading).split()]
    fitting = [p for p in rank_phrases(reading)[:8] if p.stems.isdisjoint(topic) and p.score > 1.0]
    fitting = [p for p in fitting if len(topic) + len(p.text.split()) <= _MAX_WORDS]
    others = [p for p in fitting if p.score > 2.4] or fitting
    for phrase in others if topic else ():
        weight = phrase.score + (len(phrase.stems) > 1)
        yield weight, _join_keywords(find_topic(reading), phrase.text)
    for number, phrase in enumerate(others if len(others) < 3 or not topic else ()):
        for other in others[number + 1 :]:
            if len(phrase.stems) + len(other.stems) > 2 and phrase.stems.isdisjoint(other.stems):
                weight = (phrase.score + other.score) / 2 - 1
                yield weight, _join_keywords(phrase.text, other.text)


def _join_keywords(first: str, second: str) -> tuple[str, ...]:
    texts = (f"{first} {second}".lower(), f"{second} {first}".lower())
    return tuple(t for t in texts if 2 <= len(t.split()) <= _MAX_WORDS)
