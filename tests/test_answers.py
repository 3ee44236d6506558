"""The answer store: durable before acknowledged, never lost in silence, held by one process."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from fret.errors import StoreError
from fret.llm.answers import AnswerStore
from fret.llm.stored import Source, Spent, Stored
from fret.llm.types import Usage
from fret.llm.upkeep import read_stats

SOURCE = Source("s", "m", "r")


def answer(key: str, raw: bytes = b"{}", **fields: object) -> Stored:
    return Stored(key=key, source=SOURCE, kind="chat", raw=raw, **fields)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "answers.sqlite"


def test_an_answer_comes_back_byte_for_byte(path: Path) -> None:
    raw = '{"text": "ü 你好 \\u0000"}'.encode() * 1000
    store = AnswerStore(path)
    store.put(answer("k", raw)).result(5)
    assert store.get("k") == raw and store.get("other") is None
    store.close()
    again = AnswerStore(path)
    assert again.get("k") == raw
    again.close()


def test_nothing_is_written_before_the_first_answer(path: Path) -> None:
    store = AnswerStore(path)
    assert store.get("k") is None and store.get_failures(["k"]) == {}
    store.close()
    assert not path.parent.exists()


def test_the_first_answer_to_a_key_stays(path: Path) -> None:
    store = AnswerStore(path)
    store.put(answer("k", b"first")).result(5)
    store.put(answer("k", b"second")).result(5)
    assert store.get("k") == b"first"
    store.close()


def test_unusable_answers_are_counted_and_never_served(path: Path) -> None:
    store = AnswerStore(path)
    store.put(answer("k", b"no", failure="refused", detail="why", attempt=0)).result(5)
    store.put(answer("k", b"no", failure="cut", detail="long", attempt=1)).result(5)
    assert store.get("k") is None
    assert store.get_failures(["k"])["k"] == (2, "cut", "long")
    store.close()


def test_many_threads_store_at_once(path: Path) -> None:
    store = AnswerStore(path)

    def put_all(part: int) -> None:
        for i in range(100):
            store.put(answer(f"{part}-{i}", f"{part}-{i}".encode())).result(20)

    threads = [threading.Thread(target=put_all, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.get(f"{p}-{i}") == f"{p}-{i}".encode() for p in range(4) for i in range(100))
    store.close()


def test_a_waiter_that_goes_away_does_not_stop_the_store(path: Path) -> None:
    store = AnswerStore(path)
    assert not store.put(answer("gone")).cancel()
    store.put(answer("here")).result(5)
    assert store.get("gone") == b"{}"
    store.close()


KILLED = """
import sys
from pathlib import Path
from fret.llm.answers import AnswerStore, Source, Stored
store = AnswerStore(Path(sys.argv[1]))
for i in range(100000):
    store.put(Stored(f"{i}", Source("s", "m"), "chat", b"x" * 500)).result()
    print(i, flush=True)
