"""Embedding models assembled from a base: what they are made of, and where they load again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer, GemmaTokenizer, GPT2Tokenizer, LlamaTokenizer

from decoders import CONFIGS, save_decoder
from fret.errors import UserError
from fret.modules.bidirectional import find_causal_layers
from fret.modules.build import build_model, load_model
from fret.modules.ends import set_ends
from fret.modules.instruction import write_instruction
from fret.modules.latent_attention import LatentShape
from tiny_models import make_embedder, train_tokenizer

TEXTS = [
    write_instruction("Find how to clean it", "kettle"),
    "A kettle descales best with vinegar.",
    "Sweep the flue before the first frost of the year.",
]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    made = {name: save_decoder(folder / name, name) for name in CONFIGS}
    make_embedder(folder)
    return {**made, "bert": folder / "tiny"}


def parts(model: SentenceTransformer) -> list[str]:
    return [type(part).__name__ for part in model]


@pytest.mark.parametrize(
    ("base", "options", "expected"),
    [
        ("qwen3", {"pooling": "latent"}, ["InstructedTransformer", "LatentAttention", "Normalize"]),
        ("qwen3", {}, ["InstructedTransformer", "TextPooling", "Normalize"]),
        ("qwen3", {"mask_instruction": False}, ["Transformer", "Pooling", "Normalize"]),
        ("bert", {}, ["Transformer", "Pooling", "Normalize"]),
        ("bert", {"mask_instruction": True}, ["InstructedTransformer", "TextPooling", "Normalize"]),
        ("bert", {"pooling": "latent"}, ["Transformer", "LatentAttention", "Normalize"]),
    ],
)
def test_what_a_model_is_made_of(
    bases: dict[str, Path], base: str, options: dict[str, Any], expected: list[str]
) -> None:
    model = build_model(bases[base], device="cpu", **options)
    assert parts(model) == expected
    width = model[0].get_embedding_dimension()
    made = model.encode(TEXTS)
    assert made.shape == (3, width) and model.get_embedding_dimension() == width
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("pooling", ["latent", "mean", "last"])
@pytest.mark.parametrize("base", ["mistral-window", "gemma3", "bert"])
def test_saved_and_loaded_it_gives_the_same_vectors(
    bases: dict[str, Path], tmp_path: Path, base: str, pooling: Any
) -> None:
    model = build_model(bases[base], pooling=pooling, max_length=40, device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    again = load_model(tmp_path, device="cpu")
    assert np.array_equal(again.encode(TEXTS), model.encode(TEXTS))
    assert parts(again) == parts(model)
    assert (again.max_seq_length, again.tokenizer.padding_side) == (40, "right")
    again.save_pretrained(str(tmp_path / "twice"), create_model_card=False)
    twice = load_model(tmp_path / "twice", device="cpu")
    assert np.array_equal(twice.encode(TEXTS), model.encode(TEXTS))


def test_a_folder_made_here_is_a_base_again(bases: dict[str, Path], tmp_path: Path) -> None:
    """As after a warm-up: bidirectional already, and still a language model with its EOS."""
    model = build_model(bases["gemma3"], device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    again = build_model(tmp_path, device="cpu")
    assert parts(again) == parts(model)
    assert np.array_equal(again.encode(TEXTS), model.encode(TEXTS))


def test_left_causal_where_asked(bases: dict[str, Path]) -> None:
    model = build_model(bases["llama"], pooling="last", bidirectional=False, device="cpu")
    assert len(find_causal_layers(model[0].model)) == 2
    # The last token is EOS, which has seen all.
    assert np.abs(model.encode(["kettle a"]) - model.encode(["flue a"])).max() > 1e-3


def test_last_token_pooling_takes_the_end(bases: dict[str, Path]) -> None:
    model = build_model(bases["llama"], pooling="last", device="cpu")
    features = model.preprocess(TEXTS)
    with torch.no_grad():
        states = model[0](dict(features))
    lengths = features["attention_mask"].sum(dim=1)
    assert (features["input_ids"][range(3), lengths - 1] == model.tokenizer.eos_token_id).all()
    ends = torch.nn.functional.normalize(states["token_embeddings"][range(3), lengths - 1])
    assert np.allclose(model.encode(TEXTS), ends.numpy(), atol=1e-6)


def test_no_padding_token_is_told_and_eos_pads(tmp_path: Path) -> None:
    base = save_decoder(tmp_path / "base", "llama", padding=False)
    with pytest.warns(UserWarning, match=r"no padding token: its EOS '<\|end\|>' pads"):
        model = build_model(base, device="cpu")
    alone = np.concatenate([model.encode([text]) for text in TEXTS])
    assert np.allclose(model.encode(TEXTS), alone, atol=1e-5)
    model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    assert load_model(tmp_path / "model", device="cpu").tokenizer.pad_token == "<|end|>"


def test_no_end_is_refused(tmp_path: Path) -> None:
    base = save_decoder(tmp_path, "llama")
    tokenizer = train_tokenizer()
    tokenizer.eos_token = None
    tokenizer.save_pretrained(base)
    with pytest.raises(UserError, match=r"no EOS token.*tokenizer_config.json"):
        build_model(base, device="cpu")


def test_an_encoder_whose_batches_cannot_be_padded_is_refused(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    from shutil import copytree

    base = copytree(bases["bert"], tmp_path / "bert")
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(base)
    with pytest.raises(UserError, match="neither a padding token nor EOS"):
        build_model(base, device="cpu")


@pytest.mark.parametrize("base", ["no/such/model", "empty"])
def test_what_is_no_model_is_told(
    tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="cannot be read as a transformers model"):
        build_model(
            tmp_path / "empty" if base == "empty" else base, device="cpu", local_files_only=True
        )


def test_an_unknown_pooling_is_refused(bases: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="pooling 'max' is not known"):
        build_model(bases["llama"], pooling="max")  # type: ignore[arg-type]


def characters() -> list[str]:
    return [chr(code) for code in range(33, 127)]


def number(words: list[str]) -> dict[str, int]:
    return {word: place for place, word in enumerate(words)}


TOKENIZERS = {
    "llama": lambda: LlamaTokenizer(
        vocab=number(["<unk>", "<s>", "</s>", "▁", *characters()]), merges=[]
    ),
    "llama-bos": lambda: LlamaTokenizer(
        vocab=number(["<unk>", "<s>", "</s>", "▁", *characters()]), merges=[], add_bos_token=True
    ),
    "gemma": lambda: GemmaTokenizer(
        vocab=number(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *characters()]), merges=[]
    ),
    "gpt2": lambda: GPT2Tokenizer(
        vocab=number(["<|endoftext|>", "Ġ", "Ċ", *characters()]), merges=[]
    ),
    "its-own": train_tokenizer,
}


@pytest.mark.filterwarnings("ignore:.*no padding token")
@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_ends_are_kept_by_each_kind_of_tokenizer(tmp_path: Path, name: str) -> None:
    tokenizer = TOKENIZERS[name]()
    before = tokenizer("a b")["input_ids"]
    set_ends(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for made in (tokenizer, again):
        assert made("a b")["input_ids"] == [*before, made.eos_token_id]
        cut = made("a b c d e f g h", truncation=True, max_length=4)["input_ids"]
        assert len(cut) == 4 and cut[-1] == made.eos_token_id
        batch = made(["a", "a b"], padding=True)["attention_mask"]
        assert batch[0][0] == 1 and batch[0][-1] == 0
    set_ends(again)  # once more changes nothing
    assert again("a b")["input_ids"] == [*before, again.eos_token_id]


def test_it_trains(bases: dict[str, Path], tmp_path: Path) -> None:
    """A few steps of sentence-transformers' own trainer, with gradient checkpointing."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss

    model = build_model(
        bases["gemma3"], pooling="latent", latent=LatentShape(latents=8, heads=2), device="cpu"
    )
    model[0].model.activation_checkpointing_enable()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    rows = {
        "anchor": [write_instruction(f"Find {i}", "kettle") for i in range(8)],
        "positive": [f"Vinegar cleans kettle {i}." for i in range(8)],
    }
    arguments = SentenceTransformerTrainingArguments(
        str(tmp_path),
        max_steps=3,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        warmup_steps=0,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(rows),
        loss=CachedMultipleNegativesRankingLoss(model, mini_batch_size=2),
    )
    trainer.train()
    still = [n for n, p in model.named_parameters() if torch.equal(p, before[n])]
    assert still == []
    assert find_causal_layers(model[0].model) == []


