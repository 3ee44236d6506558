"""Links that a site puts to its headings: to the heading itself, and to a form that edits it.

They are no part of what the heading says, and stand at it as `¶`, `#`, `[edit]` or `Permalink`.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# Where MediaWiki, and engines that learned from it, keep what edits a section.
_EDIT_CLASS = re.compile(r"(^|\s)(mw-)?editsection(\s|$)")
# By where a link leads, for its words are in the page's language.
_EDIT_ADDRESS = re.compile(r"[?&](ve)?action=edit\b|[?&]do=edit\b|/edit(/|[?#]|$)|[?&]edit=")
# Sphinx, MkDocs, Docusaurus, VitePress, GitHub, AnchorJS, Jupyter and others.
_ANCHOR_CLASS = re.compile(
    r"(^|[\s_-])(headerlink|header-?link|hash-?link|header-?anchor|heading-?anchor|heading-?link"
    r"|anchor-?link|anchorjs-link|perma-?link|anchor)([\s_-]|$)",
    re.IGNORECASE,
)
_ANCHOR_WORDS = re.compile(r"perma(nent )?-?link|(direct )?link to |copy link", re.IGNORECASE)
# Of one section; MediaWiki has two, for the text and for its source.
_MOST_EDITORS = 4
_OPENED, _CLOSED = (
    re.compile(r"\s*[\[(\uff08\uff3b\u3010]\s*$"),
    re.compile(r"^\s*[\])\uff09\uff3d\u3011]"),
)


def drop_heading_links(tree: Any) -> bool:
    """Remove such links from a page, within headings and directly beside them.

    A link that is all that a heading says stays.

    Returns:
        Whether there were any.
    """
    found = False
    for heading in list(tree.iter(*_HEADINGS)):
        inside = list(_find_inside(heading))
        if inside and _count_letters(heading) > sum(map(_count_letters, inside)):
            for element in inside:
                _drop(element)
            found = True
        for element in list(_find_beside(heading)):
            _drop(element)
            found = True
    return found


def _find_inside(heading: Any) -> Iterator[Any]:
    """Yield the elements within a heading that are such links, none within another."""
    taken: set[Any] = set()
    for element in heading.iterdescendants():
        if not isinstance(element.tag, str) or not taken.isdisjoint(element.iterancestors()):
            continue
        if _is_edit(element) or _is_anchor(element):
            taken.add(element)
            yield element


def _find_beside(heading: Any) -> Iterator[Any]:
    """Yield such links that stand before or behind a heading, as newer MediaWiki has them."""
    for element in (heading.getprevious(), heading.getnext()):
        if element is not None and isinstance(element.tag, str):
            is_link = element.tag in {"a", "span"} and (_is_edit(element) or _is_anchor(element))
            if is_link and not (element.tail or "").strip():
                yield element


def _is_edit(element: Any) -> bool:
    if _EDIT_CLASS.search(element.get("class") or ""):
        return True
    if element.find(".//a") is None and element.tag != "a":
        return False
    links = list(islice(element.iter("a"), _MOST_EDITORS + 1))
    if len(links) > _MOST_EDITORS or not all(_EDIT_ADDRESS.search(_address(a)) for a in links):
        return False
    text = "".join(element.itertext()).strip()
    has_brackets = _OPENED.match(text[:1]) and _CLOSED.match(text[-1:])
    return bool(has_brackets or _is_in_brackets(element))


def _address(link: Any) -> str:
    return str(link.get("href") or "")


def _is_in_brackets(element: Any) -> bool:
    return bool(_OPENED.search(_text_before(element)) and _CLOSED.search(element.tail or ""))


def _text_before(element: Any) -> str:
    before = element.getprevious()
    return str((element.getparent().text if before is None else before.tail) or "")


def _is_anchor(element: Any) -> bool:
    if element.tag != "a" or "#" not in _address(element):
        return False
    text = "".join(element.itertext())
    if not any(map(str.isalnum, text)):
        return True
    told = " ".join((text, element.get("aria-label") or "", element.get("title") or ""))
    return bool(_ANCHOR_CLASS.search(element.get("class") or "") and _ANCHOR_WORDS.search(told))


def _count_letters(element: Any) -> int:
    return sum(map(str.isalnum, "".join(element.itertext())))


def _drop(element: Any) -> None:
    """Remove an element, and the brackets around it; what stands behind it stays."""
    parent, before = element.getparent(), element.getprevious()
    text, tail = _text_before(element), element.tail or ""
    if _is_in_brackets(element):
        text, tail = _OPENED.sub("", text), _CLOSED.sub("", tail)
    parent.remove(element)
    if before is None:
        parent.text = text + tail
    else:
        before.tail = text + tail
