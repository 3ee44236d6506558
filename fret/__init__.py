"""fret: web pages to training data for embedding models, the way Gecko's FRet does it.

import fret

pipeline = fret.load("quickstart")      # a pipeline file, or a shipped recipe
pipeline.run()                          # all stages; goes on where an earlier call stopped
pipeline.dataset()                      # a Hugging Face DatasetDict

fret.evaluate(["bm25", "my-model"], ["data/cranfield"])     # models side by side
fret.train("train_small")                                   # a training file, or a shipped one
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fret.ablation import Ablation, ablate
    from fret.evaluation import Evaluation, evaluate
    from fret.evaluation import Options as EvaluationOptions
    from fret.pipeline import Pipeline, load
    from fret.pipeline_file import load_training
    from fret.training.train import Trained, train

__all__ = [
    "Ablation",
    "Evaluation",
    "EvaluationOptions",
    "Pipeline",
    "Trained",
    "ablate",
    "evaluate",
    "load",
    "load_training",
    "train",
]

# Each name with its module and its name there. Loaded on demand: `import fret` and `fret --help`
# stay fast.
_WHERE = {
    "Ablation": ("fret.ablation", "Ablation"),
    "ablate": ("fret.ablation", "ablate"),
    "Evaluation": ("fret.evaluation", "Evaluation"),
    "EvaluationOptions": ("fret.evaluation", "Options"),
    "evaluate": ("fret.evaluation", "evaluate"),
    "Pipeline": ("fret.pipeline", "Pipeline"),
    "load": ("fret.pipeline", "load"),
    "load_training": ("fret.pipeline_file", "load_training"),
    "Trained": ("fret.training.train", "Trained"),
    "train": ("fret.training.train", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'fret' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)
