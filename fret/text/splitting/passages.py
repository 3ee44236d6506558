"""Parts to passages: their texts, what they repeat, and the mending of what came out wrong."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fret.text.splitting.cuts import WORD, find_cut
from fret.text.splitting.packing import pack
from fret.text.splitting.parts import AFTER_HEADING, Measure, Part, make_parts, weigh
from fret.text.splitting.words import count_each

# Characters by which a cut in the middle of a passage may move for its halves to fit.
_HALVE_SHIFT = 12
# More sentences are not looked at for an overlap.
_OVERLAP_PARTS = 30
# A passage that the tokenizer finds too long is halved, its halves likewise, at most so often.
_HALVINGS = 40


class Piece(NamedTuple):
    """A passage's text, and where it stands."""

    text: str
    headings: tuple[str, ...]
    """Those that it stands under, the outermost first; none that stands in the text."""
    size: int
    """Words or tokens of the text."""


def split_text(
    text: str,
    *,
    max_size: int,
    min_size: int,
    overlap: int = 0,
    measure: Measure = count_each,
) -> list[Piece]:
    """Split a text into passages of `min_size` to `max_size` words, or what `measure` counts.

    The text may be plain or Markdown. Passages end before headings rather than between blocks,
    there rather than between sentences, and within a sentence only where it is too long. A heading
    goes with what follows it, and stands in `headings` instead of the text where all of the passage
    is under it; lists, tables and code stay whole where they fit; each part of a table that does
    not has its head row. A text below `min_size` is one passage.

    Args:
        overlap: how much of the sentences before it a passage may repeat; not across headings.

    Raises:
        ValueError: twice `min_size` and `overlap` do not go into `max_size`, or `overlap` is over
            half of it.
    """
    if 2 * min_size + overlap > max_size or 2 * overlap > max_size:
        raise ValueError("2 x min_size + overlap, and 2 x overlap, may be max_size at most")
    parts = make_parts(text, measure=measure, most=max_size)
    if not parts:
        return []
    places: Sequence[int] = range(len(parts))
    repeats = [_find_overlap(parts, i, overlap) for i in places] if overlap else places
    extras = [
        part.repeats + sum(p.size for p in parts[repeats[i] : i]) if overlap else part.repeats
        for i, part in enumerate(parts)
    ]
    spans = pack(parts, extras=extras, most=max_size, least=min_size)
    drafts = [_Draft(parts[repeats[a] : a], parts[a:b]) for a, b in spans]
    drafts = _mend_short(drafts, measure, max_size, min_size)
    return _finish(drafts, measure, max_size)


class _Draft(NamedTuple):
    repeated: list[Part]
    """The sentences before it."""
    parts: list[Part]

    @property
    def n_lifted(self) -> int:
        """How many headings at its beginning are no part of its text, for all stands under them."""
        n = next((i for i, part in enumerate(self.parts) if not part.is_heading), 0)
        if not n or self.repeated:
            return 0
        path = self.parts[n].headings
        n_above = len(path) - n
        if n_above < 0 or path[n_above:] != tuple(part.text for part in self.parts[:n]):
            return 0
        n_common = min(_count_common(path, part.headings) for part in self.parts[n:])
        return max(0, n_common - n_above)

    @property
    def headings(self) -> tuple[str, ...]:
        return self.parts[self.n_lifted].headings

    def join(self) -> str:
        first, *others = (*self.repeated, *self.parts[self.n_lifted :])
        head = f"{first.head}\n" if first.repeats else ""
        return (head + first.text + "".join(p.gap + p.text for p in others)).strip()


def _count_common(path: Sequence[str], other: Sequence[str]) -> int:
    """Count the headings from the outermost on that two places stand under."""
    return sum(
        1
        for _ in itertools.takewhile(
            lambda pair: pair[0] == pair[1], zip(path, other, strict=False)
        )
    )


def _find_overlap(parts: Sequence[Part], at: int, room: float) -> int:
    """Return where the sentences begin that a passage from `at` on repeats."""
    if parts[at].is_heading or parts[at].head or not parts[at].is_sentence:
        return at
    start = at
    for i in range(at - 1, max(at - _OVERLAP_PARTS, 0) - 1, -1):
        part = parts[i]
        room -= part.size
        if room < 0 or part.is_heading or part.headings != parts[at].headings or part.head:
            break
        if part.is_sentence:
            start = i
    return start


