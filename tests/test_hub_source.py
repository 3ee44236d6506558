"""Datasets of a Hub as a source: streamed at one commit, gone on with where a run stopped."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from fret.errors import SourceError, StageError
from fret.records import Page
from fret.sources.columns import Columns
from fret.sources.hub import HubDataset
from fret.store import Run
from hub_server import HubServer
from test_cli import call, said

N_FILES, N_ROWS = 3, 10
COLUMNS = Columns("text", "title", "url", "id")


def text_of(file: int, row: int) -> str:
    return (
        f"Row {row} of file {file} tells how a kettle is freed of lime with vinegar and patience."
    )


def write_dataset(folder: Path, n_files: int = N_FILES) -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for file in range(n_files):
        rows = range(N_ROWS)
        table = pa.table(
            {
                "text": [text_of(file, row) for row in rows],
                "url": [f"https://a.example/{file}/{row}" for row in rows],
            }
        )
        pq.write_table(table, folder / "data" / f"train-{file:05d}-of-{n_files:05d}.parquet")
    return folder


# -- from a Hub


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of each case, all read by one process."""
    root = tmp_path_factory.mktemp("hub")
    hub = HubServer()
    hub.datasets = {
        "org/good": write_dataset(root / "good"),
        "org/moved": write_dataset(root / "moved", 1),
        "org/gated": root / "good",
        "org/empty": root / "empty",
    }
    hub.gated = {"org/gated"}
    (root / "empty").mkdir()
    (root / "empty" / "README.md").write_text("---\nlicense: mit\n---\nNothing yet.\n", "utf-8")
    before = hub.commit("org/moved")
    write_dataset(root / "moved", 2)
    (root / "moved/data/train-00000-of-00001.parquet").unlink()
    cases: dict[str, dict[str, Any]] = {
        "good": {"name": "org/good"},
        "latest": {"name": "org/moved"},
        "pinned": {"name": "org/moved", "revision": before},
        "few": {"name": "org/good", "max_rows": 13},
        "missing": {"name": "org/none"},
        "no name": {"name": "a/b/c"},
        "gated": {"name": "org/gated"},
        "revision": {"name": "org/good", "revision": "v9"},
        "split": {"name": "org/good", "split": "test"},
        "config": {"name": "org/good", "config": "german"},
        "column": {"name": "org/good", "text": "content"},
        "empty": {"name": "org/empty"},
    }
    command = [sys.executable, str(Path(__file__).with_name("hub_cases.py"))]
    command += [f"{name}={json.dumps(options)}" for name, options in cases.items()]
    with hub.running():
        environment = os.environ | hub.environment | {"HF_HOME": str(root / "cache")}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"before": before, "now": hub.commit("org/moved")}


def test_rows_are_streamed_in_order_with_their_places_as_names(read: dict[str, Any]) -> None:
    rows = read["good"]["rows"]
    assert len(rows) == N_FILES * N_ROWS
    assert rows[N_ROWS + 2] == ["train:1:2", text_of(1, 2), "https://a.example/1/2"]


def test_a_revision_keeps_what_the_dataset_was(read: dict[str, Any]) -> None:
    assert (read["latest"]["commit"], len(read["latest"]["rows"])) == (read["now"], 2 * N_ROWS)
    assert (read["pinned"]["commit"], len(read["pinned"]["rows"])) == (read["before"], N_ROWS)


def test_no_more_rows_are_read_than_asked_for(read: dict[str, Any]) -> None:
    assert (len(read["few"]["rows"]), read["few"]["n"]) == (13, 13)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("missing", "There is no dataset org/none on the Hub, or it is private and HF_TOKEN"),
        ("no name", "There is no dataset a/b/c on the Hub"),
        ("gated", "set HF_TOKEN to a token of yours"),
        ("revision", "The dataset org/good has no revision 'v9'."),
        ("split", "Bad split: test. Available splits: ['train']. Mend pages.source"),
        ("config", "'german' not found. Available: ['default']"),
        ("column", "no column 'content' (there are: text, url)"),
        ("empty", "doesn't contain any data files. Mend pages.source"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(
    read: dict[str, Any], case: str, told: str
) -> None:
    assert told in read[case]["error"] and read[case]["exit_code"] == 2


def test_a_hub_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match=r"The Hub cannot be asked for org/set: .*pages\.source"):
        HubDataset("org/set", COLUMNS).describe()  # in tests the library is offline


# -- from a folder that `datasets` can load, and in whole runs


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "set")
    settings = {
        "run": "hub",
        "pages": {"source": {"kind": "hub", "dataset": "set"}, "shard_pages": 4},
        "queries": {"writer": {"kind": "template"}},
        "candidates": {"dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    (tmp_path / "hub.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return tmp_path / "hub.yaml"


def damage_rows(path: Path) -> None:
    """Spoil all but the footer, from which the library takes the names of the columns."""
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\xff" * 100 + data[104:])
    with pytest.raises(OSError):
        pq.read_table(path)


def shards() -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in Path("data/runs/hub/pages").glob("*.parquet")}


def test_a_run_that_was_stopped_ends_in_the_same_bytes(pipeline: Path) -> None:
    assert call("run", "hub.yaml", "pages").exit_code == 0
    folder, whole = Path("data/runs/hub/pages"), shards()
    assert len(whole) == -(-N_FILES * N_ROWS // 4)
    for n in (1, 3, 5):
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["shards"], manifest["state"] = manifest["shards"][:n], "running"
        (folder / "manifest.json").write_text(json.dumps(manifest))
        for file in list(folder.rglob("part-*.parquet")):
            if int(file.stem[-5:]) >= n:
                file.unlink()
        assert call("run", "hub.yaml", "pages").exit_code == 0
        assert shards() == whole


def test_a_run_goes_on_in_the_file_where_it_stopped(pipeline: Path) -> None:
    """What lies before may be gone, or a day's download away."""
    assert call("run", "hub.yaml", "pages").exit_code == 0
    names = [page.source for page in Run(Path("data/runs"), "hub").rows(Page, 4)]
    assert names == ["train:1:6", "train:1:7", "train:1:8", "train:1:9"]

    class FiveParts:
        n = 5

        def n_rows(self, index: int) -> int:
            return 4

        def names(self, index: int) -> list[str]:
            return [page.source for page in Run(Path("data/runs"), "hub").rows(Page, index)]

    damage_rows(Path("set/data/train-00000-of-00003.parquet"))
    parts = itertools.islice(HubDataset("set", COLUMNS).parts(4, FiveParts()), 5, None)
    rows = [row.name for part in parts for row in part]
    assert rows == [f"train:2:{row}" for row in range(N_ROWS)]


def test_other_contents_are_told_and_a_damaged_file_with_its_place(pipeline: Path) -> None:
    assert call("run", "hub.yaml", "pages").exit_code == 0
    Path("set/data/train-00001-of-00003.parquet").write_bytes(b"no parquet")
    result = call("run", "hub.yaml", "pages")
    assert result.exit_code == 2 and "pages.source.commit: was '" in said(result)
    with pytest.raises(StageError, match=r"set cannot be read on \(split train, file 1\)"):
        list(list(part) for part in HubDataset("set", COLUMNS).parts(100))
    result = call("run", "hub.yaml", "pages", "--redo", "pages")
    assert result.exit_code == 1 and "file 1" in said(result)
