"""Which script a text is in."""

import unicodedata
from collections import Counter

# Japanese mixes three scripts, and Chinese is one of them.
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def find_script(text: str) -> str:
    """Return the script of most letters of a text, as Unicode names it; empty for too few."""
    letters = [c for c in text[:2000] if c.isalpha()]
    names = Counter(unicodedata.name(c, "").split(" ")[0] for c in letters)
    scripts: Counter[str] = Counter()
    for name, n in names.items():
        scripts[_TOGETHER.get(name, name)] += n
    if not scripts:
        return ""
    script, n = scripts.most_common(1)[0]
    # A formula or a name in other letters is no language.
    return script if n >= 3 and n > len(letters) / 2 else ""
