"""Whether the Hub is likely to know a licence."""

# The Hub has its own list, which no library holds: SPDX ids in small letters, some of them without
# their version (`odc-by`), and besides these two the names of some models' licences.
_OF_THE_HUB = {"other", "unknown"}
_VERSIONS = ("", "-1.0", "-2.0", "-3.0", "-4.0")


def doubt_licence(licence: str) -> str:
    """Say why the Hub may not know a licence; empty where there is no reason to doubt."""
    if licence in _OF_THE_HUB:
        return ""
    known = any(_is_spdx(f"{licence}{version}") for version in _VERSIONS)
    if known and licence == licence.lower():
        return ""
    what = f"write it in small letters: {licence.lower()}" if known else "it is no SPDX id"
    return (
        f"The Hub may not know the licence {licence!r}, and refuse the card: {what}. It takes SPDX "
        "ids in small letters (as cc-by-4.0), `other`, and some of its own: "
        "https://huggingface.co/docs/hub/repositories-licenses"
    )


def _is_spdx(text: str) -> bool:
    """Whether a text is one SPDX id: no expression of several, no reference to a text."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if " " in text or "(" in text or text.lower().startswith("licenseref-"):
        return False
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True
