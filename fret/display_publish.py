"""What the command line shows of publishing. Part of the command line.

Names of files in a repository of the Hub are hostile, as in `fret.display`.
"""

from rich.text import Text

from fret.display_layout import make_table, print_table
from fret.display_progress import say_size
from fret.figures import count
from fret.publish import Plan, Published
from fret.terminal import clean, err, out

# Of files that are not fret's: more than these are counted.
_LISTED = 10


def print_plan(plan: Plan, url: str) -> None:
    """Show what would be sent and removed, and what is against it; nothing was done."""
    out.print(f"{url}: {_describe_repo(plan)}", markup=False, soft_wrap=True)
    table = make_table("file", ">size", "", wraps={"file": 24, "": 13})
    for file in plan.files:
        state = "there already" if file.is_there else "to send"
        table.add_row(Text(clean(file.name)), say_size(file.size), state)
    for name in plan.deleted:
        table.add_row(Text(clean(name)), "", "to remove: of an earlier revision")
    print_table(table)
    _say(
        f"{len(plan.to_send)} of {count(len(plan.files), 'file')} to send, "
        f"{say_size(plan.size_to_send)} of "
        f"{say_size(plan.size)}; {len(plan.deleted)} to remove. What an interrupted attempt left "
        "on the Hub is not sent again."
    )
    if plan.stay:
        more = f" and {len(plan.stay) - _LISTED} more" if len(plan.stay) > _LISTED else ""
        _say(f"Not fret's, and left as they are: {', '.join(plan.stay[:_LISTED])}{more}.")
    commit = f"One commit, {plan.message!r}" if plan.changes else "No commit"
    _say(f"{commit}; tag {plan.tag}{_describe_tag(plan)}.")
    for note in plan.notes:
        _warn(note)
    if plan.refusals:
        err.print(Text("This is against it:", style="bold red"))
        for refusal in plan.refusals:
            err.print(Text(f"  - {clean(refusal)}"), soft_wrap=True)
    _say("Nothing was sent.")


def print_published(done: Published, *, quiet: bool) -> None:
    """Show where the dataset is now, and how to load it."""
    plan = done.plan
    for note in plan.notes:
        _warn(note)
    who = "private" if plan.private else "public"
    what = "published" if done.is_new else "there already"
    if not quiet:
        sent = f"{count(len(plan.to_send), 'file')} ({say_size(plan.size_to_send)})"
        _say(
            f"Verified: {count(len(plan.files), 'file')} by size and hash, "
            f"{count(done.rows, 'row')} over all "
            f"configs. New in this revision: {sent if done.is_new else 'nothing'}; "
            f"removed: {len(plan.deleted)}."
        )
        _say(f'load_dataset("{plan.repo}", "triplets", revision="{plan.tag}")')
    _say(f"{done.url}: {what}, {who}, commit {(done.commit or '')[:12]}, tag {plan.tag}.")


def _describe_repo(plan: Plan) -> str:
    who = "private" if plan.private else "public"
    if plan.exists is None:
        return f"not looked at; if it is new, it will be {who}"
    return f"there, {who}" if plan.exists else f"new, will be {who}"


def _describe_tag(plan: Plan) -> str:
    if plan.tagged is None:
        return ""
    is_there = plan.tagged == plan.head and not plan.changes
    return ", there already" if is_there else f", moved from commit {plan.tagged[:12]}"


def _warn(message: str) -> None:
    err.print(Text.assemble(("Note: ", "yellow"), clean(message)), soft_wrap=True)


def _say(text: str) -> None:
    out.print(clean(text), markup=False, soft_wrap=True)
