"""Load a published dataset as anybody would, compare it with the folder, and train a step on it.

    python load_published.py REPO FOLDER WORK      prints JSON

In a process of its own: the Hub's address counts when the libraries are loaded.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from datasets import load_dataset

from tiny_models import make_embedder


def main() -> None:
    repo, folder, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    front = yaml.safe_load((folder / "README.md").read_text("utf-8").split("---")[1])
    found: dict[str, Any] = {"configs": {}}
    for config in (entry["config_name"] for entry in front["configs"]):
        there = load_dataset(repo, config, cache_dir=str(work / "there"))
        here = load_dataset(str(folder), config, cache_dir=str(work / "here"))
        equal = set(there) == set(here) and all(list(there[s]) == list(here[s]) for s in here)
        found["configs"][config] = [equal, sum(len(split) for split in there.values())]
    found["loss"] = train(load_dataset(repo, "triplets", split="train"), work)
    print(json.dumps(found))


def train(rows: Any, work: Path) -> float:
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    model = make_embedder(work)
    arguments = SentenceTransformerTrainingArguments(
        str(work / "out"), max_steps=1, per_device_train_batch_size=4, report_to=[], use_cpu=True
    )
    loss = MultipleNegativesRankingLoss(model)
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=rows, loss=loss)
    return float(trainer.train().training_loss)


if __name__ == "__main__":
    main()
