"""fret: web pages to training data for embedding models, the way Gecko's FRet does it.

import fret

pipeline = fret.load("quickstart")      # a pipeline file, or a shipped recipe
pipeline.run()                          # all stages; goes on where an earlier call stopped
pipeline.dataset()                      # a Hugging Face DatasetDict
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fret.pipeline import Pipeline, load

__all__ = ["Pipeline", "load"]


def __getattr__(name: str) -> Any:
    # Loaded on demand: `import fret` and `fret --help` stay fast.
    if name in __all__:
        from fret import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'fret' has no attribute {name!r}")
