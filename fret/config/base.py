"""What all sections of the pipeline file share."""

from pydantic import BaseModel, ConfigDict

RUN_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"


class Settings(BaseModel):
    """Base of all sections: closed, strict, unchangeable, and documented on the field."""

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
