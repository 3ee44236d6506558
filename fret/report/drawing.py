"""How a chart is drawn: a few forms, in one style.

Colours are roles. In the page each is a class that follows light and dark; in a picture it is the
light colour below.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fret.single_page import show_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.2
"""Inches. Small, so that letters stay large enough on a phone."""

# Each colour stands for one role and is found again by its value: none may be there twice. `main`
# and `other` are told apart by people who see no red or green (blue against orange).
COLOURS = {
    "ink": "#1b1f24",
    "soft": "#57606a",
    "line": "#d0d7de",
    "main": "#0b5cad",
    "other": "#bf5a0a",
    "second": "#5a94cf",
    "third": "#a6c8ea",
    "fourth": "#dbe7f3",
    "none": "#e8e4dc",
}
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures are equal everywhere
    "font.size": 9,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": COLOURS["line"],
    "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["soft"],
    "ytick.labelcolor": COLOURS["ink"],
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.0,
    "legend.handleheight": 0.9,
    "legend.columnspacing": 1.2,
    "legend.borderpad": 0,
    "legend.handletextpad": 0.5,
    "text.parse_math": False,  # labels come from the run: `$` is no formula
    "svg.fonttype": "none",
    "svg.hashsalt": "fret",
    "path.simplify": False,
}
_LONGEST_LABEL = 30
_LETTER = 0.075  # inches that a letter of this size takes, and a little more


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars, each with its figure; where there are two parts, one after the other."""

    labels: Sequence[str]
    parts: Sequence[Sequence[float]]
    """One row of values for each part."""
    notes: Sequence[str]
    """What stands at the end of each bar."""
    names: Sequence[str] = ()
    """Of the parts."""
    roles: Sequence[str] = ("main", "third")

    @property
    def height(self) -> float:
        return 0.24 * len(self.labels) + (0.45 if self.names else 0.2)

    def paint(self, figure: "Figure") -> None:
        axes = figure.add_subplot()
        ends = [0.0] * len(self.labels)
        places = range(len(self.labels))
        for part, role in zip(self.parts, self.roles, strict=False):
            axes.barh(places, part, left=ends, height=0.68, color=COLOURS[role])
            ends = [end + value for end, value in zip(ends, part, strict=True)]
        end = self._find_end(ends)
        for place, at, note in zip(places, ends, self.notes, strict=True):
            axes.text(at + end * 0.01, place, note, va="center", color=COLOURS["soft"])
        axes.set_xlim(0, end)
        _label_rows(axes, self.labels)
        if self.names:
            _add_legend(axes, self.names, self.roles)

    def _find_end(self, ends: Sequence[float]) -> float:
        """Return where the axis ends, so that each bar has room for its note."""
        longest = max(map(len, map(clip_label, self.labels)), default=0)
        width = WIDTH - _LETTER * longest - 0.15
        rooms = [max(width - _LETTER * len(note) - 0.08, width * 0.2) for note in self.notes]
        found = (end * width / room for end, room in zip(ends, rooms, strict=True))
        return max(found, default=0) or 1


@dataclass(frozen=True, slots=True)
class Shares:
    """Rows that each make up the whole, in parts from strong to pale."""

    labels: Sequence[str]
    rows: Sequence[Sequence[float]]
    names: Sequence[str]
    roles: Sequence[str] = ("main", "second", "third", "fourth", "none")

    @property
    def height(self) -> float:
        return 0.27 * len(self.labels) + 0.5

    def paint(self, figure: "Figure") -> None:
        axes = figure.add_subplot()
        places = range(len(self.labels))
        ends = [0.0] * len(self.labels)
        for part, role in enumerate(self.roles[: len(self.names)]):
            values = [row[part] for row in self.rows]
            axes.barh(places, values, left=ends, height=0.68, color=COLOURS[role])
            ends = [end + value for end, value in zip(ends, values, strict=True)]
        axes.set_xlim(0, 1)
        _label_rows(axes, self.labels)
        _add_legend(axes, self.names, self.roles)


@dataclass(frozen=True, slots=True)
class Panel:
    """One histogram: shares of each series by bin."""

    label: str
    edges: Sequence[float]
    series: Sequence[tuple[str, Sequence[float]]]
    """Name and shares by bin; at most two, drawn over each other."""
    at: float | None = None
    """Where a line stands, such as a bound."""
    roles: Sequence[str] = ("main", "other")
    is_whole: bool = False
    """Whether only whole numbers occur."""


@dataclass(frozen=True, slots=True)
class Histograms:
    """Panels one below the other."""

    panels: Sequence[Panel]

    @property
    def height(self) -> float:
        return 1.25 * len(self.panels) + 0.3

    def paint(self, figure: "Figure") -> None:
        found = figure.subplots(len(self.panels), squeeze=False)[:, 0]
        for axes, panel in zip(found, self.panels, strict=True):
            for (_, shares), role in zip(panel.series, panel.roles, strict=False):
                colour = COLOURS[role]
                axes.stairs(shares, panel.edges, fill=True, color=colour, alpha=0.35)
                axes.stairs(shares, panel.edges, color=colour, linewidth=1.2)
            if panel.at is not None:
                axes.axvline(panel.at, color=COLOURS["soft"], linewidth=1, linestyle=(0, (3, 2)))
            axes.set_yticks([])
            axes.locator_params(axis="x", nbins=7, integer=panel.is_whole, min_n_ticks=1)
            axes.set_ylim(bottom=0)
            axes.set_xlim(panel.edges[0], panel.edges[-1])
            axes.set_xlabel(clip_label(panel.label, 60))
        fullest = max(self.panels, key=lambda panel: len(panel.series))
        if len(fullest.series) > 1:
            _add_legend(found[0], [name for name, _ in fullest.series], fullest.roles)


Form = Bars | Shares | Histograms


def clip_label(text: str, longest: int = _LONGEST_LABEL) -> str:
    """Make a name of the run one short line."""
    text = show_controls(" ".join(text.split())) or "(none)"
    if sum(map(_width, text)) <= longest:
        return text
    room = longest - 1
    for place, character in enumerate(text):
        room -= _width(character)
        if room < 0:
            return text[:place] + "…"
    return text


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _label_rows(axes: "Axes", labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), [clip_label(label) for label in labels])
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _add_legend(axes: "Axes", names: Sequence[str], roles: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=COLOURS[r], label=n) for n, r in zip(names, roles, strict=False)]
    axes.figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
