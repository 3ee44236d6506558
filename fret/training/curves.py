"""Curves of a training as a picture: the loss, and what was measured, over the steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Noted by the trainer beside the loss; no figures of a model.
_NO_FIGURES = {
    "step", "epoch", "loss", "grad_norm", "learning_rate", "train_runtime", "train_loss",
    "train_samples_per_second", "train_steps_per_second", "total_flos",
}  # fmt: skip

Log = Sequence[Mapping[str, float]]


def draw_curves(path: Path, logs: Mapping[str, Log]) -> None:
    """Draw the curves of all stages, one after the other, as a PNG that is equal for equal logs.

    Args:
        logs: by stage, in order, what `fret.training.fit.fit` noted.
    """
    from matplotlib.figure import Figure

    lines = _join(logs)
    names = list_figures(lines)
    figure = Figure(figsize=(7, 2.6 * (1 + bool(names))), layout="constrained")
    panels: Any = figure.subplots(1 + bool(names), 1, sharex=True, squeeze=False)[:, 0]
    _draw(panels[0], lines, ["loss"])
    panels[0].set_ylabel("loss")
    if names:
        _draw(panels[1], lines, names)
        panels[1].legend(frameon=False, fontsize="small")
    panels[-1].set_xlabel("step")
    figure.savefig(path, dpi=150, metadata={"Software": None})


def list_figures(lines: Log) -> list[str]:
    """Return the names of what was measured, in the order of their first mention."""
    return [*dict.fromkeys(name for line in lines for name in line if name not in _NO_FIGURES)]


def _join(logs: Mapping[str, Log]) -> list[dict[str, float]]:
    """Number the steps of all stages through."""
    lines: list[dict[str, float]] = []
    for log in logs.values():
        before = lines[-1]["step"] if lines else 0
        lines += [{**line, "step": before + line["step"]} for line in log if "step" in line]
    return lines


def _draw(panel: Any, lines: Log, names: Sequence[str]) -> None:
    for name in names:
        points = [(line["step"], line[name]) for line in lines if name in line]
        panel.plot(*zip(*points, strict=True), marker="." if len(points) < 20 else "", label=name)
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
