"""Makes a finished run of any size, for benchmarks of what comes after the stages.

    python tests/benchmarks/big_run.py FOLDER N

Shards hold 10,000 queries. The records of the first are made up, with words of Zipf's frequencies
and lengths as of web pages; every other shard is the first with other ids. Manifests carry the
fingerprints that the stages themselves would give, so `fret status FOLDER/big.yaml` and whatever
reads a finished run work as on a real one; figures over all rows are those of the first shard.
"""

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

import fret
from fret.choosing.measures import measure_examples
from fret.choosing.splits import HeldOutPage, Sides
from fret.durable import sha256_of, write_records
from fret.manifest import Shard
from fret.pipeline import STAGES
from fret.plan import make_plan
from fret.records import (
    Candidates,
    Example,
    Judgement,
    Page,
    Passage,
    Query,
    Record,
    Scoring,
    make_id,
)
from fret.stages.base import Silence
from fret.stages.context import Context
from fret.store import Run, StageFolder

QUERIES_PER_SHARD = 10_000
PASSAGES_PER_PAGE = 5
N_CANDIDATES = 20
N_NEGATIVES = 1
N_SITES = 2_000
TASK_TYPES = ["question", "keywords", "claim", "howto", "definition"]
LANGUAGES = ["en"] * 8 + ["de", "fr"]
# Hex digits of an id that say which shard it is of.
_SHARD_DIGITS = 6


class _Count:
    def __init__(self, read: int, usage: dict[str, float]) -> None:
        self.read, self.usage = read, usage


