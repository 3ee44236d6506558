"""What models behind servers share, and how fast each may be asked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fret.llm.answers import AnswerStore
from fret.llm.background import Background
from fret.llm.budget import Purse


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast a model may be asked; none of it changes an answer."""

    concurrency: int = 32
    """Requests in flight at once, over all servers."""
    prompts_per_request: int = 1
    """Prompts that travel together, where the way of asking allows it."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    patience_s: float = 120.0
    """How long no server may give an answer before the run stops."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the pools of one run share."""

    store: AnswerStore
    background: Background
    purse: Purse = field(default_factory=Purse)
    tell: Callable[[str], None] = lambda message: None
    """Told what a person should know, such as a long wait."""
