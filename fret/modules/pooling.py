"""Which tokens are pooled: those of the text, without padding and without the instruction."""

from typing import Any, cast

from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor

INSTRUCTION_MASK = "instruction_mask"
"""The feature that marks the instruction's tokens with 1, (batch, tokens), as `attention_mask`."""

Features = dict[str, Any]


def pooled_tokens(features: Features) -> Tensor:
    """1 where a token is pooled, (batch, tokens).

    The instruction's tokens take part in the transformer's attention, and are left out here only.
    """
    mask = cast(Tensor, features["attention_mask"])
    if INSTRUCTION_MASK in features:
        mask = mask * (1 - features[INSTRUCTION_MASK])
    return mask


class TextPooling(Pooling):
    """sentence-transformers' pooling, of the text's tokens alone.

    Its own way to leave a prompt out takes one length for a whole batch; here rows differ.
    """

    def forward(self, features: Features, **kwargs: Any) -> Features:
        """Add `sentence_embedding`; the features that came in stay as they are."""
        seen = features | {"attention_mask": pooled_tokens(features)}
        made = super().forward(seen, **kwargs)
        return features | {"sentence_embedding": made["sentence_embedding"]}
