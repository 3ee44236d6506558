"""Looking after an answer store: nothing removed unasked, nothing lost, whatever is in it."""

import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from conftest import SmallDisk
from fret.cli import app
from fret.errors import StoreError, UserError
from fret.llm.answers import AnswerStore
from fret.llm.stored import Source, Stored
from fret.llm.types import Usage
from fret.llm.upkeep import Choice, Group, count_chosen, export, prune, read_spent, read_stats
from store_holder import hold

OLD, YOUNG = 1_700_000_000.0, 1_790_000_000.0
BETWEEN = "2026-01-01"
HOSTILE = [
    "line\u2028separator \r\n and \0 NUL".encode(),
    b'{"half": "\\ud83d of a pair"}',
    b"\xff\xfe no UTF-8 \xc3",
    b"[bold]\x1b[2J",
    b"",
]


def fill(path: Path) -> None:
    """Six answers and two failures: of two servers, two models, two runs, old and young."""
    store = AnswerStore(path)
    usage = Usage(100, 10, 40)
    for n, (server, model, run) in enumerate(
        [("s1", "big", "one"), ("s1", "small", "one"), ("s2", "small", "two")]
    ):
        source = Source(server, model, run)
        store.put(
            Stored(f"{n}-old", source, "chat", os.urandom(20_000), usage),
            Stored(f"{n}-young", source, "labels", b"{}", usage),
        ).result(5)
    failure: dict[str, Any] = {"failure": "cut", "detail": "too [long]"}
    store.put(
        Stored("0-old", Source("s1", "big", "one"), "chat", b"no", usage, **failure),
        Stored("1-young", Source("s1", "small", "one"), "chat", b"no", usage, **failure),
    ).result(5)
    store.note_unknown(Source("s1", "big", "one"), 3).result(5)
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("answers", "failures"):
            connection.execute(
                f"UPDATE {table} SET created = CASE WHEN key LIKE '%old' THEN ? ELSE ? END",
                (OLD, YOUNG),
            )


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = Path("data/answers.sqlite")
    fill(made)
    return made


def call(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["answers", *arguments], input=typed)


def said(result: Result) -> str:
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def keys(path: Path) -> list[str]:
    """The keys of all answers, then of all failures."""
    out = path.with_name("keys.jsonl")
    export(path, out, Choice())
    rows = [json.loads(line) for line in out.read_text("utf-8").split("\n") if line]
    out.unlink()
    return [row["key"] for row in rows]


# What it holds.


def test_stats_count_answers_and_what_was_spent_by_model_and_run(path: Path) -> None:
    stats = read_stats(path)
    counted = {(g.server, g.model, g.kind): (g.answers, g.failures) for g in stats.groups}
    assert counted == {
        ("s1", "big", "chat"): (1, 1),
        ("s1", "big", "labels"): (1, 0),
        ("s1", "small", "chat"): (1, 1),
        ("s1", "small", "labels"): (1, 0),
        ("s2", "small", "chat"): (1, 0),
        ("s2", "small", "labels"): (1, 0),
    }
    assert all(
        isinstance(g, Group) and (g.bytes > 20_000) == (g.kind == "chat") for g in stats.groups
    )
    spent = {(s.source.model, s.source.run): (s.answers, s.usage, s.unknown) for s in stats.spent}
    assert spent == {
        ("big", "one"): (3, Usage(300, 30, 120), 3),
        ("small", "one"): (3, Usage(300, 30, 120), 0),
        ("small", "two"): (2, Usage(200, 20, 80), 0),
    }
    assert stats.waiting == 0 and stats.size >= path.stat().st_size
    assert [s.source.model for s in read_spent(path, "one")] == ["big", "small"]
    assert read_spent(path, "none") == [] == read_spent(Path("no.sqlite"), "one")


def test_the_command_shows_the_same(path: Path) -> None:
    text = said(call("stats"))
    assert "data/answers.sqlite: 0." in text
    assert "s1 big chat 1 1 0.0" in text
    assert "run one: spent on big (live): 3 answers, 300 tokens in (120 cached), 30 out" in text
    assert "3 requests of unknown outcome" in text


def test_stats_of_a_store_that_holds_nothing_say_so(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "new.sqlite")
    store.note_unknown(Source("s", "m", ""), 1).result(5)
    store.close()
    text = said(call("stats", "--store", str(store.path)))
    assert "It holds no answers yet." in text and "run (no run): spent on m" in text


