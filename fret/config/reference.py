"""The reference of the pipeline file, read from the typed tree: keys, defaults, meanings."""

import inspect
import re
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fret.config.base import Settings
from fret.config.tree import PipelineSettings


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the pipeline file."""

    path: str
    """As after --set; a list's items and a mapping's names stand as `…`."""
    default: str
    """As YAML; empty where the key must be given."""
    choices: str
    """The words it may be, where it is one of a few."""
    meaning: str


def list_keys(section: str = "", tree: type[Settings] = PipelineSettings) -> Iterator[Key]:
    """Yield the keys below a section, in order.

    Args:
        section: such as `judgements` or `examples.negatives`; one of several kinds by its name, as
            in `judgements.scorers.relevance`; all where it is empty.
    """
    wanted = _split(section) if section else []
    return (key for key in _walk(tree, "") if _is_below(_split(key.path), wanted))


def _split(path: str) -> list[str]:
    """Split a path; ` (kind: relevance)` becomes a part of its own."""
    return re.sub(r" \(\w+: (\w+)\)", r".(\1)", path).split(".")


def _is_below(path: Sequence[str], section: Sequence[str]) -> bool:
    """Say whether a section leads to a path; it may pass over the kind and the place in a list."""
    if not section or not path:
        return not section
    part, wanted = path[0], section[0]
    if wanted in (part, part.strip("()")) or (part == "…" and wanted.isdigit()):
        return _is_below(path[1:], section[1:])
    return part.startswith(("…", "(")) and _is_below(path[1:], section)


def _walk(model: type[Settings], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        if _names_variant(name, field):
            continue
        yield _describe(path, field)
        for inner, step in _sections_of(field.annotation, path):
            variant = _variant_of(inner)
            if variant:
                meaning = " ".join((inner.__doc__ or "").split())
                yield Key(f"{step}{variant}", "", "", meaning)
            yield from _walk(inner, f"{step}{variant}.")


def _describe(path: str, field: FieldInfo) -> Key:
    default = "" if field.is_required() else _show(field.get_default(call_default_factory=True))
    words = [str(word) for word in _literals_of(field.annotation)]
    meaning = " ".join((field.description or "").split())
    return Key(path, default, ", ".join(words), meaning)


def _show(value: Any) -> str:
    if isinstance(value, Settings) or value is PydanticUndefined:
        return ""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{k}: {_show(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_show, value)) + "]"
        case float() if value == int(value):
            return str(int(value))
    return str(value)


def _sections_of(annotation: Any, path: str) -> Iterator[tuple[type[Settings], str]]:
    """Yield the sections that a type holds, with the path by which they are reached."""
    if inspect.isclass(annotation) and issubclass(annotation, Settings):
        yield annotation, path
        return
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, tuple, dict):
        yield from _sections_of(inner[-1], f"{path}.…")
    elif origin is typing.Annotated:
        yield from _sections_of(inner[0], path)
    elif origin in (typing.Union, types.UnionType):
        for part in inner:
            yield from _sections_of(part, path)


def _variant_of(model: type[Settings]) -> str:
    """Return how a section says which of several it is: ` (kind: relevance)`."""
    for name, field in model.model_fields.items():
        if _names_variant(name, field):
            return f" ({name}: {_literals_of(field.annotation)[0]})"
    return ""


def _names_variant(name: str, field: FieldInfo) -> bool:
    return name in {"kind", "backend"} and len(_literals_of(field.annotation)) == 1


def _literals_of(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    return ()
