"""Masked next token prediction: what is masked, what predicts it, and that it learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from decoders import save_decoder
from fret.errors import StageError, UserError
from fret.modules.bidirectional import find_causal_layers
from fret.modules.build import build_model, load_model
from fret.training.checkpoints import Checkpoints
from fret.training.warm_up import WarmUp, _Batches, _compute_loss, _put_under_head, warm_up
from tiny_models import CORPUS, make_embedder

TEXTS = [f"{i} {text}" for i, text in enumerate(CORPUS)]
QUICK: dict[str, Any] = {"steps": 40, "batch_size": 8, "learning_rate": 3e-3}


def make(folder: Path, name: str, **options: Any) -> tuple[Any, str]:
    base = save_decoder(folder / name, name)
    return build_model(base, max_length=48, device="cpu", **options), str(base)


@pytest.mark.parametrize("name", ["llama", "mistral-window", "qwen3", "gemma3"])
def test_the_loss_falls_and_the_transformer_alone_is_kept(tmp_path: Path, name: str) -> None:
    model, base = make(tmp_path, name)
    names = [n for n, _ in model.named_parameters()]
    before = model.encode(TEXTS[:2])
    told: list[tuple[int, float]] = []
    losses = warm_up(model, base, TEXTS, WarmUp(**QUICK), on_step=lambda *step: told.append(step))
    assert told == list(enumerate(losses, 1)) and len(losses) == 40
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert [n for n, _ in model.named_parameters()] == names
    assert not model.training and find_causal_layers(model[0].model) == []
    assert np.abs(model.encode(TEXTS[:2]) - before).max() > 1e-3
    model.save_pretrained(str(tmp_path / "made"), create_model_card=False)
    assert np.array_equal(
        load_model(tmp_path / "made", device="cpu").encode(TEXTS), model.encode(TEXTS)
    )


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    runs = []
    for seed in (3, 3, 4):
        model, base = make(tmp_path, "llama")
        runs.append(warm_up(model, base, TEXTS, WarmUp(**QUICK | {"steps": 4}, seed=seed)))
    assert runs[0] == runs[1] != runs[2]


def test_a_masked_token_is_predicted_from_the_position_before(tmp_path: Path) -> None:
    """The loss against log-probabilities taken by hand from the language model's own head."""
    model, base = make(tmp_path, "llama")
    batch = next(_Batches(model[0], TEXTS, 99, WarmUp(batch_size=4)))
    head, _ = _put_under_head(model[0].model, base, WarmUp())
    with torch.no_grad():
        loss = _compute_loss(head.eval(), batch).item()
        states = (
            model[0]
            .model.eval()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            .last_hidden_state
        )
        scores = states @ AutoModelForCausalLM.from_pretrained(base).lm_head.weight.T
    costs = []
    for row, position in (batch["labels"] != -100).nonzero().tolist():
        before = scores[row, position - 1].double()
        costs.append((before.logsumexp(0) - before[batch["labels"][row, position]]).item())
    assert len(costs) > 10
    assert loss == pytest.approx(sum(costs) / len(costs), rel=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_masked(tmp_path: Path, side: str) -> None:
    model, _ = make(tmp_path, "llama")
    model.tokenizer.padding_side = side
    settings = WarmUp(batch_size=8, mask_share=0.2)
    batches = _Batches(model[0], TEXTS, 99, settings)
    n_masked = n_text = 0
    plain = {tuple(ids.tolist()) for ids in model[0].preprocess(TEXTS)["input_ids"]}
    for _ in range(50):
        batch = next(batches)
        ids, labels, seen = batch["input_ids"], batch["labels"], batch["attention_mask"].bool()
        masked = labels != -100
        assert (ids[masked] == 99).all()
        assert not torch.isin(labels[masked], torch.tensor(model.tokenizer.all_special_ids)).any()
        assert not masked[~seen].any()
        # Put back, the rows are those of the texts.
        whole = torch.where(masked, labels, ids)
        width = model[0].preprocess(TEXTS)["input_ids"].shape[1]
        assert (
            side == "left" or whole.shape[1] < width or {tuple(r) for r in whole.tolist()} <= plain
        )
        n_masked += int(masked.sum())
        n_text += int(seen.sum()) - 2 * len(ids)
    assert n_masked / n_text == pytest.approx(0.2, abs=0.02)


def test_each_text_comes_once_before_any_comes_again(tmp_path: Path) -> None:
    model, _ = make(tmp_path, "llama")
    settings = WarmUp(batch_size=8, mask_share=0)
    batches = _Batches(model[0], TEXTS, 99, settings)
    rows = []
    for _ in range(len(TEXTS) // 8):
        batch = next(batches)
        whole = torch.where(batch["labels"] != -100, batch["labels"], batch["input_ids"])
        rows += [
            tuple(r[s.bool()].tolist()) for r, s in zip(whole, batch["attention_mask"], strict=True)
        ]
    assert len(set(rows)) == len(TEXTS)


class Killed(Exception):
    pass


@pytest.mark.parametrize("lora_rank", [None, 4])
def test_cut_off_it_goes_on_from_the_checkpoint(tmp_path: Path, lora_rank: int | None) -> None:
    settings = WarmUp(steps=9, batch_size=8, learning_rate=3e-3, lora_rank=lora_rank)
    whole, base = make(tmp_path, "llama")
    torch.manual_seed(0)  # of the low-rank changes and their dropout
    losses = warm_up(whole, base, TEXTS, settings)
    checkpoints = Checkpoints(tmp_path / "checkpoints", every=3)

    def cut(step: int, loss: float) -> None:
        if step == 8:
            raise Killed

    for on_step in (cut, None):
        model, _ = make(tmp_path, "llama")
        torch.manual_seed(0)
        try:
            found = warm_up(model, base, TEXTS, settings, on_step, checkpoints)
        except Killed:
            assert checkpoints.last_step == 6
    assert found == losses
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name]), name


