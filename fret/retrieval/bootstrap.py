"""A first retriever, trained on queries and the passages that they were written from.

Gecko mines its candidates with such a model: "an embedding model trained on" the generated pairs
with in-batch negatives (Lee et al. 2024, arXiv 2403.20327, section 3.2, footnote 1). The loss is
the softmax over the passages of a step (InfoNCE, van den Oord et al. 2018, arXiv 1807.03748):

    -log(exp(cos(q_i, p_i) / t) / sum_j exp(cos(q_i, p_j) / t))

where passages of the same page as p_i, or of the same text, are left out of the sum: they may
answer the query as well.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fret.errors import StageError
from fret.retrieval.encode import Embedder, format_query, write_passage
from fret.retrieval.model_files import load_files

_WARM_UP = 0.1
_LONGEST_GRADIENT = 1.0
# With MiniLM and 256 tokens a process took 2.3 GB with 8 pairs at a time, 9.7 GB with 64.
_PAIRS_AT_A_TIME = 8


class Pair(NamedTuple):
    """A query and the passage that it was written from."""

    task: str
    query: str
    title: str
    text: str
    page_id: str


@dataclass(frozen=True, slots=True)
class Training:
    """How a retriever is trained; see `fret.config.BootstrapSettings`."""

    epochs: int = 1
    pairs_per_step: int = 64
    learning_rate: float = 2e-5
    temperature: float = 0.05
    max_length: int = 256

    def n_steps(self, n_pairs: int) -> int:
        """Return how many steps so many pairs make."""
        return self.epochs * max(1, n_pairs // self.pairs_per_step)


def train_retriever(
    embedder: Embedder,
    pairs: Sequence[Pair],
    out: Path,
    *,
    how: Training,
    seed: int,
    tell: Callable[[], None],
) -> None:
    """Train a model, beginning with the embedder's, and save it to the folder `out`.

    The same seed on the same machine gives the same model. `tell` is called after each step.

    Raises:
        StageError: the pairs are too few or all of one page, or the loss is no number.
    """
    import torch

    if len({pair.page_id for pair in pairs}) < 2:
        raise StageError(
            f"A retriever cannot be trained on {len(pairs)} queries of fewer than two pages: they "
            "have no negatives. Write more queries, or set `candidates.dense.bootstrap: null`."
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = load_files(embedder.path, embedder.device, "float32")
        own_length = model.max_seq_length
        model.max_seq_length = min(how.max_length, own_length or how.max_length)
        _train(model, _Texts(embedder, model), pairs, how=how, seed=seed, tell=tell)
        model.max_seq_length = own_length
        model.eval()
        model.save(str(out), create_model_card=False)


class _Texts:
    """Makes of pairs what goes into the model, with its prompts."""

    def __init__(self, embedder: Embedder, model: Any) -> None:
        self._how, self._model = embedder.how, model
        self._prompts = embedder.query_prompt, embedder.passage_prompt

    @property
    def anywhere(self) -> Any:
        """A tensor on the model's device."""
        import torch

        return torch.empty(0, device=self._model.device)

    def encode(self, pairs: Sequence[Pair]) -> tuple[Any, Any]:
        """Return unit vectors of queries and of passages, of shape (pairs, dimensions)."""
        queries = [format_query(self._how.query_format, pair.task, pair.query) for pair in pairs]
        passages = [write_passage(pair.title, pair.text) for pair in pairs]
        return (
            self._forward(queries, self._prompts[0], "query"),
            self._forward(passages, self._prompts[1], "document"),
        )

    def _forward(self, texts: list[str], prompt: str, task: str) -> Any:
        import torch

        device = self._model.device
        features = self._model.preprocess(texts, prompt=prompt, task=task)
        features = {
            name: value.to(device) if isinstance(value, torch.Tensor) else value
            for name, value in features.items()
        }
        is_gpu = device.type == "cuda"
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_gpu):
            found = self._model(features, task=task)["sentence_embedding"]
        return torch.nn.functional.normalize(found.float(), dim=1)


