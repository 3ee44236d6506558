"""A source that grows at its end only adds; any other change is told before any work."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from test_cli import call, said
from web_server import page

TEXT = "A kettle descales best with vinegar, and so does a stove when its flue is clean. "


def write_html(n: int) -> None:
    Path("source").mkdir(exist_ok=True)
    for number in range(n):
        Path(f"source/{number:02d}.html").write_bytes(page(f"Page {number}"))


def write_lines(n: int) -> None:
    Path("source").mkdir(exist_ok=True)
    rows = (json.dumps({"text": f"{TEXT * 3} This is text {k}."}) for k in range(n))
    Path("source/texts.jsonl").write_text("".join(f"{row}\n" for row in rows), "utf-8")


def write_tables(n: int) -> None:
    Path("source").mkdir(exist_ok=True)
    for number in range(n):
        table = pa.table({"text": [f"{TEXT * 3} This is text {number}."]})
        pq.write_table(table, f"source/{number:02d}.parquet")


@pytest.fixture(params=["html", "lines", "tables"])
def write(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """What writes the first n pages of a source, beside a pipeline file for it."""
    monkeypatch.chdir(tmp_path)
    kind = "html" if request.param == "html" else "jsonl"
    settings = {
        "run": "grow",
        "pages": {"source": {"kind": kind, "path": "source"}, "shard_pages": 3, "workers": 1},
        "queries": {"writer": {"kind": "template"}},
        "candidates": {"dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    Path("grow.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    writers = {"html": write_html, "lines": write_lines, "tables": write_tables}
    return writers[request.param]


def shards() -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in Path("data/runs/grow/pages").glob("part-*.parquet")}


def test_what_is_added_at_the_end_is_all_that_is_read(write: Callable[[int], None]) -> None:
    write(4)
    assert call("run", "grow.yaml", "pages").exit_code == 0
    first = shards()
    assert call("run", "grow.yaml", "passages").exit_code == 0
    write(9)
    result = call("run", "grow.yaml", "passages")
    assert result.exit_code == 2 and "--redo passages" in said(result)
    result = call("run", "grow.yaml", "pages")
    assert result.exit_code == 0, said(result)
    assert {name: shards()[name] for name in first} == first
    manifest = json.loads(Path("data/runs/grow/pages/manifest.json").read_text())
    assert [shard["read"] for shard in manifest["shards"]] == [3, 1, 3, 2]
    assert manifest["identity"]["source"]["pages"] == 9
    grown = shards()
    assert call("run", "grow.yaml", "pages").exit_code == 0 and shards() == grown
    Path("data/runs/grow/pages/part-00001.parquet").unlink()
    assert call("run", "grow.yaml", "pages").exit_code == 0 and shards() == grown


def test_pages_that_are_gone_are_told(write: Callable[[int], None]) -> None:
    write(5)
    assert call("run", "grow.yaml", "pages").exit_code == 0
    first = sorted(Path("source").iterdir())[0]
    if first.suffix == ".jsonl":
        first.write_text("".join(first.read_text().splitlines(keepends=True)[1:]), "utf-8")
    else:
        first.unlink()
    result = call("run", "grow.yaml", "pages")
    assert result.exit_code == 2 and "pages.source.pages: was 5, is now 4" in said(result)
