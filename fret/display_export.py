"""What `fret export` shows: the files, and what the format could not hold.

Part of the command line.
"""

from collections.abc import Mapping

from fret.export import Exported
from fret.figures import count
from fret.terminal import clean, out


def print_exported(exported: Exported) -> None:
    """Show the files with their rows, then what is not in them, by reason."""
    for name, n in exported.files.items():
        out.print(f"{n:>9}  {clean(name)}", markup=False, soft_wrap=True)
    n_left_out = sum(exported.left_out.values())
    out.print(
        f"{exported.n_read - n_left_out} of {count(exported.n_read, 'example')} in "
        f"{exported.folder} for {exported.format}",
        markup=False,
        soft_wrap=True,
    )
    _print_counts("left out, as the format cannot hold them:", exported.left_out)
    _print_counts("not held, or not as it was, of the others:", exported.not_held)
    out.print(f"How they are read: {exported.folder / 'README.md'}", markup=False, soft_wrap=True)


def _print_counts(head: str, counts: Mapping[str, int]) -> None:
    if counts:
        out.print(head, style="yellow")
        for what, n in counts.items():
            out.print(f"{n:>9}  {clean(what)}", markup=False, soft_wrap=True)