def make_big_run(folder: Path, n: int, *, with_lookup: bool = False) -> Run:
    """Write a finished run of n examples into a folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = fret.load(_write_pipeline(folder))
    run, settings = pipeline.stored, pipeline.settings
    run.write_settings(settings.model_dump(), {"fret": "0"}, "2026-01-01T00:00:00+00:00")
    first = _First(min(n, QUERIES_PER_SHARD))
    n_shards = -(-n // QUERIES_PER_SHARD)
    with Context(settings, beside=folder, observer=Silence()) as context:
        stages = [build(context) for build in STAGES.values()]
        for part in make_plan(run, stages, list(STAGES), []):
            part.folder.begin(part.manifest)
            _write_shards(part.folder, part.stage.record, first, n_shards)
            part.folder.finish(seconds=1.0, measures=_measure(part.folder, first, n_shards))
        _note_held_out(run)
        if with_lookup:
            context.lookup(run)
    return run


def _write_pipeline(folder: Path) -> Path:
    (folder / "texts.jsonl").write_text('{"text": "one"}\n', "utf-8")
    settings = {
        "run": "big",
        "runs_dir": str(folder / "runs"),
        "answers": str(folder / "answers.sqlite"),
        "vectors": str(folder / "vectors"),
        "models": {"teacher": {"backend": "scripted"}},
        "pages": {"source": {"kind": "jsonl", "path": str(folder / "texts.jsonl")}},
        "queries": {"writer": {"kind": "llm", "model": "teacher"}},
        "candidates": {"top_k": N_CANDIDATES, "deeper_to": None, "dense": None},
        "judgements": {
            "scorers": [
                {"kind": "query_likelihood", "model": "teacher"},
                {"kind": "relevance", "model": "teacher"},
            ]
        },
        "examples": {"negatives": {"count": N_NEGATIVES}, "splits": {"test": 0.05}},
        "publish": {"licence": "odc-by"},
    }
    path = folder / "big.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


class _First:
    """The records of the first shard."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._draw = random.Random(0)
        self._words = _Words()
        self.passages = [self._make_passage(i) for i in range(n)]
        self.queries = [self._make_query(passage) for passage in self.passages]
        self.judged = [self._judge(i) for i in range(n)]

    def records(self, record: type[Record]) -> Iterator[Record]:
        match record.__name__:
            case "Page":
                yield from self._pages()
            case "Passage":
                yield from self.passages
            case "Query":
                yield from self.queries
            case "Candidates":
                yield from map(self._find, self.judged)
            case "Judgement":
                yield from self.judged
            case "Example":
                yield from map(self._choose, self.queries, self.judged)

    def _make_passage(self, i: int) -> Passage:
        page = i // PASSAGES_PER_PAGE
        return Passage(
            id=make_id("passage", str(i)),
            page_id=make_id("page", str(page)),
            position=i % PASSAGES_PER_PAGE,
            title=self._words.text(6),
            text=self._words.text(self._draw.randint(90, 200)),
            language=LANGUAGES[page % len(LANGUAGES)],
            n_tokens=150,
            url=f"https://site{page % N_SITES}.example/{page}",
        )

    def _pages(self) -> Iterator[Page]:
        for start in range(0, self.n, PASSAGES_PER_PAGE):
            parts = self.passages[start : start + PASSAGES_PER_PAGE]
            text = "\n\n".join(part.text for part in parts)
            one = parts[0]
            yield Page(
                one.page_id, one.url, one.title, text, one.language, "2025-01-01", "", "", "CC0"
            )

    def _make_query(self, passage: Passage) -> Query:
        return Query(
            id=make_id("query", passage.id),
            passage_id=passage.id,
            task="Given a question, retrieve passages that answer it.",
            text=self._words.text(8),
            language=passage.language,
            task_type=self._draw.choice(TASK_TYPES),
            writer="llm",
            model="scripted",
            prompt_hash="0" * 64,
            sample=0,
        )

    def _judge(self, i: int) -> Judgement:
        others = self._draw.sample(range(self.n), N_CANDIDATES - 1)
        ids = tuple(dict.fromkeys(self.passages[p].id for p in (i, *others)))
        grades = tuple(round(self._draw.uniform(0, 3), 3) for _ in ids)
        likelihoods = tuple(round(self._draw.uniform(-4, -1), 3) for _ in ids)
        ranks = tuple(range(1, len(ids) + 1))
        none: tuple[None, ...] = (None,) * len(ids)
        empty = ("",) * len(ids)
        likelihood = Scoring(
            "query_likelihood", "query_likelihood", "scripted", likelihoods, empty, ranks,
            likelihoods, (9,) * len(ids), none, none,
        )  # fmt: skip
        labels = tuple((-3.0, -2.0, -1.0, -0.5) for _ in ids)
        relevance = Scoring(
            "relevance", "relevance", "scripted", grades, empty, ranks, none, none, labels, grades
        )
        fused = tuple(round(1 / rank, 4) for rank in ranks)
        scorings = (likelihood, relevance)
        return Judgement(self.queries[i].id, ids[0], ids, scorings, fused, ranks)

    def _find(self, judgement: Judgement) -> Candidates:
        ids = judgement.passage_ids
        scores = tuple(20.0 - rank for rank in range(len(ids)))
        none = (None,) * len(ids)
        kin = ("seed",) + ("",) * (len(ids) - 1)
        ranks = tuple(range(1, len(ids) + 1))
        return Candidates(
            judgement.query_id, ids[0], ids, ranks, scores, none, none, 1, len(ids), kin
        )

    def _choose(self, query: Query, judgement: Judgement) -> Example:
        by_id = {p.id: p for p in map(self._at, judgement.passage_ids)}
        positive, *others = judgement.passage_ids
        negatives = tuple(others[-N_NEGATIVES:])
        likelihood, relevance = judgement.scorings
        last = range(len(judgement.passage_ids) - N_NEGATIVES, len(judgement.passage_ids))
        return Example(
            query_id=query.id,
            task=query.task,
            query=query.text,
            task_type=query.task_type,
            language=query.language,
            positive_title=by_id[positive].title,
            positive=by_id[positive].text,
            negative_titles=tuple(by_id[n].title for n in negatives),
            negatives=tuple(by_id[n].text for n in negatives),
            split=_SIDES.of(by_id[positive].page_id),
            positive_id=positive,
            negative_ids=negatives,
            seed_id=query.passage_id,
            positive_is_seed=True,
            positive_rule="top",
            negative_picks=("hardest",) * N_NEGATIVES,
            seed_rank=1,
            seed_retrieval_rank=1,
            seed_bm25_rank=1,
            seed_dense_rank=None,
            scorers=("query_likelihood", "relevance"),
            positive_scores=(likelihood.scores[0], relevance.scores[0]),
            positive_ranks=(1, 1),
            negative_scores=tuple((likelihood.scores[i], relevance.scores[i]) for i in last),
            negative_ranks=tuple((i + 1, i + 1) for i in last),
            positive_fused_score=1.0,
            negative_fused_scores=tuple(judgement.fused_scores[i] for i in last),
            negative_fused_ranks=tuple(judgement.fused_ranks[i] for i in last),
            positive_grade=relevance.grades[0],
            negative_grades=tuple(relevance.grades[i] for i in last),
            positive_similarity=19.0,
            negative_similarities=(9.0,) * N_NEGATIVES,
            n_relevant=1,
            extra_positive_titles=(),
            extra_positives=(),
            extra_positive_ids=(),
            extra_positive_scores=(),
            extra_positive_grades=(),
            extra_positive_urls=(),
            refused_ids=tuple(others[:3]),
            refused_reasons=("too_similar", "judged_relevant", "same_page"),
            positive_url=by_id[positive].url,
            negative_urls=tuple(by_id[n].url for n in negatives),
            writer=query.writer,
            model=query.model,
        )

    def _at(self, passage_id: str) -> Passage:
        if not hasattr(self, "_by_id"):
            self._by_id = {passage.id: passage for passage in self.passages}
        return self._by_id[passage_id]


