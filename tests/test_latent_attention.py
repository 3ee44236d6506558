"""The latent attention layer: equal to its equations, what it pools, and saved and loaded."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fret.modules.latent_attention import LatentAttention, LatentShape
from fret.modules.pooling import INSTRUCTION_MASK

D = 12
SIZES: dict[str, Any] = {"latents": 5, "heads": 3, "head_width": 7, "mlp_factor": 2}


def make_layer(**sizes: Any) -> LatentAttention:
    torch.manual_seed(0)
    layer = LatentAttention(D, **(sizes or SIZES))
    with torch.no_grad():  # nothing at its neutral start, so that nothing can be left out
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


def make_features(dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Rows of 6, 4 and 5 tokens, of which 2, 0 and 3 are instruction; padded on either side."""
    torch.manual_seed(1)
    return {
        "token_embeddings": torch.randn(3, 6, D, dtype=dtype),
        "attention_mask": torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [0] + [1] * 5]),
        INSTRUCTION_MASK: torch.tensor([[1, 1, 0, 0, 0, 0], [0] * 6, [0, 1, 1, 1, 0, 0]]),
    }


def pool(layer: LatentAttention, features: dict[str, Any]) -> torch.Tensor:
    return layer(features)["sentence_embedding"]


def normed(x: np.ndarray, norm: Any) -> np.ndarray:
    centred = x - x.mean()
    spread = math.sqrt((centred**2).mean() + norm.eps)
    return centred / spread * as_array(norm.weight) + as_array(norm.bias)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def look_up(layer: LatentAttention, token: np.ndarray) -> np.ndarray:
    """One token's attention to the latents, head by head."""
    shape = layer.shape
    width = shape.width(D)
    queries = as_array(layer.to_q.weight) @ normed(token, layer.norm_states)
    both = [
        as_array(layer.to_kv.weight) @ normed(row, layer.norm_latents)
        for row in as_array(layer.latents)
    ]
    inner = shape.heads * width
    found = np.zeros(inner)
    for head in range(shape.heads):
        part = slice(head * width, (head + 1) * width)
        scores = [queries[part] @ kv[:inner][part] / math.sqrt(width) for kv in both]
        weights = [math.exp(s - max(scores)) for s in scores]
        for weight, kv in zip(weights, both, strict=True):
            found[part] += weight / sum(weights) * kv[inner:][part]
    return as_array(layer.to_out.weight) @ found


def gated(layer: LatentAttention, token: np.ndarray) -> np.ndarray:
    """The MLP: half of its inner values, each times GELU of its partner."""
    wide = as_array(layer.widen.weight) @ normed(token, layer.norm_mlp) + as_array(layer.widen.bias)
    half = len(wide) // 2
    gelu = [0.5 * g * (1 + math.erf(g / math.sqrt(2))) for g in wide[half:]]
    return as_array(layer.narrow.weight) @ (wide[:half] * gelu) + as_array(layer.narrow.bias)


def pool_by_hand(layer: LatentAttention, features: dict[str, Any]) -> np.ndarray:
    """The equations of the docstring, one token at a time."""
    rows = []
    for states, seen, instruction in zip(
        features["token_embeddings"],
        features["attention_mask"],
        features[INSTRUCTION_MASK],
        strict=True,
    ):
        kept = []
        for token, is_seen, is_instruction in zip(as_array(states), seen, instruction, strict=True):
            if is_seen and not is_instruction:
                looked = token + look_up(layer, token)
                kept.append(looked + gated(layer, looked))
        rows.append(np.mean(kept, axis=0))
    return np.array(rows)


@pytest.mark.parametrize("sizes", [SIZES, {"latents": 4, "heads": 2}], ids=["chosen", "scaled"])
def test_equals_the_equations(sizes: dict[str, Any]) -> None:
    layer, features = make_layer(**sizes).double(), make_features(torch.float64)
    expected = pool_by_hand(layer, features)
    assert np.abs(as_array(pool(layer, features)) - expected).max() < 1e-10


def test_gives_one_vector_per_text_as_wide_as_a_state() -> None:
    layer = make_layer()
    assert pool(layer, make_features()).shape == (3, D)
    assert layer.get_embedding_dimension() == D


