"""English names: which words are names, who a surname stands for, and who somebody is."""

# ruff: noqa: E501 - a pattern is read as one line

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from fret.writers.rules.reading import Reading
from fret.writers.rules.wording import list_set

_FULL_NAME = re.compile(
    r"\b(?P<first>[A-Z][a-zéíóúüöäç'’]+(?:[- ][A-Z]\.?)?) (?P<last>(?:[Mm]c|[Mm]ac|O['’]|[Dd]e |van |von )?[A-Z][a-zéíóúüöäç'’-]{2,})\b"
)
_NOT_FIRST = list_set(
    "The A An In On At By For With From And But If When While As After Before It He She They We You "
    "This That These Those President Senator Sen Rep Dr Mr Mrs Ms Gov Judge King Queen Prince New "
    "North South East West San Los Las Saint St United Great Black White Red Big Secretary Prime "
    "Minister Former Attorney General Chief Officer Vice Captain Coach Sir Lord Pope United House "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June "
    "July August September October November December Foreign Ambassador Congressman Rev How Why What "
    "Who Where Is Are Can Will Do Does Did Should Our My Your His Her Its Their No All Some Many Most "
    "More Republican Democrat Democratic Supreme High Federal National Justice Super World Lt Col Maj "
    "Sgt Gen Not Get Best Photo Image Courant Times Post News Daily Amazon Apple Google Microsoft Facebook Twitter"
)


@lru_cache(maxsize=1)
def list_full_names(reading: Reading) -> dict[str, str]:
    """Map surnames to the one full name that the title or the passage gives them."""
    found: dict[str, Counter[str]] = {}
    for match in _FULL_NAME.finditer(f"{reading.title}\n{reading.passage.text}"):
        first, last = match.group("first"), match.group("last")
        last = re.sub(r"['’]s$", "", last)
        if first.split()[0] not in _NOT_FIRST and last not in _NOT_FIRST and "’" not in first:
            found.setdefault(last, Counter())[f"{first} {last}"] += 1
    return {last: next(iter(names)) for last, names in found.items() if len(names) == 1}


def find_full_name(subject: str, reading: Reading) -> str:
    """Write a lone surname out in full where the passage does so elsewhere."""
    bare = re.sub(r"^(?:Mr|Mrs|Ms|Dr)\.? ", "", subject)
    name = list_full_names(reading).get(bare, "")
    return name or subject


def is_name_word(word: str, words: list[str], reading: Reading) -> bool:
    """Say whether a word of a sentence is a name; of its first word, by its use elsewhere."""
    bare = re.sub(r"['’]s?$", "", word)
    if not bare or not bare[0].isupper():
        return False
    if word != words[0]:
        return True
    if any(c.isupper() for c in bare[1:]):
        return True
    if bare.casefold() in reading.lexicon.stops or reading.uses[bare.lower()]:
        return False
    return bool(reading.uses[bare]) or (len(words) > 1 and words[1][:1].isupper())


_ROLES = (
    "chief executive officer|chief executive|CEO|co-founder|founder|chairman|chairwoman|president|"
    "vice president|director|executive director|head coach|coach|manager|captain|spokesman|"
    "spokeswoman|spokesperson|governor|mayor|attorney general|prime minister|foreign minister|"
    "foreign secretary|ambassador|professor|editor|head|owner|leader|commissioner|minister|analyst|"
    "senator|secretary|author|designer|engineer|scientist|researcher|physicist|astronomer|"
    "biologist|economist|lawyer|attorney|historian|journalist|reporter|singer|actor|actress|"
    "player|quarterback|defender|midfielder|striker|goalkeeper|dermatologist|psychologist|"
    "psychiatrist|doctor|physician|chef|consultant|lecturer|fellow|scholar|writer|expert|investigator"
)
_OFFICES = frozenset(
    [
        "CEO",
        "chief executive",
        "president",
        "chairman",
        "director",
        "head coach",
        "manager",
        "captain",
        "governor",
        "mayor",
        "founder",
        "owner",
        "prime minister",
        "foreign minister",
        "attorney general",
        "executive director",
    ]
)
_NAME = (
    r"(?<![Tt]he )(?<!-)(?P<n>[A-Z][a-zéíóúüöäç’-]+ (?:[A-Z]\. )?(?:[Mm]c)?[A-Z][a-zéíóúüöäç-]{2,})"
)
_BEHIND = re.compile(
    rf"{_NAME}, (?:the |an? |also |now |then |its |who is |who was |former )*(?:[\w’'-]+ ){{0,6}}?"
    rf"(?P<r>{_ROLES})s?\b(?: (?:of|at|for) (?:the )?(?P<o>[A-Z][\w&-]+(?: [A-Z][\w&-]+)*)(?=[,.; ]))?"
)
_BEFORE = re.compile(
    rf"\b(?P<o>[A-Z][\w&-]+(?: [A-Z][\w&-]+){{0,2}})(?:['’]s)? (?P<r>(?i:{_ROLES})) {_NAME}"
)


def offer_people(reading: Reading) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Ask who somebody is whom the passage introduces, and who holds an office that it names."""
    known = set(list_full_names(reading).values()) if reading.language == "en" else set()
    for sentence in reading.sentences if known else ():
        for pattern in (_BEHIND, _BEFORE):
            for match in pattern.finditer(sentence):
                name, role, place = match.group("n"), match.group("r"), match.group("o")
                if name not in known or reading.uses[name.split()[0].lower()]:
                    continue
                yield 2.6, (f"Who is {name}?", f"who is {name.lower()}")
                if place and role in _OFFICES and place.split()[0] not in _NOT_FIRST:
                    text = f"Who is the {role} of {place}?"
                    yield 2.4, (text, text[:-1].lower())
