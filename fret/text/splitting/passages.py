"""Parts to passages: their texts, what they repeat, and the mending of what came out wrong."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from fret.text.splitting.cuts import find_cut
from fret.text.splitting.packing import pack
from fret.text.splitting.parts import Measure, Part, make_parts, weigh
from fret.text.splitting.words import count_each

# More sentences are not looked at for an overlap.
_OVERLAP_PARTS = 30
# A passage that the tokenizer finds too long is halved, its halves likewise, at most so often.
_HALVINGS = 40


class Piece(NamedTuple):
    """A passage's text, and where it stands."""

    text: str
    headings: tuple[str, ...]
    """Those above its first line, the outermost first; none that stands in the text."""
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
    goes with what follows it; lists, tables and code stay whole where they fit; each part of a
    table that does not has its head row. A text below `min_size` is one passage.

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
    heads = _measure_heads(parts, measure)
    repeats = [_find_overlap(parts, i, overlap) for i in range(len(parts))]
    extras = [
        heads.get(part.head, 0.0) + sum(p.size for p in parts[start:i])
        for i, (part, start) in enumerate(zip(parts, repeats, strict=True))
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
    def n_units(self) -> int:
        return sum(part.n_units for part in self.parts)

    @property
    def size(self) -> float:
        return sum(part.size for part in (*self.repeated, *self.parts))

    def join(self) -> str:
        first = (self.repeated or self.parts)[0]
        head = f"{first.head}\n" if first.head and first.is_sentence else ""
        parts = (*self.repeated, *self.parts)
        return (head + first.text + "".join(p.gap + p.text for p in parts[1:])).strip()


def _measure_heads(parts: Sequence[Part], measure: Measure) -> dict[str, float]:
    heads = sorted({part.head for part in parts if part.head})
    counts = measure([f"{head}\n" for head in heads])
    return {head: weigh(head, n) for head, n in zip(heads, counts, strict=True)}


def _find_overlap(parts: Sequence[Part], at: int, room: float) -> int:
    """Return where the sentences begin that a passage from `at` on repeats."""
    if not room or parts[at].is_heading or parts[at].head or not parts[at].is_sentence:
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
    mended: list[_Draft] = []
    for draft in drafts:
        mended.append(draft)
        if len(mended) > 1 and min(draft.n_units, mended[-2].n_units) < min_size:
            first, second = mended[-2:]
            both = _Draft(first.repeated, first.parts + second.parts)
            divided = [both] if both.size <= max_size else _halve(both, measure)
            if min(each.n_units for each in divided) >= min(min_size, both.n_units // 2):
                mended[-2:] = divided
    return mended


def _halve(draft: _Draft, measure: Measure) -> list[_Draft]:
    """Divide a passage in the middle."""
    sizes = list(itertools.accumulate(part.size for part in draft.parts))
    middle = sizes[-1] / 2
    i = next(i for i, size in enumerate(sizes) if size >= middle)
    part, before = draft.parts[i], sizes[i] - draft.parts[i].size
    at = round(len(part.text) * (middle - before) / part.size) if part.size else 0
    if not 0 < at < len(part.text):
        cut = max(1, i) if at <= 0 else i + 1
        if not 0 < cut < len(draft.parts):
            return [draft]
        return [_Draft(draft.repeated, draft.parts[:cut]), _Draft([], draft.parts[cut:])]
    at, cost = find_cut(part.text, at, min(at + 1, len(part.text) - 1))
    texts = part.text[:at].rstrip(), part.text[at:].lstrip()
    if not all(texts):
        return [draft]
    gap = " " if len("".join(texts)) < len(part.text) else ""
    counts = measure([part.gap + texts[0], gap + texts[1]])
    left = part._replace(text=texts[0], n_units=counts[0], size=weigh(texts[0], counts[0]))
    right = part._replace(
        text=texts[1],
        n_units=counts[1],
        size=weigh(texts[1], counts[1]),
        gap=gap,
        cost=cost,
        is_sentence=False,
    )
    return [
        _Draft(draft.repeated, [*draft.parts[:i], left]),
        _Draft([], [right, *draft.parts[i + 1 :]]),
    ]


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
            shorter = shorter or _halve(drafts[i], measure)
            drafts[i : i + 1] = shorter
            texts[i : i + 1] = [draft.join() for draft in shorter]
            counts[i : i + 1] = measure([draft.join() for draft in shorter])
    return [
        Piece(text, draft.parts[0].headings, count)
        for draft, text, count in zip(drafts, texts, counts, strict=True)
        if text
    ]
