"""The latent attention layer of NV-Embed (Lee et al. 2024, arXiv 2405.17428, section 3.2)."""

from dataclasses import asdict, dataclass
from typing import Any, Self, cast

import torch
from sentence_transformers.base.modules import Module
from torch import Tensor, nn
from torch.nn import functional

from fret.modules.pooling import Features, pooled_tokens


@dataclass(frozen=True, slots=True)
class LatentShape:
    """The sizes of a latent attention layer; those that are None follow the hidden size."""

    latents: int = 512
    """Rows of the trainable array that serves as keys and values; 512 in the paper."""
    heads: int = 8
    """8 in the paper."""
    head_width: int | None = None
    """By default the hidden size / heads. NV-Embed's released code has the hidden size itself,
    which makes the attention eight times as large."""
    mlp_factor: int = 4
    """Inner width of the MLP in hidden sizes; 4 in the released code."""

    def width(self, hidden_size: int) -> int:
        """Of one head."""
        return self.head_width or max(1, hidden_size // self.heads)


class LatentAttention(Module):
    """Pool token states into one vector, after they have looked a trainable array up.

    Q are the last layer's token states, (tokens, d); K = V a trainable array, (latents, d):

        O = MLP'(A),  A = Q + Attention(norm(Q), norm(K)) W_out,  MLP'(A) = A + MLP(norm(A))

    and the mean of O over the text's tokens is the embedding, of size d. Choices, and their source:

    - K = V = latents; heads; an MLP after; then the mean over tokens: the paper, section 3.2.
    - Layer norm before the attention on both its inputs, and before the MLP; projections of the
      attention without bias, one for queries, one for keys and values, one for the output; both
      residuals; a GEGLU MLP, (x, gate) -> x GELU(gate); latents drawn from N(0, 1); no mask in the
      attention, so every token, padding too, sees all latents; padding and the instruction left out
      of the mean: NV-Embed's released code, which the paper's equation does not show.
    - A mean over the text's tokens in float32, whatever the model's precision: our choice.
    - Normalising to length 1 is a module of its own, after this one.

    Parameters, with the default sizes: 16 d² + 527 d, so 17.3 million at d = 1024 and 271 million
    at d = 4096. With NV-Embed's `head_width` of d: 44 d² + 527 d, so 740 million at d = 4096.

    Args:
        hidden_size: d, the width of the token states, and of the embedding.
    """

    def __init__(self, hidden_size: int, **sizes: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.hidden_size, self.shape = hidden_size, LatentShape(**sizes)
        inner = self.shape.heads * self.shape.width(hidden_size)
        mlp = self.shape.mlp_factor * hidden_size
        self.latents = nn.Parameter(torch.randn(self.shape.latents, hidden_size))
        self.norm_states = nn.LayerNorm(hidden_size)
        self.norm_latents = nn.LayerNorm(hidden_size)
        self.to_q = nn.Linear(hidden_size, inner, bias=False)
        self.to_kv = nn.Linear(hidden_size, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, hidden_size, bias=False)
        self.norm_mlp = nn.LayerNorm(hidden_size)
        self.widen = nn.Linear(hidden_size, 2 * mlp)
        self.narrow = nn.Linear(mlp, hidden_size)

    def forward(self, features: Features, **_: Any) -> Features:
        """Add `sentence_embedding`, (batch, d), made of `token_embeddings`, (batch, tokens, d)."""
        states = features["token_embeddings"].to(self.latents.dtype)
        states = states + self._attend(states)
        states = states + self._mlp(states)
        mask = pooled_tokens(features).unsqueeze(-1).to(torch.float32)
        total = (states * mask).sum(dim=1, dtype=torch.promote_types(states.dtype, torch.float32))
        mean = total / mask.sum(dim=1).clamp(min=1)
        return features | {"sentence_embedding": mean.to(states.dtype)}

    def _attend(self, states: Tensor) -> Tensor:
        queries = self._split(self.to_q(self.norm_states(states)))
        keys, values = self.to_kv(self.norm_latents(self.latents)).unsqueeze(0).chunk(2, dim=-1)
        seen = functional.scaled_dot_product_attention(
            queries, self._split(keys), self._split(values)
        )
        return cast(Tensor, self.to_out(seen.transpose(1, 2).flatten(2)))

    def _split(self, rows: Tensor) -> Tensor:
        """(batch, rows, heads x width) to (batch, heads, rows, width)."""
        heads = self.shape.heads
        return rows.view(*rows.shape[:-1], heads, rows.shape[-1] // heads).transpose(1, 2)

    def _mlp(self, states: Tensor) -> Tensor:
        inner, gate = self.widen(self.norm_mlp(states)).chunk(2, dim=-1)
        return cast(Tensor, self.narrow(inner * functional.gelu(gate)))

    def get_embedding_dimension(self) -> int:
        """The same as the token states'."""
        return self.hidden_size

    def get_config_dict(self) -> dict[str, Any]:
        """What `load` makes the same layer of."""
        return {"hidden_size": self.hidden_size, **asdict(self.shape)}

    def save(self, output_path: str, *_: Any, safe_serialization: bool = True, **__: Any) -> None:
        """Write config.json and model.safetensors."""
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> Self:
        """Read what `save` wrote, from a folder or the Hub."""
        where = {k: options[k] for k in _WHERE if k in options}
        made = cls(**cls.load_config(model_name_or_path, subfolder=subfolder, **where))
        cls.load_torch_weights(model_name_or_path, subfolder=subfolder, model=made, **where)
        return made


_WHERE = ("token", "cache_folder", "revision", "local_files_only")
