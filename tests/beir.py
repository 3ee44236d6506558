"""Collections that people judged, in BEIR's files, and how well a ranking agrees with them."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fret.retrieval import Hit

RETRIEVAL = Path(__file__).parents[2] / "shared" / "data" / "retrieval"


class Collection:
    """The first passages of a collection, and the queries that have an answer among them."""

    def __init__(self, name: str, n: int | None = None) -> None:
        folder = RETRIEVAL / name
        if not folder.exists():
            pytest.skip(f"{folder} is not here")
        self.language = name.rpartition("/")[2] if name.startswith("xquad/") else "en"
        corpus = _read_jsonl(folder / "corpus.jsonl")[:n]
        self.passages = [(str(row.get("title") or ""), row["text"]) for row in corpus]
        rows = {row["_id"]: i for i, row in enumerate(corpus)}
        self.relevant: dict[str, dict[int, int]] = {}
        for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
            query, passage, grade = line.split("\t")
            if passage in rows and int(grade) > 0:
                self.relevant.setdefault(query, {})[rows[passage]] = int(grade)
        queries = _read_jsonl(folder / "queries.jsonl")
        self.queries = {row["_id"]: row["text"] for row in queries if row["_id"] in self.relevant}

    @property
    def texts(self) -> list[tuple[str, str]]:
        """(title and text, language) of each passage."""
        return [(f"{title}\n{text}", self.language) for title, text in self.passages]

    def measure_ndcg(self, found: Sequence[Sequence[Hit]]) -> float:
        """Mean nDCG@10, gain 1 for any relevant passage."""
        values = []
        for query, hits in zip(self.queries, found, strict=True):
            relevant = self.relevant[query]
            gain = sum(1 / math.log2(i + 2) for i, h in enumerate(hits[:10]) if h.row in relevant)
            values.append(gain / sum(1 / math.log2(i + 2) for i in range(min(10, len(relevant)))))
        return sum(values) / len(values)

    def measure_recall(self, found: Sequence[Sequence[Hit]], k: int = 100) -> float:
        """Mean share of the relevant passages among the first k."""
        pairs = zip((self.relevant[query] for query in self.queries), found, strict=True)
        values = [
            sum(h.row in relevant for h in hits[:k]) / len(relevant) for relevant, hits in pairs
        ]
        return sum(values) / len(values)


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
