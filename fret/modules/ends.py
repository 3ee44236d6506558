"""Tokenizers of language models made fit for embedding: EOS at the end, padding to the right."""

import warnings
from typing import Any

from fret.errors import UserError

Tokenizer = Any
"""A tokenizer of transformers; its types are not worth the import."""


def set_ends(tokenizer: Tokenizer) -> None:
    """Let the tokenizer end each text with EOS and pad to the right, as NV-Embed does.

    It is the tokenizer's own setting, so it is saved with it, any tool obeys it, and truncation
    keeps the EOS.

    Raises:
        UserError: the tokenizer has no EOS, or cannot be told to write it.
    """
    tokenizer.padding_side = "right"
    tokenizer.init_kwargs["padding_side"] = (
        "right"  # else a class that pads left does so once saved
    )
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"{tokenizer.name_or_path}: its tokenizer has no EOS token, which ends a text and "
            "whose state last-token pooling takes. Name one in tokenizer_config.json (eos_token)"
        )
    set_padding(tokenizer)
    if not ends_with_eos(tokenizer):
        # Setting one of the two rewrites both; a BOS that came from tokenizer.json must not go.
        begins = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
        tokenizer.add_bos_token = begins
        tokenizer.add_eos_token = True
    if not ends_with_eos(tokenizer):
        raise UserError(
            f"{tokenizer.name_or_path}: its tokenizer cannot be told to end a text with EOS "
            "(add_eos_token). Take a base with a tokenizer.json"
        )


def set_padding(tokenizer: Tokenizer) -> None:
    """See that batches can be padded: with EOS, and a warning, where there is no padding token."""
    if tokenizer.pad_token_id is not None:
        return
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"{tokenizer.name_or_path}: its tokenizer has neither a padding token nor EOS, so no "
            "batch can be made of texts. Name one in tokenizer_config.json (pad_token)"
        )
    tokenizer.pad_token = tokenizer.eos_token
    warnings.warn(
        f"{tokenizer.name_or_path} has no padding token: its EOS {tokenizer.eos_token!r} pads; no "
        "padding is attended to or pooled",
        stacklevel=2,
    )


def ends_with_eos(tokenizer: Tokenizer) -> bool:
    """Whether a text's last token is EOS."""
    return bool(tokenizer("a")["input_ids"][-1:] == [tokenizer.eos_token_id])
