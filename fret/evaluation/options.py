"""What can be set of an evaluation, and who is told how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fret.errors import UserError
from fret.evaluation.collection import Collection, PairSet
from fret.figures import count
from fret.retrieval.encode import PLAIN, Encoding

# Buckley and Voorhees 2000, "Evaluating evaluation measure stability": below 25 queries the better
# of two systems is often taken for the worse, and 50 are safer.
_FEW = 50

_PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Options:
    """How models are evaluated; every default is right for most.

    Raises:
        UserError: an option has no such value.
    """

    dims: Sequence[int] = ()
    """Sizes to which vectors are cut as well (Matryoshka), each a row of its own."""
    baseline: str | None = None
    """The row that the others are compared with; None for the first."""
    task: str | None = None
    """What stands for {task} in the query format; None for the tasks of the data."""
    default_task: str | None = None
    """What stands there for queries that the data names no task for; None: that is an error."""
    query_format: str = PLAIN
    """How a query is written, with {query} and maybe {task}. Any but the plain one stands alone:
    the model's own query prompt is not put before it."""
    passage_format: str | None = None
    """How a passage is written, with {text} and maybe {title}, likewise without the model's own
    prompt. None for the title, where there is one, on a line above the text."""
    max_length: int | None = None
    """Tokens of a text, the rest is cut; None for as many as each model takes."""
    device: str = "auto"
    precision: str = "auto"
    batch_size: int = 64
    split: str = "test"
    """Whose queries and judgements, where the data has several splits."""
    language: str | None = None
    """ISO 639-1 code that BM25 stems by; None to tell it from the passages."""
    vectors: Path | None = Path("data/vectors")
    """Where vectors are kept, so that no text is encoded twice; None to keep none."""
    seed: int = 0
    """Of the draws of intervals and tests."""

    def __post_init__(self) -> None:
        if "{query}" not in self.query_format:
            raise UserError(
                f"The query format {self.query_format!r} lacks {{query}}, where the query goes: "
                "for example 'task: {task} | query: {query}'."
            )
        if self.passage_format is not None and "{text}" not in self.passage_format:
            raise UserError(
                f"The passage format {self.passage_format!r} lacks {{text}}, where the text goes: "
                "for example 'title: {title} | text: {text}'."
            )
        if self.precision not in _PRECISIONS:
            raise UserError(
                f"There is no precision {self.precision!r}; name one of {', '.join(_PRECISIONS)}."
            )
        if any(size < 1 for size in self.dims):
            raise UserError("Sizes of vectors (dims) are 1 or more.")
        if self.batch_size < 1:
            raise UserError("The batch size is 1 or more.")

    def encoding(self) -> Encoding:
        """Return how texts become vectors."""
        return Encoding(
            query_format=self.query_format,
            passage_prompt=None if self.passage_format is None else "",
            max_length=self.max_length,
            device=self.device,
            precision=self.precision,
            batch_size=self.batch_size,
        )

    def find_task(self, own: str) -> str:
        """Return the task of a query: the one that was set, its own, or the default."""
        return (own or self.default_task or "") if self.task is None else self.task

    def check_tasks(self, data: Collection | PairSet) -> None:
        """Refuse data that names no task where the query format needs one."""
        tasks = [task for task, _ in data.queries] if isinstance(data, Collection) else [""]
        if "{task}" in self.query_format and not all(map(self.find_task, tasks)):
            raise UserError(
                f"The query format has {{task}}, and {data.name} names none for some of its "
                "queries. Say it: --task 'Retrieve passages that answer the question.'"
            )

    def find_notes(self, data: Collection | PairSet) -> list[str]:
        """Return what people should know of the data, and of how these options read it."""
        notes = list(data.notes)
        if isinstance(data, Collection) and len(data.queries) < _FEW:
            notes.append(
                f"It has {count(len(data.queries), 'query')}: only large differences can be told "
                "from chance, see the intervals."
            )
        has_tasks = isinstance(data, Collection) and any(task for task, _ in data.queries)
        if has_tasks and self.query_format == PLAIN:
            notes.append(
                "The data names a task for each query, and it is left out. For models that read it "
                "add --query-format 'task: {task} | query: {query}'."
            )
        return notes


class Observer(Protocol):
    """Someone who is told how an evaluation goes on."""

    def starts(self, work: str, done: int, total: int) -> None:
        """A piece of work begins."""
        ...

    def advanced(self, work: str, usage: dict[str, float]) -> None:
        """One more is done."""
        ...

    def warned(self, message: str) -> None:
        """Something that people should know."""
        ...


class Silent:
    """Nobody."""

    def starts(self, work: str, done: int, total: int) -> None:
        return None

    def advanced(self, work: str, usage: dict[str, float]) -> None:
        return None

    def warned(self, message: str) -> None:
        return None
