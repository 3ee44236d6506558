"""Prompt files: read, and checked on load, so that no run fails over one halfway."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import TemplateError, UndefinedError

from fret.errors import PromptError
from fret.prompts.answers import RENDERING_ERRORS, check_answers, check_fence, check_filled
from fret.prompts.prompt import JOBS, Job, Prompt, sample_given, variables_of
from fret.prompts.wording import check_wording, describe_place, refuse_doubles
from fret.shipped import find_file

_FIELDS = {"name", "job", "instruction", "shot", "answer", "examples"}


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
        text = found.read_text("utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8
        raise PromptError(f"The prompt file {found} cannot be read as YAML: {error}") from error
    return _read(found, text, job)


# A run asks for a file several times, and reading it and trying it out takes 40 ms.
@lru_cache(maxsize=64)
def _read(found: Path, text: str, job: str) -> Prompt:
    try:
        data = yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:  # ValueError: no such date
        raise PromptError(f"The prompt file {found} cannot be read as YAML: {error}") from error
    except RecursionError:
        raise PromptError(
            f"The prompt file {found} cannot be read as YAML: it is nested too deeply."
        ) from None
    try:
        return _check(found, data, job)
    except TemplateError as error:
        raise PromptError(f"The prompt file {found} has a broken template: {error}") from error
    except RecursionError:
        raise PromptError(
            f"The prompt file {found} has a broken template: it is nested too deeply."
        ) from None


def _check(path: Path, data: Any, job: str) -> Prompt:
    _check_form(path, data, job)
    _check_variables(path, data, JOBS[job])
    blocks = _blocks_of(path, data["examples"] or [], JOBS[job])
    prompts = [_make(path, data, *block) for block in blocks.items()]
    for prompt in prompts:
        check_filled(prompt)
        _check_examples(prompt)
        check_wording(prompt)
        _check_rendering(prompt)
        check_answers(prompt)
    refuse_doubles(prompts)
    return replace(prompts[0], others=tuple(prompts[1:]))


def _check_form(path: Path, data: Any, job: str) -> None:
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


def _blocks_of(path: Path, examples: Any, job: Job) -> dict[str, list[dict[str, Any]]]:
    """Return the examples of each variant by its name, which is empty where there is but one."""
    blocks = examples if isinstance(examples, dict) and job.varies else {"": examples}
    for block in blocks.values():
        if not isinstance(block, list) or not all(isinstance(example, dict) for example in block):
            or_more = ", or a mapping of variants to such lists" if job.varies else ""
            raise PromptError(
                f"The prompt file {path}: examples must be a list of mappings{or_more}."
            )
        _check_values(path, block, job)
    if "" not in blocks and not all(blocks.values()):
        empty = next(name for name, block in blocks.items() if not block)
        raise PromptError(
            f"The prompt file {path}: the variant {empty!r} has no examples; add some, "
            "or remove it."
        )
    return {str(name): block for name, block in blocks.items()}


def _make(path: Path, data: Mapping[str, Any], variant: str, block: list[dict[str, Any]]) -> Prompt:
    return Prompt(
        path=str(path),
        name=data["name"],
        job=data["job"],
        instruction=data["instruction"].strip(),
        shot=data["shot"].rstrip("\n"),
        answer=data["answer"].rstrip("\n"),
        examples=tuple({str(k): _as_text(v) for k, v in e.items()} for e in block),
        variant=variant,
    )


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
    used = {key: variables_of(data[key]) for key in ("instruction", "shot", "answer")}
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
        place = describe_place(prompt, number)
        if unknown := sorted(example.keys() - job.given - job.written):
            raise PromptError(
                f"The prompt file {prompt.path}: {place} has the unknown key {unknown[0]!r}."
            )
        if missing := sorted(job.needed - example.keys()):
            raise PromptError(f"The prompt file {prompt.path}: {place} has no {missing[0]!r}.")
        try:
            prompt.render_answer(**example)
        except UndefinedError as error:
            raise PromptError(f"The prompt file {prompt.path}: {place}: {error}.") from error
        except RENDERING_ERRORS as error:
            raise _cannot_render(prompt, error) from error


def _check_rendering(prompt: Prompt) -> None:
    """Render once: filters and operations fail only then."""
    job = JOBS[prompt.job]
    try:
        prompt.as_chat(**sample_given(job, "text", "text", 2))
        prompt.render_answer(**dict.fromkeys(sorted(job.written), "text"))
        check_fence(prompt, sample_given(job, "text", "text", 2))
    except RENDERING_ERRORS as error:
        raise _cannot_render(prompt, error) from error


def _cannot_render(prompt: Prompt, error: Exception) -> PromptError:
    return PromptError(
        f"The prompt file {prompt.path} has a template that cannot be rendered: {error}"
    )
