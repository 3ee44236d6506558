"""Keys of models: read from the environment, and from nowhere else."""

import os
import re

from fret.config import OpenAIModel
from fret.errors import ConfigError


def read_key(name: str, model: OpenAIModel) -> str | None:
    """Read a model's key from the environment.

    Raises:
        ConfigError: the variable that the pipeline file names is not set, or is none.
    """
    if model.api_key_env is None:
        return None
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", model.api_key_env):
        raise ConfigError(
            f"models.{name}.api_key_env is no name of a variable. Put the key itself into an "
            "environment variable, and write that variable's name there."
        )
    key = os.environ.get(model.api_key_env)
    if not key:
        raise ConfigError(
            f"models.{name}: the environment variable {model.api_key_env} is not set. "
            "Set it to the key, or write `api_key_env: null` for a server that wants none."
        )
    return key
