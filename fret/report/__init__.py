"""fret report: one page on which a reader who did not make the run sees what its dataset is.

    run ─► source (manifests, one pass over the examples) ─► charts, tables, checks ─► report.html
                                                         └─► a sample to read          pictures/

Memory is bounded whatever the number of examples: counts, and samples drawn by hash. Equal runs
give equal files.
"""

from fret.report.page import write_report
from fret.report.pictures import Picture

__all__ = ["Picture", "write_report"]
