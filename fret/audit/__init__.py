"""fret audit: people mark a blind sample of examples in a page, and their marks are scored.

    run ─► sample ─► page.html + key.json ─► (a person, a browser) ─► marks.json ─► score

The page says nothing of what a passage is; the key does, and stays with the run. `write_audit`
makes both, `score_marks` joins them again.
"""

from fret.audit.page import Audit, write_audit
from fret.audit.report import Report
from fret.audit.score import score_marks

__all__ = ["Audit", "Report", "score_marks", "write_audit"]