def _train(
    model: Any,
    texts: _Texts,
    pairs: Sequence[Pair],
    *,
    how: Training,
    seed: int,
    tell: Callable[[], None],
) -> None:
    import torch

    n_steps = how.n_steps(len(pairs))
    optimizer = torch.optim.AdamW(model.parameters(), lr=how.learning_rate)
    n_warm = max(1, round(_WARM_UP * n_steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / n_warm, (n_steps - step) / max(1, n_steps - n_warm)),
    )
    model.train()
    for step in _steps(len(pairs), how, seed):
        optimizer.zero_grad()
        loss = _propagate(texts, [pairs[i] for i in step], how.temperature)
        if not math.isfinite(loss):
            raise StageError(
                "The loss of the first retriever is no number any more. Lower "
                "`candidates.dense.bootstrap.learning_rate`."
            )
        torch.nn.utils.clip_grad_norm_(model.parameters(), _LONGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        tell()


def _propagate(texts: _Texts, pairs: Sequence[Pair], temperature: float) -> float:
    """Return the loss of a step, and leave its gradient in the weights.

    The states of a few pairs are held at a time (gradient caching, Gao et al. 2021, arXiv
    2101.06983): the vectors of all first, then each part again, with the gradient of its vectors.
    """
    import torch
    from sentence_transformers.base.losses.gradcache import RandContext

    parts = [pairs[i : i + _PAIRS_AT_A_TIME] for i in range(0, len(pairs), _PAIRS_AT_A_TIME)]
    chances, vectors = [], []
    with torch.no_grad():
        for part in parts:
            # Dropout must draw the same again.
            chances.append(RandContext(texts.anywhere))
            vectors.append(texts.encode(part))
    both: list[Any] = [torch.cat(each).requires_grad_() for each in zip(*vectors, strict=True)]
    queries, passages = both
    loss = in_batch_loss(queries, passages, pairs, temperature)
    loss.backward()
    gradients = (each.grad.split(_PAIRS_AT_A_TIME) for each in both)
    for part, chance, *wanted in zip(parts, chances, *gradients, strict=True):
        with chance:
            found = texts.encode(part)
        torch.autograd.backward(found, wanted)
    return float(loss.detach())


def _steps(n_pairs: int, how: Training, seed: int) -> Any:
    """Yield which pairs go into each step; the rest of an epoch that fills none is left out."""
    rng = np.random.default_rng(seed)
    for _ in range(how.epochs):
        order = rng.permutation(n_pairs)
        for n in range(max(1, n_pairs // how.pairs_per_step)):
            yield order[n * how.pairs_per_step : (n + 1) * how.pairs_per_step].tolist()


def in_batch_loss(queries: Any, passages: Any, pairs: Sequence[Pair], temperature: float) -> Any:
    """Return the mean loss of a step; passages that may be positives too are no negatives.

    Args:
        queries, passages: unit vectors of shape (pairs, dimensions).
    """
    import torch

    scores = queries @ passages.T / temperature
    mask = torch.from_numpy(may_answer(pairs)).to(scores.device)
    scores = scores.masked_fill(mask, -torch.inf)
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(pairs), device=mask.device))


def may_answer(pairs: Sequence[Pair]) -> NDArray[np.bool_]:
    """Return whether each pair's query may be answered by another pair's passage.

    Of shape (pairs, pairs): passages of one page, and of one text; False on the diagonal.
    """
    pages = np.array([pair.page_id for pair in pairs])
    texts = np.array([pair.text for pair in pairs])
    same: NDArray[np.bool_] = (pages[:, None] == pages) | (texts[:, None] == texts)
    np.fill_diagonal(same, False)
    return same


def rank_seeds(
    embedder: Embedder, pairs: Sequence[Pair], passages: Sequence[tuple[str, str]]
) -> list[int]:
    """Return the rank of each pair's passage among others, from 1; ties count against it.

    Args:
        passages: titles and texts, among them those of the pairs.
    """
    vectors = embedder.encode_passages(passages)
    rows = {passage: row for row, passage in enumerate(passages)}
    queries = embedder.encode_queries([(pair.task, pair.query) for pair in pairs])
    ranks = []
    for query, pair in zip(queries, pairs, strict=True):
        scores = vectors @ query
        own = scores[rows[pair.title, pair.text]]
        ranks.append(int((scores >= own).sum()))
    return ranks
