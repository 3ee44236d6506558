"""Which pages are fit to be split, and which of their lines: one module for each family of rules.

Gopher    quality and repetition        Rae et al. 2021, arXiv 2112.11446, table A1
C4        lines and pages               Raffel et al. 2020, JMLR 21(140), section 2.2
FineWeb   how lines end, short lines    Penedo et al. 2024, arXiv 2406.17557, section 3.6
"""

from fret.text.filters.domains import BlockedDomains, read_domains
from fret.text.filters.fault import Fault
from fret.text.filters.pages import PageRules, Refined, refine_page
from fret.text.filters.repeated_lines import SiteLines
from fret.text.filters.unbroken import check_unbroken

__all__ = [
    "BlockedDomains",
    "Fault",
    "PageRules",
    "Refined",
    "SiteLines",
    "check_unbroken",
    "read_domains",
    "refine_page",
]