# A page of a later shard is on the side of the first shard's page that it is made from.
_SIDES = Sides({"test": 0.05}, 0)


class _Words:
    """Texts of words with Zipf's frequencies."""

    def __init__(self) -> None:
        draw = random.Random(1)
        syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "ai", "or")]
        words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(50_000)]
        weights = 1 / (np.arange(len(words)) + 10)
        places = np.random.default_rng(2).choice(len(words), 2_000_000, p=weights / weights.sum())
        self._drawn = [words[place] for place in places.tolist()]
        self._next = 0

    def text(self, n: int) -> str:
        if self._next + n > len(self._drawn):
            self._next = 0
        self._next += n
        return " ".join(self._drawn[self._next - n : self._next])


def _write_shards(folder: StageFolder, record: type[Record], first: _First, n_shards: int) -> None:
    asks = {"Query": 1, "Judgement": 2 * N_CANDIDATES}.get(record.__name__, 0) * first.n
    usage = {"requests": asks, "input_tokens": asks * 400, "output_tokens": asks * 9}
    count = _Count(first.n, {key: float(n) for key, n in usage.items() if n})
    shard = folder.write_shard(0, record, first.records(record), count=count)
    table = pq.read_table(folder.path / shard.name)
    dropped = (folder.path / "dropped" / shard.name).read_bytes()
    manifest = folder.require()
    for number in range(1, n_shards):
        name = f"part-{number:05d}.parquet"
        path = folder.path / name
        pq.write_table(_rename(table, number), path, compression="zstd", row_group_size=1000)
        (folder.path / "dropped" / name).write_bytes(dropped)
        size, digest = path.stat().st_size, sha256_of(path)
        manifest.shards.append(
            Shard(name, shard.read, shard.rows, 0, size, digest, shard.dropped_bytes)
        )
    manifest.usage = {key: n * n_shards for key, n in count.usage.items()}


def _rename(table: pa.Table, shard: int) -> pa.Table:
    """Return the rows with all ids changed alike, so that they fit those of other stages."""
    for place, field in enumerate(table.schema):
        if field.name == "id" or field.name.endswith(("_id", "_ids")):
            column = table.column(place).combine_chunks()
            table = table.set_column(place, field, _rename_ids(column, shard))
    return table


def _rename_ids(column: pa.Array, shard: int) -> pa.Array:
    if pa.types.is_list(column.type):
        values = _rename_ids(column.values, shard)
        return pa.ListArray.from_arrays(column.offsets, values, type=column.type)
    return pc.binary_replace_slice(column, 0, _SHARD_DIGITS, f"{shard:0{_SHARD_DIGITS}x}")


def _measure(folder: StageFolder, first: _First, n_shards: int) -> dict[str, Any]:
    """Figures of the first shard; those that count rows for all of them."""
    if folder.path.name != Example.STAGE:
        return {}
    figures = measure_examples(folder.rows(Example, 0))
    for name in ("splits", "task_types", "languages", "picks", "negatives"):
        figures[name] = {key: n * n_shards for key, n in figures[name].items()}
    return {"examples": {**figures, "separability": None}}


def _note_held_out(run: Run) -> None:
    def held_out() -> Iterator[HeldOutPage]:
        first = {page.id: _SIDES.of(page.id) for page in run.rows(Page, 0)}
        for shard in range(run.n_shards(Page)):
            for page, split in first.items():
                if split != "train":
                    name = page if not shard else f"{shard:0{_SHARD_DIGITS}x}{page[_SHARD_DIGITS:]}"
                    yield HeldOutPage(name, split)

    run.stage(Example.STAGE).kept(
        HeldOutPage.FILE, lambda path: write_records(path, HeldOutPage, held_out())
    )


if __name__ == "__main__":
    made = make_big_run(Path(sys.argv[1]), int(sys.argv[2]))
    sizes = {f.name: f.stat().st_size for f in made.path.rglob("*.parquet")}
    print(json.dumps({"run": str(made.path), "MB": round(sum(sizes.values()) / 1e6)}))