def _mend_short(
    drafts: list[_Draft], measure: Measure, max_size: int, min_size: int
) -> list[_Draft]:
    """Divide anew, within a sentence, what no arrangement of sentences could make long enough."""
    counts = measure([draft.join() for draft in drafts])
    mended: list[tuple[_Draft, int]] = []
    for pair in zip(drafts, counts, strict=True):
        mended.append(pair)
        if len(mended) > 1 and min(count for _, count in mended[-2:]) < min_size:
            (first, _), (second, _) = mended[-2:]
            both = _Draft(first.repeated, first.parts + second.parts)
            text = both.join()
            if weigh(text, measure([text])[0]) <= max_size:
                fit = [both]
            else:
                fit = _halve(both, measure, max_size, min_size, instead_of=(first, second))
            mended[-2:] = zip(fit, measure([each.join() for each in fit]), strict=True)
    return [draft for draft, _ in mended]


def _halve(
    draft: _Draft,
    measure: Measure,
    max_size: int,
    min_size: int,
    *,
    instead_of: Sequence[_Draft] = (),
) -> list[_Draft]:
    """Divide a passage near its middle, so that its halves fit; empty where it cannot be divided.

    Of ways that fit as well, one between parts comes first, then one at a space.

    Args:
        instead_of: what is returned where no way fits better.
    """

    def misfit(halves: Sequence[_Draft]) -> float:
        texts = [half.join() for half in halves]
        return sum(
            max(0, weigh(text, count) - max_size) + max(0, min_size - count)
            for text, count in zip(texts, measure(texts), strict=True)
        )

    best = (misfit(instead_of) if instead_of else math.inf, instead_of)
    for halves in _list_halves(draft, measure):
        worse = misfit(halves)
        if worse < best[0]:
            best = worse, halves
        if not worse:
            break
    return list(best[1])


def _list_halves(draft: _Draft, measure: Measure) -> Iterator[tuple[_Draft, _Draft]]:
    sizes = list(itertools.accumulate(part.n_units for part in draft.parts))
    i = next(i for i, size in enumerate(sizes) if size >= sizes[-1] / 2)
    part = draft.parts[i]
    for cut in (i, i + 1):
        if 0 < cut < len(draft.parts) and draft.parts[cut].cost < AFTER_HEADING:
            parts = draft.parts
            yield _Draft(draft.repeated, parts[:cut]), _Draft([], parts[cut:])
    middle = _find_place(part.text, sizes[-1] / 2 - sizes[i] + part.n_units, measure)
    for at, cost in _list_cuts(part.text, middle):
        if halves := _divide(part, at, cost, measure):
            left, right = halves
            yield (
                _Draft(draft.repeated, [*draft.parts[:i], left]),
                _Draft([], [right, *draft.parts[i + 1 :]]),
            )


def _find_place(text: str, n_units: float, measure: Measure) -> int:
    """Return after how many characters a text has so many words or tokens."""
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        if measure([text[:middle]])[0] < n_units:
            low = middle
        else:
            high = middle
    return high


def _list_cuts(text: str, at: int) -> Iterator[tuple[int, float]]:
    """Yield places to cut near one: the spaces around it, then within words."""
    yield text.rfind(" ", 0, at) + 1, WORD
    yield text.find(" ", at) + 1, WORD
    for shift in sorted(range(-_HALVE_SHIFT, _HALVE_SHIFT + 1), key=abs):
        if 0 < at + shift < len(text):
            yield find_cut(text, at + shift, min(at + shift + 1, len(text) - 1), reach=0)


def _divide(part: Part, at: int, cost: float, measure: Measure) -> tuple[Part, Part] | None:
    before, after = part.text[:at].rstrip(), part.text[at:].lstrip()
    if not before or not after:
        return None
    gap = " " if len(before) + len(after) < len(part.text) else ""
    counts = measure([part.gap + before, gap + after])
    left = part._replace(text=before, n_units=counts[0], size=weigh(before, counts[0]))
    right = part._replace(text=after, n_units=counts[1], size=weigh(after, counts[1]))
    return left, right._replace(gap=gap, cost=cost, is_sentence=False)


def _finish(drafts: list[_Draft], measure: Measure, max_size: int) -> list[Piece]:
    """Join the texts, and divide those that a tokenizer counts for more than their parts."""
    texts = [draft.join() for draft in drafts]
    counts = measure(texts)
    for _ in range(_HALVINGS):
        long = [i for i, count in enumerate(counts) if count > max_size and len(texts[i]) > 1]
        if not long:
            break
        for i in reversed(long):
            shorter = [_Draft([], drafts[i].parts)] if drafts[i].repeated else []
            shorter = shorter or _halve(drafts[i], measure, max_size, 0)
            if not shorter:
                continue
            drafts[i : i + 1] = shorter
            texts[i : i + 1] = [draft.join() for draft in shorter]
            counts[i : i + 1] = measure([draft.join() for draft in shorter])
    return [
        Piece(text, draft.headings, count)
        for draft, text, count in zip(drafts, texts, counts, strict=True)
        if text
    ]
