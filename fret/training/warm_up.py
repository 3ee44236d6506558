"""Masked next token prediction, which gets a language model used to seeing in both directions.

LLM2Vec (BehnamGhader et al. 2024, arXiv 2404.05961): dropping the causal mask breaks most language
models at first (Mistral bears it, Llama does not). So a share of the tokens is masked, and each is
predicted from the state at the position before it, as the model has learned to predict.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel, get_linear_schedule_with_warmup

from fret.errors import StageError, UserError
from fret.modules.bidirectional import require_bidirectional
from fret.training.checkpoints import Checkpoints

_IGNORED = -100  # the label that transformers' losses pass over
Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How long and how; steps, batch and share as in LLM2Vec, the rest is ours."""

    steps: int = 1000
    batch_size: int = 32
    mask_share: float = 0.2
    learning_rate: float = 5e-5
    """At its highest, after a tenth of the steps; it falls to 0 in a line."""
    lora_rank: int | None = None
    """Train only low-rank changes of the linear layers, merged at the end; needs peft."""
    seed: int = 0


def warm_up(
    model: SentenceTransformer,
    base: str,
    texts: Sequence[str],
    settings: WarmUp | None = None,
    on_step: Callable[[int, float], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[float]:
    """Train a bidirectional model's transformer on plain passages, in place.

    The head that predicts is the base's own, tied to the embeddings where the base ties it; it is
    thrown away at the end.

    Args:
        base: the folder or Hub id that the model was built from, for the head.
        on_step: called with the step, from 1, and its loss.
        checkpoints: where it is kept on the way; it goes on from the newest.

    Returns:
        The loss of each step, in nats per masked token.

    Raises:
        UserError: the model is causal, the base has no head, there are no texts, peft is missing.
    """
    settings = settings or WarmUp()
    if not texts:
        raise UserError("warm-up: there are no texts to train on")
    transformer: Any = model[0]
    require_bidirectional(transformer.model)
    mask_id = _find_mask_token(transformer.tokenizer)
    head, finish = _put_under_head(transformer.model, base, settings)
    batches = _Batches(transformer, texts, mask_id, settings)
    was_training = model.training
    model.train()
    head.train()
    try:
        return _train(head, batches, settings, on_step, checkpoints)
    finally:
        finish()
        model.train(was_training)


def _train(
    head: PreTrainedModel,
    batches: "_Batches",
    settings: WarmUp,
    on_step: Callable[[int, float], None] | None,
    checkpoints: Checkpoints | None,
) -> list[float]:
    trained = [p for p in head.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate)
    schedule = get_linear_schedule_with_warmup(  # type: ignore[no-untyped-call]
        optimizer, settings.steps // 10, settings.steps
    )
    parts = {"head": head, "optimizer": optimizer, "schedule": schedule, "batches": batches}
    losses = _restore(parts, checkpoints)
    for step in range(len(losses) + 1, settings.steps + 1):
        loss = _compute_loss(head, next(batches))
        if not torch.isfinite(loss):
            raise StageError(
                f"warm-up: the loss of step {step} is {loss.item()}. Lower learning_rate (now "
                f"{settings.learning_rate:g}), and do not train in float16"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if on_step:
            on_step(step, loss.item())
        if checkpoints and step % checkpoints.every == 0 and step < settings.steps:
            states = {name: part.state_dict() for name, part in parts.items()}
            chance = torch.get_rng_state()
            checkpoints.write(step, {"parts": states, "chance": chance, "losses": losses})
    return losses


def _restore(parts: Mapping[str, Any], checkpoints: Checkpoints | None) -> list[float]:
    """Go on where the newest checkpoint stands; return the losses up to there."""
    kept = checkpoints.read() if checkpoints else None
    if kept is None:
        return []
    for name, part in parts.items():
        part.load_state_dict(kept["parts"][name])
    torch.set_rng_state(kept["chance"])  # of dropout
    return list(kept["losses"])


def _compute_loss(head: PreTrainedModel, batch: Batch) -> Tensor:
    """The base's own loss: it moves labels by one, so position i - 1 predicts token i."""
    device = head.device
    half = device.type == "cuda" and head.dtype == torch.float32
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        made = head(**{name: value.to(device) for name, value in batch.items()}, use_cache=False)
    return made.loss  # type: ignore[no-any-return]


def _put_under_head(
    backbone: PreTrainedModel, base: str, settings: WarmUp
) -> tuple[PreTrainedModel, Callable[[], None]]:
    """The base's language model around our transformer, and what makes the transformer whole."""
    read: Any = AutoModelForCausalLM.from_pretrained(
        base, dtype=backbone.dtype, output_loading_info=True
    )
    head, loading = read
    if loading["missing_keys"]:
        raise UserError(
            f"{base}: it has no head that predicts tokens ({min(loading['missing_keys'])} is "
            "missing), which the warm-up trains with. Name the language model itself."
        )
    finish = _adapt(backbone, settings.lora_rank)
    setattr(head, head.base_model_prefix, backbone)
    head.tie_weights()
    if settings.lora_rank is not None:
        head.get_output_embeddings().requires_grad_(False)
    return head.to(backbone.device), finish


def _adapt(backbone: PreTrainedModel, rank: int | None) -> Callable[[], None]:
    """Put low-rank changes into the transformer to be trained instead; what merges them into it."""
    if rank is None:
        return lambda: None
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise UserError(
            "lora_rank needs the package peft: pip install 'fret[train]', or leave lora_rank out"
        ) from error
    # The usual alpha, twice the rank, and a light dropout: ours.
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules="all-linear")
    adapted = LoraModel(backbone, config, "default")  # in place

    def merge() -> None:
        adapted.merge_and_unload()
        backbone.requires_grad_(True)

    return merge


class _Batches:
    """Batches without end: all texts in an order of chance, then again in another."""

    def __init__(
        self, transformer: Any, texts: Sequence[str], mask_id: int, settings: WarmUp
    ) -> None:
        self._transformer, self._texts, self._mask_id = transformer, texts, mask_id
        self._settings = settings
        self._chance = torch.Generator().manual_seed(settings.seed)
        self._queue: list[int] = []

    def __next__(self) -> Batch:
        size = self._settings.batch_size
        while len(self._queue) < size:
            self._queue += torch.randperm(len(self._texts), generator=self._chance).tolist()
        drawn, self._queue = self._queue[:size], self._queue[size:]
        features = self._transformer.preprocess([self._texts[i] for i in drawn], task="document")
        tokenizer, share = self._transformer.tokenizer, self._settings.mask_share
        return _mask(features, tokenizer, self._mask_id, share, self._chance)

    def state_dict(self) -> dict[str, Any]:
        return {"chance": self._chance.get_state(), "queue": self._queue}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._chance.set_state(state["chance"])
        self._queue = list(state["queue"])


def _mask(
    features: dict[str, Any], tokenizer: Any, mask_id: int, share: float, chance: torch.Generator
) -> Batch:
    """Put the mask token in the place of a share of the text's tokens; those are the labels.

    Not BOS, EOS or padding, and not the first token, which no state precedes. One at least, so
    that short batches have a loss.
    """
    ids, seen = features["input_ids"], features["attention_mask"]
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    open_to = (seen * (1 - special.long())).float()
    # The first token of a row, wherever the padding is.
    open_to[seen.cumsum(dim=1) <= 1] = 0
    if not open_to.any():
        raise UserError("warm-up: a batch of texts has no token to mask; are the texts empty?")
    lots = torch.rand(ids.shape, generator=chance) * open_to
    masked = lots > 1 - share
    masked |= lots == lots.max()
    labels = torch.where(masked, ids, _IGNORED)
    return {
        "input_ids": torch.where(masked, mask_id, ids),
        "attention_mask": seen,
        "labels": labels,
    }


def _find_mask_token(tokenizer: Any) -> int:
    """The tokenizer's own mask token; else the underscore, as LLM2Vec takes it.

    Language models have no mask token, and a new one would have an untrained embedding.
    """
    if tokenizer.mask_token_id is not None:
        return int(tokenizer.mask_token_id)
    return int(tokenizer("_", add_special_tokens=False)["input_ids"][-1])
