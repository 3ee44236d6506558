"""Rows of a dataset on the Hugging Face Hub, streamed.

A row's name is its file's number in the split, and its own in the file: so a run goes on in the
file where it stopped, and reads none of those before it.
"""

import itertools
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from fret.errors import FretError, SourceError, StageError
from fret.sources import Contents, Finished, RawPage, Source
from fret.sources.columns import NAME_THE_TEXT, Columns
from fret.sources.files import hash_files
from fret.sources.parts import Row, cut

_COMMIT = re.compile("[0-9a-f]{40}")

Place = tuple[int, int]
"""The number of a file, and of a row in it, both from 0."""


class HubDataset(Source):
    """A split of a dataset, at one commit.

    Args:
        name: ORG/NAME, or a folder that `datasets` can load.
        config: None where the dataset has but one.
        revision: a commit, branch or tag; None for the latest.
        max_rows: how many of its rows are read at most.
    """

    def __init__(
        self,
        name: str,
        columns: Columns,
        *,
        config: str | None = None,
        split: str = "train",
        revision: str | None = None,
        max_rows: int | None = None,
    ) -> None:
        self._name, self._columns = name, columns
        self._config, self._split, self._revision = config, split, revision
        self._max_rows = max_rows

    def describe(self, first: int | None = None) -> Contents:
        """Look up the commit, which says what all rows are."""
        return Contents(None, commit=self._commit)

    def count_units(self, name: str | None = None) -> int | None:
        """Return how many rows there are, if the dataset's card says so."""
        info = (self._dataset.info.splits or {}).get(self._split)
        known = [n for n in (info and info.num_examples, self._max_rows) if n]
        return min(known, default=None) if name is None else None

    def parts(self, size: int, finished: Finished | None = None) -> Iterator[Iterator[Row]]:
        n_finished = finished.n if finished else 0
        for index in range(n_finished):
            yield self._part_again(index, size, finished)
        n_before = sum(finished.n_rows(i) for i in range(n_finished)) if finished else 0
        left = None if self._max_rows is None else self._max_rows - n_before
        n_parts = n_finished
        for part in cut(itertools.islice(self._rows(n_finished, finished), left), size):
            yield part
            n_parts += 1
        if not n_parts:
            raise SourceError(f"The split {self._split!r} of {self._name} holds no row.")

    def _part_again(self, index: int, size: int, finished: Finished | None) -> Iterator[Row]:
        """Read a part whose shard was there once."""
        assert finished
        n_rows = finished.n_rows(index)
        yield from itertools.islice(self._rows(index, finished), n_rows)

    def _rows(self, part: int, finished: Finished | None) -> Iterator[RawPage]:
        """Read from where a part begins, to the end of the split."""
        file, row = (0, -1)
        if finished and part:
            file, row = max(map(_parse_name, finished.names(part - 1)))
        for number in range(file, self._dataset.num_shards):
            start = row + 1 if number == file else 0
            for place, each in enumerate(self._read_file(number, start), start):
                name = f"{self._split}:{number}:{place}"
                where = f"{self._name}, split {self._split}, file {number}, row {place}"
                if fault := self._columns.find_fault(each):
                    raise SourceError(f"{where}: {fault}. {NAME_THE_TEXT}")
                yield self._columns.read_page(each, name)

    def _read_file(self, number: int, start: int) -> Iterator[dict[str, Any]]:
        file = self._dataset.shard(self._dataset.num_shards, number)
        try:
            yield from file.skip(start)
        except Exception as error:  # of the library, its readers, or the network
            raise StageError(
                f"{self._name} cannot be read on (split {self._split}, file {number}): {error}. "
                "Run the same command again to go on."
            ) from error

    @cached_property
    def _dataset(self) -> Any:
        from datasets import load_dataset

        # What is told here is what is wrong with the names: the library lists the right ones.
        try:
            return load_dataset(
                self._name,
                self._config,
                split=self._split,
                revision=None if self._is_folder else self._commit,
                streaming=True,
            )
        except (ValueError, OSError) as error:
            told = str(error).rstrip(".")
            raise SourceError(
                f"{self._name} cannot be loaded: {told}. "
                "Mend pages.source (dataset, config, split)."
            ) from error

    @property
    def _is_folder(self) -> bool:
        return Path(self._name).is_dir()

    @cached_property
    def _commit(self) -> str:
        """The commit that the revision stands for; of a folder, the hash of its files."""
        folder = Path(self._name)
        if self._is_folder:
            return hash_files(sorted(p for p in folder.rglob("*") if p.is_file()), folder)
        if self._revision and _COMMIT.fullmatch(self._revision):
            return self._revision
        try:
            return _look_up(self._name, self._revision)
        except FretError:
            raise
        except Exception as error:  # of the network, in the words of several libraries
            raise SourceError(
                f"The Hub cannot be asked for {self._name}: {error}. Name a commit in "
                "pages.source.revision, or mend the connection."
            ) from error


def _look_up(name: str, revision: str | None) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return str(HfApi().dataset_info(name, revision=revision).sha)
    except GatedRepoError as error:
        raise SourceError(
            f"The dataset {name} is only for those who were let in: ask on its page, then set "
            "HF_TOKEN to a token of yours."
        ) from error
    except RevisionNotFoundError as error:
        raise SourceError(f"The dataset {name} has no revision {revision!r}.") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise SourceError(
            f"There is no dataset {name} on the Hub, or it is private and HF_TOKEN holds no token "
            "that may read it. Mend pages.source.dataset."
        ) from error


def _parse_name(name: str) -> Place:
    _, file, row = name.rsplit(":", 2)
    return int(file), int(row)
