"""Training on a device: tokens per second, memory, and the share of the chip's peak.

    python tests/benchmarks/training_rate.py [encoder|decoder|latent|tiny …] [--batch 256]
        [--mini 64] [--length 256] [--steps 8] [--peak 989e12] [--bare]

encoder: 12 layers of 768 numbers (BERT base, 86 million weights without embeddings); decoder: 28
layers of 1,024 (Qwen3's 0.6B, 440 million), bidirectional, mean pooling; latent: the same with
latent attention. Random weights, texts of nearly `length` tokens (queries of a quarter of it), rows
of query, positive and negative. Gradient caching by `mini` texts, 0 for none. `--bare`: the same
model, batch and kind of loss in sentence-transformers' trainer, in the same run.

The share counts 6 operations per weight and token, and 12 x layers x width x length per token for
attention (Chowdhery et al. 2022, arXiv 2204.02311, appendix B), once: the forward pass that
gradient caching makes again counts as overhead. 989e12 is an H100's bfloat16 without sparsity.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, BertConfig, BertModel, PreTrainedTokenizerFast
from transformers import Qwen3Config as Qwen3

WORDS = [f"w{i}" for i in range(8000)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ENCODERS: dict[str, dict[str, Any]] = {
    "encoder": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
                "intermediate_size": 3072},
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "intermediate_size": 128},
}  # fmt: skip
DECODER: dict[str, Any] = {
    "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072,
}  # fmt: skip


class Clock:
    """Takes the time from the end of the second step, where all is warm, to that of the last."""

    def __init__(self, n_warm: int = 2) -> None:
        self.seconds = 0.0
        self._n_warm, self._begin = n_warm, 0.0

    def prepared(self, work: str, n_rows: int) -> None: ...

    def starts(self, work: str, done: int, total: int) -> None: ...

    def stepped(self, work: str, done: int, loss: float | None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if done == self._n_warm:
            self._begin = time.perf_counter()
        self.seconds = time.perf_counter() - self._begin

    def measured(self, work: str, step: int, figures: dict[str, float]) -> None: ...

    def warned(self, message: str) -> None:
        print(message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["encoder", "decoder"])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--mini", type=int, default=64)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--peak", type=float, default=989e12)
    parser.add_argument("--bare", action="store_true")
    how = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = write_rows(Path(folder), how)
        for name in how.models:
            base = save_base(Path(folder) / name, name)
            measure(f"{name}, fret", how, base, partial(run_fret, name, base, data, how))
            if how.bare:
                measure(f"{name}, bare", how, base, partial(run_bare, base, data, how))


def write_rows(folder: Path, how: argparse.Namespace) -> Path:
    chance = random.Random(0)

    def write(n_words: int) -> str:
        return " ".join(chance.choices(WORDS, k=n_words))

    path = folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for _ in range(how.batch * how.steps):
            row = {"anchor": write(how.length // 4 - 2)}
            row |= {name: write(how.length - 2) for name in ("positive", "negative")}
            file.write(json.dumps(row) + "\n")
    return path


def save_base(folder: Path, name: str) -> Path:
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    if name in ENCODERS:
        BertModel(BertConfig(vocab_size=len(tokenizer), **ENCODERS[name])).save_pretrained(folder)
    else:
        config = Qwen3(vocab_size=len(tokenizer), **DECODER)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A word is a token, so that lengths are known."""
    made = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate([*SPECIAL, *WORDS])}, unk_token="[UNK]")
    )
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", eos_token="[SEP]",
    )  # fmt: skip


def measure(name: str, how: argparse.Namespace, base: Path, work: Callable[[], float]) -> None:
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    per_s = work()
    rows = how.batch * per_s
    tokens = rows * (how.length // 4 + 2 * how.length)
    operations = rows * count_operations(base, how.length)
    memory = torch.cuda.max_memory_allocated() / 2**30 if has_gpu else 0
    print(
        f"{name}: {per_s:.3g} steps/s, {rows:,.0f} rows/s, {tokens:,.0f} tokens/s, peak "
        f"{memory:.1f} GiB, {operations / 1e12:.1f} TFLOP/s, {operations / how.peak:.1%} of peak",
        flush=True,
    )


def count_operations(base: Path, length: int) -> float:
    """Of a row: a query of a quarter of the length, and two passages."""
    config = json.loads((base / "config.json").read_text("utf-8"))
    width, n_layers = config["hidden_size"], config["num_hidden_layers"]
    if "num_key_value_heads" in config:
        heads = (config["num_attention_heads"] + config["num_key_value_heads"]) * 2
        weights = heads * config["head_dim"] * width + 3 * width * config["intermediate_size"]
        inner = config["num_attention_heads"] * config["head_dim"]
    else:
        weights = 4 * width**2 + 2 * width * config["intermediate_size"]
        inner = width
    lengths = [length // 4, length, length]
    return sum(n * n_layers * (6 * weights + 12 * inner * n) for n in lengths)


def run_fret(name: str, base: Path, data: Path, how: argparse.Namespace) -> float:
    from fret.config.training import TrainingSettings
    from fret.training.train import train

    settings: dict[str, Any] = {
        "name": f"{name}-model", "models_dir": str(base.parent), "base": str(base),
        "model": {"max_length": how.length, "pooling": "latent" if name == "latent" else "mean"},
        "format": {"query": "{query}", "passage": "{text}"},
        "save_every": 10_000,
        "stages": [{
            "data": [{"kind": "pairs", "path": str(data), "negatives": ["negative"]}],
            "batch_size": how.batch, "steps": how.steps, "mini_batch_size": how.mini or None,
        }],
    }  # fmt: skip
    clock = Clock()
    train(TrainingSettings.model_validate(settings), reporter=clock)
    return float(how.steps - 2) / clock.seconds


def run_bare(base: Path, data: Path, how: argparse.Namespace) -> float:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.training_args import (
        SentenceTransformerTrainingArguments,
    )
    from transformers import TrainerCallback

    clock = Clock()

    class Steps(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            clock.stepped("", state.global_step, None)

    model = SentenceTransformer(str(base), model_kwargs={"dtype": "float32"})
    model.max_seq_length = how.length
    rows = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    loss: Any = losses.MultipleNegativesRankingLoss(model)
    if how.mini:
        loss = losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=how.mini)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(base.parent / "bare"), max_steps=how.steps,
        per_device_train_batch_size=how.batch, bf16=torch.cuda.is_available(), report_to=[],
        disable_tqdm=True, save_strategy="no", logging_strategy="no",
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_list(rows), loss=loss,
        callbacks=[Steps()],
    )  # fmt: skip
    trainer.train()
    return float(how.steps - 2) / clock.seconds


if __name__ == "__main__":
    main()
