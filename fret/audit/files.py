"""The two files beside the page: the key, which stays with the run, and the marks of a person."""

import json
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fret.audit.sample import Role
from fret.durable import write_json
from fret.errors import UserError

RELEVANT, PARTLY, NOT_RELEVANT = 2, 1, 0

_RUNS_DIR = Path("data/runs")

AuditId = Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
Mark = Annotated[int, Field(strict=True, ge=NOT_RELEVANT, le=RELEVANT)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judge(_File):
    """A scorer that graded."""

    scorer: str
    model: str


class KeyPassage(_File):
    """What one marked passage is."""

    passage_id: str
    role: Role
    is_seed: bool
    rank: int | None
    grades: list[float | None]
    """One for each judge: expected relevance, 0 to 3."""


class KeyQuery(_File):
    """One query of the page; its passages by the letter that the page shows."""

    query_id: str
    task_type: str
    split: str
    language: str
    positive_is_seed: bool | None
    passages: dict[str, KeyPassage]


class Key(_File):
    """What tells the passages of an audit page apart; queries by their number on the page."""

    kind: Literal["fret audit key"] = "fret audit key"
    version: Literal[1] = 1
    audit: AuditId
    run: str
    fingerprint: str
    """Of the stage `examples`."""
    seed: int
    rows: dict[str, int]
    """All examples of the run by task type and split, of which the page shows a sample."""
    scorers: list[str]
    judges: list[Judge]
    queries: dict[str, KeyQuery]

    @property
    def n_passages(self) -> int:
        return sum(len(query.passages) for query in self.queries.values())


class QueryMarks(_File):
    """What a person said of one query and its passages."""

    passages: dict[str, Mark] = {}
    nonsense: bool = False
    """The query itself makes no sense."""
    skipped: bool = False
    note: str = ""


class Marks(_File):
    """The file that the page saves."""

    kind: Literal["fret audit marks"]
    version: Literal[1]
    audit: AuditId
    marker: str = ""
    saved: str = ""
    marks: dict[str, QueryMarks]


def write_key(path: Path, key: Key) -> None:
    write_json(path, key.model_dump())


def read_marks(path: Path) -> Marks:
    """Read the marks of one person.

    Raises:
        UserError: it is no file of marks, or a damaged one; the message says what to do.
    """
    what = "a file of marks, as the audit page saves it"
    return _read(path, Marks, what, "Save it again from the page.")


def read_key(audit: str, marks: Path, key: Path | None) -> Key:
    """Read the key of an audit: from `key`, or else from beside the marks or below data/runs.

    Raises:
        UserError: it is not there, is damaged, or belongs to another audit.
    """
    path = key or find_key(audit, marks)
    found = _read(path, Key, "the key of an audit", "Make it anew with `fret audit` and its seed.")
    if found.audit != audit:
        raise UserError(
            f"{path} is the key of the audit {found.audit}, but {marks} was made with the page of "
            f"the audit {audit}. Name the right key with --key FILE."
        )
    return found


def find_key(audit: str, marks: Path) -> Path:
    """Find audit-ID.key.json beside the marks, here, or in any run below data/runs."""
    name = f"audit-{audit}.key.json"
    places = [marks.parent / name, Path(name), *sorted(_RUNS_DIR.glob(f"*/{name}"))]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise UserError(
            f"The key {name} is neither beside {marks} nor in a run below {_RUNS_DIR}. "
            "Give the path with --key FILE; the command that wrote the page said where it is."
        )
    return found


_Model = TypeVar("_Model", Marks, Key)


def _read(path: Path, model: type[_Model], what: str, next_step: str) -> _Model:
    try:
        text = path.read_text("utf-8-sig")  # an editor may have put a mark in front
    except UnicodeDecodeError:
        raise UserError(f"{path} is not {what}: it is no text. {next_step}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    if not text.strip():
        raise UserError(f"{path} is empty. {next_step}")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not {what}, or it was cut off: {_say_where(error)}. {next_step}"
        ) from None
    expected = "fret audit marks" if model is Marks else "fret audit key"
    if not isinstance(data, dict) or data.get("kind") != expected:
        raise UserError(f"{path} is not {what}: it does not say `kind: {expected}`. {next_step}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        problem = first["msg"].removeprefix("Input ")
        raise UserError(f"{path} is damaged: {place}: {problem}. {next_step}") from None


def _say_where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return "it cannot be parsed"
