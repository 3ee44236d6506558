"""Words that say what a text is about: all but articles, pronouns and their like."""

from functools import cache

from fret.retrieval.tokenize import tokenize

_NAMES = {
    "da": "DANISH", "de": "GERMAN", "en": "EN_PLUS", "es": "SPANISH", "fr": "FRENCH",
    "it": "ITALIAN", "nl": "DUTCH", "no": "NORWEGIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN",
    "sv": "SWEDISH", "tr": "TURKISH", "zh": "CHINESE",
}  # fmt: skip


def list_content_words(text: str, language: str) -> list[str]:
    """Return the content words of a text, lower-case, in order.

    Words are those of `fret.retrieval.tokenize`, without the stop words of the language (those of
    bm25s; for a language that it does not know, of all that it knows). In scripts without spaces
    every second pair of characters counts as a word.
    """
    stop_words = _load_stop_words(language if language in _NAMES else "")
    words: list[str] = []
    for number, word in enumerate(tokenize(text)):
        is_pair = len(word) == 2 and _is_cjk(word)
        if word not in stop_words and not (is_pair and number % 2):
            words.append(word)
    return words


def find_shared(query: str, passage: str, language: str) -> tuple[list[str], float]:
    """Return the content words of a query that its passage has too, and their share."""
    words = list(dict.fromkeys(list_content_words(query, language)))
    theirs = set(tokenize(passage))
    shared = [word for word in words if word in theirs]
    return shared, len(shared) / max(1, len(words))


def _is_cjk(word: str) -> bool:
    return all(0x3040 <= ord(c) <= 0x9FFF or 0xF900 <= ord(c) <= 0xFAFF for c in word)


@cache
def _load_stop_words(language: str) -> frozenset[str]:
    from bm25s import stopwords

    names = [_NAMES[language]] if language else list(_NAMES.values())
    return frozenset(word for name in names for word in getattr(stopwords, f"STOPWORDS_{name}"))
