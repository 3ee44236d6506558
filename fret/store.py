"""What lies on disk below a run, and the code that writes there.

    data/runs/<run>/run.json                        settings without secrets, versions, when created
    data/runs/<run>/<stage>/manifest.json           what was made, with which fingerprint
    data/runs/<run>/<stage>/part-00000.parquet      a finished shard; never there half
    data/runs/<run>/<stage>/dropped/part-00000.parquet
    data/runs/<run>/<stage>/kept/…                  arrays and tables derived from finished shards
    data/runs/<run>/crawl.sqlite                    fetched web pages; see fret.sources.web.kept

Done means: the whole file, in place, and recorded in the manifest beside the fingerprint that made
it. Every file is written under a temporary name in its own folder, flushed to the disk, moved to
its name, and the folder flushed; then the manifest, the same way. So a kill, a full disk or a power
cut leaves finished shards or nothing.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from fret.durable import (
    explained,
    flush,
    keep_newest,
    make_folder,
    parquet_file,
    placed,
    read_batches,
    read_records,
    sha256_of,
    size_of,
    write_json,
)
from fret.errors import StoreError
from fret.locking import held
from fret.manifest import Manifest, Shard
from fret.records import Dropped, Record


class Count(Protocol):
    """What went into a shard and was spent on it."""

    @property
    def read(self) -> int: ...
    @property
    def usage(self) -> dict[str, float]: ...


class StageFolder:
    """The shards of one stage: read them, add one, mark the stage as done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest | None = None
        if (path / "manifest.json").exists():
            self.manifest = Manifest.load(path / "manifest.json")

    @property
    def finished(self) -> bool:
        """Whether every shard was made and still lies where it should."""
        return (
            self.manifest is not None
            and self.manifest.state == "done"
            and all(self._is_whole(shard) for shard in self.manifest.shards)
        )

    def begin(self, manifest: Manifest, *, has_grown: bool = False) -> None:
        """Start the stage, or go on with it when the fingerprint is the same.

        Args:
            has_grown: whether what is there is the beginning of what the manifest is for.
        """
        if self.manifest and (has_grown or self.manifest.fingerprint == manifest.fingerprint):
            self.manifest.state = "running"
            self.manifest.fingerprint = manifest.fingerprint
            self.manifest.identity = manifest.identity
        else:
            self.clear()
            self.manifest = manifest
        make_folder(self.path)
        self._save()

    def clear(self) -> None:
        """Remove all that the stage has made."""
        if self.path.is_dir():
            # The manifest goes first: a kill in between must not leave it naming files that are
            # gone.
            (self.path / "manifest.json").unlink(missing_ok=True)
            shutil.rmtree(self.path)
        self.manifest = None

    def has_shard(self, index: int) -> bool:
        shard = self._shard(index)
        return shard is not None and self._is_whole(shard)

    def write_shard(
        self, index: int, record: type[Record], records: Iterable[Record | Dropped], *, count: Count
    ) -> Shard:
        """Write the records of one shard, the dropped ones apart, and note it in the manifest.

        `count` is asked once `records` is exhausted.
        """
        manifest = self.require()
        name = f"part-{index:05d}.parquet"
        kept, dropped = self.path / name, self.path / "dropped" / name
        reasons: Counter[str] = Counter()
        with parquet_file(kept, record) as keep, parquet_file(dropped, Dropped) as drop:
            for item in records:
                if isinstance(item, Dropped):
                    reasons[item.reason] += 1
                    drop.add(item)
                else:
                    keep.add(item)
        shard = Shard(
            name=name,
            read=count.read,
            rows=keep.rows,
            dropped=drop.rows,
            bytes=kept.stat().st_size,
            sha256=sha256_of(kept),
            dropped_bytes=dropped.stat().st_size,
        )
        if self._shard(index) is None:
            manifest.shards.append(shard)
            manifest.reasons = dict(sorted((Counter(manifest.reasons) + reasons).items()))
            manifest.usage = _add(manifest.usage, count.usage)
        else:  # a lost file made again: its rows are counted already
            manifest.shards[index] = shard
        self._save()
        return shard

    def finish(self, *, seconds: float, measures: dict[str, Any]) -> None:
        manifest = self.require()
        manifest.state, manifest.measures = "done", measures
        manifest.seconds = round(manifest.seconds + seconds, 3)
        self._save()

    def add_seconds(self, seconds: float) -> None:
        """Note time spent by a process that stops before the stage is done."""
        manifest = self.require()
        manifest.seconds = round(manifest.seconds + seconds, 3)
        self._save()

    def rows(
        self, record: type[Record], index: int | None = None, *, dropped: bool = False
    ) -> Iterator[Any]:
        """Stream the records of one finished shard, or of all of them in order."""
        folder = self.path / "dropped" if dropped else self.path
        for shard in self._whole_shards(index):
            yield from read_records(folder / shard.name, record)

    def batches(self, columns: Sequence[str], index: int | None = None) -> Iterator[Any]:
        """Stream some columns as Arrow batches, where whole records would be read for little."""
        for shard in self._whole_shards(index):
            yield from read_batches(self.path / shard.name, columns)

    def _whole_shards(self, index: int | None) -> Iterator[Shard]:
        shards = self.require().shards
        for shard in shards if index is None else shards[index : index + 1]:
            if not self._is_whole(shard):
                raise StoreError(
                    f"{self.path / shard.name} is missing or cut short. Make it anew with "
                    f"`fret run PIPELINE --redo {self.path.name}`."
                )
            yield shard

    def has_kept(self, name: str) -> bool:
        return (self.path / "kept" / name).exists()

    def kept(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a file or folder derived from finished shards; `make(path)` makes what lacks."""
        path = self.path / "kept" / name
        if not path.exists():
            make_folder(path.parent)
            with placed(path) as temporary:
                make(temporary)
        return path

    def kept_newest(
        self, kind: str, name: str, make: Callable[[Path], None], *, warn: Callable[[str], None]
    ) -> Path:
        """Return a folder derived from finished shards; see `fret.durable.keep_newest`."""
        keep_newest(self.path / "kept" / kind / name, make, warn=warn)
        return self.path / "kept" / kind / name

    def require(self) -> Manifest:
        """Return the manifest; an error when the stage has made nothing yet."""
        if self.manifest is None:
            raise StoreError(
                f"There is nothing in {self.path} yet: run the stage {self.path.name} first, "
                "with `fret run PIPELINE`."
            )
        return self.manifest

    def _shard(self, index: int) -> Shard | None:
        shards = self.manifest.shards if self.manifest else []
        return shards[index] if index < len(shards) else None

    def _is_whole(self, shard: Shard) -> bool:
        return (
            size_of(self.path / shard.name) == shard.bytes
            and size_of(self.path / "dropped" / shard.name) == shard.dropped_bytes
        )

    def _save(self) -> None:
        write_json(self.path / "manifest.json", asdict(self.require()))


def _add(usage: dict[str, float], more: dict[str, float]) -> dict[str, float]:
    total = {key: usage.get(key, 0) + more.get(key, 0) for key in usage | more}
    # Money adds up from floats; the digits beyond a millionth are noise.
    return {key: round(value, 6) for key, value in sorted(total.items())}


class Run:
    """One run: a folder per stage, opened without writing anything."""

    def __init__(self, runs_dir: Path, name: str) -> None:
        self.name = name
        self.path = runs_dir / name
        self._folders: dict[str, StageFolder] = {}

    @property
    def dataset_dir(self) -> Path:
        return self.path / "dataset"

    def stage(self, name: str) -> StageFolder:
        if name not in self._folders:
            self._folders[name] = StageFolder(self.path / name)
        return self._folders[name]

    def rows(self, record: type[Record], index: int | None = None) -> Iterator[Any]:
        """Stream the records of a finished stage, which the record's class names."""
        return self.stage(record.STAGE).rows(record, index)

    def n_rows(self, record: type[Record]) -> int:
        return self.stage(record.STAGE).require().rows

    def n_shards(self, record: type[Record]) -> int:
        return len(self.stage(record.STAGE).require().shards)

    def write_settings(
        self, settings: dict[str, Any], versions: dict[str, str], created: str
    ) -> None:
        """Write run.json; the date of an earlier one stays."""
        old = self.notes()
        data = {"run": self.name, "versions": versions, "settings": settings}
        data["created"] = old.get("created", created)
        if data != old:
            write_json(self.path / "run.json", data)

    def notes(self) -> dict[str, Any]:
        """Return what run.json says; nothing where it is missing or damaged."""
        with suppress(OSError, ValueError):
            data = json.loads((self.path / "run.json").read_text("utf-8"))
            return data if isinstance(data, dict) else {}
        return {}

    def locked(self) -> AbstractContextManager[None]:
        """Hold the run for this process; a second one is told who holds it."""
        return held(self.path, "run")

    def dataset_made_from(self) -> str | None:
        """Return what the dataset folder was made from; None when not all of it is there."""
        try:
            data = json.loads((self.dataset_dir / "manifest.json").read_text("utf-8"))
            files = [(self.dataset_dir / name, size) for name, size in data["sizes"].items()]
            return str(data["made_from"]) if all(size_of(f) == n for f, n in files) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @contextmanager
    def replaced_dataset(self) -> Iterator[Path]:
        """Yield an empty folder that becomes the run's dataset folder when the block ends well."""
        fresh, old = self.path / ".dataset.new", self.path / ".dataset.old"
        for folder in (fresh, old):
            shutil.rmtree(folder, ignore_errors=True)
        with explained(self.dataset_dir):
            fresh.mkdir(parents=True)
            yield fresh
            for file in [*fresh.rglob("*"), fresh]:
                flush(file)
            if self.dataset_dir.exists():
                self.dataset_dir.replace(old)
            fresh.replace(self.dataset_dir)
            flush(self.path)
        shutil.rmtree(old, ignore_errors=True)
