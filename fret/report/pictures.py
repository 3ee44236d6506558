"""Charts as pictures: PNG for the card, SVG that follows the page's colours."""

import io
import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from xml.etree import ElementTree

from markupsafe import Markup

from fret.report.drawing import COLOURS, STYLE, WIDTH, Form

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG, _LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
_ROLES = {colour: role for role, colour in COLOURS.items()}
_DOTS_PER_INCH = 200
# What XML may not hold, and what could turn the order of letters.
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Picture(NamedTuple):
    """A chart as a file."""

    path: str
    """Below the folder of the report."""
    caption: str
    """One line that says what it shows."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A chart to draw. Forms hold lists, so it is known by its bytes."""

    name: str
    content: bytes
    form: Form = field(compare=False)


def draw(name: str, form: Form) -> tuple[Markup, bytes]:
    """Return a chart as SVG for the page and as PNG; equal charts give equal bytes.

    The SVG is hidden from screen readers, which have the chart's sentence and table. Its colours
    are classes and nothing is styled in place, which the page's policy would not let count.

    Args:
        name: goes before the ids in it, so that charts of one page do not mix theirs.
    """
    return _draw(_Wanted(name, pickle.dumps(form), form))


def forget_drawn() -> None:
    """Draw each chart anew, though it was drawn before in this process."""
    _draw.cache_clear()


# A chart takes a fifth of a second and about 60 kB. The reports of one run, and of runs that differ
# in a few settings, have most charts in common.
@lru_cache(maxsize=64)
def _draw(wanted: _Wanted) -> tuple[Markup, bytes]:
    png, svg = io.BytesIO(), io.BytesIO()
    with _figure(wanted.form) as figure:
        figure.set_facecolor("white")
        figure.savefig(png, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        figure.set_facecolor("none")
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(svg, format="svg", metadata=metadata)
    return _clean_svg(wanted.name, svg.getvalue().decode("utf-8")), png.getvalue()


def _clean_svg(name: str, text: str) -> Markup:
    root = ElementTree.fromstring(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))
    width, height = (root.attrib.pop(key).removesuffix("pt") for key in ("width", "height"))
    root.attrib |= {"viewBox": f"0 0 {width} {height}", "aria-hidden": "true", "class": "chart"}
    for element in root.iter():
        _clean(element, name)
    _prune(root)
    ElementTree.register_namespace("", _SVG)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


@contextmanager
def _figure(form: Form) -> "Iterator[Figure]":
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, STYLE))
        # Names in scripts that the font lacks are boxes in a picture; the page has its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        # A name that fills the whole width leaves no room for its bar; the page has the table.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        figure = Figure(figsize=(WIDTH, form.height), layout="constrained")
        form.paint(figure)
        for axes in figure.axes:
            axes.patch.set_visible(False)
        if layout := figure.get_layout_engine():
            layout.execute(figure)  # once for both
        figure.set_layout_engine("none")
        yield figure


def _clean(element: ElementTree.Element, name: str) -> None:
    """Turn styles into attributes and classes, and ids into ones of this chart."""
    attributes: dict[str, str] = element.attrib
    classes = []
    for key, value in _styles(attributes.pop("style", "")):
        if role := _ROLES.get(value.lower()):
            classes.append(f"{key}-{role}")
        elif not key.startswith("font"):
            attributes[key] = value
    if classes:
        attributes["class"] = " ".join(classes)
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    if _LINK in attributes:
        attributes["href"] = f"#{name}-{attributes.pop(_LINK)[1:]}"
    if "clip-path" in attributes:
        attributes["clip-path"] = attributes["clip-path"].replace("url(#", f"url(#{name}-")
    if (d := attributes.get("d")) is not None:
        attributes["d"] = " ".join(d.split())
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]


def _styles(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        key, colon, value = part.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _prune(root: ElementTree.Element) -> None:
    """Leave out the metadata, the style of the whole, and ids that nothing points to."""
    used = set(re.findall(r"#([\w.-]+)", " ".join(_references(root))))
    for element in list(root.iter()):
        element.tail = None
        if element.tag != f"{{{_SVG}}}text":
            element.text = None
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
        for child in list(element):
            if child.tag in {f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"}:
                element.remove(child)


def _references(root: ElementTree.Element) -> Iterator[Any]:
    for element in root.iter():
        yield element.attrib.get("href", "")
        yield element.attrib.get("clip-path", "")
