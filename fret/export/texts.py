"""The two forms in which a query and a passage can be written as one text each."""

import re

from fret.dataset import format_anchor, format_passage
from fret.records import Example

FORMS = ("gecko", "plain")

# What ends a field or a line for any reader of tables: Python's own splitlines() goes by all of
# these, Java's readLine() by two.
_BREAKS = re.compile(r"[ ]*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+[ ]*")


def write_query(form: str, example: Example) -> str:
    """Return the query of an example as one text."""
    return format_anchor(example.task, example.query) if form == "gecko" else example.query


def write_passage(form: str, title: str, text: str) -> str:
    """Return a passage as one text; `plain` joins title and text as BEIR, MTEB and Tevatron do."""
    if form == "gecko":
        return format_passage(title, text)
    return f"{title} {text}" if title else text


def on_one_line(text: str) -> str:
    """Return a text that fits into one field of a table: tabs and ends of lines become blanks."""
    return _BREAKS.sub(" ", text).strip(" ")
