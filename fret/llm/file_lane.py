"""The file lane: requests as files for any engine, answers read from files beside them."""

import shlex
from collections import Counter
from pathlib import Path

from fret.figures import agree, count
from fret.llm.packer import file_of
from fret.llm.parcels import Ledger, Parcel, TakenIn
from fret.llm.stored import Source


class FileLane:
    """Requests of one model, in one folder.

    Args:
        folder: `requests-*.jsonl` are fret's; every other `*.jsonl` is taken for answers.
    """

    def __init__(self, ledger: Ledger, folder: Path, source: Source, name: str) -> None:
        self._ledger, self._folder, self._source, self._name = ledger, folder, source, name

    def take_in(self) -> list[str]:
        """Read every file of answers; what they leave open goes into a new, smaller file."""
        came: set[str] = set()
        told = []
        files = sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else []
        for path in files:
            if not path.name.startswith("requests-"):
                taken = TakenIn()
                self._ledger.take_in(path, self._source, taken)
                came |= taken.parcels
                if taken.parcels or taken.torn:
                    told.append(f"{path}: {describe(taken)}")
        for parcel in self._parcels():
            # One of which nothing came is still to be run; the others were run, and are over.
            if parcel.id in came:
                self._ledger.end(parcel)
                file_of(self._folder, parcel.id).unlink(missing_ok=True)
        return told

    def dispatch(self) -> str:
        """Say which files are to be run."""
        parcels = self._parcels()
        commands = [self._command(parcel) for parcel in parcels]
        n = sum(parcel.n for parcel in parcels)
        return (
            f"{count(n, 'request')} to {self._source.model} {agree(n, 'lies', 'lie')} in "
            f"{self._folder}. Run them with any engine "
            "that takes OpenAI's batch files, and put its answers beside them, as:\n  "
            + "\n  ".join(commands)
            + "\nvllm run-batch knows chat only; log-probabilities of prompts need another engine."
        )

    def cancel(self) -> None:
        """Forget what is out, and remove its files."""
        for parcel in self._parcels():
            self._ledger.end(parcel)
            file_of(self._folder, parcel.id).unlink(missing_ok=True)

    def _parcels(self) -> list[Parcel]:
        return self._ledger.parcels(self._source.run, "file", self._name)

    def _command(self, parcel: Parcel) -> str:
        requests = file_of(self._folder, parcel.id)
        answers = requests.with_name(requests.name.replace("requests-", "answers-"))
        words = ["vllm", "run-batch", "-i", str(requests), "-o", str(answers)]
        return shlex.join([*words, "--model", self._source.model])


def describe(taken: TakenIn) -> str:
    """Say what a file of answers held."""
    parts = Counter(
        {
            "answers": taken.answered,
            "requests called wrong": taken.failed,
            "to send again": taken.again,
            "lines of other requests, or double": taken.unknown,
            "torn lines": taken.torn,
        }
    )
    return ", ".join(f"{n} {what}" for what, n in parts.items() if n) or "nothing"
