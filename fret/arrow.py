"""Records as rows of Arrow: the schema from a class's annotations, plain values out, records in.

Knows dataclasses of texts, numbers, truth values, optional ones, tuples of these, and each other.
"""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Any

import pyarrow as pa

_SCALARS: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def schema_of(record: Any) -> pa.Schema:
    """Derive the Arrow schema of a record class from its annotations."""
    return pa.schema([pa.field(name, _type_of(hint)) for name, hint in _hints(record).items()])


def to_row(record: Any) -> dict[str, Any]:
    """Return a record as Arrow takes it: plain dictionaries, lists and values."""
    return {f.name: _to_plain(getattr(record, f.name)) for f in fields(record)}


def from_row(record: Any, row: Mapping[str, Any]) -> Any:
    """Build a record of a class from an Arrow row."""
    return record(**{name: read(row[name]) for name, read in _readers(record).items()})


@cache
def _hints(record: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    return {f.name: hints[f.name] for f in fields(record)}


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    return hint


def _type_of(hint: Any) -> pa.DataType:
    hint = _without_none(hint)
    if typing.get_origin(hint) is tuple:
        return pa.list_(_type_of(typing.get_args(hint)[0]))
    if is_dataclass(hint):
        return pa.struct(list(schema_of(hint)))
    return _SCALARS[hint]


def _to_plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_plain(item) for item in value]
    return to_row(value) if is_dataclass(value) else value


@cache
def _readers(record: Any) -> dict[str, Callable[[Any], Any]]:
    return {name: _reader_of(hint) for name, hint in _hints(record).items()}


def _reader_of(hint: Any) -> Callable[[Any], Any]:
    hint = _without_none(hint)
    if typing.get_origin(hint) is tuple:
        read_item = _reader_of(typing.get_args(hint)[0])
        return lambda items: None if items is None else tuple(map(read_item, items))
    return partial(from_row, hint) if is_dataclass(hint) else lambda value: value
