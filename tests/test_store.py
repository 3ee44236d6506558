"""The store: finished shards or nothing, counted once, held by one process."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from fret.durable import (
    is_whole,
    parquet_file,
    read_records,
    remove_others,
    seal,
    write_json,
)
from fret.errors import RunLocked, StoreError
from fret.manifest import Manifest
from fret.records import Dropped, Page, Passage
from fret.store import Run, StageFolder


class Spent:
    """What went into a shard and was spent on it."""

    def __init__(self, read: int, **usage: int) -> None:
        self.read, self.usage = read, usage


def page(number: int) -> Page:
    text = f"Text number {number}"
    return Page(f"id{number:018d}", f"https://a.example/{number}", "", text, "", "", "", "", "")


def lost(number: int, reason: str = "too_short") -> Dropped:
    return Dropped("pages", f"lost{number}", reason, "")


def manifest(fingerprint: str = "f1") -> Manifest:
    return Manifest("pages", 1, fingerprint, {"a": 1}, {})


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def stage(tmp_path: Path) -> StageFolder:
    folder = Run(tmp_path, "run").stage("pages")
    folder.begin(manifest())
    return folder


def finished(stage: StageFolder) -> StageFolder:
    for shard in range(3):
        rows = [page(10 * shard + i) for i in range(4)] + [lost(shard)]
        stage.write_shard(shard, Page, rows, count=Spent(5, requests=2))
    stage.finish(seconds=1.5, measures={"recall": 0.5})
    return stage


def again(stage: StageFolder) -> StageFolder:
    """The folder as another process sees it."""
    return StageFolder(stage.path)


# -- a shard is there whole, or not at all


def test_a_shard_that_fails_in_the_middle_leaves_nothing(stage: StageFolder) -> None:
    def records() -> Iterator[Page | Dropped]:
        yield from (page(i) for i in range(2500))  # more than one row group is on the disk by now
        yield lost(0)
        raise RuntimeError("in the middle")

    before = (stage.path / "manifest.json").read_bytes()
    with pytest.raises(RuntimeError, match="in the middle"):
        stage.write_shard(0, Page, records(), count=Spent(1))
    assert files_in(stage.path) == ["manifest.json"]
    assert (stage.path / "manifest.json").read_bytes() == before
    assert not again(stage).has_shard(0)


def test_a_shard_has_no_name_before_it_is_whole(stage: StageFolder) -> None:
    seen: list[list[str]] = []

    def records() -> Iterator[Page]:
        for i in range(1500):
            yield page(i)
        seen.append(files_in(stage.path))

    stage.write_shard(0, Page, records(), count=Spent(1500))
    assert not any(name.endswith(".parquet") for name in seen[0])
    assert files_in(stage.path) == [
        "dropped/part-00000.parquet",
        "manifest.json",
        "part-00000.parquet",
    ]


def test_a_process_killed_in_the_middle_leaves_no_shard(tmp_path: Path) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from fret.store import Run
        from fret.records import Page
        from fret.store import Manifest
        folder = Run(Path({str(tmp_path)!r}), "run").stage("pages")
        folder.begin(Manifest("pages", 1, "f1", {{"a": 1}}, {{}}))
        def rows():
            for i in range(1500):
                yield Page(str(i), "", "", "text", "", "", "", "", "")
            os.kill(os.getpid(), signal.SIGKILL)
        class Count: read, usage = 1, {{}}
        folder.write_shard(0, Page, rows(), count=Count())
    """
    assert run_python(script).returncode == -signal.SIGKILL
    folder = Run(tmp_path, "run").stage("pages")
    assert not folder.has_shard(0) and not folder.finished
    folder.begin(manifest())
    folder.write_shard(0, Page, [page(1)], count=Spent(1))
    assert list(folder.rows(Page)) == [page(1)]
    assert not [name for name in files_in(folder.path) if name.endswith(".tmp")]


def test_rows_come_back_in_order_kept_and_dropped_apart(stage: StageFolder) -> None:
    finished(stage)
    ids = [p.id for p in again(stage).rows(Page)]
    assert ids == [page(10 * shard + i).id for shard in range(3) for i in range(4)]
    assert [p.id for p in again(stage).rows(Page, 1)] == ids[4:8]
    assert list(again(stage).rows(Dropped, dropped=True)) == [lost(0), lost(1), lost(2)]


# -- the manifest