"""


def test_what_was_acknowledged_survives_sigkill(path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path)]
    acknowledged = -1
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged == 150:
                os.kill(process.pid, signal.SIGKILL)
    assert acknowledged >= 150
    store = AnswerStore(path)
    assert all(store.get(str(i)) is not None for i in range(acknowledged + 1))
    store.close()


def test_a_second_process_is_refused_and_told_who_holds_the_store(path: Path) -> None:
    store = AnswerStore(path)
    store.put(answer("k")).result(5)
    code = (
        "import sys; from pathlib import Path; from fret.llm.answers import AnswerStore; "
        "AnswerStore(Path(sys.argv[1])).close()"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "UserError" in done.stderr and f"process {os.getpid()}" in done.stderr
    store.close()
    subprocess.run(command, check=True)


def test_a_damaged_store_is_an_error_and_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"answers\.sqlite cannot be opened"):
        AnswerStore(path)
    assert path.read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("PRAGMA user_version = 99", "format 99; this fret knows 3"),
        ("CREATE TABLE users (name TEXT)", "is a database of another program, and was left as"),
    ],
)
def test_a_file_of_a_newer_format_or_of_another_program_is_refused_and_left_as_it_is(
    path: Path, statement: str, says: str
) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    before = path.read_bytes()
    for _ in range(2):  # what the first refusal says, the next one says too
        with pytest.raises(StoreError, match=says):
            AnswerStore(path)
    with pytest.raises(StoreError, match=says):
        read_stats(path)
    assert path.read_bytes() == before
    names = {p.name for p in path.parent.iterdir()}
    assert not names & {"answers.sqlite-wal", "answers.sqlite-shm", "answers.sqlite-journal"}


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = AnswerStore(tmp_path / "file" / "answers.sqlite")
    with pytest.raises(StoreError, match="cannot be opened"):
        store.put(answer("k"))


def test_many_keys_are_looked_up_at_once(path: Path) -> None:
    store = AnswerStore(path)
    store.put(*(answer(str(i), str(i).encode()) for i in range(1200))).result(20)
    keys = [str(i) for i in range(0, 2400, 2)]
    assert store.get_many(keys) == {key: key.encode() for key in keys if int(key) < 1200}
    assert store.have(keys) == {key for key in keys if int(key) < 1200}
    store.close()


def test_what_was_spent_adds_up_over_processes_failures_included(path: Path) -> None:
    for start in (0, 10):
        store = AnswerStore(path)
        usage = Usage(input_tokens=100, output_tokens=7, cached_tokens=30)
        items = [answer(str(start + i), usage=usage) for i in range(3)]
        store.put(*items, answer("bad", usage=usage, failure="cut", attempt=start)).result(5)
        store.note_unknown(SOURCE, 2).result(5)
        store.close()
    store = AnswerStore(path)
    assert store.get_spent("r") == [Spent(SOURCE, 8, Usage(800, 56, 240), 4)]
    assert store.get_spent("other") == []
    store.close()


def test_an_answer_that_turns_out_unusable_is_moved_to_the_failures_and_paid_once(
    path: Path,
) -> None:
    store = AnswerStore(path)
    store.put(answer("k", b"what", usage=Usage(5, 5))).result(5)
    store.demote(answer("k", b"what", failure="unreadable_answer", detail="no")).result(5)
    assert store.get("k") is None
    assert store.get_failures(["k"])["k"] == (1, "unreadable_answer", "no")
    assert store.get_spent("r")[0].usage == Usage(5, 5)
    store.close()


def test_a_store_that_is_damaged_in_the_middle_is_an_error_that_says_what_to_do(
    path: Path,
) -> None:
    store = AnswerStore(path)
    store.put(*(answer(str(i), os.urandom(4000)) for i in range(200))).result(20)
    store.close()
    with path.open("r+b") as file:
        for place in range(8192, path.stat().st_size, 4096):
            file.seek(place)
            file.write(b"garbage!" * 256)
    with pytest.raises(StoreError, match="restore a copy"):
        damaged = AnswerStore(path)
        try:
            for i in range(200):
                damaged.get(str(i))
        finally:
            damaged.close()


def test_one_damaged_row_is_an_error_that_says_what_to_do(path: Path) -> None:
    store = AnswerStore(path)
    store.put(answer("good"), answer("bad"), answer("failed", failure="cut")).result(5)
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE answers SET raw = x'0011223344' WHERE key = 'bad'")
        connection.execute("UPDATE failures SET raw = x'00'")
    store = AnswerStore(path)
    assert store.get("good") == b"{}"
    with pytest.raises(StoreError, match=r"answers\.sqlite cannot be read: .*restore a copy"):
        store.get("bad")
    with pytest.raises(StoreError, match="cannot be read"):
        store.get_failed_bytes(["failed"])
    store.close()


@pytest.mark.timeout(30)
def test_a_write_after_the_end_is_an_error_and_never_hangs(path: Path) -> None:
    store = AnswerStore(path)
    store.put(answer("first")).result(5)
    for _ in range(2):
        store.write(lambda connection: time.sleep(0.2))  # commits on a busy disk
    ending = threading.Thread(target=store.close)
    ending.start()
    kept = []
    for number in range(40):
        time.sleep(0.02)
        with suppress(StoreError):
            store.put(answer(str(number))).result(5)
            kept.append(str(number))
    ending.join(5)
    with pytest.raises(StoreError, match="is closed; the run has ended"):
        store.put(answer("late"))
    store.close()  # a second time does nothing
    again = AnswerStore(path)
    assert again.have(["first", "late", *map(str, range(40))]) == {"first", *kept}
    again.close()


FULL = """
import resource, sys
from pathlib import Path
from fret.errors import StoreError
from fret.llm.answers import AnswerStore, Source, Stored
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = AnswerStore(Path(sys.argv[1]))
store.put(Stored("first", Source("s", "m"), "chat", b"{}")).result()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    for i in range(100):
        store.put(Stored(str(i), Source("s", "m"), "chat", os.urandom(5000))).result()
except StoreError as error:
    print(error)
"""


def test_a_disk_without_room_is_told_and_what_was_stored_stays(path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "cannot be written" in done.stdout and "run again" in done.stdout, done.stderr
    store = AnswerStore(path)
    assert store.get("first") == b"{}"
    store.put(answer("after")).result(5)
    assert store.get("after") == b"{}"
    store.close()


def test_a_store_may_be_closed_while_others_read(tmp_path: Path) -> None:
    """As shards do that are still at work when a run is stopped; in SQLite, that is a crash."""
    for attempt in range(20):
        store = AnswerStore(tmp_path / f"answers-{attempt}.sqlite")
        keys = [f"{number:064x}" for number in range(400)]
        store.put(*(answer(key, b"x" * 500) for key in keys)).result()
        readers = [threading.Thread(target=store.get_many, args=(keys * 5,)) for _ in range(4)]
        for reader in readers:
            reader.start()
        store.close()
        for reader in readers:
            reader.join()
        assert store.get_many(keys) == {}
