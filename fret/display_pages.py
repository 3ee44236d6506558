"""Pages and passages to read. Part of the command line; their text is hostile and goes through
`clean`."""

from rich.text import Text

from fret.display_layout import print_facts, print_head, print_line, print_text, shorten_id
from fret.display_marks import mark
from fret.figures import count
from fret.records import Page, Passage
from fret.retrieval.query_words import QueryWords
from fret.terminal import clean

_NO_WORDS = QueryWords()


def print_page(page: Page, *, whole: bool) -> None:
    """Show a page: where it is from, then its text with its lines."""
    print_head(page.id, (page.language, page.date, count(len(page.text.split()), "word")))
    print_line(Text(clean(page.title or "no title"), style="bold"), 2)
    facts = [("url", page.url), ("source", page.source), ("licence", page.licence)]
    print_facts([*facts, ("site", page.site), ("source id", page.source_id)] if whole else facts)
    print_text(mark(_NO_WORDS, page.text), whole=whole, record_id=page.id)


def print_passage(passage: Passage, *, whole: bool) -> None:
    """Show a passage: the headings that it stands under, its place, then its text."""
    place = f"passage {passage.position + 1} of page {shorten_id(passage.page_id)}"
    print_head(passage.id, (passage.language, f"size {passage.n_tokens}", place))
    print_line(Text(clean(passage.full_title or "no title"), style="bold"), 2)
    facts = [("url", passage.url)]
    print_facts([*facts, ("page", passage.page_id)] if whole else facts)
    print_text(mark(_NO_WORDS, passage.text), whole=whole, record_id=passage.id)


def print_marked_passage(
    label: Text, passage: tuple[str, str], words: QueryWords, *, record_id: str = ""
) -> None:
    """Show a passage of a query: a line that says what it is, title and text with marked words.

    Args:
        record_id: where a long text is cut, the row that has all of it; empty for the whole text.
    """
    title, text = passage
    print_line(label, 0)
    if title:
        print_line(mark(words, title, style="bold"), 2)
    print_text(mark(words, text), whole=not record_id, record_id=record_id)
