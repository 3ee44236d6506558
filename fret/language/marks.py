"""What turns a query into another one, though its content words stay the same."""

import re
import unicodedata
from functools import cache, lru_cache

from fret.language.words import QUESTION_WORDS
from fret.retrieval.tokenize import is_run

# Little words that are opposed to others or to their absence; a slash joins forms of one word.
# Of a pair such as on and off one is enough, and the commoner one says little: "hotels in Paris".
_TURNING = {
    "en": "not/no/cannot/cant/dont/doesnt/didnt/isnt/arent/wont/shouldnt/wouldnt/couldnt never "
    "without off out up down left right before after above below over under against less/fewer "
    "least/fewest more most few first last same other about since until from often much many",
    "de": "nicht/kein/keine/keinen/keiner/keinem/keines nie/niemals ohne aus ab vor/bevor "
    "nach/nachdem über unter gegen weniger mehr wenigsten meisten erste/ersten/erster/erstes "
    "letzte/letzten/letzter/letztes hinter von oft lange viel/viele",
    "fr": "pas/ne jamais sans avant après plus moins contre sous dessus dessous hors depuis entre "
    "premier/première dernier/dernière",
    "es": "no nunca/jamás sin antes después más menos contra desde bajo fuera hasta entre "
    "primer/primero/primera último/última",
    "ru": "не нет/нельзя никогда без до после перед под над от/из больше/более меньше/менее против",
}  # fmt: skip
# Question words that are one word in several forms. What is asked with "what" is said by the rest:
# "what is a moor", "a moor".
_ASKING = {
    "en": "who/whom/who's what/which/what's/whats where/where's how/how's",
    "de": "wer/wen/wem was/welche/welcher/welches/welchem/welchen warum/wieso/weshalb",
    "fr": "que/qu/quoi/quel/quelle/quels/quelles/est-ce qui/lequel/laquelle",
    "es": "qué/cuál/cuáles quién/quiénes cuánto/cuánta/cuántos/cuántas dónde/adónde",
    "ru": "кто/кого/кому что/чего/чем/какой/какая/какое/какие/каким/ли почему/зачем",
}
_SAYS_LITTLE = frozenset(["what", "was", "que", "qué", "что"])
_CHINESE = (
    "什么时候/何时/几时 哪里/哪儿/何处/何地 谁 为什么/为何 怎么/怎样/如何 "
    "多少 多久 多大 不 没 无 前 后"
)
# Words of one letter: articles, prepositions and pronouns.
_LETTER_WORDS = {
    "en": "a i", "de": "", "fr": "a à y t", "es": "a y o e u", "ru": "а в и к о с у я ж б",
}  # fmt: skip
_OTHER_LETTER_WORDS = "a e i o u y à é è ò å ö w z k s v а в и к о с у я"

_WORD = re.compile(r"(?<![^\W_])-?\d+(?:[.,]\d+)*[^\W_]*|[^\W_]+(?:'[^\W_]+)*[+#]*")
_ROMAN = re.compile(r"(?=..)x{0,3}(?:ix|iv|v?i{0,3})")
DOTTED = re.compile(r"(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
"""The dots of an abbreviation such as U.S., but the last."""


@lru_cache(maxsize=4096)
def find_marks(text: str, language: str) -> frozenset[str]:
    """Return what must agree where two queries are to be the same: numbers, negations, question
    words, words such as "off" and "before", and letters that stand alone ("vitamin C").

    Args:
        language: an ISO 639-1 code; for one that fret does not know, the words of all count.
    """
    text = DOTTED.sub("", unicodedata.normalize("NFKC", text).replace("’", "'"))
    if text.isupper():
        text = text.lower()
    table, letters = _load_words(language)
    words = _WORD.findall("".join(" " if is_run(c) else c for c in text))
    found = set(_find_letters(words, letters))
    for word in (word.lower() for word in words):
        if word[0] in "-0123456789" or word[-1] in "+#" or _ROMAN.fullmatch(word):
            found.add(word)
        elif mark := "not" if word.endswith("n't") else table.get(word):
            found.update(mark.split())
    lowered = [word.lower() for word in words]
    if {"from", "to"} <= set(lowered) and lowered.index("to") < lowered.index("from"):
        found.add("to … from")
    found.update(mark for form, mark in _load_chinese() if form in text)
    return frozenset(found)


def _find_letters(words: list[str], letters: frozenset[str]) -> set[str]:
    """Find letters that are names: neither articles nor, at the beginning, capital articles."""
    found = set()
    for number, word in enumerate(words):
        if len(word) != 1 or not word.isalpha():
            continue
        before = words[number - 1] if number else ""
        # "World War I", but "what should I do".
        named = word.isupper() and number > 0 and (word != "I" or (number > 1 and before.istitle()))
        if named or word.lower() not in letters:
            found.add(word.lower())
    return found


@cache
def _load_words(language: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return (words that turn a query, each with its first form; words of one letter)."""
    table: dict[str, str] = {}
    known = language in QUESTION_WORDS
    for code in (language,) if known else QUESTION_WORDS:
        asking = {word: word for word in QUESTION_WORDS[code].split()} | _join(_ASKING[code])
        table |= {word: first for word, first in asking.items() if first not in _SAYS_LITTLE}
        table |= _join(_TURNING[code])
    table["wieviel"] = "wie viel"
    return table, frozenset((_LETTER_WORDS[language] if known else _OTHER_LETTER_WORDS).split())


@cache
def _load_chinese() -> tuple[tuple[str, str], ...]:
    return tuple(_join(_CHINESE).items())


def _join(groups: str) -> dict[str, str]:
    return {word: group.split("/")[0] for group in groups.split() for word in group.split("/")}