def test_rows_in_are_rows_out_and_rows_dropped_by_reason(stage: StageFolder) -> None:
    stage.write_shard(
        0, Page, [page(0), lost(1), lost(2, "not_html"), lost(3)], count=Spent(4, requests=3)
    )
    stage.write_shard(1, Page, [lost(4, "not_html"), page(5)], count=Spent(2, requests=1, sent=1))
    found = again(stage).require()
    assert (found.read, found.rows, found.dropped) == (6, 2, 4)
    assert found.reasons == {"not_html": 2, "too_short": 2}
    assert found.usage == {"requests": 4, "sent": 1}
    assert [shard.rows for shard in found.shards] == [1, 1]


def test_a_stage_is_finished_when_it_says_so_and_its_files_are_there(stage: StageFolder) -> None:
    assert not stage.finished
    for shard in range(2):
        stage.write_shard(shard, Page, [page(shard)], count=Spent(1))
        assert not again(stage).finished
    stage.finish(seconds=1, measures={})
    assert stage.finished and again(stage).finished
    assert again(stage).require().state == "done"


@pytest.mark.parametrize("name", ["part-00001.parquet", "dropped/part-00001.parquet"])
@pytest.mark.parametrize("damage", ["gone", "cut", "longer"])
def test_a_stage_is_not_finished_when_a_file_is_gone_or_of_another_size(
    stage: StageFolder, name: str, damage: str
) -> None:
    file = finished(stage).path / name
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] if damage == "cut" else whole + b"x")
    folder = again(stage)
    assert not folder.finished
    assert [folder.has_shard(i) for i in range(4)] == [True, False, True, False]
    with pytest.raises(StoreError, match=r"part-00001\.parquet is missing or cut short"):
        list(folder.rows(Page))


def test_a_lost_shard_made_again_has_equal_bytes_and_counts_once(stage: StageFolder) -> None:
    finished(stage)
    file = stage.path / "part-00001.parquet"
    before, counted = file.read_bytes(), asdict(stage.require())
    file.unlink()

    folder = again(stage)
    folder.begin(manifest())
    assert [folder.has_shard(i) for i in range(3)] == [True, False, True]
    rows = [page(10 + i) for i in range(4)] + [lost(1)]
    folder.write_shard(1, Page, rows, count=Spent(5, requests=2))
    folder.finish(seconds=0, measures={"recall": 0.5})
    assert file.read_bytes() == before
    assert asdict(again(stage).require()) == counted
    assert again(stage).finished


def test_the_same_fingerprint_goes_on_and_another_begins_anew(stage: StageFolder) -> None:
    finished(stage)
    same = again(stage)
    same.begin(manifest())
    assert same.has_shard(2) and same.require().state == "running"
    other = again(stage)
    other.begin(manifest("f2"))
    assert files_in(stage.path) == ["manifest.json"]
    assert other.require().fingerprint == "f2" and other.require().shards == []


def test_clear_removes_all_that_the_stage_has_made(stage: StageFolder) -> None:
    finished(stage).kept("vectors/x.npy", Path.touch)
    folder = again(stage)
    folder.clear()
    assert not stage.path.exists() and not folder.finished
    folder.clear()  # nothing there: nothing to do
    with pytest.raises(StoreError, match="run the stage pages first"):
        folder.require()


def test_seconds_of_a_stage_that_was_cut_off_are_added_up(stage: StageFolder) -> None:
    stage.add_seconds(2.25)
    folder = again(stage)
    folder.begin(manifest())
    folder.finish(seconds=1.5, measures={})
    assert again(stage).require().seconds == 3.75


def good() -> dict[str, Any]:
    return asdict(replace(manifest(), shards=[]))


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"stage": "pages", "vers',
        "[]",
        "null",
        "{}",
        json.dumps({**good(), "shards": None}),
        json.dumps({**good(), "shards": [{"name": "part-00000.parquet"}]}),
        json.dumps({**good(), "invented_later": 1}),
        b"\xff\xfe{}",
    ],
    ids=["empty", "cut", "list", "null", "no keys", "no shards", "half a shard", "newer", "bytes"],
)
def test_a_damaged_manifest_is_told_with_its_name_and_a_way_out(
    tmp_path: Path, content: str | bytes
) -> None:
    path = tmp_path / "run" / "pages" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StoreError) as caught:
        Run(tmp_path, "run").stage("pages")
    assert str(path) in str(caught.value)
    assert f"Remove the folder {path.parent}" in str(caught.value)


