"""The card of a trained model: README.md with front matter, from the manifests of its stages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fret.config.training import TrainingSettings


def write_card(
    folder: Path, settings: TrainingSettings, stages: Sequence[Mapping[str, Any]]
) -> None:
    """Write the card of a model folder.

    Args:
        stages: the manifest of each stage, in order.
    """
    front = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "feature-extraction", "sentence-similarity", "fret"],
    }
    head = yaml.safe_dump(front, sort_keys=False)
    sections = [
        f"# {settings.name}",
        _describe(settings),
        _list_stages(stages),
        _show_use(settings),
    ]
    (folder / "README.md").write_text(f"---\n{head}---\n\n" + "\n\n".join(sections) + "\n", "utf-8")


def _describe(settings: TrainingSettings) -> str:
    base = Path(settings.base).name if Path(settings.base).is_dir() else settings.base
    return f"An embedding model, trained from `{base}` with fret."


def _list_stages(stages: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "## Training",
        "",
        "| stage | rows | steps | loss | seconds |",
        "|---|---|---|---|---|",
    ]
    for manifest in stages:
        rows = " + ".join(map(str, manifest["rows"]))
        loss = manifest["identity"]["stage"]["loss"]["kind"]
        lines.append(
            f"| {manifest['stage']} | {rows} | {manifest['steps']} | {loss} | "
            f"{manifest['seconds']} |"
        )
    return "\n".join(lines)


def _show_use(settings: TrainingSettings) -> str:
    return f"""## Use

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{settings.name}")
queries = model.encode_query(["how to descale a kettle"])
passages = model.encode_document(["Fill it with equal parts of vinegar and water."])
model.similarity(queries, passages)
```

Queries were written `{settings.format.query}`, passages `{settings.format.passage}`."""
