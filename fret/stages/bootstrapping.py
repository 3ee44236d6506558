"""The first retriever of a run: trained on its queries and their seeds, kept beside them."""

import hashlib
import heapq
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fret.config import BootstrapSettings
from fret.durable import flush, write_json
from fret.lookup import PassageLookup
from fret.records import Query, hash_json
from fret.retrieval.bootstrap import Pair, Training, rank_seeds, train_retriever
from fret.retrieval.encode import Embedder
from fret.retrieval.model_files import identify_folder
from fret.stages.base import Observer
from fret.store import Run

# Enough to tell a gain of a few percent; ranked among so many passages, or all of a smaller run.
_QUERIES_MEASURED = 500
_PASSAGES_MEASURED = 10_000
_WORK = "training the first retriever"


def bootstrap(
    run: Run,
    embedder: Embedder,
    settings: BootstrapSettings,
    *,
    lookup: PassageLookup,
    seed: int,
    observer: Observer,
) -> tuple[Embedder, dict[str, Any]]:
    """Train a retriever on this run's pairs, or take the one that was trained so already.

    Returns:
        The retriever, and what it gained: how many held-out queries find their seed.

    Raises:
        StageError: there are too few queries, or the training fails.
    """
    stage = run.stage(Query.STAGE)
    made_of = {
        "model": identify_folder(embedder.path),
        "prompts": [embedder.how.query_format, embedder.query_prompt, embedder.passage_prompt],
        "settings": settings.model_dump(),
        "seed": seed,
        "queries": [shard.sha256 for shard in stage.require().shards],
    }

    def make(folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)  # what a kill left
        trained, held = _choose_pairs(run, lookup, settings, seed)
        how = Training(**settings.model_dump(include=set(Training.__dataclass_fields__)))
        observer.starts(_WORK, 0, how.n_steps(len(trained)))
        train_retriever(
            embedder,
            trained,
            folder / "model",
            how=how,
            seed=seed,
            tell=lambda: observer.advanced(_WORK, {}),
        )
        retriever = Embedder(str(folder / "model"), embedder.how)
        gain = _measure(embedder, retriever, held, _sample(lookup, held, seed))
        write_json(folder / "gain.json", {"pairs": len(trained), **gain})
        for file in folder.rglob("*"):
            flush(file)

    folder = stage.kept(f"retriever-{hash_json(made_of)[:12]}", make)
    gain = json.loads((folder / "gain.json").read_text("utf-8"))
    return Embedder(str(folder / "model"), embedder.how), gain


def _choose_pairs(
    run: Run, lookup: PassageLookup, settings: BootstrapSettings, seed: int
) -> tuple[list[Pair], list[Pair]]:
    """Return pairs to train on, and those of pages that are held out."""
    rows = _seed_rows(run, lookup)
    held = [(query, row) for query, row in rows if _is_held(lookup, row, settings, seed)]
    rows = _seed_rows(run, lookup)
    rest = ((query, row) for query, row in rows if not _is_held(lookup, row, settings, seed))
    return (
        [_pair(*each, lookup) for each in _draw(rest, settings.max_pairs, seed)],
        [_pair(*each, lookup) for each in _draw(held, _QUERIES_MEASURED, seed)],
    )


def _seed_rows(run: Run, lookup: PassageLookup) -> Iterator[tuple[Query, int]]:
    for query in run.rows(Query):
        row = lookup.row_of(query.passage_id) if query.passage_id else None
        if row is not None:
            yield query, row


def _is_held(lookup: PassageLookup, row: int, settings: BootstrapSettings, seed: int) -> bool:
    """Whether a passage's page is held out, with all of its queries."""
    return _chance(seed, lookup.page_of(row)) < settings.held_out


def _draw(rows: Iterable[tuple[Query, int]], n: int, seed: int) -> list[tuple[Query, int]]:
    return heapq.nsmallest(n, rows, key=lambda each: (_chance(seed, each[0].id), each[0].id))


def _pair(query: Query, row: int, lookup: PassageLookup) -> Pair:
    passage = lookup.at(row)
    return Pair(query.task, query.text, passage.full_title, passage.text, passage.page_id)


def _sample(lookup: PassageLookup, held: Sequence[Pair], seed: int) -> list[tuple[str, str]]:
    """Return titles and texts of the pairs' passages, and of others up to a number."""
    chosen = dict.fromkeys((pair.title, pair.text) for pair in held)
    rows = heapq.nsmallest(
        _PASSAGES_MEASURED, range(len(lookup)), key=lambda row: _chance(seed, lookup.id_of(row))
    )
    for row in rows:
        if len(chosen) >= _PASSAGES_MEASURED:
            break
        passage = lookup.at(row)
        chosen[passage.full_title, passage.text] = None
    return list(chosen)


def _measure(
    before: Embedder, after: Embedder, held: Sequence[Pair], passages: list[tuple[str, str]]
) -> dict[str, Any]:
    gain: dict[str, Any] = {"held_out_queries": len(held), "passages": len(passages)}
    if held:
        for name, embedder in (("before", before), ("after", after)):
            ranks = rank_seeds(embedder, held, passages)
            shares = {
                f"recall@{k}": sum(r <= k for r in ranks) / len(ranks) for k in (1, 5, 20, 100)
            }
            shares["reciprocal_rank"] = sum(1 / rank for rank in ranks) / len(ranks)
            gain[name] = {key: round(share, 4) for key, share in shares.items()}
    return gain


def _chance(seed: int, name: str) -> float:
    """Return a number from 0 to 1 that a name draws, always the same."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
