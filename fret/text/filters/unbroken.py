"""Text that nobody reads: base64, minified code, keys, lists of long addresses."""

import re

from fret.reasons import Reason
from fret.text.filters.fault import Fault

# Longer than words of any language that puts spaces between them. ASCII alone: other scripts may
# put none.
_LONGEST_WORD = 60
_RUN = re.compile(rf"[!-~]{{{_LONGEST_WORD + 1},}}")
_MOST = 0.5


def check_unbroken(text: str) -> Fault | None:
    """Say that more than half of a passage is in signs that no space parts, so no sentences."""
    n_unbroken = sum(match.end() - match.start() for match in _RUN.finditer(text))
    share = n_unbroken / max(1, len(text))
    if share <= _MOST:
        return None
    what = f"{share:.2f} of it is in runs of over {_LONGEST_WORD} signs without a space"
    return Fault(Reason.UNBROKEN_SIGNS, f"{what}, more than {_MOST:.2f}: {text[:40]}…")
