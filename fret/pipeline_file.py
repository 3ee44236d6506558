"""Read a pipeline or training file: find it, override, refuse secrets, check, explain errors."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fret.config import PipelineSettings, Settings
from fret.config.training import TrainingSettings
from fret.errors import ConfigError
from fret.shipped import recipes, training_recipes

S = TypeVar("S", bound=Settings)


def load_settings(pipeline: str, overrides: Sequence[str] = ()) -> tuple[PipelineSettings, Path]:
    """Load and check a pipeline file; return its settings and where it was found.

    Args:
        pipeline: a path, or the name of a shipped recipe.
        overrides: `key=value` texts, the key with dots, the value as YAML.

    Raises:
        ConfigError: with every problem found, each with its place and a way to mend it.
    """
    path = _find(pipeline, "pipeline", recipes())
    return _load(path, overrides, PipelineSettings), path


def load_training(config: str, overrides: Sequence[str] = ()) -> TrainingSettings:
    """Load and check a training file, or a shipped one by its name; as `load_settings`."""
    path = _find(config, "training", training_recipes())
    return _load(path, overrides, TrainingSettings)


def _load(path: Path, overrides: Sequence[str], tree: type[S]) -> S:
    data = _read_yaml(path, tree)
    _refuse_other_kind(data, path, tree)
    for override in overrides:
        _apply(data, override)
    _refuse_secrets(data, path)
    try:
        return tree.model_validate(data)
    except ValidationError as error:
        problems = sorted({_explain(detail, tree) for detail in error.errors()})
        # Only the keys: a value may be a password in an address.
        keys = ", ".join(override.partition("=")[0] for override in overrides)
        what = f"{path} (with --set {keys})" if overrides else path
        raise ConfigError(
            f"{what} cannot be used:\n" + "\n".join(f"  - {p}" for p in problems)
        ) from None


def _find(name: str, kind: str, shipped: Mapping[str, Path]) -> Path:
    if Path(name).is_file():
        return Path(name)
    if name in shipped:
        return shipped[name]
    if name in recipes():
        raise ConfigError(f"{name} is a recipe of a pipeline: `fret run {name}` runs it.{_ASK}")
    if name in training_recipes():
        raise ConfigError(f"{name} is a recipe of a training: `fret train {name}` runs it.")
    hint = "`fret init NAME` writes a pipeline file to start from." if kind == "pipeline" else ""
    raise ConfigError(
        f"There is no {kind} file {name!r}, and no recipe of that name (recipes: "
        f"{', '.join(shipped)}). {hint}".rstrip()
    )


_ASK = " A training takes a training file, which names that pipeline's dataset as its data."


class _UniqueKeys(yaml.SafeLoader):
    """Of a key that stands there twice, YAML libraries silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key.value, str):
                if key.value in seen:
                    raise yaml.YAMLError(
                        f"the key {key.value!r} stands there twice, in the lines "
                        f"{seen[key.value]} and {line}"
                    )
                seen[key.value] = line
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path, tree: type[Settings]) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text("utf-8"), _UniqueKeys)
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: no UTF-8, no such date
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(data, dict):
        kind, first = ("pipeline", "run") if tree is PipelineSettings else ("training", "name")
        raise ConfigError(
            f"{path} is not a {kind} file: it must be a YAML mapping that begins with `{first}:`."
        )
    return data


def _refuse_other_kind(data: Mapping[str, Any], path: Path, tree: type[Settings]) -> None:
    if tree is TrainingSettings and "run" in data and "stages" not in data:
        raise ConfigError(
            f"{path} is a pipeline file: `fret run {quote(str(path))}` runs it.{_ASK}"
        )
    if tree is PipelineSettings and "stages" in data and "run" not in data:
        raise ConfigError(
            f"{path} is a training file: `fret train {quote(str(path))}` trains with it."
        )


def _apply(data: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    if not sign or not key.strip():
        raise ConfigError(
            f"--set {override}: write it as key=value, for example --set candidates.top_k=30."
        )
    node: Any = data
    *parents, last = key.strip().split(".")
    for part in parents:
        node = _child(node, part, override)
    try:
        _set(node, last, yaml.safe_load(value), override)
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"--set {override}: the value is not YAML: {error}") from error


def _child(node: Any, part: str, override: str) -> Any:
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    if isinstance(node, dict):
        if not isinstance(node.get(part), dict | list):
            node[part] = {}
        return node[part]
    raise ConfigError(f"--set {override}: there is nothing below {part!r} that could be set.")


