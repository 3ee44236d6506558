"""What a page says of itself: title, address, date, site, licence."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlsplit

# A title of megabytes is no title; pages are hostile.
_LONGEST = 1000
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Each is empty where the page does not say."""

    title: str
    url: str
    """The page's own idea of its address."""
    date: str
    """Publication as YYYY-MM-DD."""
    site: str
    """The site's name, or else its host."""
    licence: str


def read_metadata(tree: Any, url: str) -> Metadata:
    """Read what the head, JSON-LD and links of a page say, with trafilatura's rules.

    These are the steps of `trafilatura.extract_metadata` without those for authors, categories and
    tags, which nobody asks for here and which take most of its time.

    Args:
        tree: the page as lxml parsed it; left as it is.
        url: where the page was found; empty when unknown.
    """
    from trafilatura import metadata

    found = metadata.examine_meta(tree)
    try:
        found = metadata.extract_meta_json(tree, found)
    except MemoryError:
        raise
    except Exception:  # JSON-LD of any shape at all; what the page says elsewhere still counts
        found.sitename = found.sitename if isinstance(found.sitename, str) else None
    address = _clean(found.url or metadata.extract_url(tree, url or None))
    return Metadata(
        title=_clean(found.title or metadata.extract_title(tree)),
        url=address,
        date=_find_date(tree, address or url),
        site=_name_site(_clean(found.sitename or metadata.extract_sitename(tree)), address or url),
        licence=_clean(metadata.extract_license(tree)),
    )


def _find_date(tree: Any, url: str) -> str:
    from htmldate import find_date

    today = datetime.now(UTC).strftime("%Y-%m-%d")
    found = find_date(tree, original_date=True, extensive_search=True, max_date=today, url=url)
    return found if found and _DATE.fullmatch(found) else ""


def _name_site(name: str, url: str) -> str:
    """Return a site's name, without the sign of a user of a social network; or else its host."""
    name = name.lstrip("@")
    if name.startswith(("http://", "https://")):
        url, name = name, ""
    if not name:
        return _host(url)
    return name if "." in name or name[0].isupper() else name.title()


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _clean(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    return " ".join(unescape(text[: _LONGEST * 2]).split())[:_LONGEST]
