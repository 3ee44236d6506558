"""Examples in the formats that trainers and benchmarks read: one module per format.

examples ─► format ─► files, README.md and manifest.yaml in a folder that appears whole
"""

from fret.export.base import Options
from fret.export.run import FORMATS, Exported, export_run

__all__ = ["FORMATS", "Exported", "Options", "export_run"]
