"""The card of a trained model: README.md with front matter, from the manifests of its stages."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fret.config.training import MntpSettings, TrainingSettings, TrainingStage
from fret.config.training_data import DataSettings

CURVES = "curves.png"


def write_card(
    folder: Path,
    settings: TrainingSettings,
    stages: Sequence[Mapping[str, Any]],
    figures: Mapping[str, float],
) -> None:
    """Write the card of a model folder.

    Args:
        stages: the manifest of each stage, in order.
        figures: what was measured at the end.
    """
    front = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        **({"base_model": settings.base} if not Path(settings.base).exists() else {}),
        "tags": ["sentence-transformers", "feature-extraction", "sentence-similarity", "fret"],
    }
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    sections = [
        f"# {settings.name}",
        f"An embedding model, trained from {_code(_name(settings.base))} with fret.",
        _show_use(settings, needs_fret=_needs_fret(folder)),
        _list_stages(settings, stages),
        *_list_figures(figures),
        f"![Loss and figures over the steps]({CURVES})",
        "All settings are in `settings.json`.",
    ]
    (folder / "README.md").write_text(f"---\n{head}---\n\n" + "\n\n".join(sections) + "\n", "utf-8")


def _name(path: str) -> str:
    """Return what may be said of a path: of local ones, not where they lie."""
    local = Path(path)
    return "/".join(local.parts[-2:]) if local.is_absolute() or local.exists() else path


def _list_stages(settings: TrainingSettings, stages: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "## Training",
        "",
        "| stage | data (rows) | loss | batch | steps | learning rate |",
        "|---|---|---|---|---|---|",
    ]
    if settings.mntp:
        first, stages = stages[0], stages[1:]
        lines.append(_describe_mntp(settings.mntp, first))
    for stage, manifest in zip(settings.stages, stages, strict=True):
        data = ", ".join(
            f"{_describe_data(each)} ({rows})"
            for each, rows in zip(stage.data, manifest["rows"], strict=True)
        )
        lines.append(
            f"| {stage.name} | {data} | {_describe_loss(stage)} | {stage.batch_size} | "
            f"{manifest['steps']} | {stage.learning_rate:g} |"
        )
    return "\n".join(lines)


def _describe_mntp(how: MntpSettings, manifest: Mapping[str, Any]) -> str:
    return (
        f"| mntp | {_code(_name(how.path))} ({manifest['rows'][0]}) | masked next tokens, a share "
        f"of {how.mask_share:g} | {how.batch_size} | {manifest['steps']} | {how.learning_rate:g} |"
    )


def _describe_data(data: DataSettings) -> str:
    weight = f", weight {data.weight:g}" if data.weight != 1 else ""
    return f"{data.kind} {_code(_name(data.path))}{weight}"


def _describe_loss(stage: TrainingStage) -> str:
    loss = stage.loss
    if loss.kind != "gecko":
        return loss.name
    parts = ["Gecko", f"temperature {loss.temperature:g}"]
    parts += [] if loss.in_batch else ["no in-batch negatives"]
    parts += [] if loss.same_tower or not loss.in_batch else ["no same-tower negatives"]
    parts += ["shared hard negatives"] if loss.shared_negatives and loss.in_batch else []
    parts += [f"sizes {', '.join(map(str, stage.matryoshka))}"] if stage.matryoshka else []
    return ", ".join(parts)


def _list_figures(figures: Mapping[str, float]) -> Iterator[str]:
    if figures:
        lines = ["| measure | value |", "|---|---|"]
        lines += [f"| {_code(name)} | {value:.4f} |" for name, value in figures.items()]
        yield "## Measured\n\n" + "\n".join(lines)


def _needs_fret(folder: Path) -> bool:
    return '"fret.' in (folder / "modules.json").read_text("utf-8")


def _show_use(settings: TrainingSettings, *, needs_fret: bool) -> str:
    load = (
        "from fret.modules.build import load_model  # its modules are part of fret\n\n"
        'model = load_model("path/to/this/folder")'
        if needs_fret
        else "from sentence_transformers import SentenceTransformer\n\n"
        'model = SentenceTransformer("path/to/this/folder")'
    )
    return f"""## Use

```python
{load}
queries = model.encode_query(["how to descale a kettle"])
passages = model.encode_document(["Fill it with equal parts of vinegar and water."])
model.similarity(queries, passages)
```

Queries were written {_code(settings.format.query)}, passages {_code(settings.format.passage)};
`encode_query` and `encode_document` do so with the task {_code(settings.format.default_task)} and
no title."""


def _code(text: str) -> str:
    flat = text.replace("\n", "\\n").replace("|", "\\|").replace("`", "")
    return f"`{flat}`"
