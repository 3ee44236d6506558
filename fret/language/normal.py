"""Texts that differ in case and punctuation alone, made equal."""

import re
import unicodedata

from fret.language.marks import DOTTED

_SIGN = re.compile(r"[^\w\s]|_")
# Punctuation, for Unicode, that says something wherever it stands: percent, references, operators.
_MEANT = frozenset("%‰&*@#")


def normalise(text: str) -> str:
    """Return a text without case, compatibility forms, ordinary punctuation and excess space.

    What stays: symbols (+, <, $), percent, "#" and the like, a minus before a number, the comma or
    point within a number or a name ("node.js"), a point before a name (".NET"), apostrophes within
    words.
    """
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("−", "-")
    text = _SIGN.sub(_weigh, DOTTED.sub("", text))
    return " ".join(text.split())


def _weigh(found: re.Match[str]) -> str:
    sign, text, place = found.group(), found.string, found.start()
    if sign == "`" or (unicodedata.category(sign)[0] == "P" and sign not in _MEANT):
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        return sign if _says_something(sign, before, after) else " "
    return sign


def _says_something(sign: str, before: str, after: str) -> bool:
    match sign:
        case "-":
            return after.isdigit() and not before.isalnum()
        case ".":
            return after.isalnum() and (before.isalnum() or not before.strip())
        case "," | ":" | "/":
            return before.isdigit() and after.isdigit()
        case "'":
            return before.isalnum() and after.isalnum()
        case "!":
            return after == "="
        case _:
            return False