def _set(node: Any, last: str, value: Any, override: str) -> None:
    if isinstance(node, list) and last.isdigit() and int(last) < len(node):
        node[int(last)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise ConfigError(f"--set {override}: the list has no item {last!r}.")


# Keys as OpenAI, Anthropic, Hugging Face, Google and others write them.
_SECRET = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,}|Bearer\s+\S{12,})"
)
_SECRET_KEYS = {
    "api_key",
    "apikey",
    "key",
    "token",
    "hf_token",
    "secret",
    "password",
    "authorization",
}


def _refuse_secrets(data: Any, path: Path) -> None:
    for where, key, value in _leaves(data):
        if isinstance(value, str) and (
            _SECRET.search(value) or (key.lower() in _SECRET_KEYS and value)
        ):
            raise ConfigError(
                f"{path}: {where} holds a key. Keys are read from the environment only: put it "
                "into a variable, name that variable in `api_key_env`, and take the key out of "
                "the file."
            )


def _leaves(data: Any, where: str = "", key: str = "") -> Iterator[tuple[str, str, Any]]:
    items: list[tuple[str, Any]] = []
    if isinstance(data, Mapping):
        items = [(str(k), v) for k, v in data.items()]
    elif isinstance(data, list):
        items = [(str(i), v) for i, v in enumerate(data)]
    else:
        yield where, key, data
    for name, value in items:
        yield from _leaves(value, f"{where}.{name}" if where else name, name)


def _explain(detail: ErrorDetails, tree: type[Settings]) -> str:
    place, section = _locate(detail["loc"], tree)
    where = ".".join(place)
    match detail["type"]:
        case "extra_forbidden":
            keys = sorted(section.model_fields) if section else []
            nearest = difflib.get_close_matches(place[-1], keys, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known here: {', '.join(keys)}"
            if place[-1] in tree.model_fields and len(place) > 1:
                hint = f"{place[-1]!r} stands at the top of the file, not below {place[0]!r}"
            return f"{where}: unknown key; {hint}"
        case "missing":
            return f"{where}: is missing"
        case "value_error":
            message = detail["msg"].removeprefix("Value error, ")
            return f"{where}: {message}" if where else message
        case "union_tag_invalid" | "union_tag_not_found":
            context = detail.get("ctx", {})
            key = str(context.get("discriminator", "kind")).strip("'")
            return (
                f"{where}.{key}: must be one of {context.get('expected_tags', 'the known kinds')}"
            )
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}: must be a mapping of keys to values (it is {detail['input']!r})"
        case "too_short":
            return f"{where}: must not be empty"
        case _:
            message = detail["msg"].removeprefix("Input ")
            return f"{where}: {message} (it is {detail['input']!r})"


def _locate(
    loc: Sequence[int | str], tree: type[Settings]
) -> tuple[list[str], type[Settings] | None]:
    """Return the place of an error as the user wrote it, and the section of its last part.

    Pydantic puts the kind of a section into the place (`writer.llm.model`); the file has no such
    key.
    """
    place: list[str] = []
    hint: Any = tree
    section: type[Settings] | None = None
    for part in loc:
        if part == "[key]":  # pydantic's mark for a wrong key of a mapping, after that key
            continue
        options = _sections_of(hint)
        chosen = next((option for option in options if part in _tags_of(option)), None)
        if len(options) > 1 and chosen:
            hint = chosen
            continue
        place.append(str(part))
        section = options[0] if len(options) == 1 else None
        field = section.model_fields.get(str(part)) if section else None
        hint = field.annotation if field else _item_of(hint)
    return place, section


def _sections_of(hint: Any) -> list[type[Settings]]:
    """Return the sections that may stand where a hint stands; not those in lists or mappings."""
    if isinstance(hint, type) and issubclass(hint, Settings):
        return [hint]
    if get_origin(hint) in {Annotated, Union, UnionType}:
        return [section for arg in get_args(hint) for section in _sections_of(arg)]
    return []


def _item_of(hint: Any) -> Any:
    """Return what the items of a list or the values of a mapping are."""
    return get_args(hint)[-1] if get_origin(hint) in {list, dict} else None


def _tags_of(section: type[Settings]) -> tuple[Any, ...]:
    fields = (section.model_fields.get(name) for name in ("kind", "backend"))
    return tuple(tag for field in fields if field for tag in get_args(field.annotation))