def test_names_that_would_change_a_terminal_are_shown_as_text(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "odd.sqlite")
    source = Source("[red]s\x1b[2J", "[/]m\u202e\0", "\x1b]0;run\x07")
    store.put(Stored("k", source, "chat", b"{}")).result(5)
    store.close()
    result = call("stats", "--store", str(store.path))
    assert result.exit_code == 0 and "[red]s" in result.output and "[/]m" in result.output
    assert not {"\x1b", "\0", "\x07", "\u202e"} & set(result.output)


# Pruning.


@pytest.mark.parametrize(
    ("choice", "gone"),
    [
        (Choice(model="small"), {"1-old", "1-young", "2-old", "2-young"}),
        (Choice(server="s1"), {"0-old", "0-young", "1-old", "1-young"}),
        (Choice(run="two"), {"2-old", "2-young"}),
        (Choice(before=1_750_000_000), {"0-old", "1-old", "2-old"}),
        (Choice(model="small", run="one", before=1_750_000_000), {"1-old"}),
        (Choice(model="'; DROP TABLE answers; --"), set()),
        (Choice(), {f"{n}-{age}" for n in range(3) for age in ("old", "young")}),
    ],
)
def test_exactly_what_is_chosen_is_counted_exported_and_removed(
    path: Path, choice: Choice, gone: set[str]
) -> None:
    before = keys(path)
    n = count_chosen(path, choice, failures_only=False)
    assert export(path, Path("chosen.jsonl"), choice) == n
    assert n == sum(key in gone for key in before)
    assert prune(path, choice, failures_only=False) == n
    assert keys(path) == [key for key in before if key not in gone]


def test_only_failures_are_removed_where_only_they_are_meant(path: Path) -> None:
    assert prune(path, Choice(model="big"), failures_only=True) == 1
    store = AnswerStore(path)
    assert len(store.have(["0-old", "0-young"])) == 2
    assert set(store.get_failures(["0-old", "1-young"])) == {"1-young"}
    store.close()


def test_pruning_gives_space_back_and_what_was_spent_stays_counted(path: Path) -> None:
    before = read_stats(path)
    prune(path, Choice(before=1_750_000_000), failures_only=False)
    after = read_stats(path)
    assert after.size < before.size - 50_000
    assert after.spent == before.spent
    prune(path, Choice(), failures_only=False)
    assert read_stats(path).groups == [] and read_stats(path).spent == before.spent


def test_the_command_asks_before_it_removes(path: Path) -> None:
    before = keys(path)
    for typed in ("n\n", "\n", ""):
        result = call("prune", "--model", "small", typed=typed)
        assert "Remove 5 answers" in said(result) and "costs what they cost" in said(result)
        assert keys(path) == before
    assert "Removed 5 answers" in said(call("prune", "--model", "small", typed="y\n"))
    assert len(keys(path)) == 3


def test_the_command_removes_by_run_date_and_failures_without_asking_where_told(
    path: Path,
) -> None:
    assert "Removed 2 answers" in said(call("prune", "--failures", "--yes"))
    assert "Removed 3 answers" in said(call("prune", "--before", BETWEEN, "--yes"))
    assert "Removed 1 answer " in said(call("prune", "--run", "two", "--yes"))
    assert "No answer in data/answers.sqlite fits" in said(call("prune", "--run", "two"))
    assert keys(path) == ["0-young", "1-young"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Say what to remove"),
        (["--yes"], "Say what to remove"),
        (["--before", "yesterday"], "'yesterday' is no date; write it as"),
        (["--model", "big", "--store", "no.sqlite"], "no answer store at no.sqlite"),
    ],
)
def test_what_cannot_be_meant_removes_nothing(path: Path, arguments: list[str], says: str) -> None:
    result = call("prune", *arguments)
    assert result.exit_code == 2 and says in said(result)
    assert len(keys(path)) == 8 and not Path("no.sqlite").exists()


def test_pruning_a_full_disk_is_told_and_can_be_repeated(small_disk: SmallDisk) -> None:
    path = small_disk.folder / "answers.sqlite"
    fill(path)
    small_disk.fill()
    with pytest.raises(StoreError, match="If the disk is full"):
        prune(path, Choice(model="small"), failures_only=False)
    small_disk.free()
    prune(path, Choice(model="small"), failures_only=False)
    assert keys(path) == ["0-old", "0-young", "0-old"]


