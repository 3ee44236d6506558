"""Whether a query is in the language it should be in.

Scripts tell first; identification of a language is believed for long texts only, and where it is
sure: on a few words it is often wrong.
"""

from functools import cache
from typing import Any

from fret.checks import Fault
from fret.language.script import find_script
from fret.reasons import Reason

_SCRIPTS = {
    "LATIN": "en de fr es it nl pt sv no da nb nn fi pl cs sk sl hr ro hu tr vi id ms et lv lt ca "
    "gl eu sq is ga cy af sw tl",
    "CYRILLIC": "ru uk bg be mk kk ky mn sr",
    "CJK": "zh ja",
    "ARABIC": "ar fa ur ps",
    "GREEK": "el",
    "HEBREW": "he yi",
    "HANGUL": "ko",
    "THAI": "th",
    "DEVANAGARI": "hi mr ne",
    "BENGALI": "bn as",
    "TAMIL": "ta",
    "TELUGU": "te",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am ti",
    "KHMER": "km",
    "LAO": "lo",
    "MYANMAR": "my",
}
# Serbian is written in either; more than one script is right.
_SCRIPTS_OF: dict[str, set[str]] = {"sr": {"LATIN"}, "kk": {"LATIN"}}
for _script, _codes in _SCRIPTS.items():
    for _code in _codes.split():
        _SCRIPTS_OF.setdefault(_code, set()).add(_script)
# Neighbours that identification mixes up, or that are one language by another name.
_KIN = (
    {"no", "nb", "nn", "da", "sv"},
    {"es", "gl", "ca", "pt", "an", "oc"},
    {"hr", "sr", "bs", "sl"},
    {"id", "ms"},
    {"cs", "sk"},
    {"ru", "uk", "be", "bg", "mk"},
    {"nl", "af"},
    {"fr", "oc", "wa"},
    {"de", "lb"},
    {"it", "co"},
)


@cache
def _load_identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify_language(text: str) -> tuple[str, float]:
    """Return the likeliest language of a text, and its probability as py3langid gives it."""
    language, probability = _load_identifier().classify(text.lower())
    return str(language), float(probability)


def check_language(
    query: str, passage: str, *, language: str, min_letters: int, confidence: float
) -> Fault | None:
    """Find a query in another script, or for sure in another language.

    Args:
        language: the one it should be in; where it is empty, or one whose script fret does not
            know, the passage's script counts.
        min_letters: shorter queries are judged by script alone.
        confidence: probability from which identification is believed.
    """
    ours, wanted = find_script(query), _SCRIPTS_OF.get(language) or {find_script(passage)} - {""}
    if ours and wanted and ours not in wanted:
        detail = f"in {ours} letters, not in {' or '.join(sorted(wanted))}: {query[:80]!r}"
        return Fault(Reason.WRONG_LANGUAGE, detail)
    if not language or sum(map(str.isalpha, query)) < min_letters:
        return None
    found, probability = identify_language(query)
    related = any({found, language} <= kin for kin in _KIN)
    if found == language or related or probability < confidence:
        return None
    return Fault(Reason.WRONG_LANGUAGE, f"in {found}, not in {language}: {query[:80]!r}")
