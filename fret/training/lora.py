"""Low-rank changes of a model's layers, trained in its stead and merged at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sentence_transformers import SentenceTransformer

from fret.config.training import LoraSettings
from fret.errors import UserError


@contextmanager
def adapted(model: SentenceTransformer, how: LoraSettings | None) -> Iterator[None]:
    """Train low-rank changes of the transformer in the block, and all weights after it.

    The modules after the transformer, such as latent attention, are trained as they are.

    Raises:
        UserError: peft is missing, or there are no such layers.
    """
    if how is None:
        yield
        return
    transformer: Any = model[0]
    inner = _wrap(transformer.model, how)
    transformer.model = inner.base_model.model  # the same class as before, with layers changed
    yield
    transformer.model = inner.merge_and_unload().requires_grad_(True)


def _wrap(model: Any, how: LoraSettings) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise UserError(
            "`lora` needs the package peft: pip install 'fret[train]', or take `lora` out."
        ) from error
    config = LoraConfig(
        r=how.rank, lora_alpha=how.alpha, lora_dropout=how.dropout, target_modules=how.modules
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UserError(f"lora.modules: {error}") from error
