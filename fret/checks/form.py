"""The form of a query: its length, and whether it is what its task asks for."""

import re

from fret.checks import Fault
from fret.language.words import QUESTION_WORDS, count_words, has_question_word
from fret.reasons import Reason

# What a model says instead of the query itself, or in front of it.
_TALK = re.compile(
    r"^(?:(?:search )?query|question|task|claim|title|keywords?|suchanfrage|anfrage|frage|requête|"
    r"consulta|查询|запрос)\s*[:：]|"
    r"^(?:here(?:'s| is| are)|sure[,!.]|certainly[,!.]|of course[,!.]|hier ist|hier sind|voici|"
    r"aquí (?:está|tienes?)|вот) .*[:：]|"
    r"\bas an ai (?:language )?(?:model|assistant)\b|^as an ai,",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?。！？](?:\s|$)")
_FORMS = tuple(
    (form, re.compile(pattern))
    for form, pattern in (
        ("", r"\b(?:forum|community|post|duplicate|similar|related|insurance|help)\b"),
        ("question", r"\bquestions?$|\bquestion answering$"),
        ("claim", r"\bclaims?$|\bfacts?$|\b(?:fact|claim) (?:check(?:ing)?|verification)$"),
        ("keywords", r"\bkeywords?\b"),
        ("title", r"\b(?:titles?|headlines?)$|^(?:title|headline) to\b"),
    )
)
_LONGEST_TITLE = 30
_SHORTEST_CLAIM = 4
_LONGEST_KEYWORDS = 12


def check_length(
    query: str,
    *,
    min_words: int,
    max_words: int,
    min_characters: int,
    max_characters: int,
) -> Fault | None:
    """Find a query that is too short to mean something, or too long for one.

    Characters are counted where a script puts no spaces between words.
    """
    words, characters = count_words(query)
    n, unit, low, high = words, "words", min_words, max_words
    if characters > words:
        n, unit, low, high = characters, "characters", min_characters, max_characters
    if n < low:
        return Fault(Reason.QUERY_TOO_SHORT, f"{n} {unit}: {query[:80]!r}")
    if n > high:
        return Fault(Reason.QUERY_TOO_LONG, f"{n} {unit}: {query[:80]!r}")
    return None


def check_form(query: str, *, task_type: str, language: str) -> Fault | None:
    """Find talk about a query, and what cannot be a query of its type.

    Types are known by whole words in their names, see `find_form`; for others, as for posts to a
    forum, and for languages whose question words fret does not know, little is refused.
    """
    if _TALK.search(query):
        return Fault(Reason.NOT_FOR_ITS_TASK, f"talk about a query: {query[:80]!r}")
    problem = _find_problem(query, find_form(task_type), language)
    if problem is None:
        return None
    return Fault(Reason.NOT_FOR_ITS_TASK, f"as {task_type} {problem}: {query[:80]!r}")


def find_form(task_type: str) -> str:
    """Return question, claim, keywords or title where a task type surely says so, else nothing.

    "web search question" is a question; "duplicate question" may be a post, and "fact lookup" asks.
    """
    words = " ".join(task_type.casefold().replace("_", " ").replace("-", " ").split())
    return next((form for form, pattern in _FORMS if pattern.search(words)), "")


def _find_problem(query: str, form: str, language: str) -> str | None:
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(query)]
    asks = query.rstrip().endswith(("?", "？"))
    spaced = count_words(query)[1] == 0
    known = language in QUESTION_WORDS and spaced
    if form == "question":
        return (
            None if asks or not known or has_question_word(words, language) else "it asks nothing"
        )
    if form == "claim":
        if asks:
            return "it claims nothing, it asks"
        return "it is no sentence" if spaced and len(words) < _SHORTEST_CLAIM else None
    if form == "keywords":
        sentence = asks or (query.rstrip().endswith(".") and query[:1].isupper())
        whole = sentence and known and len(words) > _LONGEST_KEYWORDS // 2
        return "it is a whole sentence" if whole or len(words) > 2 * _LONGEST_KEYWORDS else None
    if form == "title":
        several = len(_SENTENCE_END.findall(query)) > 2
        return "it is a text" if several or len(words) > _LONGEST_TITLE else None
    return None
