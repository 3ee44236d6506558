"""How the dataset was made: models, prompts, settings, versions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from fret.card.facts import Facts
from fret.card.markdown import bullets, code, plain
from fret.publicity import public_name

# Settings that a reader asks for first; all others are in the pipeline file.
_MAIN: tuple[tuple[str, ...], ...] = (
    ("pages", "extractor"),
    ("passages", "max_size"),
    ("passages", "min_size"),
    ("passages", "overlap"),
    ("queries", "per_passage"),
    ("candidates", "top_k"),
    ("candidates", "deeper_to"),
    ("judgements", "fusion", "k"),
    ("examples", "positive"),
    ("examples", "relevant_from"),
    ("examples", "min_relevance"),
    ("examples", "negatives", "count"),
    ("examples", "negatives", "pick"),
    ("examples", "negatives", "max_similarity"),
    ("examples", "negatives", "max_relevance"),
    ("seed",),
)


def describe_making(facts: Facts) -> str:
    parts = [
        "## How it was made",
        bullets(_list_makers(facts)),
        _list_settings(facts),
        _list_versions(facts),
    ]
    return "\n\n".join(filter(None, parts))


def list_models(facts: Facts) -> list[str]:
    """Name the language models that wrote or judged, each once."""
    parts = [facts.writer, *facts.scorers]
    return list(dict.fromkeys(_model_of(part) for part in parts if "prompt_hash" in part))


def writing_models(facts: Facts) -> set[str]:
    return {_model_of(facts.writer)} if "prompt_hash" in facts.writer else set()


def judging_models(facts: Facts) -> set[str]:
    return {_model_of(scorer) for scorer in facts.scorers if "prompt_hash" in scorer}


def is_made_up(facts: Facts) -> bool:
    """Whether a model took part that answers from a script."""
    models = [part.get("model") for part in (facts.writer, *facts.scorers)]
    return any(isinstance(m, Mapping) and m.get("server") == "scripted" for m in models)


def _list_makers(facts: Facts) -> Iterator[str]:
    writer = facts.writer
    yield f"Queries by the writer {_name(writer)}{_say_prompts(writer, _writing_prompts(facts))}."
    yield from _list_other_prompts(facts)
    dense = facts.manifests["candidates"].identity.get("dense")
    words = facts.manifests["candidates"].identity.get("bm25")
    names = ["BM25"] if words else []
    names += [f"the embeddings of {code(_model_of(dense))}"] if dense else []
    yield f"Candidates found by {' and '.join(names)}."
    weights = facts.manifests["judgements"].identity["fusion"]["weights"]
    for scorer, prompt in zip(facts.scorers, _judging_prompts(facts), strict=True):
        weight = weights.get(scorer["name"], 1.0)
        told = _say_prompts(scorer, [prompt] if prompt else [])
        yield f"Candidates scored by {_name(scorer)}{told}, weight {weight:g}."
    if writer["kind"] == "file":
        yield "The queries are the user's own."
    elif not list_models(facts):
        yield "No language model took part: queries and judgements come from classical methods."
    if is_made_up(facts):
        yield "A made-up model took part (`scripted`): this data is for trying things out."
    if facts.created:
        yield f"The run was begun on {facts.created}."


def _name(part: Mapping[str, Any]) -> str:
    model = _model_of(part)
    name = part.get("name", part["kind"])
    kind = part["kind"] if name == part["kind"] else f"{name}, kind {part['kind']}"
    return code(f"{kind}, model {model}" if model else str(kind))


def _model_of(part: Mapping[str, Any]) -> str:
    """Return the name of a writer's, scorer's or retriever's model; empty for none."""
    model = part.get("model")
    if isinstance(model, Mapping):
        name = model.get("model") or _name_weights(model.get("weights"))
        return public_name(str(name)) if name else ""
    return public_name(str(model)) if model else ""


def _name_weights(weights: Any) -> str:
    """A model of this process is known by its weights, not by where they lie."""
    return str(weights)[:12] if weights else ""


def _writing_prompts(facts: Facts) -> list[str]:
    writer = facts.setting("queries", "writer") or {}
    return [writer["prompt"]] if writer.get("prompt") else []


def _list_other_prompts(facts: Facts) -> Iterator[str]:
    """Name the prompts of the calls before and after, and of the judge of queries."""
    checks = facts.manifests["queries"].identity.get("checks")
    judge = checks.get("judge") if isinstance(checks, Mapping) else None
    others = [
        ("Needs chosen", facts.writer.get("two_step"), ("writer", "two_step", "prompt")),
        (
            "Queries said in other words",
            facts.writer.get("rewrite"),
            ("writer", "rewrite", "prompt"),
        ),
        ("Queries judged", judge, ("checks", "judge", "prompt")),
    ]
    for what, part, path in others:
        if isinstance(part, Mapping) and "prompt_hash" in part:
            prompt = facts.setting("queries", *path)
            by = f" by {code(_model_of(part))}" if _model_of(part) else ""
            yield f"{what}{by}{_say_prompts(part, [prompt] if prompt else [])}."


def _judging_prompts(facts: Facts) -> list[str | None]:
    by_name = {s["name"]: s.get("prompt") for s in facts.setting("judgements", "scorers") or []}
    return [by_name.get(scorer["name"]) for scorer in facts.scorers]


def _say_prompts(part: Mapping[str, Any], paths: Sequence[str]) -> str:
    """Name the prompt by its file and hash: the file's folder is nobody's business."""
    if "prompt_hash" not in part:
        return ""
    hashes = part["prompt_hash"]
    hashes = [hashes] if isinstance(hashes, str) else hashes
    name = f" {code(PurePosixPath(paths[0]).name)}" if paths else ""
    return f", prompt{name} ({', '.join(code(h[:16]) for h in hashes)})"


def _list_settings(facts: Facts) -> str:
    known = [(path, facts.setting(*path)) for path in _MAIN]
    shown = [f"{'.'.join(path)}: {value}" for path, value in known if value is not None]
    return f"Main settings: {', '.join(map(code, shown))}." if shown else ""


def _list_versions(facts: Facts) -> str:
    named = [f"{plain(name)} {plain(version)}" for name, version in facts.versions.items()]
    return f"Versions: {', '.join(named)}." if named else ""
