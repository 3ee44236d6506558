"""The dataset folder: what would be published, and what trainers load."""

from fret.dataset.build import build_dataset, identify_dataset, list_files
from fret.dataset.rows import format_anchor, format_passage

__all__ = ["build_dataset", "format_anchor", "format_passage", "identify_dataset", "list_files"]
