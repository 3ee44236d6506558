"""What the formats of retrieval sets share: their splits, and the two forms of their texts."""

from fret.dataset import format_anchor, format_passage
from fret.errors import UserError
from fret.export.base import Job
from fret.held_out import HeldOutQuery, list_held_out
from fret.records import Passage


def check_held_out(job: Job) -> list[str]:
    """Return the held-out splits that were chosen: all of them when none was named.

    Raises:
        UserError: the run holds nothing out, or another split was named.
    """
    there = list_held_out(job.run)
    if not there:
        raise UserError(
            "The run holds no queries out, and a retrieval set is made of them: set "
            "examples.splits (as {test: 0.05}), then `fret run PIPELINE --redo examples`."
        )
    if odd := [split for split in job.options.splits if split not in there]:
        raise UserError(
            f"A retrieval set is made of a held-out split, and {odd[0]} is none; there is "
            f"{', '.join(there)}."
        )
    return [split for split in there if not job.options.splits or split in job.options.splits]


def query_text(form: str, query: HeldOutQuery) -> str:
    """Return a query as the chosen form has it."""
    return format_anchor(query.task, query.text) if form == "gecko" else query.text


def passage_fields(form: str, passage: Passage) -> tuple[str, str]:
    """Return title and text of a passage; in Gecko's form the title is in the text.

    Readers join both by a blank and strip the whole, so that an empty title changes nothing.
    """
    if form == "gecko":
        return "", format_passage(passage.full_title, passage.text)
    return passage.full_title, passage.text
