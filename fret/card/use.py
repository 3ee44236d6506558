"""How to load the dataset, train with it and evaluate on it: each block runs as it stands."""

from fret.card.contents import Contents

_FOLDER = "path/to/this/folder"
_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

_LOAD = """from datasets import load_dataset

train = load_dataset("{where}", "triplets", split="{split}")"""

_TRAIN = """from datasets import load_dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.losses import {loss}

train = load_dataset("{where}", "{config}", split="{split}")
model = SentenceTransformer("{model}")
loss = {loss}(model)
trainer = SentenceTransformerTrainer(model=model, train_dataset=train, loss=loss)
trainer.train()"""

_EVALUATE = """from datasets import load_dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator


def load(config):
    return load_dataset("{where}", config, split="{split}")


tasks = {{row["query-id"]: row["instruction"] for row in load("instruction")}}
queries = {{
    row["_id"]: f"task: {{tasks[row['_id']]}} | query: {{row['text']}}" for row in load("queries")
}}
corpus = {{
    row["_id"]: f"title: {{row['title'] or 'none'}} | text: {{row['text']}}"
    for row in load("corpus")
}}
relevant = {{}}
for row in load("qrels"):
    relevant.setdefault(row["query-id"], set()).add(row["corpus-id"])

evaluator = InformationRetrievalEvaluator(queries, corpus, relevant, name="held-out")
print(evaluator(SentenceTransformer("{model}")))"""


def show_use(contents: Contents, repo: str | None) -> str:
    """Show how to load, to train (on texts, and on scores where there are some) and to evaluate."""
    splits = contents.rows("triplets")
    split = "train" if "train" in splits else next(iter(splits), "train")
    names = {"where": repo or _FOLDER, "model": _MODEL, "split": split}
    parts = [
        ("## How to use it", _LOAD.format(**names)),
        (
            f"Train on the texts. `{_MODEL}` is a small model to begin with (90 MB, fetched from "
            "the Hub); the name or folder of any other does as well:",
            _TRAIN.format(loss="MultipleNegativesRankingLoss", config="triplets", **names),
        ),
    ]
    if split in contents.rows("scores"):
        parts.append(
            (
                "Train on the scores:",
                _TRAIN.format(loss="MarginMSELoss", config="scores", **names),
            )
        )
    if contents.held_out:
        names["split"] = contents.held_out[-1]
        parts.append(("Evaluate on what is held out:", _EVALUATE.format(**names)))
    return "\n\n".join(f"{title}\n\n```python\n{block}\n```" for title, block in parts)
