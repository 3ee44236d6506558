"""What the test server's model knows: planted answers, a toy tokenizer, JSON that fits a schema."""

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_FENCED = re.compile(r"<<<(\w{12})\n(.*?)\n\1>>>", re.DOTALL)
_NUMBERED = re.compile(r"^\[(\d+)\] <<<(\w{12})\n(.*?)\n\2>>>$", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"\w{4,}")
_QUERY = re.compile(r"^Query: (.*)$", re.MULTILINE)

# Whitespace stays with the word after it, as in byte-level BPE.
_PIECE = re.compile(r"\s*\S+|\s+$")


def passage_in(text: str) -> str:
    """The last fenced passage of a prompt."""
    return str(_FENCED.findall(text)[-1][1])


def find_passage(text: str) -> str:
    """The passage of a prompt, fenced or on a line `Passage: …`; empty if there is none."""
    fenced = _FENCED.findall(text)
    return str(fenced[-1][1]) if fenced else passage_on_line(text)


def passage_on_line(text: str) -> str:
    """The last passage of a prompt in plain text, as for query likelihood."""
    _, found, rest = text.rpartition("Passage: ")
    return rest.partition("\nTask:")[0] if found else ""


def find_query(text: str) -> str:
    """The last line `Query: …` of a prompt."""
    found = _QUERY.findall(text)
    return found[-1] if found else ""


def words_of(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def write_from(passage: str, seed: int = 0) -> dict[str, str]:
    """A task and a query that follow from the passage and the draw alone."""
    words = sorted(set(words_of(passage)), key=lambda w: hashlib.sha256(w.encode()).digest())
    task = ("Given a question, find its answer.", "Given a claim, check it.")[len(passage) % 2]
    return {"task": task, "query": " ".join(words[seed : seed + 4])}


def grade_by_words(query: str, passage: str) -> float:
    """An expected grade from 0 to 3: the share of the query's words that the passage has."""
    wanted = words_of(query) or ["-"]
    return 3 * sum(word in words_of(passage) for word in wanted) / len(wanted)


def numbered_in(text: str) -> list[tuple[int, str]]:
    """The numbered, fenced passages of a prompt that shows a list."""
    return [(int(number), passage) for number, _, passage in _NUMBERED.findall(text)]


def rank_by_words(text: str, body: dict[str, Any]) -> str | None:
    """A ranking of the passages that a prompt lists, for `Brain.chat`; None for other prompts."""
    query, numbered = find_query(text), dict(numbered_in(text))
    order = sorted(numbered, key=lambda n: (-grade_by_words(query, numbered[n]), n))
    return " > ".join(f"[{n}]" for n in order) or None


def spread(place: float, n: int) -> list[float]:
    """Probabilities of n ordered grades around a place between 0 and n - 1."""
    weights = [math.exp(-2 * abs(place - grade)) for grade in range(n)]
    return [weight / sum(weights) for weight in weights]


@dataclass
class Brain:
    """What the server says; replace a function to plant an answer."""

    write: Callable[[str, int], dict[str, str]] = write_from
    grade: Callable[[str, str], float] = grade_by_words
    chat: Callable[[str, dict[str, Any]], str | dict[str, Any] | None] | None = None
    """Answers a chat from its last user message and the request; None leaves it to `write`."""
    labels: tuple[str, ...] = ("0", "1", "2", "3")
    others: tuple[tuple[str, float], ...] = ()
    """Further likely first tokens with their log-probabilities, as (" 3", -0.7)."""
    begin: str = ""
    """A token that begins every text, as `<s>`; its length shifts the offsets, as in vLLM."""
    offsets: bool = True
    """False: every text offset is -1, as in SGLang."""

    def label_logprobs(self, query: str, passage: str) -> list[float]:
        return [math.log(share) for share in spread(self.grade(query, passage), 4)]

    def token_logprob(self, token: str, passage: str) -> float:
        word = token.strip().lower().strip(".,?")
        return -0.5 if word in passage.lower() else -1.0 - 0.3 * len(word)

    def first_token_logprob(self, token: str, query: str, passage: str) -> float:
        """The log-probability of any token as the first of an answer."""
        known = dict(zip(self.labels, self.label_logprobs(query, passage), strict=True))
        if token in known:
            return known[token]
        # The same label written otherwise (" 3") is a token of its own, and far less likely.
        return known[token.strip()] - 4.0 if token.strip() in known else -18.0


class Tokenizer:
    """Words as tokens, with ids that follow from the text alone."""

    def __init__(self, splits: tuple[str, ...] = (), max_chars: int | None = None) -> None:
        self.splits = splits
        """Words that take two tokens, to plant a label that is no single token."""
        self.max_chars = max_chars
        """Longer words are cut into pieces of so many characters; None keeps them whole."""
        self._texts: dict[int, str] = {}
        for digit in "0123456789":
            self.id_of(digit), self.id_of(" " + digit)

    def pieces(self, text: str) -> list[str]:
        return [part for word in _PIECE.findall(text) for part in self._divide(word)]

    def _divide(self, word: str) -> list[str]:
        bare = word.strip()
        if bare in self.splits:
            # A single character is split from nothing, as Llama 2 puts an empty "▁" before "3".
            place = len(word) - len(bare) + len(bare) // 2
            return [word[:place], word[place:]]
        if self.max_chars is None:
            return [word]
        return [word[i : i + self.max_chars] for i in range(0, len(word), self.max_chars)]

    def ids(self, text: str) -> list[int]:
        return [self.id_of(piece) for piece in self.pieces(text)]

    def id_of(self, piece: str) -> int:
        digest = hashlib.sha256(piece.encode("utf-8", "surrogatepass")).digest()
        number = int.from_bytes(digest[:4], "big") >> 1  # 31 bits: no two words of a test meet
        self._texts[number] = piece
        return number

    def text_of(self, number: int) -> str:
        """The text of an id that was given out.

        Raises:
            KeyError: it never was: out of vocabulary.
        """
        return self._texts[number]


def fit_schema(schema: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """An object of the schema, with what is given where it fits and something valid elsewhere."""
    root = schema
    schema = _resolve(schema, root)
    made = {}
    for key, part in schema.get("properties", {}).items():
        made[key] = given[key] if key in given else _make(_resolve(part, root), root)
    return made


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _resolve(schema[key][0], root)
    return schema


def _make(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            parts = schema.get("properties", {}).items()
            return {key: _make(_resolve(part, root), root) for key, part in parts}
        case "array":
            item = _resolve(schema.get("items", {}), root)
            return [_make(item, root) for _ in range(max(1, schema.get("minItems", 1)))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "hello"
