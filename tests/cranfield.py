"""The collection of Cranfield, where it is at hand, and the measures of a ranking of it."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fret.retrieval import Hit

CRANFIELD = Path(__file__).parents[2] / "shared" / "data" / "retrieval" / "cranfield"


class Cranfield:
    """The first abstracts of Cranfield, or all, and the questions that have an answer among
    them."""

    def __init__(self, n: int | None = None) -> None:
        if not CRANFIELD.exists():
            pytest.skip(f"{CRANFIELD} is not here")
        corpus = read_jsonl(CRANFIELD / "corpus.jsonl")[:n]
        self.passages = [(str(row.get("title") or ""), row["text"]) for row in corpus]
        rows = {row["_id"]: i for i, row in enumerate(corpus)}
        self.relevant: dict[str, dict[int, int]] = {}
        for line in (CRANFIELD / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
            query, passage, grade = line.split("\t")
            if passage in rows and int(grade) > 0:
                self.relevant.setdefault(query, {})[rows[passage]] = int(grade)
        queries = read_jsonl(CRANFIELD / "queries.jsonl")
        self.queries = {row["_id"]: row["text"] for row in queries if row["_id"] in self.relevant}

    def measure_recall(self, found: Sequence[Sequence[Hit]], k: int) -> float:
        """Mean share of the relevant passages among the first k."""
        pairs = zip(self.queries, found, strict=True)
        shares = [
            sum(hit.row in self.relevant[query] for hit in hits[:k]) / len(self.relevant[query])
            for query, hits in pairs
        ]
        return sum(shares) / len(shares)

    def measure_ndcg(self, found: Sequence[Sequence[Hit]]) -> float:
        """Mean nDCG@10, gain 1 for any relevant passage."""
        values = []
        for query, hits in zip(self.queries, found, strict=True):
            relevant = self.relevant[query]
            gain = sum(1 / math.log2(i + 2) for i, h in enumerate(hits[:10]) if h.row in relevant)
            values.append(gain / sum(1 / math.log2(i + 2) for i in range(min(10, len(relevant)))))
        return sum(values) / len(values)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
