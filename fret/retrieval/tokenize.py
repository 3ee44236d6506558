"""Tokens for retrieval: lower-case words, and pairs of neighbouring characters without spaces."""

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

# Chinese, Japanese, Thai, Lao, Burmese and Khmer write no spaces: single characters say too little,
# pairs do well without a dictionary (XQuAD, nDCG@10 of BM25: zh 0.11 on whole runs, 0.96 on pairs;
# th 0.94 on pairs; tests/benchmarks/retrieval.py).
_RUN = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# Accents, Hebrew and Arabic points, Indic vowel signs: inside words, but not \w for Python.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    r"\u0670\u0900-\u0963\u0966-\u0df3"
)
_TOKEN = re.compile(rf"[{_RUN}]+|[^\W_{_RUN}]+(?:[{_MARKS}]+[^\W_{_RUN}]*)*")
_IS_RUN = re.compile(rf"[{_RUN}]")
_ASCII_TOKEN = re.compile(r"[a-z0-9]+")

_STOPWORD_LISTS = {
    "en": "EN_PLUS", "de": "GERMAN", "fr": "FRENCH", "es": "SPANISH", "it": "ITALIAN",
    "nl": "DUTCH", "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH", "no": "NORWEGIAN",
    "da": "DANISH", "tr": "TURKISH", "zh": "CHINESE",
}  # fmt: skip


def tokenize(text: str) -> list[str]:
    """Return the tokens of a text, in order."""
    if text.isascii():  # the same tokens, five times faster
        return _ASCII_TOKEN.findall(text.lower())
    tokens: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        if len(token) > 1 and _IS_RUN.match(token):
            tokens += [token[i : i + 2] for i in range(len(token) - 1)]
        else:
            tokens.append(token)
    return tokens


def find_tokens(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the tokens of a text stand in it, as it is written: start and end of each."""
    for found in _TOKEN.finditer(text):
        start, end = found.span()
        if end - start > 1 and _IS_RUN.match(found[0]):
            yield from ((i, i + 2) for i in range(start, end - 1))
        else:
            yield start, end


def is_run(text: str) -> bool:
    """Whether a text begins with a character of a script that writes no spaces."""
    return _IS_RUN.match(text) is not None


@cache
def list_stopwords(language: str) -> frozenset[str]:
    """Return the stop words that bm25s knows of a language; none where it knows none."""
    from bm25s import stopwords  # half a second: it brings numba

    name = _STOPWORD_LISTS.get(language)
    return frozenset(getattr(stopwords, f"STOPWORDS_{name}") if name else ())


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Tokens of passages and of queries, each by its own language.

    A corpus may mix languages; in one without a stemmer, words stay as they are.
    """

    stem: bool = False
    """Whether forms of one word are one token, by the Snowball stemmer of the language."""
    stopwords: bool = False
    """Whether the stop words that bm25s lists for the language are left out."""
    default: str = ""
    """The language of a text whose own is unknown: a query has no stems otherwise, and so misses
    the passages that do."""

    def tokenize(self, text: str, language: str) -> list[str]:
        """Return the tokens of a text in a language (ISO 639-1; empty where unknown), in order."""
        language = language.partition("-")[0] or self.default
        tokens = tokenize(text)
        if self.stopwords and (stops := list_stopwords(language)):
            tokens = [token for token in tokens if token not in stops]
        return _stem_tokens(tokens, language) if self.stem else tokens


# A Snowball stemmer keeps what it works on in itself: two threads would spoil each other's words.
_STEMMING = threading.Lock()


@cache
def _load_stemmer(language: str) -> Any:
    import Stemmer

    # By codes only: the library also knows names, such as that of a second English stemmer.
    if len(language) != 2:
        return None
    try:
        return Stemmer.Stemmer(language)
    except KeyError:
        return None


def _stem_tokens(tokens: list[str], language: str) -> list[str]:
    with _STEMMING:
        stemmer = _load_stemmer(language)
        return tokens if stemmer is None else list(stemmer.stemWords(tokens))
