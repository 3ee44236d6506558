"""Which scorer sees which candidates: each the first ones; rules may spare some, or add more.

Everything follows from the scores, so it is the same however often a run is cut off. Where answers
are still on their way (by batch or file), whatever hangs on them waits for the next round.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fret.records import Passage, Query
from fret.scorers import SKIPPED, Group, Score, Scorer

Find = Callable[[Sequence[str]], Sequence[Passage]]
"""Returns the passages with these ids."""


@dataclass(frozen=True, slots=True)
class Deeper:
    """Judges further candidates of a query where too few of the judged ones are irrelevant."""

    to: int
    """The last rank that is judged."""
    step: int
    until: int
    """How many irrelevant ones are wanted."""
    max_relevance: float
    """Irrelevant is what has an expected grade below this."""


class Sheet:
    """What is known so far of one query's candidates.

    Args:
        passage_ids: all candidates, the first `n_top` of which are judged in any case.
    """

    def __init__(
        self, query: Query, passage_ids: Sequence[str], *, n_top: int, n_scorers: int
    ) -> None:
        self.query, self.n_top = query, n_top
        self.depth = n_top
        """How many candidates, from the front, are judged."""
        self.has_no_doubt: bool | None = False
        """The scorers after the first are not asked; None: that is not known yet."""
        self.knows_depth = True
        """Whether it is certain how many are judged."""
        self.scores: list[list[Score]] = [[] for _ in range(n_scorers)]
        self._ids = passage_ids

    @property
    def judged_ids(self) -> tuple[str, ...]:
        return tuple(self._ids[: self.depth])

    def is_spared(self, place: int) -> bool:
        return self.has_no_doubt is True and place > 0

    def ids_for(self, place: int, *, compares: bool) -> Sequence[str]:
        """Return what a scorer is to score now; all of it, where it compares and some is new."""
        if place > 0 and self.has_no_doubt is not False:
            return ()
        n_done = len(self.scores[place])
        if n_done == self.depth or (compares and not self.knows_depth):
            return ()
        return self._ids[0 if compares else n_done : self.depth]

    def add(self, place: int, scores: list[Score]) -> None:
        """Note the scores of what `ids_for` returned."""
        n_kept = self.depth - len(scores)
        self.scores[place] = [*self.scores[place][:n_kept], *scores]

    def finish(self, place: int) -> list[Score]:
        """Return a scorer's scores of all that was judged."""
        return [SKIPPED] * self.depth if self.is_spared(place) else self.scores[place]

    def look_for_doubt(self, lead: float) -> None:
        """Decide, by the first scorer, whether the others are asked."""
        scores = self.scores[0]
        values = sorted((s.value for s in scores if s.value is not None), reverse=True)
        is_whole = len(values) == len(scores) >= 2  # one without a score may be the best
        self.has_no_doubt = is_whole and values[0] - values[1] >= lead
        if any(score.is_pending for score in scores):
            self.has_no_doubt = None

    def go_deeper(self, grader: int, deeper: Deeper) -> bool:
        """Take further candidates in, where they are wanted; return whether it did."""
        scores = self.scores[grader]
        if self.is_spared(grader):
            return False
        self.knows_depth = bool(scores) and not any(score.is_pending for score in scores)
        n_low = sum(s.grade is not None and s.grade < deeper.max_relevance for s in scores)
        last = min(deeper.to, len(self._ids))
        if not self.knows_depth or n_low >= deeper.until or self.depth >= last:
            return False
        self.depth = min(last, self.depth + deeper.step)
        return True


class Rounds:
    """Runs scorers over the sheets of a shard, one after the other, and again where more is wanted.

    Args:
        lead: how far the best must lead the second, in the first scorer's scores, for the other
            scorers to be spared; None: they never are.
        deeper: the place of the scorer whose grades decide on going deeper, and how; None: no.
        asks_only: leave out scorers that only compute, but where a decision hangs on them.
        tick: called once for each scorer and sheet.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer],
        find: Find,
        *,
        lead: float | None = None,
        deeper: tuple[int, Deeper] | None = None,
        asks_only: bool = False,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._scorers, self._find, self._tick = scorers, find, tick
        self._lead, self._deeper = lead, deeper
        self._places = [
            place
            for place, scorer in enumerate(scorers)
            if scorer.asks or not asks_only or (place == 0 and lead is not None)
        ]

    def run(self, sheets: Sequence[Sheet]) -> None:
        """Fill in the sheets."""
        # A list that may grow is compared as a whole once, at its full length.
        late = [p for p in self._places if self._deeper and self._scorers[p].compares]
        early = [p for p in self._places if p not in late]
        for place in early:
            self._score(place, sheets, self._tick)
            if place == 0 and self._lead is not None:
                for sheet in sheets:
                    sheet.look_for_doubt(self._lead)
        if self._deeper:
            self._deepen(sheets, early, *self._deeper)
        for place in late:
            self._score(place, sheets, self._tick)
        for sheet in sheets:
            for _ in filter(sheet.is_spared, self._places):
                self._tick()

    def _score(
        self, place: int, sheets: Sequence[Sheet], tick: Callable[[], None] = lambda: None
    ) -> None:
        """Let a scorer score what it has not scored yet."""
        scorer = self._scorers[place]
        asked: list[Sheet] = []

        def groups() -> Iterator[Group]:
            for sheet in sheets:
                if ids := sheet.ids_for(place, compares=scorer.compares):
                    asked.append(sheet)
                    yield sheet.query, self._find(ids)

        for number, scores in enumerate(scorer.score(groups())):
            asked[number].add(place, scores)
            tick()

    def _deepen(
        self, sheets: Sequence[Sheet], places: Sequence[int], grader: int, deeper: Deeper
    ) -> None:
        more = list(sheets)
        while more := [sheet for sheet in more if sheet.go_deeper(grader, deeper)]:
            self._score(grader, more)
        extended = [sheet for sheet in sheets if sheet.depth > sheet.n_top]
        for place in places:
            self._score(place, extended)
