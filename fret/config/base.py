"""What all sections of the pipeline file share."""

from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator

RUN_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"


class Settings(BaseModel):
    """Base of all sections: closed, strict, unchangeable, and documented on the field.

    A section that may be null may be switched by `false` and `true` too: `true` is the section with
    its defaults.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        # A default of 60 becomes 60.0 as a written 60 does: both must give one fingerprint.
        validate_default=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
    OFF: ClassVar[dict[str, Any] | None] = None
    """What null and `false` stand for, in a section that is always there."""

    @model_validator(mode="before")
    @classmethod
    def _read_switches(cls, data: Any) -> Any:
        if cls.OFF is not None and (data is None or isinstance(data, bool)):
            return {} if data else dict(cls.OFF)
        if not isinstance(data, dict):
            return data
        return {name: cls._read_switch(name, value) for name, value in data.items()}

    @classmethod
    def _read_switch(cls, name: Any, value: Any) -> Any:
        field = cls.model_fields.get(name)
        if field is None or not isinstance(value, bool) or not _is_optional(field.annotation):
            return value
        return {} if value else None


def _is_optional(hint: Any) -> bool:
    """Whether a section stands here, or null."""
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else ()
    sections = [each for each in options if isinstance(each, type) and issubclass(each, Settings)]
    return len(sections) == 1 and set(options) == {*sections, type(None)}
