"""Words in any script, and where characters that belong together may not be parted."""

import re
from collections.abc import Sequence

# Characters of scripts that put no spaces between words: CJK, kana, Thai, Lao, Burmese, Khmer.
NO_SPACES = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# Vowel signs and accents in those scripts: part of the character before them.
_NO_SPACES_MARKS = (
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e"
    r"\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a"
)
# And in the others, which Python's \w leaves out: accents, Hebrew and Arabic points, Indic scripts.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    r"\u0670\u0900-\u0963\u0966-\u0df3"
)
_LETTER = rf"[^\W{NO_SPACES}]"
WORD_PATTERN = re.compile(
    rf"[{NO_SPACES}][{_NO_SPACES_MARKS}]*|{_LETTER}{{1,40}}(?:(?:[{_MARKS}]+|['’](?={_LETTER})){_LETTER}{{0,40}})*"
)


def count_words(text: str) -> int:
    """Count words; a character of a script without spaces counts as one."""
    return len(WORD_PATTERN.findall(text))


def count_each(texts: Sequence[str]) -> list[int]:
    """Count the words of each text: the measure of `split_text` where no tokenizer is named."""
    return [count_words(text) for text in texts]
