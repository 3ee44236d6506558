"""Text from a causal model of transformers, in batches, the same whatever else is in the batch.

A draw with a temperature takes one random number per token from a generator of its own, so it does
not change with its neighbours, and a run that goes on after a cut gives what an unbroken one gives
(up to the rounding of the model's numbers, which batches of another width may change).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fret.llm.forward import Budget, run_within_memory

# A shorter common prefix is not worth a pass of its own.
_LEAST_PREFIX = 32


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt to go on from, for `limit` tokens at most."""

    ids: tuple[int, ...]
    limit: int
    temperature: float
    seed: int


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, without the token that ends it."""

    ids: list[int]
    has_ended: bool
    """False when the limit cut it."""


class Writer:
    """Goes on from prompts.

    Args:
        model: a model with a language modelling head, in evaluation mode.
        ends: tokens that end an answer.
        share_prefix: run what all prompts of a batch begin with once.
    """

    def __init__(self, model: Any, budget: Budget, *, ends: set[int], share_prefix: bool) -> None:
        self._model, self._budget = model, budget
        self._ends, self._share_prefix = ends, share_prefix

    def write(self, drafts: Sequence[Draft]) -> Iterator[tuple[int, Written]]:
        """Yield (number of the draft, what was written), as batches end."""
        # Of one limit and similar length together, so that few rows wait for others.
        left = sorted(range(len(drafts)), key=lambda n: (drafts[n].limit, len(drafts[n].ids)))
        while left:
            longest = drafts[left[-1]]
            n_rows = max(1, self._budget.tokens // (len(longest.ids) + longest.limit))
            # A longer limit would take prompts of another one past the model's positions.
            batch = [n for n in left[-n_rows:] if drafts[n].limit == longest.limit]
            chosen = [drafts[n] for n in batch]
            written = run_within_memory(self._budget, partial(self._run, chosen))
            if written is not None:
                yield from zip(batch, written, strict=True)
                left = left[: -len(batch)]

    def _run(self, drafts: list[Draft]) -> list[Written]:
        import torch
        from transformers import GenerationConfig

        n_shared = self._count_shared(drafts)
        width, device = max(len(draft.ids) for draft in drafts), self._model.device
        rows, masks = zip(*(_pad(draft.ids, n_shared, width) for draft in drafts), strict=True)
        settings = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=drafts[0].limit,
            do_sample=False,  # `Chooser` draws
            num_beams=1,
            # Neutral, since transformers warns of the model's own where nothing is sampled.
            temperature=1.0,
            top_p=1.0,
            top_k=50,
            eos_token_id=sorted(self._ends) or None,
            pad_token_id=min(self._ends, default=0),
        )
        out = self._model.generate(
            torch.tensor(rows, device=device),
            attention_mask=torch.tensor(masks, device=device),
            generation_config=settings,
            logits_processor=self._make_choosers(drafts),
            **self._run_prefix(drafts, n_shared),
        )
        return [
            self._read(line[width:].tolist(), draft)
            for line, draft in zip(out, drafts, strict=True)
        ]

    def _read(self, ids: list[int], draft: Draft) -> Written:
        ids = ids[: draft.limit]
        end = next((place for place, token in enumerate(ids) if token in self._ends), None)
        return Written(ids[:end], end is not None)

    def _make_choosers(self, drafts: list[Draft]) -> Any:
        from transformers import LogitsProcessorList

        if not any(draft.temperature > 0 for draft in drafts):
            return LogitsProcessorList()
        given = self._model.generation_config
        return LogitsProcessorList([Chooser(drafts, top_k=given.top_k, top_p=given.top_p)])

    def _count_shared(self, drafts: list[Draft]) -> int:
        """Count the tokens that all begin with and that are worth sharing.

        One is left for each, since something must be run to go on from.
        """
        if not self._share_prefix or len(drafts) < 2:
            return 0
        first, last = min(d.ids for d in drafts), max(d.ids for d in drafts)
        most = min(len(draft.ids) for draft in drafts) - 1
        pairs = enumerate(zip(first[:most], last[:most], strict=True))
        n_shared = next((n for n, (a, b) in pairs if a != b), most)
        return n_shared if n_shared >= _LEAST_PREFIX else 0

    def _run_prefix(self, drafts: list[Draft], n_shared: int) -> dict[str, Any]:
        import torch
        from transformers import DynamicCache

        if not n_shared:
            return {}
        cache = DynamicCache()
        prefix = torch.tensor([drafts[0].ids[:n_shared]], device=self._model.device)
        self._model(input_ids=prefix, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(len(drafts))
        return {"past_key_values": cache}


def _pad(ids: tuple[int, ...], n_shared: int, width: int) -> tuple[list[int], list[int]]:
    """Pad behind the shared prefix, so that all rows end together; with the mask."""
    n_gap = width - len(ids)
    padded = [*ids[:n_shared], *[0] * n_gap, *ids[n_shared:]]
    return padded, [1] * n_shared + [0] * n_gap + [1] * (len(ids) - n_shared)


class Chooser:
    """Leaves one token in each row: the likeliest, or one drawn at the row's temperature.

    top_k and top_p are the model maker's own, as servers take them too.
    """

    def __init__(self, drafts: list[Draft], *, top_k: int | None, top_p: float | None) -> None:
        self._temperatures = [draft.temperature for draft in drafts]
        self._draws = [random.Random(draft.seed) for draft in drafts]
        self._top_k, self._top_p = top_k or 0, top_p or 1.0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        device = scores.device
        heat = torch.tensor(self._temperatures, device=device)[:, None]
        points = torch.tensor([draw.random() for draw in self._draws], device=device)[:, None]
        n_kept = min(self._top_k or scores.shape[-1], scores.shape[-1])
        best, tokens = (scores.float() / heat.clamp(min=1e-6)).topk(n_kept)
        shares = best.softmax(-1)
        before = shares.cumsum(-1) - shares
        shares = shares.masked_fill(before >= self._top_p, 0.0)
        # In 64 bits: the sum of a whole vocabulary in 32 would leave its tail without a chance.
        sums = shares.double().cumsum(-1)
        places = torch.searchsorted(sums, points.double() * sums[:, -1:], right=True)
        drawn = tokens.gather(1, places.clamp(max=n_kept - 1))
        chosen = torch.where(heat > 0, drawn, scores.argmax(-1, keepdim=True))
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)
