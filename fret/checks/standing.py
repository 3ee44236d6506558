"""Whether a query stands alone: somebody who has not seen its passage must understand it.

The commonest fault of written queries (AIR-Bench issue 53). Such signs are looked for: words that
point at the page ("the passage", "according to the author"); an opening that takes up what was said
before ("It was lit in 1811"); a question whose pronoun has nothing to refer to ("When was he
born?"), or that does not say of what ("What are the three steps?"). Words for articles, authors
and texts in general are left alone.
"""

import re
from functools import cache
from itertools import pairwise

from fret.checks import Fault
from fret.checks.pointing import FRENCH_TURNED, POINTING, UNNAMED, Pointing
from fret.language.words import QUESTION_STARTS, QUESTION_WORDS, load_stopwords
from fret.reasons import Reason

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_QUOTED = re.compile(r"[\"“„«「『][^\"”“»」』]*[\"”“»」』]|'(?:the|a|an|this|it)'")
_TURNED = re.compile(FRENCH_TURNED, re.IGNORECASE)
# "how to fix this error: …", "is this normal? My dog …": what follows says what is meant.
_SAID_AFTER = re.compile(r"[:{}()<>=`]|[?.!] \w")
_UNNAMED = frozenset(UNNAMED.split())
# Verbs that say nothing of what a question is about.
_EMPTY_VERBS = (
    "know tell "
    "find found say said show shown begin began start started happen happened publish published "
    "release released vote voted announce announced located founded work made make called"
)
_EMPTY = frozenset(_EMPTY_VERBS.split())


def check_standing(query: str, *, language: str) -> Fault | None:
    """Find a query that cannot be understood without its passage.

    Args:
        language: the query's, an ISO 639-1 code; words of the page are looked for in all languages.
    """
    text = _QUOTED.sub("“…”", query).strip()
    for code in POINTING:
        if found := _page_pattern(code).search(text):
            detail = f"it points at its page with {found.group().strip()!r}: {query[:80]!r}"
            return Fault(Reason.NOT_SELF_CONTAINED, detail)
    pointing = POINTING.get(language)
    if pointing is None:
        return None
    word = _find_dangling(text, language, pointing)
    if word is None:
        return None
    return Fault(Reason.NOT_SELF_CONTAINED, f"nothing says what {word!r} is: {query[:80]!r}")


@cache
def _page_pattern(language: str) -> re.Pattern[str]:
    return re.compile("|".join(POINTING[language].page), re.IGNORECASE)


def _find_dangling(text: str, language: str, pointing: Pointing) -> str | None:
    """Return the word that refers to something that the query does not say."""
    if pointing.harmless and re.search(pointing.harmless, text, re.IGNORECASE):
        return None
    if pointing.bare and (found := re.match(pointing.bare, text)):
        return found.group()
    if pointing.opening and (found := re.match(pointing.opening, text)):
        return None if _SAID_AFTER.search(text) else found.group().split()[0]
    if language == "fr" and (turned := _TURNED.match(text)):
        return turned.group()
    words = _WORD.findall(text)
    if word := _find_pronoun(words, language, pointing):
        return None if _SAID_AFTER.search(text) else word
    return _find_unnamed(words) if language == "en" else None


def _find_pronoun(words: list[str], language: str, pointing: Pointing) -> str | None:
    """Find a pronoun of a question before which nothing was said that it could mean."""
    asking = (
        {*QUESTION_WORDS[language].split(), *QUESTION_STARTS[language].split()}
        if (language in QUESTION_WORDS)
        else set()
    )
    # "In what way …": a preposition may come first.
    if asking.isdisjoint(word.casefold() for word in words[:2]):
        return None
    stops, pronouns = load_stopwords(language) | asking, pointing.pronouns.split()
    for number, word in enumerate(words):
        # German "Sie" is the reader, "sie" is they.
        if (word if language == "de" else word.casefold()) in pronouns:
            return None if _is_general(words[number:], language, stops) else word
        if word.casefold() not in stops and word.casefold() not in _EMPTY:
            return None
    return None


def _is_general(rest: list[str], language: str, stops: frozenset[str]) -> bool:
    """Whether a pronoun means anybody or what follows: "how do they make glass"."""
    names = any(word[:1].isupper() or word[:1].isdigit() for word in rest[1:])
    content = [word for word in rest[1:] if word.casefold() not in stops]
    match rest[0].casefold():
        case "they" | "them" if language == "en":
            return names or len(content) > 1
        case "he" | "she" | "his" | "her" | "him" if language == "en":
            return names
        case "that" if language == "en":
            return bool(content)
        case _:
            return False


def _find_unnamed(words: list[str]) -> str | None:
    """Find "the company" and its like in a question that names nothing else."""
    lowered = [word.casefold() for word in words]
    found = [b for a, b in pairwise(lowered) if a in {"the", "this"} and b in _UNNAMED]
    if not found or any(w[:1].isupper() or w[:1].isdigit() for w in words[1:]):
        return None
    stops = load_stopwords("en")
    others = [w for w in lowered if w not in stops and w not in _UNNAMED and w not in _EMPTY]
    return f"the {found[0]}" if not others else None
