"""The dataset's card: README.md with front matter, written from the manifests.

Nothing in it depends on when or where the run was made, so equal runs have equal cards.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fret.manifest import Manifest
from fret.records import Example
from fret.store import Run

STAGES = ("pages", "passages", "queries", "candidates", "judgements", "examples")

# The Hub's own classes.
_SIZES = [
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
]


def write_card(
    folder: Path,
    run: Run,
    *,
    files: Mapping[str, Mapping[str, Sequence[str]]],
    columns: Sequence[str],
    publish: Mapping[str, Any],
) -> None:
    """Write the card of a dataset folder.

    Args:
        files: paths of the data files below the folder, by config and split.
        columns: columns of the config `triplets`.
        publish: licence and pretty name, where the user gave them.
    """
    manifests = [run.stage(name).require() for name in STAGES]
    name = publish.get("pretty_name") or run.name
    front = _front_matter(manifests[-1], files, publish.get("licence"), name)
    sections = [
        f"# {name}",
        _describe(manifests),
        _list_columns(columns, manifests[-1].measures["examples"]),
        _describe_making(manifests),
        _draw_funnel(manifests),
        _show_examples(run),
        _USE,
        _LIMITS,
        _CITATION,
    ]
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    text = f"---\n{head}---\n\n" + "\n\n".join(sections) + "\n"
    (folder / "README.md").write_text(text, "utf-8")


def _front_matter(
    examples: Manifest,
    files: Mapping[str, Mapping[str, Sequence[str]]],
    licence: str | None,
    name: str,
) -> dict[str, Any]:
    languages = [code for code in examples.measures["examples"]["languages"] if code]
    size = next((label for limit, label in _SIZES if examples.rows < limit), "n>10M")
    return {
        **({"language": languages} if languages else {}),
        **({"license": licence} if licence else {}),
        "pretty_name": name,
        "size_categories": [size],
        "task_categories": ["sentence-similarity", "feature-extraction"],
        "annotations_creators": ["machine-generated"],
        "tags": ["sentence-transformers", "synthetic", "fret", "retrieval", "hard-negatives"],
        "configs": [
            {
                "config_name": config,
                # Named one by one, not by a pattern: see `fret.dataset` on caches.
                "data_files": [
                    {"split": split, "path": list(by_split[split])} for split in _ordered(by_split)
                ],
                **({"default": True} if config == "triplets" else {}),
            }
            for config, by_split in files.items()
        ],
    }


def _ordered(splits: Iterable[str]) -> list[str]:
    return sorted(splits, key=lambda split: ("train", "validation", "test").index(split))


def _describe(manifests: Sequence[Manifest]) -> str:
    measures = manifests[-1].measures["examples"]
    moved = measures["positive_is_not_seed"]
    relabelled = (
        f" In {moved:.0%} of them the positive is not the passage that the query was written from."
        if moved is not None
        else ""
    )
    return (
        f"{manifests[-1].rows} training examples for embedding models: a retrieval task, a query, "
        "the passage that answers it best, and hard negatives, all taken from real pages. "
        f"Made with fret, after the recipe of FRet in Gecko (Lee et al. 2024).{relabelled}"
    )


def _list_columns(columns: Sequence[str], measures: Mapping[str, Any]) -> str:
    splits = measures["splits"]
    rows = ", ".join(f"{splits[split]} in `{split}`" for split in _ordered(splits))
    return (
        "## What it holds\n\n"
        f"- `triplets` ({rows}): {', '.join(f'`{column}`' for column in columns)}. Anchors read "
        "`task: … | query: …`, passages `title: … | text: …`."
        f"{_say_ragged(measures['negatives'])}\n"
        "- `full`: the same rows in the same order with every field: ids, addresses, seed, scores, "
        "ranks, grades and similarities; further positives (`extra_positives`); and for each "
        "candidate that may be no negative the reason (`refused_ids`, `refused_reasons`).\n\n"
        "No page has passages in two splits."
    )


def _say_ragged(negatives: Mapping[str, int]) -> str:
    counts = sorted(map(int, negatives))
    if len(counts) < 2:
        return ""
    return (
        f" Examples have {counts[0]} to {counts[-1]} negatives; here are the first {counts[0]}, "
        "so that every column is full, and in `full` are all."
    )


def _describe_making(manifests: Sequence[Manifest]) -> str:
    by_stage = {manifest.stage: manifest for manifest in manifests}
    writer = by_stage["queries"].identity["writer"]
    lines = [f"- Queries by the writer {_code(_name_writer(writer))}."]
    for scorer in by_stage["judgements"].identity["scorers"]:
        lines.append(f"- Candidates scored by {_code(_name_scorer(scorer))}.")
    lines += _say_who_took_part(writer, by_stage["judgements"].identity["scorers"])
    usage = {
        key: sum(m.usage.get(key, 0) for m in manifests)
        for key in ("requests", "input_tokens", "output_tokens")
    }
    if usage["requests"]:
        lines.append(
            f"- {usage['requests']:.0f} answers of language models, "
            f"{usage['input_tokens']:.0f} tokens in, {usage['output_tokens']:.0f} tokens out."
        )
    recall = by_stage["candidates"].measures.get("seed_recall", {}).get("fused")
    if recall:
        lines.append(
            f"- The seed is among the first 20 candidates for {recall['@20']:.0%} of the queries."
        )
    lines += _describe_choice(by_stage["examples"].measures["examples"])
    return "## How it was made\n\n" + "\n".join(lines)


def _describe_choice(measures: Mapping[str, Any]) -> Iterator[str]:
    if len(rules := measures["positive_rules"]) > 1:
        yield f"- Positives by rule: {_count(rules)}."
    yield f"- Negatives by pick: {_count(measures['picks'])}."
    hardness = measures["hardness"]
    if hardness["over_0.95"] is not None:
        yield (
            f"- Of the {hardness['of']} negatives whose similarity to the query can be compared "
            f"with the positive's, {hardness['over_0.95']:.1%} are over 0.95 of it, "
            f"{hardness['under_0.5']:.1%} under 0.5."
        )
    if measures["with_extra_positives"] is not None:
        yield f"- {measures['with_extra_positives']:.1%} of the examples have further positives."
    if blind := measures["separability"]:
        yield (
            f"- A classifier over words that does not see the query tells positives from negatives "
            f"with an AUC of {blind['auc']:.2f} (0.5: not at all)."
        )


def _count(found: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in found.items())


def _say_who_took_part(
    writer: Mapping[str, Any], scorers: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    models = [part["model"] for part in (writer, *scorers) if "prompt_hash" in part]
    if writer["kind"] == "file":
        yield "- The queries are the user's own."
    elif not models:
        yield "- No language model took part: queries and judgements come from classical methods."
    if any(model["server"] == "scripted" for model in models):
        yield "- A made-up model took part (`scripted`): this data is for trying things out."


def _name_writer(writer: Mapping[str, Any]) -> str:
    model = writer.get("model")
    return f"{writer['kind']}, model {model['model']}" if model else str(writer["kind"])


def _name_scorer(scorer: Mapping[str, Any]) -> str:
    model = scorer.get("model")
    name = model["model"] if isinstance(model, Mapping) else model
    return f"{scorer['kind']}, model {name}" if name else str(scorer["kind"])


def _draw_funnel(manifests: Sequence[Manifest]) -> str:
    lines = ["## The funnel", "", "| stage | in | out | dropped |", "|---|---|---|---|"]
    for manifest in manifests:
        reasons = ", ".join(f"{n} {reason}" for reason, n in manifest.reasons.items())
        lines.append(f"| {manifest.stage} | {manifest.read} | {manifest.rows} | {reasons or '0'} |")
    return "\n".join(lines)


def _show_examples(run: Run) -> str:
    blocks = []
    for example in _few(run.rows(Example), 3):
        shown = {
            "task": example.task,
            "query": example.query,
            "positive": _short(example.positive),
            "negative": _short(example.negatives[0]),
        }
        blocks.append(_fence(json.dumps(shown, ensure_ascii=False, indent=1)))
    return "## Examples\n\n" + "\n\n".join(blocks)


def _few(examples: Iterator[Example], n: int) -> list[Example]:
    """Take a few examples of different task types."""
    found: dict[str, Example] = {}
    for example in examples:
        found.setdefault(example.task_type, example)
        if len(found) == n:
            break
    return list(found.values())


_USE = """## How to use it

```python
from datasets import load_dataset

train = load_dataset("path/to/this/folder", "triplets", split="train")
```

`SentenceTransformerTrainer` takes `triplets` as it is, for example with
`MultipleNegativesRankingLoss`."""

_LIMITS = """## Limits

The texts belong to the authors of the pages; `full` names each page's address. Queries and
judgements were made by machines and not checked by people: some positives answer only in part, and
some negatives may be relevant after all."""

_CITATION = (
    "## Citation\n\n"
    "The recipe: Lee et al., "
    "*Gecko: Versatile Text Embeddings Distilled from Large Language Models*, "
    "arXiv 2403.20327, 2024."
)


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _fence(text: str) -> str:
    """Fence text from pages as code, with more backticks than it holds: nothing in it is markup."""
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 3)
    return f"{ticks}json\n{text}\n{ticks}"


def _code(text: str) -> str:
    """Show a name from the user's file as code."""
    return f"`{text.replace('`', '')}`"
