"""The calls by which a model writes a query: choose who asks (optional), write, rewrite (optional).

Each step reads what the one before has left in the draft, and is asked for all drafts of a shard
before the next begins. Where requests travel by batch or file, a draft whose answer is on its way
goes no further in this run; where they are only counted, the longest way is counted.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from fret.language.script import find_script
from fret.language.words import find_shared
from fret.llm.types import Chat, ChatReply, Failure, FailureKind
from fret.printable import is_blank, is_printable
from fret.prompts import Prompt
from fret.records import Passage
from fret.writers.steering import Steering, Wish

# As in Qwen3-Embedding (arXiv 2506.05176), in plain words.
QUERY_TYPES = ("keywords", "knowledge", "summary", "yes or no", "background")
DIFFICULTIES = ("high school", "university", "phd")

_MAX_TYPE = 60
# What a model thinks of goes into the next prompt, outside the fence: a page that talked it into
# more than a few words would speak there.
_MAX_CHOICE_WORDS, _MAX_CHOICE_CHARACTERS = 12, 100
# Between options: they may hold commas and semicolons.
OPTION_MARK = " | "

# Not known yet: a later run, or nobody, gets the answer.
_UNDECIDED = {FailureKind.PENDING, FailureKind.COUNTED}
_WORD = re.compile(r"\w+")


def _require_text(value: str) -> str:
    text = " ".join(value.split())
    if is_blank(text):
        raise ValueError("it is empty")
    # Half a surrogate pair is valid JSON, but no file can hold it.
    if not is_printable(text):
        raise ValueError("it holds characters that are no text")
    return text


# The check is not part of the JSON schema: servers differ in which constraints they know.
_Text = Annotated[str, AfterValidator(_require_text)]


class TaskAndQuery(BaseModel):
    """What the model is to write."""

    model_config = ConfigDict(extra="forbid")

    task: _Text
    query: _Text


class TypedTaskAndQuery(BaseModel):
    """… where the prompt has it name the kind of need as well.

    No subclass: a model writes the fields in their order, and inherited ones would come first.
    """

    model_config = ConfigDict(extra="forbid")

    task_type: _Text
    task: _Text
    query: _Text


class Need(BaseModel):
    """Who could ask, and how."""

    model_config = ConfigDict(extra="forbid")

    persona: _Text
    query_type: _Text
    difficulty: _Text


class Rewritten(BaseModel):
    """A query in other words."""

    model_config = ConfigDict(extra="forbid")

    rewritten: _Text


@dataclass(slots=True)
class Draft:
    """One query on its way."""

    passage: Passage
    sample: int
    wish: Wish
    prompt: Prompt
    """The variant of the prompt that writes it."""
    task_type: str = ""
    task: str = ""
    text: str = ""
    first: str = ""
    """The query as it was before it was said in other words; empty where it was not."""
    failure: Failure | None = None
    """Why it goes no further."""

    @property
    def language(self) -> str:
        return self.wish.language or self.passage.language

    @property
    def is_counted(self) -> bool:
        """Whether it is only counted, and goes on with made-up answers."""
        return self.failure is not None and self.failure.kind is FailureKind.COUNTED


class Step(Protocol):
    """One call for a draft."""

    is_needed: bool
    """Whether a draft is lost that got no answer."""

    def wants(self, draft: Draft) -> bool:
        """Say whether the draft needs this step."""
        ...

    def request(self, draft: Draft) -> Chat: ...

    def read(self, draft: Draft, written: BaseModel) -> None:
        """Put the answer into the draft."""
        ...


@dataclass(frozen=True)
class Asking:
    """How a model is asked, whatever for."""

    temperature: float
    max_tokens: int

    def make(self, messages: Iterable[tuple[str, str]], draft: Draft, **options: object) -> Chat:
        chat = Chat(tuple(messages), self.max_tokens, self.temperature, sample=draft.sample)
        return replace(chat, **options)  # type: ignore[arg-type]


class ChooseStep:
    """Lets the model choose persona, query type and difficulty, from what is offered."""

    is_needed = True

    def __init__(
        self, prompt: Prompt, asking: Asking, steering: Steering, *, n_personas: int
    ) -> None:
        self._prompt, self._asking, self._steering = prompt, asking, steering
        self._n_personas = n_personas
        self._query_types = tuple(steering.choices.query_types) or QUERY_TYPES
        self._difficulties = tuple(steering.choices.difficulties) or DIFFICULTIES

    def wants(self, draft: Draft) -> bool:
        return True

    def request(self, draft: Draft) -> Chat:
        passage, options = draft.passage, self._offer(draft)
        messages = self._prompt.as_chat(
            passage=passage.text,
            title=passage.full_title,
            language=passage.language,
            wanted=draft.wish.describe(),
            options="\n".join(
                f"- {name.replace('_', ' ')}: {OPTION_MARK.join(offered)}"
                for name, offered in options.items()
                if offered
            ),
        )
        refuse = partial(_refuse_choice, options)
        return self._asking.make(messages, draft, shape=Need, refuse=refuse)

    def read(self, draft: Draft, written: BaseModel) -> None:
        assert isinstance(written, Need)
        chosen = {
            name: _match(getattr(written, name), offered) or getattr(written, name)
            for name, offered in self._offer(draft).items()
        }
        draft.wish = replace(draft.wish, **chosen)

    def _offer(self, draft: Draft) -> dict[str, Sequence[str]]:
        personas = self._steering.offer_personas(draft.passage, draft.sample, self._n_personas)
        return {
            "persona": personas,
            "query_type": self._query_types,
            "difficulty": self._difficulties,
        }


def _refuse_choice(options: dict[str, Sequence[str]], written: BaseModel) -> Failure | None:
    for name, offered in options.items():
        chosen = getattr(written, name)
        if not offered and _is_long(chosen):
            detail = f"it thought of a {name.replace('_', ' ')} too long for one: {chosen[:80]!r}"
            return Failure(FailureKind.UNREADABLE, detail)
        if offered and _match(chosen, offered) is None:
            detail = f"it chose the {name.replace('_', ' ')} {chosen[:80]!r}, which was not offered"
            return Failure(FailureKind.UNREADABLE, detail)
    return None


def _is_long(chosen: str) -> bool:
    return len(chosen) > _MAX_CHOICE_CHARACTERS or len(chosen.split()) > _MAX_CHOICE_WORDS


def _match(chosen: str, offered: Sequence[str]) -> str | None:
    """Return what was offered as the model wrote it, but for case and marks around it."""
    wanted = _normalize(chosen).strip(" .\"'")
    return next((o for o in offered if _normalize(o).strip(" .\"'") == wanted), None)


class WriteStep:
    """Lets the model write task and query."""

    is_needed = True

    def __init__(self, prompts: Sequence[Prompt], asking: Asking) -> None:
        self._asking = asking
        self._shown = {_normalize(e.get("query", "")) for p in prompts for e in p.examples}

    def wants(self, draft: Draft) -> bool:
        return True

    def request(self, draft: Draft) -> Chat:
        passage = draft.passage
        messages = draft.prompt.as_chat(
            passage=passage.text,
            title=passage.full_title,
            language=passage.language,
            wanted=draft.wish.describe(),
        )
        shape = TypedTaskAndQuery if "task_type" in draft.prompt.variables else TaskAndQuery
        return self._asking.make(messages, draft, shape=shape, refuse=partial(self._refuse, draft))

    def read(self, draft: Draft, written: BaseModel) -> None:
        assert isinstance(written, TaskAndQuery | TypedTaskAndQuery)
        draft.task, draft.text = written.task, written.query
        if isinstance(written, TypedTaskAndQuery):
            draft.task_type = _normalize(written.task_type)[:_MAX_TYPE]
        draft.task_type = draft.wish.task_type or draft.task_type

    def _refuse(self, draft: Draft, written: BaseModel) -> Failure | None:
        """Say what is wrong with a query that has the right form; it is asked for once more."""
        assert isinstance(written, TaskAndQuery | TypedTaskAndQuery)
        return _refuse_echo(written.query, self._shown) or _refuse_script(written.query, draft)


class RewriteStep:
    """Lets the model say a query in other words where it shares many with its passage.

    Args:
        above: the share of the query's content words above which it is rewritten.
    """

    is_needed = False

    def __init__(self, prompt: Prompt, asking: Asking, *, above: float) -> None:
        self._prompt, self._asking, self._above = prompt, asking, above
        self._shown = {_normalize(e["rewritten"]) for e in prompt.examples}

    def wants(self, draft: Draft) -> bool:
        return draft.is_counted or _share(draft)[1] > self._above

    def request(self, draft: Draft) -> Chat:
        messages = self._prompt.as_chat(
            passage=draft.passage.text,
            title=draft.passage.full_title,
            language=draft.passage.language,
            task=draft.task,
            query=draft.text,
            shared=", ".join(_share(draft)[0]),
        )
        refuse = partial(self._refuse, draft)
        return self._asking.make(messages, draft, shape=Rewritten, refuse=refuse)

    def read(self, draft: Draft, written: BaseModel) -> None:
        assert isinstance(written, Rewritten)
        draft.first, draft.text = draft.text, written.rewritten

    def _refuse(self, draft: Draft, written: BaseModel) -> Failure | None:
        assert isinstance(written, Rewritten)
        text = written.rewritten
        if _list_words(text) == _list_words(draft.text):
            return Failure(FailureKind.ECHO, f"it has the words that it had: {text[:80]!r}")
        return _refuse_echo(text, self._shown) or _refuse_script(text, draft)


def _share(draft: Draft) -> tuple[list[str], float]:
    passage = f"{draft.passage.full_title}\n{draft.passage.text}"
    return find_shared(draft.text, passage, draft.language)


def _refuse_echo(text: str, shown: set[str]) -> Failure | None:
    if _normalize(text) in shown:
        return Failure(FailureKind.ECHO, f"it repeats the prompt's example {text[:80]!r}")
    return None


def _refuse_script(text: str, draft: Draft) -> Failure | None:
    if draft.language != draft.passage.language:
        return None
    ours, theirs = find_script(text), find_script(draft.passage.text)
    if ours and theirs and ours != theirs:
        detail = f"it is in {ours} letters, the passage in {theirs}: {text[:80]!r}"
        return Failure(FailureKind.LANGUAGE, detail)
    return None


def take_reply(step: Step, draft: Draft, reply: object) -> None:
    """Put the answer of a step into its draft, or the reason why there is none."""
    if isinstance(reply, Failure):
        if step.is_needed or reply.kind in _UNDECIDED:
            draft.failure = reply
    elif draft.failure is None:
        assert isinstance(reply, ChatReply) and reply.data is not None
        step.read(draft, reply.data)


def _list_words(text: str) -> list[str]:
    return sorted(_WORD.findall(text.casefold()))


def _normalize(text: str) -> str:
    return " ".join(text.casefold().split())
