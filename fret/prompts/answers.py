"""What a prompt must show for its answers to be readable, and its passages to be told apart."""

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from fret.errors import PromptError
from fret.prompts.prompt import Prompt, variables_of
from fret.prompts.wording import describe_place

# Jobs whose answer is a JSON object with the variables of `answer` as its keys.
_JSON_JOBS = {"write_query", "choose_need", "rewrite_query", "judge_query"}
_MARKS = range(1, 6)
_FENCE, _PASSAGE = "thisisthefence", "thisisthepassage"

RENDERING_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError)


def check_answers(prompt: Prompt) -> None:
    """Refuse a prompt whose examples show answers that fret could not read.

    Raises:
        PromptError: naming the example and what is wrong with its answer.
    """
    if prompt.job not in _JSON_JOBS:
        return
    names = variables_of(prompt.answer)
    for number, example in enumerate(prompt.examples, 1):
        answer = prompt.render_answer(**example)
        if wrong := _find_wrong(answer, names, marks=prompt.job == "judge_query"):
            raise PromptError(
                f"The prompt file {prompt.path}: the answer of {describe_place(prompt, number)} "
                f"{wrong}: {answer[:100]!r}. The model would learn to write what cannot be read."
            )


def _find_wrong(answer: str, names: set[str], *, marks: bool) -> str:
    try:
        data: Any = json.loads(answer)
    except (ValueError, RecursionError):
        return "is no JSON; put texts in with {{ … | tojson }}"
    if not isinstance(data, Mapping) or data.keys() != names:
        return f"must be one JSON object with the keys {', '.join(sorted(names))}"
    for name, value in data.items():
        if marks and (type(value) is not int or value not in _MARKS):
            return f"must give {name} a mark from 1 to 5"
        if not marks and (not isinstance(value, str) or not value.strip()):
            return f"must give {name} as text"
    return ""


def check_fence(prompt: Prompt, given: Mapping[str, Any]) -> None:
    """Refuse a prompt that lets a passage run into what the model is told.

    Raises:
        PromptError: it writes with a chat model, and shows the passage without a fence around it.
    """
    if prompt.job not in _JSON_JOBS:
        return
    shown = prompt.render_shot({**given, "passage": _PASSAGE}, fence=_FENCE)
    before, found, after = shown.partition(_PASSAGE)
    if found and not (_FENCE in before and _FENCE in after):
        raise PromptError(
            f"The prompt file {prompt.path}: shot shows {{{{ passage }}}} without {{{{ fence }}}} "
            "before and after it, so a page could speak to the model. Write it between "
            "<<<{{ fence }} and {{ fence }}>>>, as prompts/write_query.yaml does."
        )


def check_filled(prompt: Prompt) -> None:
    """Refuse a prompt that says nothing where it must say something.

    Raises:
        PromptError: naming what is empty.
    """
    if not prompt.instruction:
        raise PromptError(f"The prompt file {prompt.path}: instruction is empty.")
    for number, example in enumerate(prompt.examples, 1):
        for key in ("passage", "task", "query"):
            if key in example and not example[key].strip():
                place = describe_place(prompt, number)
                raise PromptError(f"The prompt file {prompt.path}: the {key} of {place} is empty.")
