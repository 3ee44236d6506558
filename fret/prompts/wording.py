"""What a model would learn wrongly from the examples of a prompt that writes queries.

Models repeat what the examples show: a query that copies its passage, or speaks of "the passage",
comes back thousands of times.
"""

import re
from collections.abc import Iterator, Sequence

from fret.errors import PromptError
from fret.prompts.prompt import Prompt

# A title or the name of a thing may be so long; more is a copied sentence.
_MAX_COPIED_WORDS = 6
_WORD = re.compile(r"\w+")
_POINTER = re.compile(
    r"\b(?:(?:the|this) (?:passage|article|excerpt|given text|text above)|th(?:e|is) author says|"
    r"according to the (?:text|author)|"
    r"(?:dem|den|der|dieser|diesem|diesen) (?:artikel|textabschnitt|abschnitt)|"
    r"(?:cet|ce) (?:article|texte|passage)|(?:este|el) (?:pasaje|artículo))\b",
    re.IGNORECASE,
)


def check_wording(prompt: Prompt) -> None:
    """Refuse examples that would teach bad queries; only prompts that write queries have such.

    Raises:
        PromptError: naming the example, what is wrong with it, and what to do.
    """
    if prompt.job not in {"write_query", "rewrite_query"}:
        return
    written = "query" if prompt.job == "write_query" else "rewritten"
    for number, example in enumerate(prompt.examples, 1):
        place, query = describe_place(prompt, number), example[written]
        if found := _POINTER.search(query):
            raise PromptError(
                f"The prompt file {prompt.path}: the {written} of {place} says {found[0]!r}. "
                "Whoever asks has no passage before them: name the things it is about."
            )
        if prompt.job == "rewrite_query" and _list_words(query) == _list_words(example["query"]):
            raise PromptError(
                f"The prompt file {prompt.path}: the rewritten of {place} has the words of its "
                "query. Say it in other words."
            )
        if copied := find_copied(query, example.get("passage", "")):
            raise PromptError(
                f"The prompt file {prompt.path}: the {written} of {place} copies its passage "
                f"({copied!r}), and the model would learn to. Put it into other words."
            )


def describe_place(prompt: Prompt, number: int) -> str:
    """Return where an example stands, such as `example 3 of the variant first`."""
    return f"example {number}" + (f" of the variant {prompt.variant}" if prompt.variant else "")


def find_copied(query: str, passage: str) -> str:
    """Return what a query takes over from its passage word for word; empty where that is little.

    That is more than six words on end, or all of a query of four words at least.
    """
    words, theirs = _WORD.findall(query.casefold()), _WORD.findall(passage.casefold())
    length = min(_MAX_COPIED_WORDS + 1, max(4, len(words)))
    runs = set(_list_runs(theirs, length))
    return next((" ".join(run) for run in _list_runs(words, length) if run in runs), "")


def _list_runs(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + length]) for i in range(len(words) - length + 1))


def _list_words(text: str) -> list[str]:
    return sorted(_WORD.findall(text.casefold()))


def refuse_doubles(variants: Sequence[Prompt]) -> None:
    """Refuse a query that two examples have, of whatever variants, or a passage of one variant.

    Raises:
        PromptError: naming both examples.
    """
    if variants[0].job not in {"write_query", "rewrite_query"}:
        return
    if variants[0].job == "write_query":
        for prompt in variants:
            _refuse_doubles([prompt], "passage")
    _refuse_doubles(variants, "query")


def _refuse_doubles(variants: Sequence[Prompt], key: str) -> None:
    first: dict[str, str] = {}
    for prompt in variants:
        for number, example in enumerate(prompt.examples, 1):
            place = describe_place(prompt, number)
            text = " ".join(example.get(key, "").casefold().split())
            if text and text in first:
                raise PromptError(
                    f"The prompt file {prompt.path}: {place} has the same {key} as {first[text]}. "
                    "Replace one of them."
                )
            first.setdefault(text, place)
