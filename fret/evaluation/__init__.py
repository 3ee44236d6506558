"""Models on held-out queries, side by side: trec_eval's measures, with intervals.

    import fret

    found = fret.evaluate(["bm25", "all-MiniLM-L6-v2"], ["data/cranfield"])
    found.find("bm25", "cranfield")["ndcg@10"].value
    found.write("evaluation")                  # JSON, Markdown, PNG, SVG

`flow.py` says in what order: data sets are read (`find_data.py`), models found (`find_models.py`),
rankings made (`dense_model.py`, `word_model.py`), measured (`metrics.py`) and compared
(`compare.py`, `statistics.py`).
"""

from fret.evaluation.flow import evaluate
from fret.evaluation.options import Options
from fret.evaluation.results import Evaluation

__all__ = ["Evaluation", "Options", "evaluate"]
