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
    """Draw `make_curves` as a PNG that is equal for equal logs."""
    make_curves(logs).savefig(path, dpi=150, metadata={"Software": None})


def make_curves(logs: Mapping[str, Log]) -> Any:
    """Make a matplotlib figure of the curves of all stages, one after the other.

    Args:
        logs: by stage, in order, what `fret.training.fit.fit` noted.
    """
    from matplotlib.figure import Figure

    stages = _number_through(logs)
    lines = [line for each in stages.values() for line in each]
    names = list_figures(lines)
    figure = Figure(figsize=(7, 2.6 * (1 + bool(names))), layout="constrained")
    panels: Any = figure.subplots(1 + bool(names), 1, sharex=True, squeeze=False)[:, 0]
    for each in stages.values():  # the losses of two stages are no one curve
        _draw(panels[0], each, ["loss"])
    panels[0].set_ylabel("loss")
    if names:
        _draw(panels[1], lines, names)
        panels[1].legend(frameon=False, fontsize="small")
    if len(stages) > 1:
        _mark_stages(panels[0], stages)
    panels[-1].set_xlabel("step")
    return figure


def list_figures(lines: Log) -> list[str]:
    """Return the names of what was measured, in the order of their first mention."""
    return [*dict.fromkeys(name for line in lines for name in line if name not in _NO_FIGURES)]


def _number_through(logs: Mapping[str, Log]) -> dict[str, list[dict[str, float]]]:
    """Number the steps of all stages through."""
    stages: dict[str, list[dict[str, float]]] = {}
    before = 0.0
    for name, log in logs.items():
        lines = [{**line, "step": before + line["step"]} for line in log if "step" in line]
        before = max([before, *(line["step"] for line in lines)])
        stages[name] = lines
    return stages


def _draw(panel: Any, lines: Log, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        points = [(line["step"], line[name]) for line in lines if name in line]
        if points:
            marker = "." if len(points) < 20 else ""
            color = f"C{number % 10}"
            panel.plot(*zip(*points, strict=True), marker=marker, label=name, color=color)
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)


def _mark_stages(panel: Any, stages: Mapping[str, Log]) -> None:
    """Name the stages above the panel, and part them by a line."""
    start = 0.0
    for name, lines in stages.items():
        end = max((line["step"] for line in lines), default=start)
        panel.text((start + end) / 2, 1.02, name, transform=panel.get_xaxis_transform(),
                   ha="center", fontsize="small")  # fmt: skip
        if start:
            panel.axvline(start, color="0.6", linewidth=0.8)
        start = end
