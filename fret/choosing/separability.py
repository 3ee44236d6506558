"""Query-blind separability: can positives be told from negatives without the query?"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from fret.records import Example

_MAX_EXAMPLES = 10_000  # two texts each: 20,000 rows, a few seconds
_MIN_EXAMPLES = 20  # below, the figure is noise
_FOLDS = 5


class _Row(NamedTuple):
    fold: int
    passage_id: str
    text: str
    is_positive: bool


def measure_separability(
    read: Callable[[], Iterable[Example]], *, seed: int
) -> dict[str, Any] | None:
    """Return the AUC of a bag-of-words classifier that sees passages without their queries.

    Near 0.5 is right. Above, style or subject gives positives away, and a model trained on the data
    may learn that instead of relevance (SugarCrepe, arXiv 2306.14610; CausalNeg, arXiv 2606.01304).

    Logistic regression over hashed words and pairs of words, by query in five folds; a passage
    that stands in the fold under test is left out of training, so none is recognised.

    Args:
        read: gives the examples, any number of times.
        seed: what a sample is drawn from where there are many.

    Returns:
        `auc`, its fold-by-fold spread `sd`, and the number of `rows`; None when there are too few.
    """
    rows = list(_sample(read, seed))
    if len(rows) < 2 * _MIN_EXAMPLES:
        return None
    found = [auc for fold in range(_FOLDS) if (auc := _test_fold(rows, fold, seed)) is not None]
    if not found:
        return None
    mean = sum(found) / len(found)
    spread = (sum((auc - mean) ** 2 for auc in found) / len(found)) ** 0.5
    return {"auc": round(mean, 4), "sd": round(spread, 4), "rows": len(rows)}


def _sample(read: Callable[[], Iterable[Example]], seed: int) -> Iterator[_Row]:
    """Take the examples with the lowest hashes: a fair draw that does not hang on their order."""
    places = sorted(_place(example.query_id, seed) for example in read() if example.negatives)
    limit = places[_MAX_EXAMPLES - 1] if len(places) > _MAX_EXAMPLES else 2**64
    for example in read():
        place = _place(example.query_id, seed)
        if example.negatives and place <= limit:
            fold = place % _FOLDS
            yield _Row(fold, example.positive_id, example.positive, True)
            yield _Row(fold, example.negative_ids[0], example.negatives[0], False)


def _place(query_id: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"blind\0{seed}\0{query_id}".encode()).digest()[:8], "big")


def _test_fold(rows: Sequence[_Row], fold: int, seed: int) -> float | None:
    # Loaded where it is used: a second, for one figure.
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import roc_auc_score

    test = [row for row in rows if row.fold == fold]
    held_out = {row.passage_id for row in test}
    train = [row for row in rows if row.fold != fold and row.passage_id not in held_out]
    if len({row.is_positive for row in train}) < 2 or len({row.is_positive for row in test}) < 2:
        return None
    read = HashingVectorizer(n_features=2**18, ngram_range=(1, 2), alternate_sign=False)
    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=20, tol=None, random_state=seed)
    model.fit(read.transform(row.text for row in train), [row.is_positive for row in train])
    scores = model.decision_function(read.transform(row.text for row in test))
    return float(roc_auc_score([row.is_positive for row in test], scores))
