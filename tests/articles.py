"""The article extraction benchmark: 181 pages with the article that people found in each.

Pages and formula: github.com/scrapinghub/article-extraction-benchmark (evaluate.py).
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean
from typing import NamedTuple

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "pages_en"
_N = 4


class Score(NamedTuple):
    """Means over pages; F1 is that of the two means."""

    precision: float
    recall: float
    f1: float


def read_truth() -> dict[str, str]:
    """Return the article of each page by the page's id."""
    data = json.loads((FOLDER / "ground_truth.json").read_text("utf-8"))
    return {name: entry["articleBody"] for name, entry in data.items()}


def read_pages(names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        yield name, gzip.decompress((FOLDER / "html" / f"{name}.html.gz").read_bytes())


def read_peers(name: str) -> dict[str, str]:
    """Return what another extractor made of each page."""
    data = json.loads(gzip.decompress((FOLDER / "peers" / f"{name}.json.gz").read_bytes()))
    pages = data.get("output", data)  # some files say a version beside
    return {page: entry["articleBody"] for page, entry in pages.items()}


def list_peers() -> list[str]:
    return sorted(path.name.removesuffix(".json.gz") for path in (FOLDER / "peers").iterdir())


def score_texts(texts: dict[str, str], truth: dict[str, str]) -> Score:
    """Score texts by the multisets of their 4-grams of words, each page weighing the same."""
    pages = [_compare(texts.get(name, ""), article) for name, article in truth.items()]
    precision, recall = mean(p for p, _ in pages), mean(r for _, r in pages)
    return Score(precision, recall, 2 * precision * recall / (precision + recall))


def _compare(text: str, article: str) -> tuple[float, float]:
    found, right = _shingles(text), _shingles(article)
    common = (found & right).total()
    if found == right:
        return 1.0, 1.0
    return common / found.total() if found else 0.0, common / right.total() if right else 0.0


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[i : i + _N]) for i in range(max(1, len(words) - _N + 1)))
