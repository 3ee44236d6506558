"""Keys of models: read from the environment, and from nowhere else."""

import os

from fret.config import OpenAIModel
from fret.errors import ConfigError


def read_key(name: str, model: OpenAIModel) -> str | None:
    """Read a model's key from the environment.

    Raises:
        ConfigError: the variable that the pipeline file names is not set.
    """
    if model.api_key_env is None:
        return None
    key = os.environ.get(model.api_key_env)
    if not key:
        raise ConfigError(
            f"models.{name}: the environment variable {model.api_key_env} is not set. "
            "Set it to the key, or write `api_key_env: null` for a server that wants none."
        )
    return key
