"""Language models whose tokens see in both directions, as NV-Embed uses them.

The causal mask is switched off in the model's own configuration, so a saved model is bidirectional
again wherever transformers reads it, with no code of ours. Two switches exist:

- `use_bidirectional_attention` of Gemma 3 and 4. It is preferred where it works: it also halves
  the window of local layers, so that as many tokens are seen as before, half on either side.
- `is_causal: false`, which transformers' mask functions read for any architecture that builds its
  masks with them. A window of w then reaches w tokens to the left and w to the right.

An architecture may read neither, and would stay causal without a word. So no switch is believed:
each layer is run and looked at.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from fret.errors import UserError

# The architectures whose masks obey a switch of their own, and the value that switches it on.
# Gemma 1 and 2 have the field too, but their masks stay causal with it; `is_causal` works there.
_OWN_SWITCH: dict[str, bool | str] = {"gemma3_text": True, "gemma4_text": "all"}
_N_TOKENS = 8
# Of the change that a token before makes, what a token after must make at least to be seen. It is
# 0 where a token is hidden, or up to 8e-7 where rounding differs as a batch of experts is
# regrouped, and 8e-2 at least where it is seen (Qwen3, Gemma 3, Mixtral, Qwen3-MoE, all random).
_SEEN = 1e-4

Call = tuple[tuple[Any, ...], dict[str, Any]]


def make_bidirectional(model: PreTrainedModel, base: str, **options: Any) -> PreTrainedModel:
    """Let every token see those after it; return the model, which may be a new object.

    Args:
        base: the folder or Hub id that the model was read from; Gemma 3 and 4 are read once more.
        options: what it was read with (`dtype`, `attn_implementation`, `revision` …).

    Raises:
        UserError: the architecture knows neither switch.
    """
    if not find_causal_layers(model):
        return model
    config = model.config.get_text_config()
    if config is model.config and (value := _OWN_SWITCH.get(config.model_type)):
        config = type(config).from_dict(config.to_dict() | {"use_bidirectional_attention": value})
        read = type(model).from_pretrained(base, config=config, **options)
        model = read.train(model.training)
    else:
        config.is_causal = False
    require_bidirectional(model)
    return model


def require_bidirectional(model: PreTrainedModel) -> None:
    """Check with forward passes of a few tokens that no layer is causal.

    Raises:
        UserError: some layer is.
    """
    if layers := find_causal_layers(model):
        raise UserError(
            f"{model.config.model_type} cannot be made bidirectional: in {len(layers)} of its "
            f"layers ({layers[0]} the first) a token still sees only those before it. Train it "
            "causal, with bidirectional=False and pooling='last', or take another base: Llama, "
            "Mistral, Qwen3 and Gemma 3 are tested"
        )


def is_told_bidirectional(model: PreTrainedModel) -> bool:
    """Whether the model's configuration has one of the two switches on."""
    config = model.config.get_text_config()
    own = getattr(config, "use_bidirectional_attention", None)
    return getattr(config, "is_causal", None) is False or own in {True, "all"}


def find_causal_layers(model: PreTrainedModel) -> list[str]:
    """Name the layers in which a token does not see the one after it; none in an encoder.

    Each layer is looked at alone, so a single causal layer among others is found: its input is
    recorded in a forward pass, and it runs again with the last token's state changed. Once with
    padding in the batch and once without, since masks are made in different ways for the two.
    """
    layers = _outermost_layers(model)
    causal: set[str] = set()
    with _evaluating(model), torch.no_grad():
        for padded in (False, True):
            calls = _record_calls(model, layers, padded=padded)
            causal |= {name for name in calls if not _sees_ahead(layers[name], calls[name])}
    return [name for name in layers if name in causal]


def _outermost_layers(model: PreTrainedModel) -> dict[str, nn.Module]:
    """What transformers marks as a layer, without those that are parts of another."""
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if isinstance(module, GradientCheckpointingLayer) and not inside:
            found[name] = module
    return found


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    """No dropout, no gradient checkpointing: the same input gives the same output."""
    training = {module: module.training for module in model.modules()}
    model.train(False)
    try:
        yield
    finally:
        for module, was in training.items():
            module.training = was


def _record_calls(
    model: PreTrainedModel, layers: dict[str, nn.Module], *, padded: bool
) -> dict[str, Call]:
    """Run the model on a few tokens; what each layer was called with, where it was called."""
    calls: dict[str, Call] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.setdefault(name, (args, kwargs))

        return hook

    hooks = [m.register_forward_pre_hook(note(n), with_kwargs=True) for n, m in layers.items()]
    try:
        model(**_few_tokens(model, padded=padded))
    finally:
        for handle in hooks:
            handle.remove()
    if not calls:
        raise UserError(
            f"{model.config.model_type}: its layers cannot be found, so it cannot be told whether "
            "they are causal. Take a base whose code is part of transformers"
        )
    return calls


def _few_tokens(model: PreTrainedModel, *, padded: bool) -> dict[str, Any]:
    """Two rows of a few tokens; with padding, the second row is half padding."""
    embeddings: Any = model.get_input_embeddings()
    n_words = embeddings.weight.shape[0]
    ids = torch.arange(1, 2 * _N_TOKENS + 1, device=model.device).view(2, -1) % n_words
    mask = torch.ones_like(ids)
    if padded:
        mask[1, _N_TOKENS // 2 :] = 0
    # A cache would remember the states of the first run in the second.
    cache = (
        {"use_cache": False} if "use_cache" in inspect.signature(model.forward).parameters else {}
    )
    return {"input_ids": ids, "attention_mask": mask, **cache}


def _sees_ahead(layer: nn.Module, call: Call) -> bool:
    """Whether the last but one token's new state depends on the last token's.

    The first row is looked at, which has no padding. The neighbours are nearest, so that no window
    is too short.
    """
    plain = _run(layer, call)
    if not torch.isfinite(plain[0]).all():
        raise UserError(
            f"{type(layer).__name__}: a few tokens give states that are no numbers, so the model's "
            "weights are damaged, or too large for its dtype. Read it in float32 or bfloat16"
        )
    ahead = (_run(layer, call, turned=-1) - plain)[0, -2].abs().max()
    back = (_run(layer, call, turned=-3) - plain)[0, -2].abs().max()
    return bool(ahead > _SEEN * back) and bool(ahead > 0)


def _run(layer: nn.Module, call: Call, *, turned: int | None = None) -> Tensor:
    """Run a layer as it was called, with one token's state turned to its opposite."""
    args, kwargs = call
    name = next(iter(inspect.signature(layer.forward).parameters))
    states = args[0] if args else kwargs[name]
    if turned is not None:
        states = states.clone()
        states[0, turned] *= -1
    made = layer(states, *args[1:], **{k: v for k, v in kwargs.items() if k != name})
    return made[0] if isinstance(made, tuple) else made  # type: ignore[no-any-return]