# What a program does that has sentence-transformers, and no fret.
WITHOUT_FRET = """
import json, sys
sys.modules["fret"] = None  # importing it fails as if it were not there
from sentence_transformers import SentenceTransformer
folders, texts = json.loads(sys.argv[1]), json.loads(sys.argv[2])
said = {}
for name, folder in folders.items():
    # The flag is of no account where nothing of fret is named.
    for trusted in (False, True) if name in ("masked", "latent") else (False,):
        try:
            model = SentenceTransformer(folder, device="cpu", trust_remote_code=trusted)
            said[f"{name} {trusted}"] = model.encode(texts).tolist()
        except Exception as error:
            said[f"{name} {trusted}"] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


def test_what_loads_where_fret_is_not(bases: dict[str, Path], tmp_path: Path) -> None:
    """Encoders and language models without a mask of ours load; else the message names fret."""
    made = {name: build_model(b, mask_instruction=False, device="cpu") for name, b in bases.items()}
    made["bert-last"] = build_model(bases["bert"], pooling="last", device="cpu")
    made["masked"] = build_model(bases["llama"], device="cpu")
    made["latent"] = build_model(
        bases["llama"], pooling="latent", mask_instruction=False, device="cpu"
    )
    folders = {name: str(tmp_path / name) for name in made}
    for name, model in made.items():
        model.save_pretrained(folders[name], create_model_card=False)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FRET, json.dumps(folders), json.dumps(TEXTS)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    for name in ("masked", "latent"):
        assert "fret.modules" in said[f"{name} False"]
        assert "trust_remote_code=True" in said[f"{name} False"]
        assert (
            said[f"{name} True"].startswith("ModuleNotFoundError")
            and "fret" in said[f"{name} True"]
        )
    for name in made.keys() - {"masked", "latent"}:
        got = np.array(said[f"{name} False"], dtype=np.float32)
        assert np.array_equal(got, made[name].encode(TEXTS)), name


def test_fret_need_not_be_trusted_by_hand_to_load_its_own(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    model = build_model(bases["llama"], pooling="latent", device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    plain = SentenceTransformer(str(tmp_path), device="cpu", trust_remote_code=True)
    assert np.array_equal(plain.encode(TEXTS), load_model(tmp_path, device="cpu").encode(TEXTS))
    modules = json.loads((tmp_path / "modules.json").read_text("utf-8"))
    modules[1]["type"] = "evil.Module"
    (tmp_path / "modules.json").write_text(json.dumps(modules), "utf-8")
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')", "utf-8")
    with pytest.raises(ValueError, match="trust_remote_code"):
        load_model(tmp_path, device="cpu")
