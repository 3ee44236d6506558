"""Where the files that come with fret lie: prompts, recipes and the sample pages."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped_root() -> Path:
    """Return the folder of `prompts/`, `pipelines/` and `data/`: in the wheel, or the checkout."""
    inside = _PACKAGE / "shipped"
    return inside if inside.is_dir() else _PACKAGE.parent


def find_file(path: str, *, beside: Path | None = None) -> Path | None:
    """Find a file or folder.

    Looked for from the current folder, then beside the pipeline file, then among the shipped ones.
    """
    folders = [Path(), *([beside] if beside else []), shipped_root()]
    return next((found for folder in folders if (found := folder / path).exists()), None)


_TRAINING = "train_"


def recipes() -> dict[str, Path]:
    """Return the shipped pipeline files by name."""
    return {name: path for name, path in _list_files().items() if not name.startswith(_TRAINING)}


def training_recipes() -> dict[str, Path]:
    """Return the shipped training files by name."""
    return {name: path for name, path in _list_files().items() if name.startswith(_TRAINING)}


def _list_files() -> dict[str, Path]:
    return {file.stem: file for file in sorted((shipped_root() / "pipelines").glob("*.yaml"))}
