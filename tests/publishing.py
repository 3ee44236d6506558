"""What the tests of publishing share: a finished run, a Hub, and a process that runs commands.

The Hub's address counts when its library is loaded, so commands run in a process of their own; one
for many commands, for the libraries are slow to load. As a script it is that process:

    python publishing.py      JSON lines in: {args, env, cwd, apart}; out: {exit, out, err}

With `apart` a command runs in a process of its own, forked, which can be killed: {pid} comes first.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hub_writing import WRITER, WritingHub

PIPELINE: dict[str, Any] = {
    "run": "small",
    "pages": {"source": {"kind": "jsonl", "path": "pages.jsonl"}},
    "passages": {"max_size": 60, "min_size": 10},
    "queries": {"writer": {"kind": "template"}},
    "candidates": {"top_k": 8, "dense": None},
    "judgements": {"scorers": [{"kind": "unigram"}]},
    "examples": {"splits": {"test": 0.3}},
    "publish": {"licence": "cc-by-4.0"},
}


def make_run(folder: Path, *, extra_text: str = "", **changes: Any) -> Path:
    """Run a small pipeline in a folder; return the pipeline file.

    Args:
        extra_text: stands in each page.
    """
    import fret
    from conftest import SUBJECTS, write_table

    write_table(folder / "pages.jsonl", SUBJECTS)
    pages = folder / "pages.jsonl"
    weeks = "for several weeks."
    pages.write_text(pages.read_text("utf-8").replace(weeks, f"{weeks} {extra_text}"), "utf-8")
    path = write_pipeline(folder, **changes)
    with contextlib.chdir(folder):
        fret.load(path.name).run()
    return path


def write_pipeline(folder: Path, **changes: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(PIPELINE | changes), "utf-8")
    return path


class Said(NamedTuple):
    """How a command ended."""

    exit: int
    out: str
    err: str

    @property
    def flat(self) -> str:
        """All it said, without breaks of lines."""
        return " ".join((self.out + self.err).split())


class Publisher:
    """Runs `fret` in a process that takes a Hub on this machine for the Hub."""

    def __init__(self, hub: WritingHub, home: Path) -> None:
        self.hub = hub
        self.environment = clean_environment() | hub.environment | {"HF_HOME": str(home)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, folder: Path, *args: str, token: str | None = WRITER, endpoint: str = ""
    ) -> Said:
        """Run a command in a folder."""
        assert self._process.stdin and self._process.stdout
        env = {"HF_ENDPOINT": endpoint or self.environment["HF_ENDPOINT"]}
        env |= {"HF_TOKEN": token} if token else {}
        json.dump({"args": args, "cwd": str(folder), "env": env}, self._process.stdin)
        print(file=self._process.stdin, flush=True)
        return Said(**json.loads(self._process.stdout.readline()))

    def start(self, folder: Path, *args: str) -> int:
        """Start a command in a process of its own; return its id. `end` must follow."""
        assert self._process.stdin and self._process.stdout
        env = {"HF_ENDPOINT": self.environment["HF_ENDPOINT"], "HF_TOKEN": WRITER}
        asked = {"args": args, "cwd": str(folder), "env": env, "apart": True}
        json.dump(asked, self._process.stdin)
        print(file=self._process.stdin, flush=True)
        return int(json.loads(self._process.stdout.readline())["pid"])

    def end(self) -> Said:
        """Wait for the command that was started; what it said is empty where it was killed."""
        assert self._process.stdout
        return Said(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def clean_environment() -> dict[str, str]:
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("HF_", "FRET_")) and not key.lower().endswith("_proxy")
    }


@contextlib.contextmanager
def publishing(home: Path) -> Iterator[Publisher]:
    with WritingHub().running() as hub:
        assert isinstance(hub, WritingHub)
        publisher = Publisher(hub, home)
        try:
            yield publisher
        finally:
            publisher.close()


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.pop("HF_TOKEN", None)
        os.environ.update(asked["env"])
        os.chdir(asked["cwd"])
        run = run_apart if asked.get("apart") else run_here
        print(json.dumps(run(asked["args"])), flush=True)


def run_here(args: list[str]) -> dict[str, Any]:
    from typer.testing import CliRunner

    from fret.cli import app

    result = CliRunner().invoke(app, args)
    said = {"exit": result.exit_code, "out": result.stdout, "err": result.stderr}
    if result.exception and not isinstance(result.exception, SystemExit):
        said |= {"exit": 99, "err": "".join(traceback.format_exception(result.exception))}
    return said


def run_apart(args: list[str]) -> dict[str, Any]:
    """Fork once the libraries are loaded, which takes longer than what is to be killed."""
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    import fret.pipeline  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        pid = os.fork()
        if pid == 0:
            told.write_text(json.dumps(run_here(args)), "utf-8")
            os._exit(0)
        print(json.dumps({"pid": pid}), flush=True)
        os.waitpid(pid, 0)
        if told.exists() and (text := told.read_text("utf-8")):
            return dict(json.loads(text))
    return {"exit": -9, "out": "", "err": ""}


if __name__ == "__main__":
    main()