# Exporting.


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_every_answer_is_one_line_of_json_whatever_it_holds(tmp_path: Path, name: str) -> None:
    store, source = AnswerStore(tmp_path / "a.sqlite"), Source("s", "m\u2028", "r", "batch")
    detail = "why\n\u2028\ud83d"
    store.put(*(Stored(f"{n}", source, "chat", raw) for n, raw in enumerate(HOSTILE))).result(5)
    store.put(Stored("bad", source, "chat", b"no", failure="cut", detail=detail)).result(5)
    store.close()
    out = tmp_path / name
    assert export(store.path, out, Choice()) == len(HOSTILE) + 1
    raw = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
    rows = [json.loads(line) for line in raw.split(b"\n")[:-1]]
    assert [row["answer"] for row in rows] == [h.decode("utf-8", "replace") for h in HOSTILE] + [
        "no"
    ]
    assert all((row["server"], row["model"]) == ("s", "m\u2028") for row in rows)
    assert all((row["run"], row["lane"], row["kind"]) == ("r", "batch", "chat") for row in rows)
    assert [row["failure"] for row in rows] == [None] * len(HOSTILE) + ["cut"]
    assert rows[-1]["detail"].startswith("why\n\u2028") and rows[0]["created"] > YOUNG - 1e9


def test_the_command_exports_what_is_chosen_and_overwrites_nothing(path: Path) -> None:
    result = call("export", "out.jsonl", "--run", "two", "--model", "small", "--before", BETWEEN)
    assert "Wrote 1 answer to out.jsonl" in said(result)
    before = Path("out.jsonl").read_bytes()
    result = call("export", "out.jsonl")
    assert result.exit_code == 2 and "exists already; it was left as it is" in said(result)
    assert Path("out.jsonl").read_bytes() == before


def test_a_folder_that_is_not_there_is_told(path: Path) -> None:
    result = call("export", "no/such/out.jsonl")
    assert result.exit_code == 2 and "no folder no/such to write out.jsonl to" in said(result)


def test_a_file_that_cannot_be_written_is_told_and_leaves_nothing(
    path: Path, small_disk: SmallDisk
) -> None:
    out = small_disk.folder / "out.jsonl"
    small_disk.fill()
    result = call("export", str(out))
    assert result.exit_code == 1 and "No space left on device" in said(result)
    small_disk.free()
    assert not list(small_disk.folder.iterdir())
    small_disk.close_for_writing()
    result = call("export", str(out))
    assert result.exit_code == 1 and "Read-only file system" in said(result)


# Stores that are missing, damaged or held.


@pytest.mark.parametrize("command", [["stats"], ["export", "x.jsonl"], ["prune", "--run", "r"]])
def test_a_store_that_is_missing_is_told_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*command)
    assert result.exit_code == 2 and "Name another with --store PATH" in said(result)
    assert not list(tmp_path.iterdir())


def write_garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def damage_pages(path: Path) -> None:
    with path.open("r+b") as file:
        for place in range(4096, path.stat().st_size, 4096):
            file.seek(place)
            file.write(b"garbage!" * 512)


def damage_answers(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE answers SET raw = x'0011223344'")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [write_garbage, damage_pages, damage_answers, make_folder])
@pytest.mark.parametrize("command", [["stats"], ["export", "x.jsonl"], ["prune", "--run", "one"]])
def test_a_damaged_store_is_told_and_left_as_it_is(
    path: Path, damage: Any, command: list[str]
) -> None:
    damage(path)
    if damage is damage_answers and command[0] != "export":
        return  # the others do not read answers
    before = path.read_bytes() if path.is_file() else b""
    result = call(*command)
    assert result.exit_code == 1 and "move it away" in said(result), result.output
    assert before == (path.read_bytes() if path.is_file() else b"")
    assert not list(Path().glob("*x.jsonl*"))


def test_a_store_in_use_can_be_looked_at_and_exported_but_not_pruned(path: Path) -> None:
    with hold(path) as pid:
        counts = [sum(g.answers for g in read_stats(path).groups) for _ in range(20)]
        assert counts == sorted(counts) and counts[-1] > 6 + 20
        assert export(path, Path("held.jsonl"), Choice(model="held")) > 20
        with pytest.raises(UserError, match=f"held by process {pid}"):
            prune(path, Choice(run="one"), failures_only=False)
    assert prune(path, Choice(run="one"), failures_only=False) == 6
