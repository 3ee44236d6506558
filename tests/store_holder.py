"""Another process that holds an answer store, and goes on writing to it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLDER = """
import itertools, sys, threading
from pathlib import Path
from fret.llm.answers import AnswerStore
from fret.llm.stored import Source, Stored
store = AnswerStore(Path(sys.argv[1]))
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
for i in itertools.count():
    store.put(Stored(f"held-{i}", Source("s", "held"), "chat", b"{}")).result()
    if i == 20:
        print("held", flush=True)
    if ended.wait(0.001):
        break
store.close()
"""


@contextmanager
def hold(path: Path) -> Iterator[int]:
    """Let another process write to a store, from before the block until its end; yield its id."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout and holder.stdout.readline() == "held\n"
    try:
        yield holder.pid
    finally:
        holder.communicate("end\n", timeout=20)
