"""Language models, as the pipeline file names them."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from fret.config.base import Settings


class PriceSettings(Settings):
    """What a model costs, in USD per million tokens."""

    input: float = Field(ge=0)
    """Tokens sent."""
    output: float = Field(ge=0)
    """Tokens generated."""
    cached_input: float | None = Field(default=None, ge=0)
    """Tokens sent that the server had cached; null for the price of others."""
    batch: float = Field(default=1.0, ge=0)
    """What the batch lane costs of all that; OpenAI takes half: 0.5."""


class Ways(Settings):
    """How to ask a server for what it gives; of each list the first way that it can do is taken."""

    chat: list[Literal["json_schema", "structured_outputs", "json_object", "text"]] = Field(
        default=["json_schema", "json_object", "text"], min_length=1
    )
    """How to get JSON: by a schema, by vLLM's own field for one, as any JSON, or by the prompt
    alone."""
    labels: list[Literal["token_ids", "top_logprobs", "decisions", "score", "text"]] = Field(
        default=["token_ids", "top_logprobs"], min_length=1
    )
    """How to get probabilities of labels: vLLM's, any server's with log-probabilities, OpenAI's
    decisions, SGLang's score (base models); `text` takes the label that the model writes, and marks
    the row."""
    likelihood: list[Literal["generate", "echo", "prompt_logprobs"]] = Field(
        default=["generate", "echo"], min_length=1
    )
    """How to get log-probabilities of a prompt: SGLang's own, completions with echo, vLLM's own."""


class BatchSettings(Settings):
    """Limits of the batch lane; the defaults are OpenAI's."""

    max_lines: int = Field(default=50_000, ge=1)
    """Requests in one batch."""
    max_bytes: int = Field(default=200_000_000, ge=1000)
    """Size of one batch's file."""
    max_enqueued_tokens: int | None = Field(default=None, ge=1)
    """Tokens that may wait at once, from the service's settings page; null when unknown."""


class OpenAIModel(Settings):
    """A model behind any OpenAI-compatible server."""

    backend: Literal["openai"]
    """Which kind of model this is."""
    base_url: str | None = None
    """Where the server listens, as http://localhost:8000/v1."""
    base_urls: list[str] = Field(default=[])
    """Several servers of the same model, instead of base_url; the least busy one is asked."""
    model: str
    """The name that the server knows the model by."""
    server: str | None = None
    """A lasting name for the server, part of every answer's key; by default its address."""
    api_key_env: str | None = None
    """The environment variable that holds the key; null for a server that wants none."""
    concurrency: int = Field(default=32, ge=1)
    """Requests in flight at once, at most, over all servers; how many really, adapts."""
    prompts_per_request: int = Field(default=8, ge=1)
    """Prompts that travel together for query likelihood, where the server takes a list."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Requests sent per minute, at most; null for no such limit."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Tokens sent and generated per minute, at most; null for no such limit."""
    timeout_s: float = Field(default=120, gt=0)
    """Total time for one attempt, from sending to the last byte."""
    patience_s: float = Field(default=300, gt=0)
    """How long no server may give any answer before the run stops."""
    ways: Ways = Ways()
    """How the server is asked."""
    price: PriceSettings | None = None
    """What it costs; null: unknown, and no money is shown."""
    batch: BatchSettings = BatchSettings()
    """Limits of the batch lane."""
    extra_body: dict[str, Any] = Field(default={})
    """Further fields for every request, as {chat_template_kwargs: {enable_thinking: false}}."""

    @property
    def addresses(self) -> list[str]:
        return self.base_urls or [self.base_url or ""]

    @property
    def label(self) -> str:
        if self.server:
            return self.server
        parts = urlsplit(self.addresses[0])
        host = parts.hostname or ""
        return f"{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"

    @model_validator(mode="after")
    def _extra_body_is_json(self) -> "OpenAIModel":
        try:
            json.dumps(self.extra_body, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"extra_body cannot be sent as JSON: {error}") from None
        return self

    @model_validator(mode="after")
    def _has_addresses(self) -> "OpenAIModel":
        if (self.base_url is None) == (not self.base_urls):
            raise ValueError("name either base_url, or several base_urls")
        if len(self.base_urls) > 1 and not self.server:
            raise ValueError(
                "several base_urls need a `server`: a lasting name for all of them, so that "
                "answers stay valid when one is added"
            )
        for url in self.addresses:
            _check_address(url)
        return self


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    _ = parts.port  # a ValueError when it is no port
    if parts.scheme not in {"http", "https"}:
        raise ValueError("base_url must begin with http:// or https://")
    if parts.username or parts.password:
        raise ValueError(
            "base_url holds a user name or password; keys are read from the environment only "
            "(name the variable in api_key_env)"
        )


class TransformersModel(Settings):
    """A model that runs in this process, by transformers: no server needed."""

    backend: Literal["transformers"]
    """Which kind of model this is."""
    model: str
    """A name on the Hugging Face Hub, or a folder."""
    device: str = "auto"
    """cuda, mps or cpu; `auto` for the first that is there."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Numbers to compute with; `auto` for bfloat16 on CUDA, else float32."""
    batch_tokens: int | None = Field(default=None, ge=64)
    """Tokens computed together, at most; null for what fits most machines."""
    chat_template_kwargs: dict[str, Any] = Field(default={})
    """What the chat template takes, as {enable_thinking: false}."""

    @property
    def label(self) -> str:
        return "transformers"


class ScriptedModel(Settings):
    """A made-up model for tests and dry runs: answers follow from a seed, nothing is asked."""

    backend: Literal["scripted"]
    """Which kind of model this is."""
    seed: int = 0
    """Another seed makes up other answers."""

    @property
    def label(self) -> str:
        return "scripted"

    @property
    def model(self) -> str:
        return f"scripted-{self.seed}"


Model = Annotated[OpenAIModel | TransformersModel | ScriptedModel, Field(discriminator="backend")]