@pytest.mark.parametrize(("row", "at"), [(1, 4), (2, 0), (0, 0), (2, 3)])
def test_padding_and_instruction_do_not_move_the_mean(row: int, at: int) -> None:
    layer, features = make_layer(), make_features()
    before = pool(layer, features)
    features["token_embeddings"][row, at] += 5
    assert torch.equal(pool(layer, features), before)


@pytest.mark.parametrize(("row", "at"), [(0, 2), (1, 0), (2, 5)])
def test_each_token_of_the_text_moves_it(row: int, at: int) -> None:
    layer, features = make_layer(), make_features()
    before = pool(layer, features)
    features["token_embeddings"][row, at] += 5
    moved = (pool(layer, features) - before).abs().amax(dim=1) > 1e-3
    assert moved.tolist() == [i == row for i in range(3)]


def test_without_an_instruction_all_tokens_are_pooled() -> None:
    layer, features = make_layer(), make_features()
    del features[INSTRUCTION_MASK]
    none = {**features, INSTRUCTION_MASK: torch.zeros(3, 6, dtype=torch.long)}
    assert torch.equal(pool(layer, features), pool(layer, none))


def test_a_gradient_reaches_every_parameter() -> None:
    layer = make_layer()
    pool(layer, make_features()).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
        assert torch.isfinite(parameter.grad).all(), name
    assert layer.latents.grad.abs().amax(dim=1).min() > 0  # each latent


def test_no_token_of_an_instruction_gets_a_gradient_here() -> None:
    features = make_features()
    states = features["token_embeddings"].requires_grad_()
    pool(make_layer(), features).sum().backward()
    reached = states.grad.abs().amax(dim=2) > 0
    pooled = features["attention_mask"].bool() & ~features[INSTRUCTION_MASK].bool()
    assert torch.equal(reached, pooled)


def test_saved_and_loaded_it_is_the_same_to_the_bit(tmp_path: Path) -> None:
    layer, features = make_layer(), make_features()
    layer.save(str(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((tmp_path / "config.json").read_text("utf-8")) == {"hidden_size": D, **SIZES}
    again = LatentAttention.load(str(tmp_path))
    assert again.state_dict().keys() == load_file(tmp_path / "model.safetensors").keys()
    for name, weight in layer.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    assert torch.equal(pool(again, features), pool(layer, features))


def test_a_folder_that_lacks_a_weight_is_not_loaded(tmp_path: Path) -> None:
    layer = make_layer()
    layer.save(str(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"latents": 9}), "utf-8")
    with pytest.raises(RuntimeError, match="latents"):
        LatentAttention.load(str(tmp_path))


def test_bfloat16_states_and_layer() -> None:
    layer, features = make_layer(), make_features()
    full = pool(layer, features)
    features["token_embeddings"] = features["token_embeddings"].bfloat16()
    # A layer in float32 on a model in bfloat16, as a fresh one is.
    mixed = pool(layer, features)
    half = pool(layer.bfloat16(), features)
    assert (mixed.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    for made in (mixed, half.float()):
        assert torch.nn.functional.cosine_similarity(made, full).min() > 0.999


def test_the_features_that_came_in_stay_as_they_are() -> None:
    features = make_features()
    before = {name: value.clone() for name, value in features.items()}
    pool(make_layer(), features)
    assert features.keys() == before.keys()
    assert all(torch.equal(features[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("width", "size", "parameters"),
    [(1024, None, 17.3), (4096, None, 271), (4096, 4096, 740), (1024, 1024, 46.7)],
)
def test_the_parameter_counts_of_the_docstring(
    width: int, size: int | None, parameters: float
) -> None:
    with torch.device("meta"):
        layer = LatentAttention(width, head_width=size)
    n = sum(p.numel() for p in layer.parameters())
    per_square = 16 if size is None else 44
    assert n == per_square * width**2 + 527 * width
    assert n / 1e6 == pytest.approx(parameters, rel=0.005)


def test_the_scaled_width() -> None:
    assert LatentShape().width(1024) == 128
    assert LatentShape(heads=8).width(4) == 1
    assert LatentShape(head_width=4096).width(64) == 4096
