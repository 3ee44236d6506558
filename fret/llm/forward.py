"""Log-probabilities of continuations under a causal model of transformers.

Either in packs, where every shared token is computed once (see `fret.llm.packing`) and neither
padding nor copies of a prefix are made, or as padded rows of whole sequences, which every
architecture can do.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fret.errors import ModelError
from fret.llm.packing import Continuation, Pack, Span, count_kept, cut_path, fill_pack

# A token of a pack attends over the whole pack, though most of it is masked: past this many
# tokens that waste outweighs what a bigger matrix product saves.
_PACK_SHARE = 8
_ROWS_PER_SOFTMAX = 256
# Below this, memory is short for other reasons than the batch.
_LEAST_TOKENS = 64

T = TypeVar("T")


@dataclass(slots=True)
class Budget:
    """How many tokens may be held at once; less after the device ran out of memory."""

    tokens: int

    def shrink(self) -> None:
        """Halve it.

        Raises:
            ModelError: it is so small that halving will not help.
        """
        if self.tokens <= _LEAST_TOKENS:
            raise ModelError(
                "The device has too little memory for one request of this model, everything "
                "answered so far is kept. Use a smaller model, `dtype: bfloat16`, or shorter "
                "passages."
            )
        self.tokens //= 2


class Scorer:
    """Scores continuations with a causal model of transformers.

    Args:
        model: a model with a language modelling head, in evaluation mode.
        share_prefix: compute shared tokens once; left aside for models that cannot (recurrent
            ones, say).
    """

    def __init__(self, model: Any, budget: Budget, *, share_prefix: bool = True) -> None:
        self._model, self._budget = model, budget
        config = model.config.get_text_config()
        self._layer_types = set(getattr(config, "layer_types", None) or ())
        self._window: int | None = getattr(config, "sliding_window", None)
        self.shares_prefix = share_prefix and self._has_maskable_attention() and self._agrees()

    def score(self, items: Sequence[Continuation]) -> Iterator[tuple[int, float]]:
        """Yield (number of the continuation, its log-probability in nats), as they are computed.

        That is the sum over its tokens, exact over the whole vocabulary.
        """
        longest = max((len(item.ids) for item in items), default=0)
        yield from self._walk(items) if self._can_share(longest) else self._pad(items)

    @property
    def shares_prefix_unwindowed(self) -> bool:
        """Whether a prefix may also be kept for rows that padding moves away from it."""
        return self.shares_prefix and self._window is None

    def _can_share(self, longest: int) -> bool:
        # Models that mix windowed and full layers take a mask for either kind, others take one.
        mixed = "sliding_attention" in self._layer_types
        windowed = self._window is not None and longest > self._window
        return self.shares_prefix and (mixed or not windowed)

    def _has_maskable_attention(self) -> bool:
        """Whether each token's attention is what a mask and a position say, and nothing else."""
        return (
            getattr(self._model, "_supports_attention_backend", False)
            and "position_ids" in inspect.signature(self._model.forward).parameters
            and self._layer_types <= {"full_attention", "sliding_attention"}
        )

    def _agrees(self) -> bool:
        """Compare both ways on a few made-up tokens: an architecture may ignore the mask."""
        size = min(1000, self._model.config.get_text_config().vocab_size)
        made_up = [tuple((7 * i + i * i * k + 3) % size for i in range(12)) for k in range(3)]
        head = made_up[0][:6]
        items = [Continuation(head + ids, 4) for ids in made_up]
        try:
            # Two sequences in one pack, the third in a second one.
            shared = dict(self._walk(items, limit=30))
        except Exception:  # whatever it is that its code does not take
            return False
        single = dict(self._pad(items))
        # Numbers of 16 bits err by some hundredths per token, a mask ignored by whole nats.
        allowed = 1e-3 if self._model.dtype.itemsize >= 4 else 1.0
        return all(abs(shared[n] - single[n]) <= allowed for n in single)

    def _walk(
        self, items: Sequence[Continuation], limit: int | None = None
    ) -> Iterator[tuple[int, float]]:
        """Go through the sorted sequences pack by pack, keeping what the next pack shares."""
        order = sorted(range(len(items)), key=lambda n: items[n].ids[:-1])
        done, cache, last = 0, _new_cache(), Pack(0)
        while done < len(order):
            size = limit or max(_LEAST_TOKENS, self._budget.tokens // _PACK_SHARE)
            spans = cut_path(last.path, count_kept(items, order, done))
            pack, stop = fill_pack(items, order, done, sum(b - a for a, b in spans), size)
            _keep(cache, spans)
            scores = run_within_memory(self._budget, partial(self._run_pack, pack, cache))
            if scores is None:  # anew, in smaller packs, from a clean cache
                cache, last = _new_cache(), Pack(0)
            else:
                yield from _add_up(pack.targets, scores)
                done, last = stop, pack

    def _run_pack(self, pack: Pack, cache: Any) -> list[float]:
        import torch

        device = self._model.device
        wanted = sorted({fresh for fresh, _, _ in pack.targets})
        out = self._model(
            input_ids=torch.tensor([pack.tokens], device=device),
            attention_mask=self._mask_of(pack),
            position_ids=torch.tensor([pack.positions], device=device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=torch.tensor(wanted, device=device),
        )
        rows = {fresh: row for row, fresh in enumerate(wanted)}
        pairs = [(rows[fresh], token) for fresh, token, _ in pack.targets]
        return _read_logprobs(out.logits[0], pairs)

    def _mask_of(self, pack: Pack) -> Any:
        """Return what is added to attention, of shape (1, 1, fresh, kept + fresh)."""
        import torch

        n, kept = len(pack.tokens), pack.n_kept
        sees = torch.zeros(n, kept + n, dtype=torch.bool)
        for begin, end, before in pack.sights:
            for start, stop in before:
                sees[begin:end, start:stop] = True
            own = torch.ones(end - begin, end - begin, dtype=torch.bool).tril()
            sees[begin:end, kept + begin : kept + end] = own
        if "sliding_attention" not in self._layer_types or self._window is None:
            return self._to_additive(sees)
        positions = torch.tensor([*range(kept), *pack.positions])
        near = positions[kept:, None] - positions[None, :] < self._window
        return {
            "full_attention": self._to_additive(sees),
            "sliding_attention": self._to_additive(sees & near),
        }

    def _to_additive(self, sees: Any) -> Any:
        import torch

        dtype, device = self._model.dtype, self._model.device
        mask = torch.zeros(sees.shape, dtype=dtype, device=device)
        return mask.masked_fill_(~sees.to(device), torch.finfo(dtype).min)[None, None]

    def _pad(self, items: Sequence[Continuation]) -> Iterator[tuple[int, float]]:
        """Score whole sequences side by side, padded on the right, of similar length together.

        Those that differ in their last token alone, as labels do, are one row.
        """
        rows: dict[tuple[int, ...], list[int]] = {}
        for number, item in enumerate(items):
            rows.setdefault(item.ids[:-1], []).append(number)
        left = sorted(rows, key=len)
        while left:
            n_rows = max(1, self._budget.tokens // len(left[-1]))
            batch = left[-n_rows:]
            targets = [
                (row, place, items[number].ids[place], number)
                for row, fed in enumerate(batch)
                for number in rows[fed]
                for place in range(items[number].start, len(items[number].ids))
            ]
            scores = run_within_memory(self._budget, partial(self._run_padded, batch, targets))
            if scores is not None:
                yield from _add_up([(row, token, n) for row, _, token, n in targets], scores)
                left = left[:-n_rows]

    def _run_padded(
        self, batch: list[tuple[int, ...]], targets: list[tuple[int, int, int, int]]
    ) -> list[float]:
        import torch

        device, width = self._model.device, max(map(len, batch))
        wanted = sorted({(row, place - 1) for row, place, _, _ in targets})
        # Which place of which row: a boolean mask flattens the logits to what is asked for.
        keep = torch.zeros(len(batch), width, dtype=torch.bool)
        keep[[row for row, _ in wanted], [place for _, place in wanted]] = True
        out = self._model(
            input_ids=torch.tensor(
                [[*ids, *[0] * (width - len(ids))] for ids in batch], device=device
            ),
            attention_mask=torch.tensor(
                [[1] * len(ids) + [0] * (width - len(ids)) for ids in batch], device=device
            ),
            use_cache=False,
            logits_to_keep=keep.to(device),
        )
        numbers = {spot: number for number, spot in enumerate(wanted)}
        pairs = [(numbers[row, place - 1], token) for row, place, token, _ in targets]
        return _read_logprobs(out.logits, pairs)


def run_within_memory(budget: Budget, run: Callable[[], T]) -> T | None:
    """Run a batch; None when the device ran out of memory, the budget being smaller then.

    Raises:
        ModelError: the budget cannot shrink any more.
    """
    import torch

    try:
        with torch.inference_mode():
            return run()
    except torch.OutOfMemoryError:
        pass  # what the error's frames hold is let go before the cache is emptied
    budget.shrink()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def _new_cache() -> Any:
    from transformers import DynamicCache

    # Without the model's settings no layer drops what left its window: the mask is in charge.
    return DynamicCache()


def _keep(cache: Any, spans: list[Span]) -> None:
    """Cut the cache down to some slots, in their order."""
    import torch

    for layer in cache.layers:
        if layer.is_initialized:
            for name in ("keys", "values"):
                held = getattr(layer, name)
                pieces = [held[:, :, a:b] for a, b in spans] or [held[:, :, :0]]
                setattr(layer, name, torch.cat(pieces, dim=2))


def _read_logprobs(logits: Any, pairs: list[tuple[int, int]]) -> list[float]:
    """Return log p(token) for each (row of the logits, token), in nats, computed in float32."""
    import torch

    rows, tokens = torch.tensor(pairs, device=logits.device).T
    chunks = logits.split(_ROWS_PER_SOFTMAX)
    totals = torch.cat([chunk.float().logsumexp(-1) for chunk in chunks])
    values: list[float] = (logits[rows, tokens].float() - totals[rows]).tolist()
    return values


def _add_up(
    targets: list[tuple[int, int, int]], scores: list[float]
) -> Iterator[tuple[int, float]]:
    """Sum the scores of each continuation, the last number of a target."""
    found: dict[int, list[float]] = {}
    for (_, _, number), score in zip(targets, scores, strict=True):
        found.setdefault(number, []).append(score)
    for number, values in found.items():
        yield number, math.fsum(values)