def test_a_damaged_shard_of_the_right_size_is_told_with_its_name(stage: StageFolder) -> None:
    file = finished(stage).path / "part-00000.parquet"
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(StoreError, match=r"part-00000\.parquet cannot be read"):
        list(again(stage).rows(Page))


def test_a_file_of_other_records_is_told_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    with parquet_file(path, Page) as file:
        file.add(page(1))
    with pytest.raises(StoreError, match=r"part\.parquet cannot be read"):
        list(read_records(path, Passage))


def test_a_derived_file_is_made_once_and_whole(stage: StageFolder) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"half")
        if len(made) == 1:
            raise RuntimeError("in the middle")
        path.write_bytes(b"whole")

    with pytest.raises(RuntimeError):
        stage.kept("vectors/a.npy", make)
    assert files_in(stage.path) == ["manifest.json"]
    assert stage.kept("vectors/a.npy", make).read_bytes() == b"whole"
    assert stage.kept("vectors/a.npy", make).read_bytes() == b"whole"
    assert len(made) == 2


def test_a_derived_folder_is_made_once_and_whole(stage: StageFolder) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        assert not path.exists()
        made.append(path)
        (path / "deep").mkdir(parents=True)
        (path / "deep" / "a").write_bytes(b"a")
        if len(made) == 1:
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        stage.kept("index/x", make)
    assert files_in(stage.path) == ["manifest.json"]
    assert files_in(stage.kept("index/x", make)) == files_in(stage.kept("index/x", make))
    assert files_in(stage.path) == ["kept/index/x/deep/a", "manifest.json"] and len(made) == 2
    remove_others(stage.path / "kept" / "index", "x")
    assert (stage.path / "kept" / "index" / "x").exists()
    remove_others(stage.path / "kept" / "index", "y")
    remove_others(stage.path / "kept" / "nothing", "y")
    assert files_in(stage.path) == ["manifest.json"]


@pytest.mark.parametrize("seal_text", ["", "{}", "[]", "[1]", "7", "null", '{"a": 1}', '{"b": ""}'])
def test_a_folder_without_a_right_seal_is_not_whole(tmp_path: Path, seal_text: str) -> None:
    (tmp_path / "a").write_bytes(b"a")
    assert not is_whole(tmp_path)
    seal(tmp_path)
    assert is_whole(tmp_path)
    (tmp_path / "sha256.json").write_text(seal_text)
    assert not is_whole(tmp_path)


# -- the run


def test_the_date_of_a_run_stays_when_its_settings_are_written_again(tmp_path: Path) -> None:
    run = Run(tmp_path, "run")
    run.write_settings({"a": 1}, {"fret": "1"}, "2024-01-01")
    run.write_settings({"a": 2}, {"fret": "2"}, "2025-01-01")
    data = json.loads((run.path / "run.json").read_text("utf-8"))
    assert data == {
        "run": "run",
        "created": "2024-01-01",
        "versions": {"fret": "2"},
        "settings": {"a": 2},
    }
    for damaged in ("{", "[]"):
        (run.path / "run.json").write_text(damaged, "utf-8")
        run.write_settings({}, {}, "2026-01-01")
        assert json.loads((run.path / "run.json").read_text("utf-8"))["created"] == "2026-01-01"


def test_opening_a_run_writes_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, "run")
    assert not run.stage("pages").finished and run.dataset_made_from() is None
    assert list(tmp_path.iterdir()) == []