def test_low_rank_changes_are_merged(tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="peft is not installed: LoRA is optional")
    model, base = make(tmp_path, "gemma3")
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    losses = warm_up(model, base, TEXTS, WarmUp(**QUICK, lora_rank=4))
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])
    after = dict(model.named_parameters())
    assert after.keys() == before.keys() and all(p.requires_grad for p in after.values())
    moved = {n for n in before if not torch.equal(before[n], after[n])}
    # All linear layers of the transformer, and nothing else: not the embeddings, though tied.
    assert moved == {n for n in before if n.endswith("_proj.weight")}


def test_a_tied_head_moves_the_embeddings_and_a_free_one_need_not(tmp_path: Path) -> None:
    model, base = make(tmp_path, "gemma3")
    head, _ = _put_under_head(model[0].model, base, WarmUp())
    assert head.get_output_embeddings().weight is model[0].model.get_input_embeddings().weight
    model, base = make(tmp_path, "llama")
    head, _ = _put_under_head(model[0].model, base, WarmUp())
    assert head.get_output_embeddings().weight is not model[0].model.get_input_embeddings().weight
    free = AutoModelForCausalLM.from_pretrained(base).lm_head.weight
    assert torch.equal(head.get_output_embeddings().weight, free)


def test_a_causal_model_is_refused(tmp_path: Path) -> None:
    model, base = make(tmp_path, "llama", bidirectional=False)
    with pytest.raises(UserError, match="still sees only those before it"):
        warm_up(model, base, TEXTS)


def test_a_base_without_a_head_is_refused(tmp_path: Path) -> None:
    model, _ = make(tmp_path, "llama")
    model.save_pretrained(str(tmp_path / "made"), create_model_card=False)
    with pytest.raises(UserError, match=r"no head that predicts tokens \(lm_head.weight"):
        warm_up(model, str(tmp_path / "made"), TEXTS)


@pytest.mark.parametrize(("texts", "said"), [([], "no texts"), ([""] * 8, "no token to mask")])
def test_nothing_to_learn_from_is_told(tmp_path: Path, texts: list[str], said: str) -> None:
    model, base = make(tmp_path, "llama")
    with pytest.raises(UserError, match=said):
        warm_up(model, base, texts, WarmUp(steps=1, batch_size=4))


def test_a_loss_that_is_no_number_stops(tmp_path: Path) -> None:
    model, base = make(tmp_path, "llama")
    model.eval()
    with pytest.raises(StageError, match=r"the loss of step \d+ is nan.*Lower learning_rate"):
        warm_up(model, base, TEXTS, WarmUp(**QUICK | {"learning_rate": 1e30}))
    assert not model.training
    with pytest.raises(UserError, match="states that are no numbers"):
        warm_up(model, base, TEXTS, WarmUp(**QUICK))


def test_a_model_in_bfloat16(tmp_path: Path) -> None:
    model, base = make(tmp_path, "llama", dtype=torch.bfloat16)
    losses = warm_up(model, base, TEXTS, WarmUp(**QUICK | {"steps": 20}))
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert model[0].model.dtype == torch.bfloat16


def test_an_encoder_has_a_head_of_another_kind(tmp_path: Path) -> None:
    make_embedder(tmp_path)
    model = build_model(tmp_path / "tiny", device="cpu")
    with pytest.raises(UserError, match="no head that predicts tokens"):
        warm_up(model, str(tmp_path / "tiny"), ["kettle"] * 4, WarmUp(steps=1, batch_size=2))
