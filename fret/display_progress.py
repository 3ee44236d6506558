"""What the command line shows while a run goes on.

Part of the command line.
"""

import time
from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from fret.figures import agree
from fret.manifest import Manifest
from fret.next_command import fill_in
from fret.terminal import clean, err

# Without a terminal, a line this often says how far a stage is.
_PLAIN_LINE_S = 30.0
_NARROW = 110
# Units that come so soon after the first came with it, and a rate over less than this says little.
_BURST_S, _TOLD_AFTER_S = 0.1, 0.5


class Rate:
    """Units done in a second, from the first that is done: loading a model is no part of it."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._from = (0.0, 0)

    def measure(self, done: int, now: float) -> float | None:
        """Return the rate when `done` units are done; None where it cannot be told yet."""
        if self._first is None:
            self._first = now
        if now - self._first < _BURST_S:
            # What is encoded at once is done at once, and took its time before.
            self._from = (now, done)
        since, n = self._from
        return (done - n) / (now - since) if now - since >= _TOLD_AFTER_S else None


class Display:
    """Shows a run's progress: bars on a terminal, now and then a line elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._task: Any = None
        self._done = self._total = 0
        self._rate = Rate()
        self._last_line = 0.0
        self._unit = ""

    def __enter__(self) -> "Display":
        if err.is_terminal and not self._quiet:
            # On a narrow terminal the bar gives way: numbers that are cut say nothing.
            columns = [
                TextColumn("{task.description:<11}"),
                BarColumn(bar_width=None if err.width > _NARROW else 6),
                TextColumn("{task.fields[count]}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[tokens]}"),
            ]
            self._bars = Progress(*columns, console=err, expand=True)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def starts(self, work: str, done: int, total: int, *, unit: str = "") -> None:
        """Show that a part begins.

        Args:
            unit: `B` where bytes are counted.
        """
        self._end_bar()
        self._unit = unit
        self._done, self._total = min(done, total), total
        self._rate, self._last_line = Rate(), time.monotonic()
        if self._bars:
            self._task = self._bars.add_task(
                work, total=total, completed=self._done, count=self._count("/"), rate="", tokens=""
            )

    def advanced(
        self, work: str, usage: Mapping[str, float], *, n: int = 1, note: str = ""
    ) -> None:
        """Show that `n` more units are done.

        Args:
            note: stands in the place of what models gave.
        """
        self._done += n
        now = time.monotonic()
        rate, tokens = self._say_rate(now), note or _summarize_usage(usage)
        if self._bars and self._task is not None:
            count = self._count("/")
            self._bars.update(self._task, advance=n, count=count, rate=rate, tokens=tokens)
        elif not self._quiet and now - self._last_line > _PLAIN_LINE_S:
            self._last_line = now
            told = ", ".join(filter(None, (self._count(" of "), f"{rate} {tokens}".strip())))
            err.print(f"{work}: {told}", markup=False)

    def stage_ends(self, stage: str, manifest: Manifest, *, skipped: bool) -> None:
        self._end_bar()
        if not self._quiet:
            how = "done already" if skipped else f"{manifest.seconds:.1f} s"
            dropped = f", {manifest.dropped} dropped" if manifest.dropped else ""
            err.print(
                f"{stage:<11} {manifest.rows:>8} {agree(manifest.rows, 'row', 'rows')}{dropped} "
                f"({how})",
                markup=False,
            )

    def _count(self, between: str) -> str:
        return f"{self._amount(self._done)}{between}{self._amount(self._total)}"

    def _amount(self, number: float) -> str:
        return say_size(number) if self._unit == "B" else f"{number:.0f}"

    def _say_rate(self, now: float) -> str:
        if (per_s := self._rate.measure(self._done, now)) is None:
            return ""
        is_slow = self._unit != "B" and per_s < 10
        return f"{per_s:.1f}/s" if is_slow else f"{self._amount(per_s)}/s"

    def _end_bar(self) -> None:
        if self._bars and self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    def warned(self, message: str) -> None:
        err.print(Text.assemble(("Note: ", "yellow"), clean(fill_in(message))), soft_wrap=True)


def say_size(n_bytes: float) -> str:
    """Say a number of bytes as the Hub does, in powers of ten: `812 B`, `4.2 MB`."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def _summarize_usage(usage: Mapping[str, float]) -> str:
    """Say in few characters what was had from models: `1.9k answers 582k+24k tokens $0.07`."""
    if not usage.get("requests"):
        return ""
    requests, tokens_in, tokens_out = (
        _round_off(usage.get(name, 0)) for name in ("requests", "input_tokens", "output_tokens")
    )
    answers = agree(usage["requests"], "answer", "answers")
    text = f"{requests} {answers} {tokens_in}+{tokens_out} tokens"
    return f"{text} ${usage['usd']:.2f}" if usage.get("usd") else text


def _round_off(number: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"
