"""The vectors of a run's passages: encoded where no run has done so yet, then mapped in their
order."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fret.records import Passage, hash_json
from fret.retrieval.approximate import VERSION, SavedIndex, build_index
from fret.retrieval.encode import Embedder, write_passage
from fret.retrieval.search import PassageVectors
from fret.stages.base import Observer
from fret.store import Run
from fret.vectors import Keys, VectorStore, as_keys, make_key, name_folder

# What a kill loses at most: a minute of MiniLM on a processor, seconds on a GPU. As many are sorted
# by length together, so that batches need little padding.
_PASSAGES_PER_PART = 8192


def open_vectors(
    run: Run, name: str, embedder: Embedder, *, folder: Path, observer: Observer
) -> PassageVectors:
    """Open the vectors of all passages of a run, in the order of their rows.

    Args:
        name: what the pipeline file calls the model.
        folder: where the vectors of all runs are kept.

    Raises:
        StoreError: a file is damaged.
    """
    how = embedder.identify()
    key = name_folder(name, {**how, "prompt": embedder.passage_prompt})
    stage = run.stage(Passage.STAGE)
    # By what the shards hold: where passages change or are added, the file is another.
    made_of = hash_json([shard.sha256 for shard in stage.require().shards])[:12]
    view = f"vectors/{key}-{made_of}.npy"

    def make(path: Path) -> None:
        parts, about = folder / name_folder(name, how), {"model": name, **how}
        keys = _keys_of(run, embedder)
        _encode_missing(run, keys, embedder, VectorStore(parts, about=about), observer)
        VectorStore(parts, about=about).write_rows(path, keys)

    return PassageVectors(stage.kept(view, make), device=embedder.device)


def open_index(
    run: Run, vectors: PassageVectors, *, kind: str, width: int, seed: int
) -> SavedIndex:
    """Open an index of a run's vectors, beside them; build it where there is none of just these.

    Raises:
        StoreError: its file is damaged.
    """
    matrix = vectors.matrix
    # Vectors of other passages lie in a file of another name, which names the index too.
    name = f"vectors/{vectors.path.stem}.{kind}-{VERSION}-{seed}.faiss"
    path = run.stage(Passage.STAGE).kept(
        name, lambda path: build_index(matrix, path, kind=kind, seed=seed)
    )
    return SavedIndex(path, shape=(matrix.shape[0], matrix.shape[1]), width=width)


def _encode_missing(
    run: Run, keys: Keys, embedder: Embedder, store: VectorStore, observer: Observer
) -> None:
    is_there = store.holds(keys)
    n_there = int(is_there.sum())
    if n_there == len(keys):
        return
    observer.starts("encoding", n_there, len(keys))

    def tell(n: int) -> None:
        for _ in range(n):
            observer.advanced("encoding", {})

    missing = _missing(run, keys, is_there)
    while part := list(itertools.islice(missing, _PASSAGES_PER_PART)):
        texts = dict(part)  # a text that stands there twice is encoded once
        store.add(as_keys(list(texts)), embedder.encode_texts(list(texts.values()), tell))
        tell(len(part) - len(texts))


def _missing(run: Run, keys: Keys, is_there: Any) -> Iterator[tuple[bytes, str]]:
    rows = zip(_texts(run), keys, is_there, strict=True)
    return ((key, text) for text, key, there in rows if not there)


def _keys_of(run: Run, embedder: Embedder) -> Keys:
    prompt = embedder.passage_prompt
    return as_keys([make_key(prompt, text) for text in _texts(run)])


def _texts(run: Run) -> Iterable[str]:
    return (write_passage(passage.full_title, passage.text) for passage in run.rows(Passage))
