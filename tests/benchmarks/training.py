"""Training: its speed beside the bare library, and whether it works at all on small data.

    python tests/benchmarks/training.py speed [STEPS]       steps/s beside a bare trainer
    python tests/benchmarks/training.py random [STEPS]      a small model from random weights
    python tests/benchmarks/training.py cranfield [STEPS]   MiniLM tuned on abstracts, six ways

random: a BERT of two layers and 128 numbers, untrained, learns from what the built-in writer and
scorers make of the 181 pages of ../shared/data/pages_en, and is measured on the held-out pages.
cranfield: fret makes a dataset of the abstracts alone, `fret ablate` trains MiniLM on it in six
ways, and people's questions, which nothing was made from, tell what it is worth.
"""

import json
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from beir import RETRIEVAL
from fret.retrieval.model_files import MINILM, find_model

SHARED = Path(__file__).parents[3] / "shared" / "data"
LENGTH = 64


def measure_speed(steps: int = 12) -> None:
    """Steps per second of fret's trainer and of a bare one, by turns, in processor seconds."""
    with tempfile.TemporaryDirectory() as folder:
        data = write_examples(Path(folder), n=16 * steps)
        for cached in (False, True):
            ratios = []
            for number in range(3):
                bare = time_bare(data, Path(folder) / f"bare-{cached}-{number}", steps, cached)
                ours = time_ours(data, Path(folder) / f"ours-{cached}-{number}", steps, cached)
                ratios.append(bare / ours)
                print(f"cached {cached}: bare {bare:.2f} s, fret {ours:.2f} s")
            print(f"cached {cached}: fret at {median(ratios):.3f} of the bare trainer's step rate")


def write_examples(folder: Path, n: int) -> Path:
    """Write rows of Cranfield's abstracts: titles as queries, another abstract as negative."""
    lines = (RETRIEVAL / "cranfield" / "corpus.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row.get("title") and len(row["text"]) > 200]
    path = folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            row, other = rows[i % len(rows)], rows[(i + 7) % len(rows)]
            line = {"anchor": row["title"], "positive": row["text"], "negative": other["text"]}
            file.write(json.dumps(line) + "\n")
    return path


def time_bare(data: Path, folder: Path, steps: int, cached: bool) -> float:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.training_args import (
        SentenceTransformerTrainingArguments,
    )

    model = SentenceTransformer(find_model(MINILM), device="cpu")
    model.max_seq_length = LENGTH
    rows = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    kind = (
        losses.CachedMultipleNegativesRankingLoss if cached else losses.MultipleNegativesRankingLoss
    )
    more = {"mini_batch_size": 8} if cached else {}
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=16, use_cpu=True,
        report_to=[], disable_tqdm=True, save_strategy="no", logging_strategy="no",
        learning_rate=2e-5, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_list(rows), loss=kind(model, **more)
    )
    started = time.process_time()
    trainer.train()
    return time.process_time() - started


def time_ours(data: Path, folder: Path, steps: int, cached: bool) -> float:
    from fret.config.training import TrainingSettings
    from fret.training.train import train

    settings = {
        "name": "x", "models_dir": str(folder), "base": MINILM, "device": "cpu",
        "model": {"max_length": LENGTH},
        "format": {"query": "{query}", "passage": "{text}"},
        "save_every": 1000,
        "stages": [{
            "data": [{"kind": "pairs", "path": str(data), "negatives": ["negative"]}],
            "loss": {"kind": "gecko", "same_tower": False, "shared_negatives": True},
            "batch_size": 16, "steps": steps, "mini_batch_size": 8 if cached else None,
        }],
    }  # fmt: skip
    clock = Clock()
    train(TrainingSettings.model_validate(settings), reporter=clock)
    return clock.seconds


class Clock:
    """Takes the time from the first step's begin to the last one's end."""

    def __init__(self) -> None:
        self.seconds = self._started = 0.0

    def prepared(self, work: str, n_rows: int) -> None: ...

    def starts(self, work: str, done: int, total: int) -> None:
        self._started = time.process_time()

    def stepped(self, work: str, done: int, loss: float | None) -> None:
        self.seconds = time.process_time() - self._started

    def measured(self, work: str, step: int, figures: dict[str, float]) -> None: ...

    def warned(self, message: str) -> None:
        print(message)


def make_pipeline(run: str, source: dict[str, Any], **changes: Any) -> Any:
    """Write and run a pipeline with the built-in writer and scorers."""
    import yaml

    import fret

    settings = {
        "run": run,
        "pages": {"source": source},
        "queries": {"writer": {"kind": "template"}, "per_passage": 2},
        "judgements": {"scorers": [{"kind": "unigram"}, {"kind": "embedding"}]},
    } | changes
    Path(f"{run}.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load(f"{run}.yaml")
    pipeline.run()
    return pipeline


def train_random(steps: int = 150) -> None:
    import fret
    from fret.display_evaluate import print_evaluation

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        pipeline = make_pipeline(
            "pages",
            {"kind": "html", "path": str(SHARED / "pages_en" / "html")},
            examples={"splits": {"test": 0.2}},
        )
        dataset = pipeline.stored.dataset_dir
        base = save_random(Path("base"))
        settings = fret.load_training(
            "train_small",
            overrides=[
                "name=random", f"base={base}", f"stages.0.data.0.path={dataset}", "device=cpu",
                f"stages.0.steps={steps}", "stages.0.batch_size=64", "stages.0.learning_rate=0.001",
            ],
        )  # fmt: skip
        started = time.monotonic()
        made = fret.train(settings)
        print(
            f"{made.stages[0]['rows'][0]} rows, {steps} steps, {time.monotonic() - started:.0f} s"
        )
        options = fret.EvaluationOptions(
            query_format=settings.format.query, passage_format=settings.format.passage
        )
        models: dict[str, Any] = {"untrained": base, "trained": made.model, "bm25": "bm25"}
        print_evaluation(fret.evaluate(models, [dataset], options=options))


def save_random(folder: Path) -> str:
    """Save a small BERT with random weights and MiniLM's vocabulary."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(find_model(MINILM))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=512,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=128)
    model = SentenceTransformer(modules=[transformer, Pooling(128)], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return str(folder / "model")


def train_cranfield(steps: int = 60) -> None:
    import fret
    from fret.display_training import print_ablation

    lines = (RETRIEVAL / "cranfield" / "corpus.jsonl").read_text("utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        with Path("texts.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines if json.loads(line)["text"].strip())
        source = {"kind": "jsonl", "path": "texts.jsonl", "title": "title"}
        pipeline = make_pipeline(
            "abstracts", source, passages={"split": "none"}, examples={"splits": {}}
        )
        settings = fret.load_training(
            "train_small",
            overrides=[
                f"stages.0.steps={steps}", "stages.0.batch_size=32", "model.max_length=96",
                "device=cpu",
            ],
        )  # fmt: skip
        started = time.monotonic()
        found = fret.ablate(pipeline.stored, settings, [RETRIEVAL / "cranfield"])
        print_ablation(found)
        print(
            f"six models of {steps} steps and their evaluation: {time.monotonic() - started:.0f} s"
        )


if __name__ == "__main__":
    parts = {"speed": measure_speed, "random": train_random, "cranfield": train_cranfield}
    if len(sys.argv) < 2 or sys.argv[1] not in parts:
        sys.exit(__doc__)
    parts[sys.argv[1]](*map(int, sys.argv[2:3]))
