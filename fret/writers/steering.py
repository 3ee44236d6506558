"""What each query is asked to be: drawn by the seed for each passage alone, or by exact quotas.

A draw follows from the pipeline's seed, the passage and the sample's number, so that an added page
changes nothing for the others. Of choices with weights the one with the least `-ln(u) / weight` is
taken, u being a hash between 0 and 1 of that choice and that passage (weighted rendezvous hashing,
Schindelhauer & Schomaker 2005): it comes up as often as its weight says, and a new choice takes its
share from the others without moving any passage between them.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from fret.language.names import LANGUAGE_NAMES
from fret.records import Passage, make_id

SAME = "same"
"""Stands for the passage's own language."""

Unit = tuple[str, int]
"""A passage's id and the number of a query among those of the passage."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one query is asked to be; empty where that is left to the model."""

    task_type: str = ""
    query_type: str = ""
    length: str = ""
    difficulty: str = ""
    persona: str = ""
    language: str = ""

    def describe(self) -> str:
        """Return the lines for a prompt."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["language"] = LANGUAGE_NAMES.get(self.language, self.language)
        return "\n".join(f"- {_LINES[name]}: {value}" for name, value in values.items() if value)

    def parts(self) -> tuple[str, ...]:
        """Return what goes into a query's id: nothing where nothing is asked for."""
        values = tuple(getattr(self, f.name) for f in fields(self))
        return values if any(values) else ()


_LINES = {
    "task_type": "task type",
    "query_type": "query type",
    "length": "length of the query",
    "difficulty": "difficulty",
    "persona": "persona",
    "language": "language of the query",
}


@dataclass(frozen=True)
class Choices:
    """What may be asked for, each with its weight; empty where the model is left free."""

    task_types: Mapping[str, float] = field(default_factory=dict)
    query_types: Mapping[str, float] = field(default_factory=dict)
    lengths: Mapping[str, float] = field(default_factory=dict)
    difficulties: Mapping[str, float] = field(default_factory=dict)
    languages: Mapping[str, float] = field(default_factory=dict)
    personas: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, f.name) for f in fields(self))


class Steering:
    """Draws what each query is asked to be.

    Args:
        moved: task types by unit that differ from what is drawn, so that quotas come out exact; see
            `fill_quotas`.
        leaves_need: leave persona, query type and difficulty to a choice of the model.
    """

    def __init__(
        self,
        choices: Choices,
        *,
        seed: int,
        moved: Mapping[Unit, str] | None = None,
        leaves_need: bool = False,
    ) -> None:
        self.choices, self._seed = choices, seed
        self._moved, self._leaves_need = moved or {}, leaves_need

    def draw(self, passage: Passage, sample: int) -> Wish:
        """Return what a passage's query is asked to be."""
        choices, unit = self.choices, (passage.id, sample)
        task_type = self._moved.get(unit) or self._draw("task type", choices.task_types, unit)
        language = self._draw("language", choices.languages, unit)
        wish = Wish(
            task_type=task_type,
            length=self._draw("length", choices.lengths, unit),
            language=passage.language if language == SAME else language,
        )
        if self._leaves_need:
            return wish
        return Wish(
            task_type=wish.task_type,
            length=wish.length,
            language=wish.language,
            query_type=self._draw("query type", choices.query_types, unit),
            difficulty=self._draw("difficulty", choices.difficulties, unit),
            persona=self._draw("persona", dict.fromkeys(choices.personas, 1.0), unit),
        )

    def offer_personas(self, passage: Passage, sample: int, n: int) -> list[str]:
        """Return n of the personas for the model to choose from, drawn by the seed."""
        unit = (passage.id, sample)
        return heapq.nsmallest(
            n, self.choices.personas, key=lambda p: _cost(self._seed, "persona", p, unit)
        )

    def pick(self, name: str, names: Sequence[str], unit: Unit) -> str:
        """Draw one of equals, such as the variants of a prompt."""
        return self._draw(name, dict.fromkeys(names, 1.0), unit)

    def _draw(self, name: str, weights: Mapping[str, float], unit: Unit) -> str:
        return draw_weighted(self._seed, name, weights, unit) if weights else ""


def draw_weighted(seed: int, name: str, weights: Mapping[str, float], unit: Unit) -> str:
    """Draw one of the keys, with probabilities in the relation of their weights."""
    if len(weights) == 1:
        return next(iter(weights))
    return min(weights, key=lambda choice: _cost(seed, name, choice, unit) / weights[choice])


def _cost(seed: int, name: str, choice: str, unit: Unit) -> float:
    """Return an exponential variate that follows from its arguments alone."""
    drawn = int(make_id("steer", str(seed), name, choice, unit[0], str(unit[1])), 16)
    return -math.log((drawn + 1) / 16**20)  # over (0, 1]: the log is finite


def count_quotas(weights: Mapping[str, float], n: int) -> dict[str, int]:
    """Divide n by weights into whole numbers, by largest remainders (Hamilton's method)."""
    total = sum(weights.values())
    shares = {name: n * weight / total for name, weight in weights.items()}
    counts = {name: int(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (counts[name] - shares[name], name))
    for name in by_remainder[: n - sum(counts.values())]:
        counts[name] += 1
    return counts


def fill_quotas(seed: int, weights: Mapping[str, float], units: Iterable[Unit]) -> dict[Unit, str]:
    """Say which units must take another task type than they draw, so that quotas come out exact.

    Each unit draws by itself first; of a type that was drawn too often the units with the greatest
    hashes move to types that were drawn too rarely. About the square root of all units move, and an
    added page moves few of them: only its own, and those at the edge of what has to move.
    """
    drawn: dict[str, list[Unit]] = {name: [] for name in weights}
    for unit in units:
        drawn[draw_weighted(seed, "task type", weights, unit)].append(unit)
    counts = count_quotas(weights, sum(map(len, drawn.values())))
    lacking = Counter({name: counts[name] - len(drawn[name]) for name in weights})
    surplus = [
        unit
        for name, taken in drawn.items()
        for unit in heapq.nlargest(-lacking[name], taken, key=lambda unit: _rank(seed, unit))
    ]
    moved: dict[Unit, str] = {}
    for unit in sorted(surplus, key=lambda unit: _rank(seed, unit)):
        short = {name: weights[name] for name, n in lacking.items() if n > 0}
        moved[unit] = draw_weighted(seed, "task type", short, unit)
        lacking[moved[unit]] -= 1
    return moved


def _rank(seed: int, unit: Unit) -> str:
    return make_id("quota", str(seed), unit[0], str(unit[1]))
