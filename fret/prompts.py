"""Prompt files: load, check, hash and render them.

A prompt file is YAML with the same few-shot form for every job:

    name: write_query
    job: write_query            which variables it may use, see JOBS
    instruction: …              what the model is to do (never contains a passage)
    shot: "… {{ passage }} …"   what is given, once per example and once for the real case
    answer: "{{ query }}"       what the model is to write
    examples: [{passage: …, query: …}, …]

As chat, the instruction is the system message and the examples are turns; as text, they are one
prompt that ends where the answer begins. The instruction and the examples come first and are the
same for every request, so servers that cache prefixes read them once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, meta
from jinja2.sandbox import SandboxedEnvironment

from fret.errors import PromptError
from fret.records import hash_json, make_id
from fret.shipped import find_file


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


JOBS = {
    "write_query": Job(
        given=frozenset({"passage", "title", "language"}),
        written=frozenset({"task", "query"}),
        needed=frozenset({"passage", "task", "query"}),
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

_FIELDS = {"name", "job", "instruction", "shot", "answer", "examples"}
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

    @cached_property
    def hash(self) -> str:
        """Hash of all that reaches the model, wherever the file lies."""
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
        given = _sample(JOBS[self.job], "x" * 100, "x" * max_words * 8, n_passages)
        return sum(len(text) for _, text in self.as_chat(**given))

    def _shot_text(self, given: Mapping[str, Given]) -> str:
        # The fence is a hash of what it fences: no page can hold its own fence, yet a second run
        # asks the very same question and finds its answer in the store.
        fence = make_id("fence", *_texts_of(given))[:12]
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


def _sample(job: Job, text: str, passage: str, n_passages: int) -> dict[str, Given]:
    """Return something for each variable that a job is given."""
    given: dict[str, Given] = dict.fromkeys(sorted(job.given), text)
    given |= {"passage": passage} if "passage" in job.given else {}
    passages: Given = [{"title": text, "text": passage}] * n_passages
    return given | dict.fromkeys(job.lists, passages)


def load_prompt(path: str, job: str, *, beside: Path | None = None) -> Prompt:
    """Load and check a prompt file for a job.

    Args:
        path: a path, or the name of a shipped prompt such as `prompts/write_query.yaml`.
        job: a key of `JOBS`.
        beside: a folder to look in besides the current one (the pipeline file's).

    Raises:
        PromptError: the file is missing, or is no prompt for this job; the message says why.
    """
    found = find_file(path, beside=beside)
    if found is None:
        raise PromptError(f"The prompt file {path} does not exist.")
    try:
        data = yaml.safe_load(found.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: no UTF-8, no such date
        raise PromptError(f"The prompt file {found} cannot be read as YAML: {error}") from error
    try:
        return _check(found, data, job)
    except TemplateError as error:
        raise PromptError(f"The prompt file {found} has a broken template: {error}") from error


def _check(path: Path, data: Any, job: str) -> Prompt:
    if not isinstance(data, dict) or set(data) != _FIELDS:
        found = ", ".join(sorted(map(str, data))) if isinstance(data, dict) else type(data).__name__
        raise PromptError(
            f"The prompt file {path} must have the keys {', '.join(sorted(_FIELDS))}; "
            f"it has: {found}."
        )
    if data["job"] != job:
        raise PromptError(
            f"The prompt file {path} is for the job {data['job']!r}; "
            f"here one for {job!r} is needed."
        )
    texts = {key: data[key] for key in ("name", "instruction", "shot", "answer")}
    if wrong := [key for key, value in texts.items() if not isinstance(value, str)]:
        raise PromptError(f"The prompt file {path}: {wrong[0]} must be text.")
    examples = data["examples"] or []
    if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
        raise PromptError(f"The prompt file {path}: examples must be a list of mappings.")
    _check_values(path, examples, JOBS[job])
    _check_variables(path, data, JOBS[job])
    prompt = Prompt(
        path=str(path),
        name=data["name"],
        job=job,
        instruction=data["instruction"].strip(),
        shot=data["shot"].rstrip("\n"),
        answer=data["answer"].rstrip("\n"),
        examples=tuple({str(k): _as_text(v) for k, v in e.items()} for e in examples),
    )
    _check_examples(prompt)
    _check_rendering(prompt)
    return prompt


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [{str(k): str(v) for k, v in passage.items()} for passage in value]
    return str(value)


def _is_list_of_passages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(p, dict)
            and set(p) == {"title", "text"}
            and all(isinstance(x, str) for x in p.values())
            for p in value
        )
    )


def _check_values(path: Path, examples: list[dict[Any, Any]], job: Job) -> None:
    """Refuse values that YAML reads as neither text nor a number: `yes` is true, `no` false."""
    for number, example in enumerate(examples, 1):
        for key, value in example.items():
            if key in job.lists:
                if not _is_list_of_passages(value):
                    raise PromptError(
                        f"The prompt file {path}: example {number}: {key} must be a list of "
                        "passages, each with the keys title and text."
                    )
            elif isinstance(value, bool) or not isinstance(value, str | int | float):
                raise PromptError(
                    f"The prompt file {path}: example {number}: {key} must be text, and YAML reads "
                    f"it as {value!r}. Put it into quotes."
                )


def _check_variables(path: Path, data: Mapping[str, Any], job: Job) -> None:
    used = {key: _variables_of(data[key]) for key in ("instruction", "shot", "answer")}
    allowed = {
        "instruction": frozenset[str](),
        "shot": job.given | {"fence"},
        "answer": job.written,
    }
    for key, names in used.items():
        if unknown := sorted(names - allowed[key]):
            may = ", ".join(sorted(allowed[key])) or "no variable at all"
            raise PromptError(
                f"The prompt file {path}: {key} uses {{{{ {unknown[0]} }}}}, "
                f"which it is not given; it may use {may}."
            )
    if missing := sorted(job.needed - used["shot"] - used["answer"]):
        where = "shot" if missing[0] in job.given else "answer"
        raise PromptError(
            f"The prompt file {path}: {where} must use {{{{ {missing[0]} }}}}, and it does not."
        )


def _check_examples(prompt: Prompt) -> None:
    job = JOBS[prompt.job]
    for number, example in enumerate(prompt.examples, 1):
        if unknown := sorted(example.keys() - job.given - job.written):
            raise PromptError(
                f"The prompt file {prompt.path}: example {number} has the unknown key "
                f"{unknown[0]!r}."
            )
        if missing := sorted(job.needed - example.keys()):
            raise PromptError(
                f"The prompt file {prompt.path}: example {number} has no {missing[0]!r}."
            )
        try:
            prompt.render_answer(**example)
        except UndefinedError as error:
            raise PromptError(
                f"The prompt file {prompt.path}: example {number}: {error}."
            ) from error


def _check_rendering(prompt: Prompt) -> None:
    """Render once: filters and operations fail only then."""
    job = JOBS[prompt.job]
    try:
        prompt.as_chat(**_sample(job, "text", "text", 2))
        prompt.render_answer(**dict.fromkeys(sorted(job.written), "text"))
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise PromptError(
            f"The prompt file {prompt.path} has a template that cannot be rendered: {error}"
        ) from error


def _variables_of(template: str) -> set[str]:
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(template))
