"""What the rules see in a passage: its language's words, its headings and its sentences."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from fret.records import Passage
from fret.retrieval.tokenize import list_stopwords
from fret.text.splitting import split_sentences
from fret.writers.rules.languages import OTHER, WORDINGS
from fret.writers.rules.wording import Wording

Offer = tuple[float, tuple[str, ...]]
"""What a rule makes of a reading: how good a query is, and the forms of words it may take."""

NO_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "km"})

_ELISION = r"(?:(?:[ldjmtscn]|qu|[ld]all|dell|nell|sull|un)['’])(?=\w)"
_WORD = re.compile(r"[^\W_]+(?:[-'’.&/][^\W_]+)*|[^\w\s]")
_ELIDED_WORD = re.compile(rf"{_ELISION}|{_WORD.pattern}", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d{1,3})\. ")
_ITEM = re.compile(r"^\s*(?:[-–•*·]|(?:step |schritt |étape |paso )?\d{1,3}[.):]|[a-z]\))\s+", re.I)
_EDIT = re.compile(
    r"¶|\s*\[(?:edit|\d+|bearbeiten|modifier|editar|citation needed)\]", re.IGNORECASE
)
_INSIDE = re.compile(r"(?<=[a-zà-ÿ,] )[^\W\d_][\w’'-]*?(?=['’]s\b|[\s,.;:)]|$)")
_SUMMARY = re.compile(r"^Summary:? (?=[A-Z])")
_CODE = re.compile(r"[{}=<>$#]|--|::|\w\(\)|^\s*(?:git|sudo|pip|cd|npm|make|docker) [a-z]+ ?\S*$")
_SITE = re.compile(r"\s+[|–—»·-]\s+")
_LISTS = ("pronouns", "openers", "determiners", "prepositions", "verbs", "links")


@dataclass(frozen=True)
class Lexicon:
    """The word lists of one language, ready to be asked."""

    wording: Wording
    pronouns: frozenset[str]
    openers: frozenset[str]
    determiners: frozenset[str]
    prepositions: frozenset[str]
    verbs: frozenset[str]
    stops: frozenset[str]
    """Words that end a key phrase."""
    links: frozenset[str]


@cache
def load_lexicon(language: str) -> Lexicon:
    """Return the word lists of a language; of one without rules of its own, stopwords only."""
    wording = WORDINGS.get(language, OTHER)
    lists = {name: frozenset(getattr(wording, name).split()) for name in _LISTS}
    stops = list_stopwords(language).union(*lists.values(), wording.weak.split())
    return Lexicon(wording=wording, stops=stops, **lists)


@dataclass(frozen=True, eq=False)
class Reading:
    """A passage taken apart, all in its order. Two readings are never equal."""

    passage: Passage
    language: str
    title: str
    """The page's title without the site's name."""
    headings: tuple[str, ...]
    sentences: tuple[str, ...]

    @cached_property
    def lexicon(self) -> Lexicon:
        return load_lexicon(self.language)

    @cached_property
    def stems(self) -> Counter[str]:
        """Content words of the passage and how often each occurs."""
        return Counter(list_stems(" ".join((*self.headings, *self.sentences)), self.language))

    @cached_property
    def title_stems(self) -> frozenset[str]:
        return frozenset(list_stems(self.title, self.language))

    @cached_property
    def sentence_words(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(list_words(s, self.language)) for s in self.sentences)

    @cached_property
    def uses(self) -> Counter[str]:
        """How often each word stands inside a sentence, written as it is there."""
        texts = (self.title, self.passage.text)
        return Counter(m for text in texts for m in _INSIDE.findall(text))


def read_passage(passage: Passage) -> Reading:
    """Take a passage apart; table rows and lines of code are left out."""
    headings = list(passage.headings[-1:])
    sentences: list[str] = []
    lines = [_EDIT.sub("", line).strip() for line in passage.text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("|") and " | " not in line]
    for number, line in enumerate(lines):
        is_item = _is_item(lines[max(number - 1, 0) : number + 2], line)
        if not is_item and _is_heading(line, is_last=number == len(lines) - 1):
            headings.append(_ITEM.sub("", line))
        elif not _CODE.search(line) or line.endswith("."):
            sentences += split_sentences(_SUMMARY.sub("", _ITEM.sub("", line)))
    title = _tidy_title(passage.title)
    return Reading(passage, passage.language, title, tuple(headings), tuple(sentences))


def _is_item(lines: list[str], line: str) -> bool:
    """Whether a line is an item of a list: has a bullet, or a number that a neighbour goes on from.

    Args:
        lines: it and its neighbours.
    """
    if line.startswith(("- ", "•", "* ")):
        return True
    found = _NUMBERED.match(line)
    others = [int(other[1]) for each in lines if (other := _NUMBERED.match(each))]
    return found is not None and any(abs(int(found[1]) - other) == 1 for other in others)


def _is_heading(line: str, *, is_last: bool) -> bool:
    """A short line without an end; the last line heads a text that the passage does not hold."""
    if is_last or line[-1] in ".!:;,…。！" or _CODE.search(line):
        return False
    return len(line.split()) <= 12 and len(line) > 3 and not line.isupper()


def _tidy_title(title: str) -> str:
    parts = [part for part in _SITE.split(title) if len(part.split()) > 1] or [title]
    is_short = len(parts[0].split()) < 5
    return (max(parts, key=len) if is_short and len(parts[0]) > 9 else parts[0]).strip()


def find_words(text: str, language: str) -> list[re.Match[str]]:
    """Find words and punctuation marks; a French or Italian l' is a word of its own."""
    pattern = _ELIDED_WORD if language in {"fr", "it"} else _WORD
    return list(pattern.finditer(text))


def list_words(text: str, language: str) -> list[str]:
    """List the words of a text in small letters, without the punctuation."""
    found = (m.group() for m in find_words(text, language))
    return [w.casefold().replace("’", "'") for w in found if w[0].isalnum()]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Cut a word so that its plural and its cases mostly look the same."""
    word = word.casefold().removesuffix("'s").removesuffix("’s")
    word = word.removesuffix("s") if len(word) > 3 else word
    return word[: max(4, len(word) - 2)]


def list_stems(text: str, language: str) -> list[str]:
    """List the stems of a text's content words."""
    stops = load_lexicon(language).stops
    words = (m.group() for m in find_words(text, language))
    return [stem(w) for w in words if w[0].isalpha() and w.casefold() not in stops and len(w) > 1]
