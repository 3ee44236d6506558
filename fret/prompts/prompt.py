"""A checked prompt: what each job is given, its hash, and how it is rendered.

A prompt file is YAML with the same few-shot form for every job:

    name: write_query
    job: write_query            which variables it may use, see JOBS
    instruction: …              what the model is to do (never contains a passage)
    shot: "… {{ passage }} …"   what is given, once per example and once for the real case
    answer: "{{ query }}"       what the model is to write
    examples: [{passage: …, query: …}, …]

For a job that varies, `examples` may also be a mapping, {NAME: [examples], …}: several variants of
the prompt, which have all but the examples in common.

As chat, the instruction is the system message and the examples are turns; as text, they are one
prompt that ends where the answer begins. The instruction and the examples come first and are the
same for every request, so servers that cache prefixes read them once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from jinja2 import StrictUndefined, Template, meta
from jinja2.sandbox import SandboxedEnvironment

from fret.records import hash_json, make_id


@dataclass(frozen=True, slots=True)
class Job:
    """What a prompt for one job is given, and what it must use."""

    given: frozenset[str]
    """Variables of the real case; `shot` may use these and `fence`."""
    written: frozenset[str]
    """Variables of the answer, in the examples only."""
    needed: frozenset[str]
    """Variables without which the prompt makes no sense."""
    lists: frozenset[str] = frozenset()
    """Those of `given` that are lists of passages, each with `title` and `text`."""
    varies: bool = False
    """Whether a prompt may have several variants."""


JOBS = {
    "write_query": Job(
        given=frozenset({"passage", "title", "language", "wanted"}),
        written=frozenset({"task_type", "task", "query"}),
        needed=frozenset({"passage", "task", "query"}),
        varies=True,
    ),
    "choose_need": Job(
        given=frozenset({"passage", "title", "language", "wanted", "options"}),
        written=frozenset({"persona", "query_type", "difficulty"}),
        needed=frozenset({"passage", "options", "persona", "query_type", "difficulty"}),
    ),
    "rewrite_query": Job(
        given=frozenset({"passage", "title", "language", "task", "query", "shared"}),
        written=frozenset({"rewritten"}),
        needed=frozenset({"query", "rewritten"}),
    ),
    "judge_query": Job(
        given=frozenset({"passage", "title", "task", "query"}),
        written=frozenset({"answerable", "natural", "self_contained"}),
        needed=frozenset({"passage", "query", "answerable", "natural", "self_contained"}),
    ),
    "query_likelihood": Job(
        given=frozenset({"passage", "title", "task"}),
        written=frozenset({"query"}),
        needed=frozenset({"passage", "query"}),
    ),
    "relevance": Job(
        given=frozenset({"passage", "title", "task", "query"}),
        written=frozenset({"label"}),
        needed=frozenset({"passage", "query", "label"}),
    ),
    "listwise": Job(
        given=frozenset({"passages", "task", "query"}),
        written=frozenset({"ranking"}),
        needed=frozenset({"passages", "query", "ranking"}),
        lists=frozenset({"passages"}),
    ),
}

Given = str | Sequence[Mapping[str, str]]
"""What a variable may hold: text, or a list of passages with `title` and `text`."""

_ENVIRONMENT = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
_ENVIRONMENT.globals.clear()  # a prompt is given variables, and no functions such as `lipsum`
# Jinja's own tojson escapes for HTML and ASCII; a model would learn to write "\u00fc".
_ENVIRONMENT.filters["tojson"] = partial(json.dumps, ensure_ascii=False)


@dataclass(frozen=True)
class Prompt:
    """A checked prompt file."""

    path: str
    name: str
    job: str
    instruction: str
    shot: str
    answer: str
    examples: tuple[Mapping[str, Any], ...]
    variant: str = ""
    """Its name among several; empty where the file has one list of examples."""
    others: tuple["Prompt", ...] = ()
    """The further variants of the file."""

    @property
    def variants(self) -> "tuple[Prompt, ...]":
        """All variants of the file, this one first."""
        return (self, *self.others)

    @property
    def variables(self) -> frozenset[str]:
        """What the prompt uses of what it is given, and what it lets the model write."""
        return frozenset(variables_of(self.shot) | variables_of(self.answer))

    @cached_property
    def hash(self) -> str:
        """Hash of all of this variant that reaches the model, wherever the file lies."""
        examples = [dict(example) for example in self.examples]
        return hash_json([self.instruction, self.shot, self.answer, examples])[:16]

    def as_chat(self, **given: Given) -> list[tuple[str, str]]:
        """Render (role, text) messages; the last one is the user's, for the model to answer."""
        return [*self._head_as_chat, ("user", self._shot_text(given))]

    def as_text(self, **given: Given) -> str:
        """Render one text that ends where the answer begins."""
        return f"{self._head_as_text}{self._shot_text(given)}"

    def render_answer(self, **written: str) -> str:
        """Render what the model would write."""
        return self._answer_template.render(written)

    def longest(self, max_words: int, n_passages: int = 1) -> int:
        """Return about how many characters a rendered prompt has with passages of so many words.

        Eight characters a word is long for most languages; what else is given adds little.
        """
        given = sample_given(JOBS[self.job], "x" * 100, "x" * max_words * 8, n_passages)
        chats = (variant.as_chat(**given) for variant in self.variants)
        return max(sum(len(text) for _, text in chat) for chat in chats)

    def _shot_text(self, given: Mapping[str, Given]) -> str:
        # The fence is a hash of what it fences: no page can hold its own fence, yet a second run
        # asks the very same question and finds its answer in the store.
        return self.render_shot(given, fence=make_id("fence", *_texts_of(given))[:12])

    def render_shot(self, given: Mapping[str, Given], *, fence: str) -> str:
        """Render what is given, with a fence of the caller's."""
        return self._shot_template.render(given, fence=fence)

    @cached_property
    def _head_as_chat(self) -> list[tuple[str, str]]:
        turns = [("system", self.instruction)]
        for example in self.examples:
            turns += [
                ("user", self._shot_text(self._given(example))),
                ("assistant", self.render_answer(**example)),
            ]
        return turns

    @cached_property
    def _head_as_text(self) -> str:
        shots = [
            f"{self._shot_text(self._given(e))}{self.render_answer(**e)}" for e in self.examples
        ]
        return "".join(f"{part}\n\n" for part in (self.instruction, *shots))

    def _given(self, example: Mapping[str, Any]) -> dict[str, Given]:
        return {name: example.get(name, "") for name in sorted(JOBS[self.job].given)}

    @cached_property
    def _shot_template(self) -> Template:
        return _ENVIRONMENT.from_string(self.shot)

    @cached_property
    def _answer_template(self) -> Template:
        return _ENVIRONMENT.from_string(self.answer)


def _texts_of(given: Mapping[str, Given]) -> Iterator[str]:
    for value in given.values():
        if isinstance(value, str):
            yield value
        else:
            for passage in value:
                yield from passage.values()


def sample_given(job: Job, text: str, passage: str, n_passages: int) -> dict[str, Given]:
    """Return something for each variable that a job is given."""
    given: dict[str, Given] = dict.fromkeys(sorted(job.given), text)
    given |= {"passage": passage} if "passage" in job.given else {}
    passages: Given = [{"title": text, "text": passage}] * n_passages
    return given | dict.fromkeys(job.lists, passages)


def variables_of(template: str) -> set[str]:
    """Return the variables that a template uses."""
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(template))
