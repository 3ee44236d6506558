"""The main text of a page as light Markdown, by trafilatura or by resiliparse."""

import re
from typing import Any, Literal

from fret.text.structure import is_code, number_items, render_blocks

Focus = Literal["balanced", "precision", "recall"]

# Less than the longest passage by default (200 words) is little for a whole page: then a precise
# extraction may have taken the article for boilerplate.
_LITTLE_TEXT = 1000
_CLEARLY_LONGER = 2
_CELLS_APART = "\t\t"


def find_text(tree: Any, url: str, focus: Focus) -> str:
    """Find the main text by trafilatura (Barbaresi 2021), without the comments of readers.

    `balanced` is its precise mode, and where that finds little, its own balanced mode if that
    finds over twice as much: of its modes the precise one is best on articles, yet it now and then
    loses nearly all of one (figures: tests/benchmarks/extraction.py).

    Args:
        tree: the page as lxml parsed it; left as it is.
        url: where the page was found; empty when unknown.
    """
    if focus != "balanced":
        return _run_trafilatura(tree, url, focus)
    text = _run_trafilatura(tree, url, "precision")
    if len(text) >= _LITTLE_TEXT:
        return text
    other = _run_trafilatura(tree, url, "balanced")
    return other if len(other) > _CLEARLY_LONGER * len(text) else text


def _run_trafilatura(tree: Any, url: str, focus: Focus) -> str:
    from trafilatura import bare_extraction

    document: Any = bare_extraction(
        tree,
        url=url or None,
        # Only the tree is wanted: this format makes no text of it.
        output_format="txt",
        include_comments=False,
        favor_precision=focus == "precision",
        favor_recall=focus == "recall",
    )
    if document is None:
        return ""
    _part_lines(document.body)
    return render_blocks(document.body)


def _part_lines(body: Any) -> None:
    """Make paragraphs of the lines of a body that is one paragraph: trafilatura's last resort."""
    if len(body) != 1 or body[0].tag != "p" or len(body[0]) or "\n" not in (body[0].text or ""):
        return
    lines = body[0].text.split("\n")
    body[0].text = lines[0]
    for line in lines[1:]:
        body.append(body.makeelement("p"))
        body[-1].text = line


def mark_preformatted(tree: Any) -> None:
    """Tell code from prose that is preformatted, so that the line breaks of both stay.

    Code gets the attribute by which trafilatura knows it; prose becomes a paragraph with breaks.
    """
    for element in tree.iter("pre"):
        if len(element) or is_code(element.text or ""):
            element.set("lang", "code")
        else:
            first, *others = (element.text or "").split("\n")
            element.tag = "p"
            element.text = first
            for line in others:
                element.append(element.makeelement("br"))
                element[-1].tail = line


def find_text_fast(html: str) -> str:
    """Find the main text by resiliparse (Bevendorff et al. 2018), without the comments of readers.

    Rows of tables come from it as lines whose cells two tabs part; all that is preformatted is
    code here, for it does not say which holds a <code>.
    """
    from lxml.html import document_fromstring
    from resiliparse.extract.html2text import extract_plain_text

    blocks = extract_plain_text(
        html,
        main_content=True,
        preserve_formatting="minimal_html",
        alt_texts=False,
        comments=False,
        post_meta=False,
    )
    if not blocks.strip():
        return ""
    body = document_fromstring(f"<html><body>{_mark_rows(blocks)}</body></html>").find("body")
    number_items(body)
    for element in body.iter():
        _rename(element)
    return render_blocks(body)


def _mark_rows(blocks: str) -> str:
    """Put rows of tables and lines outside of elements into elements of their own."""
    pieces = re.split(r"(<pre>.*?</pre>)", blocks, flags=re.DOTALL)
    return "".join(
        piece if piece.startswith("<pre>") else "\n".join(map(_mark_row, piece.split("\n")))
        for piece in pieces
    )


def _mark_row(line: str) -> str:
    if _CELLS_APART in line and not line.startswith("<"):
        return f"<row><cell>{'</cell><cell>'.join(line.split(_CELLS_APART))}</cell></row>"
    return line


def _rename(element: Any) -> None:
    tag = element.tag
    if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
        element.set("rend", tag)
        element.tag = "head"
    elif tag in {"ul", "ol"}:
        element.tag = "list"
    elif tag == "li":
        element.tag = "item"
    elif tag == "pre":
        element.tag = "code"
