"""Language models made bidirectional: who sees whom, in each architecture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, MambaConfig, MambaModel, MistralConfig

from decoders import CONFIGS, WINDOW, save_decoder
from fret.errors import UserError
from fret.modules.bidirectional import (
    find_causal_layers,
    make_bidirectional,
    require_bidirectional,
)
from fret.modules.build import build_model
from tiny_models import LLAMA_LIKE, make_embedder

TEXTS = [
    "A kettle descales best with vinegar.",
    "Sweep the flue before the first frost of the year, and clean the kettle with vinegar too.",
    "水壶用醋除垢最好。",
]
IDS = torch.arange(40, 60).view(1, -1)


@pytest.fixture(scope="module", params=sorted(CONFIGS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_decoder(tmp_path_factory.mktemp(request.param), request.param)


def read(base: Path, *, both: bool = True, **options: Any) -> Any:
    model = AutoModel.from_pretrained(base, **options).eval()
    return make_bidirectional(model, str(base), **options) if both else model


def changed(model: Any, at: int) -> list[int]:
    """The positions whose state changes when one token does."""
    other = IDS.clone()
    other[0, at] = 7
    with torch.no_grad():
        pair = [model(input_ids=ids).last_hidden_state[0] for ids in (IDS, other)]
    return (pair[0] - pair[1]).abs().amax(dim=1).nonzero().flatten().tolist()


def test_a_token_sees_those_after_it_and_did_not_before(base: Path) -> None:
    last = IDS.shape[1] - 1
    assert changed(read(base, both=False), last) == [last]
    seen = changed(read(base), last)
    if base.name.startswith("mistral-window"):
        # Two layers, and WINDOW tokens to the left in each.
        assert seen == list(range(last - 2 * WINDOW, last + 1))
    else:
        assert seen == list(range(last + 1))


def test_a_window_reaches_as_far_to_both_sides(tmp_path: Path) -> None:
    base = save_decoder(tmp_path, "mistral-window")
    assert changed(read(base), 10) == list(range(10 - 2 * WINDOW, 10 + 2 * WINDOW + 1))


def test_a_local_layer_of_gemma_sees_half_its_window_to_either_side(tmp_path: Path) -> None:
    base = save_decoder(tmp_path, "gemma3")
    model = read(base)
    model.config.num_hidden_layers = 1  # the local one
    half = WINDOW // 2
    assert changed(model, 10) == list(range(10 - half, 10 + half + 1))


def test_each_way_to_attend_gives_the_same(base: Path) -> None:
    ids, mask = padded(base, "right")
    made = []
    for way in ("sdpa", "eager"):
        with torch.no_grad():
            model = read(base, attn_implementation=way)
            made.append(model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()])
    assert torch.allclose(made[0], made[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("way", ["sdpa", "eager"])
def test_padding_and_company_change_nothing(base: Path, way: str) -> None:
    model = read(base, attn_implementation=way)
    states = []
    for side in ("left", "right"):
        ids, mask = padded(base, side)
        with torch.no_grad():
            made = model(input_ids=ids, attention_mask=mask).last_hidden_state
        assert torch.isfinite(made).all()
        states.append([row[seen.bool()] for row, seen in zip(made, mask, strict=True)])
    for left, right, row, seen in zip(*states, ids, mask, strict=True):
        with torch.no_grad():
            alone = model(input_ids=row[seen.bool()][None]).last_hidden_state[0]
        assert torch.allclose(left, right, atol=1e-5, rtol=1e-5)
        assert torch.allclose(left, alone, atol=1e-5, rtol=1e-5)


def padded(base: Path, side: str) -> tuple[torch.Tensor, torch.Tensor]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base, padding_side=side)
    made = tokenizer(TEXTS, padding=True, return_tensors="pt")
    assert (made["attention_mask"] == 0).any()
    return made["input_ids"], made["attention_mask"]


def test_bfloat16_is_close(base: Path) -> None:
    full, half = (
        build_model(base, device="cpu", dtype=dtype).encode(TEXTS)
        for dtype in (torch.float32, torch.bfloat16)
    )
    # The weights have a deviation of 0.3, fifteen times a real model's; so the floor is low.
    assert np.min(np.sum(full * half, axis=1)) > 0.99


def test_gradient_checkpointing_gives_the_same_gradient(base: Path) -> None:
    ids, mask = padded(base, "right")
    gradients = []
    for checkpointed in (False, True):
        model = read(base).train()
        if checkpointed:
            model.activation_checkpointing_enable()
        model(input_ids=ids, attention_mask=mask).last_hidden_state.square().mean().backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, saved in zip(*gradients, strict=True):
        assert torch.allclose(plain, saved, atol=1e-6)


def test_made_twice_is_made_once(base: Path, tmp_path: Path) -> None:
    model = read(base)
    model.save_pretrained(tmp_path)
    again = read(tmp_path)
    assert torch.equal(
        again(input_ids=IDS).last_hidden_state, model(input_ids=IDS).last_hidden_state
    )


def test_an_architecture_that_is_causal_by_nature_is_refused(tmp_path: Path) -> None:
    MambaModel(MambaConfig(vocab_size=640, hidden_size=32, num_hidden_layers=2)).save_pretrained(
        tmp_path
    )
    with pytest.raises(UserError, match=r"mamba cannot be made bidirectional.*bidirectional=False"):
        read(tmp_path)


def test_one_causal_layer_among_others_is_found(base: Path) -> None:
    model = read(base)
    assert find_causal_layers(model) == []

    def hide_what_follows(_: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        n = args[0].shape[1]
        hidden = torch.full((n, n), torch.finfo(torch.float32).min).triu(1)
        return args, kwargs | {"attention_mask": hidden[None, None]}

    model.layers[1].register_forward_pre_hook(hide_what_follows, with_kwargs=True)
    assert find_causal_layers(model) == ["layers.1"]
    with pytest.raises(UserError, match=r"in 1 of its layers \(layers.1 the first\)"):
        require_bidirectional(model)


def test_a_mask_that_is_causal_only_without_padding_is_found(base: Path) -> None:
    """The switch has two halves: masks that are made, and a flag where none is needed."""
    model = read(base)

    def flag(_: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        return args, kwargs | {"is_causal": True}

    model.layers[0].register_forward_pre_hook(flag, with_kwargs=True)
    # A window needs a mask always, and with a mask the flag is not read.
    local = base.name.startswith(("mistral-window", "gemma3"))
    assert find_causal_layers(model) == ([] if local else ["layers.0"])


def test_the_check_leaves_the_model_as_it_was(base: Path) -> None:
    model = read(base).train()
    model.layers[0].eval()
    assert find_causal_layers(model) == []
    assert model.training and not model.layers[0].training and model.layers[1].training
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_encoders_are_left_alone(tmp_path: Path) -> None:
    model = make_embedder(tmp_path)[0].model
    before = dict(model.config.to_dict())
    assert find_causal_layers(model) == []
    assert make_bidirectional(model, str(tmp_path / "tiny")) is model
    assert model.config.to_dict() == before


def test_the_rounding_of_regrouped_experts_is_not_taken_for_sight() -> None:
    from transformers import Qwen3MoeConfig, Qwen3MoeModel

    torch.manual_seed(0)
    experts = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    model = Qwen3MoeModel(Qwen3MoeConfig(**LLAMA_LIKE, **experts))
    assert find_causal_layers(model) == ["layers.0", "layers.1"]
    model.config.is_causal = False
    assert find_causal_layers(model) == []


def test_default_weights_are_told_apart_too(tmp_path: Path) -> None:
    """Fresh weights are fifteen times smaller than the other tests', and states change less."""
    from transformers import MistralModel

    torch.manual_seed(1)
    config = MistralConfig(
        vocab_size=640, hidden_size=256, num_hidden_layers=4, intermediate_size=512
    )
    for dtype in (torch.float32, torch.bfloat16):
        model = MistralModel(config).to(dtype)
        assert len(find_causal_layers(model)) == 4
        model.config.is_causal = False
        assert find_causal_layers(model) == []
        model.config.is_causal = True
