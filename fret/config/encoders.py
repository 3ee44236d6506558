"""What every section that encodes queries and passages has."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fret.config.base import Settings

_DEVICE = r"^[a-z]+(:[0-9]+)?$"


def _check_query_format(text: str) -> str:
    rest = text.replace("{query}", "").replace("{task}", "")
    if "{query}" not in text or "{" in rest or "}" in rest:
        raise ValueError("must hold {query}, may hold {task}, and no other braces")
    return text


QueryFormat = Annotated[str, AfterValidator(_check_query_format)]
Device = Annotated[str, Field(pattern=_DEVICE)]


class EncoderSettings(Settings):
    """A sentence-transformers model, and how texts go into it."""

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Any sentence-transformers model: a name on the Hub, or a folder."""
    query_format: QueryFormat = "{query}"
    """What is encoded for a query; `task: {task} | query: {query}` for a model that was trained
    so."""
    query_prompt: str | None = None
    """What stands before that; null: the model's own query prompt, where `query_format` is left as
    it is, else nothing."""
    passage_prompt: str | None = None
    """What stands before a passage; null: the model's own prompt for passages, if it has one."""
    max_length: int | None = Field(default=None, ge=1)
    """Tokens of a text, the rest is cut; null: as many as the model takes."""
    device: Device | list[Device] = "auto"
    """cpu, cuda, cuda:1, mps …; `auto` for the first GPU that is there; a list for several at
    once."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Numbers to compute with; `auto`: bfloat16 on GPUs made for it, else float32."""
    batch_size: int = Field(default=64, ge=1)
    """Texts encoded at once."""

    def encoding(self) -> dict[str, Any]:
        """Return how texts become vectors, as `fret.retrieval.encode.Encoding` takes it."""
        how = self.model_dump(include=set(EncoderSettings.model_fields) - {"model"})
        if isinstance(self.device, list):
            how["device"] = tuple(self.device)
        return how