HOLD = """
    import sys
    from pathlib import Path
    from fret.store import Run
    with Run(Path(sys.argv[1]), "run").locked():
        print("held", flush=True)
        sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_who_holds_the_run(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        held_by = rf"held by process {holder.pid} on "
        with pytest.raises(RunLocked, match=held_by), Run(tmp_path, "run").locked():
            raise AssertionError("two processes hold one run")
        holder.communicate("")
    assert holder.returncode == 0
    with Run(tmp_path, "run").locked():
        pass


def test_a_run_is_free_again_when_its_process_was_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        holder.kill()
    with Run(tmp_path, "run").locked():
        assert json.loads((tmp_path / "run/.holder.json").read_text())["pid"] == os.getpid()


def test_a_run_is_free_again_when_the_work_in_it_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Run(tmp_path, "run").locked():
        raise RuntimeError
    with Run(tmp_path, "run").locked():
        pass


def test_a_dataset_takes_the_place_of_the_old_one_only_when_whole(tmp_path: Path) -> None:
    run = Run(tmp_path, "run")
    with run.replaced_dataset() as folder:
        (folder / "old.txt").write_text("old", "utf-8")
    with pytest.raises(RuntimeError), run.replaced_dataset() as folder:
        (folder / "new.txt").write_text("half", "utf-8")
        raise RuntimeError
    assert files_in(run.dataset_dir) == ["old.txt"]
    with run.replaced_dataset() as folder:
        assert list(folder.iterdir()) == []  # nothing is left of the one that failed
        (folder / "deep").mkdir()
        (folder / "deep" / "new.txt").write_text("new", "utf-8")
        made = {"made_from": "abc", "sizes": {"deep/new.txt": 3}}
        write_json(folder / "manifest.json", made)
    assert files_in(run.dataset_dir) == ["deep/new.txt", "manifest.json"]
    assert run.dataset_made_from() == "abc"
    assert [p.name for p in run.path.iterdir()] == ["dataset"]


def test_a_dataset_of_which_a_file_is_gone_or_cut_was_made_from_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, "run")
    file = run.dataset_dir / "train.parquet"
    made = {"made_from": "abc", "sizes": {file.name: 5}}
    for content in (b"whole", b"cut", None, b"whole"):
        with run.replaced_dataset() as folder:
            write_json(folder / "manifest.json", made)
            if content is not None:
                (folder / file.name).write_bytes(content)
        assert run.dataset_made_from() == ("abc" if content == b"whole" else None)
    for damaged in (
        "{",
        "[]",
        '{"sizes": {}}',
        '{"made_from": "abc", "sizes": {"deep/new.txt": 3}}',
    ):
        (run.dataset_dir / "manifest.json").write_text(damaged, "utf-8")
        assert run.dataset_made_from() is None


# -- a disk that does not take it


def test_a_run_below_a_file_is_told_not_thrown(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    no_folder = "cannot be made: Not a directory"
    with pytest.raises(StoreError, match=no_folder), Run(tmp_path / "file", "run").locked():
        raise AssertionError("locked where no folder can be")


def test_a_stage_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "pages").write_text("", "utf-8")
    with pytest.raises(StoreError, match=r"run/pages cannot be made: File exists"):
        Run(tmp_path, "run").stage("pages").begin(manifest())


def test_a_folder_that_cannot_hold_a_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / "run" / ".lock").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be locked"), Run(tmp_path, "run").locked():
        raise AssertionError("locked a folder")


def test_a_folder_that_takes_no_files_is_told() -> None:
    folder = Path("/proc/self")  # not even root may write there, as in a read-only one
    if not folder.is_dir():
        pytest.skip("no /proc here: a folder that not even root may write to")
    with pytest.raises(StoreError, match=r"/proc/self/run/pages cannot be made"):
        Run(folder, "run").stage("pages").begin(manifest())


FULL = """
    import resource, sys
    from pathlib import Path
    from fret.errors import StoreError
    from fret.records import Page
    from fret.store import Manifest, Run
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    folder = Run(Path(sys.argv[1]), "run").stage("pages")
    folder.begin(Manifest("pages", 1, "f1", {"a": 1}, {}))
    class Count: read, usage = 1, {}
    folder.write_shard(0, Page, [Page("0", *[""] * 8)], count=Count())
    def rows():
        for i in range(30_000):
            text = "".join(chr(65 + (i * j * 2654435761 >> 7) % 57) for j in range(40))
            yield Page(str(i), "", "", text, "", "", "", "", "")
    try:
        folder.write_shard(1, Page, rows(), count=Count())
    except StoreError as error:
        print(error)
        sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files here")
def test_a_full_disk_is_told_and_finished_shards_stay(tmp_path: Path) -> None:
    """No disk can be filled in a test: a limit on the size of files fails in the same places."""
    ended = run_python(FULL, str(tmp_path))
    assert ended.returncode == 7, ended.stderr
    assert "part-00001.parquet cannot be written: File too large. Make room" in ended.stdout
    folder = Run(tmp_path, "run").stage("pages")
    assert [folder.has_shard(i) for i in range(2)] == [True, False]
    assert files_in(folder.path) == [
        "dropped/part-00000.parquet",
        "manifest.json",
        "part-00000.parquet",
    ]


def run_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: Iterable[str] = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(list(command), capture_output=True, text=True, timeout=60, check=False)
