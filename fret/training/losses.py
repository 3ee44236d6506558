"""Gecko's contrastive loss for sentence-transformers, with masks for what is no negative."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from sentence_transformers.base.losses.merged_forward import embed_columns
from sentence_transformers.util import all_gather, all_gather_with_grad
from torch import Tensor, nn

from fret.training.kin import NEGATIVES, POSITIVE, find_kin, find_own, no_keys

# Rows whose similarities with the whole batch are held at a time: at a batch of 65,536 with queries
# and positives, 1,024 rows are 0.5 GB of float32.
_ROWS_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the loss sees it: unit vectors, and the keys of `fret.training.kin`."""

    queries: Tensor
    """(b, d)"""
    positives: Tensor
    """(b, d)"""
    negatives: Tensor
    """(b, n, d)"""
    keys: Tensor
    """(b, 3 + n)"""


class GeckoLoss(CachedLossMixin, nn.Module):
    """Gecko's fine-tuning loss (Lee et al. 2024, arXiv 2403.20327, equation 3), a mean over rows i:

        -log  e(q_i, p_i) / ( sum_j [ e(q_i, p_j) + [j != i] e(q_i, q_j) ] + sum_k e(q_i, n_ik) )

    where e(a, b) = exp(cos(a, b) / temperature), j runs over the batch, and k over the row's own
    hard negatives (one in the paper). Left out of the denominator: p_j and q_j of rows that are kin
    to i (see `fret.training.kin`; the paper has no such mask), and negatives that a row does not
    have or that are its positive.

    Inputs are columns anchor, positive and any number of negatives, and as labels a line of keys
    for each row, (b, 3 + n) of int64, or nothing, where no rows are kin.

    Args:
        temperature: the paper does not give its own.
        in_batch: False leaves out the sum over j but for i itself (NV-Embed's second stage).
        same_tower: False leaves out the terms between queries (as Gemini Embedding does).
        shared_negatives: also counts the hard negatives of other rows, the usual practice, but
            those of kin and those that are the row's own positive or seed.
        mask_kin: False takes no rows for kin.
        mini_batch_size: how many texts are held in memory with their gradients at a time (gradient
            caching, Gao et al. 2021, arXiv 2101.06983): the same gradient, for one more forward
            pass. None for the whole batch at once.
        gather: counts the rows of all processes, where several train one model.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        temperature: float = 0.05,
        in_batch: bool = True,
        same_tower: bool = True,
        shared_negatives: bool = False,
        mask_kin: bool = True,
        mini_batch_size: int | None = None,
        gather: bool = False,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"The temperature must be above 0, not {temperature}.")
        self.model = model
        self.temperature = temperature
        self.in_batch = in_batch
        self.same_tower = same_tower and in_batch
        self.shared_negatives = shared_negatives and in_batch
        self.mask_kin = mask_kin
        self.gather = gather
        # sentence-transformers looks at both.
        self.uses_gradient_cache = mini_batch_size is not None
        self.mini_batch_size = mini_batch_size or 0

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        if self.uses_gradient_cache:
            return self.forward_cached(sentence_features, labels)
        columns = embed_columns(self.model, sentence_features)
        return self.calculate_loss([[column] for column in columns], labels)

    def calculate_loss(
        self,
        reps: list[list[Tensor]],
        labels: Tensor | None = None,
        *,
        with_backward: bool = False,
    ) -> Tensor:
        """Compute the loss from embeddings, which sentence-transformers hands over in pieces.

        Args:
            reps: for each column its pieces, of (any number of rows, d).
            labels: keys, (b, 3 + n).
            with_backward: also propagate the gradient to the embeddings, a few rows at a time.
        """
        batch = make_batch([torch.cat(pieces) for pieces in reps], labels)
        is_shared = self.gather and _is_one_of_several()
        everything = _gather(batch) if is_shared else batch
        first = len(batch.queries) * (dist.get_rank() if is_shared else 0)
        losses: list[Tensor] = []
        for begin in range(0, len(batch.queries), _ROWS_AT_A_TIME):
            rows = torch.arange(
                first + begin,
                first + min(begin + _ROWS_AT_A_TIME, len(batch.queries)),
                device=batch.queries.device,
            )
            part = self.rows_loss(everything, rows).sum() / len(batch.queries)
            if with_backward:
                # All rows hang on one normalisation of the embeddings.
                is_last = begin + _ROWS_AT_A_TIME >= len(batch.queries)
                part.backward(retain_graph=not is_last)  # type: ignore[no-untyped-call]
                part = part.detach()
            losses.append(part)
        return torch.stack(losses).sum()

    def rows_loss(self, batch: Batch, rows: Tensor) -> Tensor:
        """Return the loss of some rows of a batch, (r,)."""
        queries, keys = batch.queries[rows], batch.keys[rows]
        right = (queries * batch.positives[rows]).sum(-1, keepdim=True) / self.temperature
        terms = [right, self._compare_own(queries, batch.negatives[rows], keys)]
        if self.in_batch:
            mine = rows[:, None] == torch.arange(len(batch.queries), device=rows.device)[None, :]
            barred = find_kin(keys, batch.keys) | mine if self.mask_kin else mine
            terms.append(self._compare(queries, batch.positives, barred))
            if self.same_tower:
                terms.append(self._compare(queries, batch.queries, barred))
            if self.shared_negatives:
                terms.append(self._compare_shared(queries, batch, keys, barred))
        return torch.logsumexp(torch.cat(terms, dim=1), dim=1) - right[:, 0]

    def _compare(self, queries: Tensor, texts: Tensor, barred: Tensor) -> Tensor:
        return (queries @ texts.T / self.temperature).masked_fill(barred, -torch.inf)

    def _compare_own(self, queries: Tensor, negatives: Tensor, keys: Tensor) -> Tensor:
        of_negatives = keys[:, NEGATIVES:]
        barred = (of_negatives == 0) | (of_negatives == keys[:, POSITIVE, None])
        scores = torch.einsum("rd,rnd->rn", queries, negatives) / self.temperature
        return scores.masked_fill(barred, -torch.inf)

    def _compare_shared(self, queries: Tensor, batch: Batch, keys: Tensor, kin: Tensor) -> Tensor:
        n_negatives = batch.negatives.shape[1]
        of_negatives = batch.keys[:, NEGATIVES:].reshape(-1)
        barred = kin.repeat_interleave(n_negatives, dim=1) | (of_negatives == 0)[None, :]
        barred |= find_own(keys, of_negatives)
        return self._compare(queries, batch.negatives.flatten(0, 1), barred)

    def get_config_dict(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "in_batch": self.in_batch,
            "same_tower": self.same_tower,
            "shared_negatives": self.shared_negatives,
            "mask_kin": self.mask_kin,
            "mini_batch_size": self.mini_batch_size or None,
            "gather": self.gather,
        }


def make_batch(columns: Sequence[Tensor], keys: Tensor | None) -> Batch:
    """Put embedded columns together: anchors, positives, and any number of negatives.

    Raises:
        ValueError: columns are missing, or the keys are not those of these columns.
    """
    if len(columns) < 2:
        raise ValueError(f"The loss needs an anchor and a positive; it got {len(columns)} column.")
    units = [F.normalize(_at_least_float32(column), dim=-1) for column in columns]
    queries, positives, *negatives = units
    n_rows, n_negatives = len(queries), len(negatives)
    if keys is None:
        keys = no_keys(n_rows, n_negatives, queries.device)
    if tuple(keys.shape) != (n_rows, NEGATIVES + n_negatives):
        raise ValueError(
            f"The keys must be {n_rows} lines of {NEGATIVES + n_negatives} (group, seed, positive, "
            f"{n_negatives} negatives); they are {tuple(keys.shape)}."
        )
    stacked = torch.stack(negatives, dim=1) if negatives else queries[:, None, :][:, :0]
    return Batch(queries, positives, stacked, keys)


def _at_least_float32(vectors: Tensor) -> Tensor:
    """Similarities over a temperature of 0.02 need more than the 8 bits of bfloat16."""
    return vectors.float() if vectors.dtype in (torch.float16, torch.bfloat16) else vectors


def _gather(batch: Batch) -> Batch:
    return Batch(
        all_gather_with_grad(batch.queries),
        all_gather_with_grad(batch.positives),
        all_gather_with_grad(batch.negatives),
        all_gather(batch.keys),
    )


def _is_one_of_several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
