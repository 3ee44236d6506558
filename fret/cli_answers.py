"""`fret answers`: what the answer store holds, pruning it, exporting it."""

from pathlib import Path
from typing import Annotated

import typer

from fret.cli_errors import report_errors
from fret.figures import count

app = typer.Typer(help="Look after the store of answers.", no_args_is_help=True)

StoreOption = Annotated[
    Path, typer.Option("--store", metavar="PATH", help="The answer store (`answers` in the file).")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Only of this model.")
]
RunOption = Annotated[
    str | None, typer.Option("--run", metavar="NAME", help="Only what this run asked for.")
]
BeforeOption = Annotated[
    str | None, typer.Option("--before", metavar="DATE", help="Only from before, as 2026-11-30.")
]
_STORE = Path("data/answers.sqlite")


@app.command()
def stats(store: StoreOption = _STORE) -> None:
    """Show what the store holds and what was spent."""
    from fret.display_llm import print_stats
    from fret.llm.upkeep import read_stats

    with report_errors():
        print_stats(store, read_stats(store))


@app.command()
def prune(
    store: StoreOption = _STORE,
    model: ModelOption = None,
    run: RunOption = None,
    before: BeforeOption = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="Only answers that could not be used.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove answers; what was spent stays counted. Without --yes it asks first."""
    from fret.errors import UserError
    from fret.llm import upkeep

    with report_errors():
        choice = upkeep.Choice(model=model, run=run, before=_parse_date(before))
        if not failures and choice == upkeep.Choice():
            raise UserError(
                "Say what to remove: --model, --run, --before or --failures. "
                "To remove everything, delete the file."
            )
        n = upkeep.count_chosen(store, choice, failures_only=failures)
        asked = f"Remove {count(n, 'answer')} from {store}? Asking them again costs what they cost."
        if n and not yes and not typer.confirm(asked):
            print("Nothing was removed.")
            return
        if not n:
            print(f"No answer in {store} fits that; `fret answers stats` shows what it holds.")
            return
        removed = upkeep.prune(store, choice, failures_only=failures)
        print(f"Removed {count(removed, 'answer')} from {store}.")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="A new .jsonl or .jsonl.gz file.")],
    store: StoreOption = _STORE,
    model: ModelOption = None,
    run: RunOption = None,
    before: BeforeOption = None,
) -> None:
    """Write answers, raw as they came, as JSON lines."""
    from fret.errors import UserError
    from fret.llm import upkeep

    with report_errors():
        if out.exists():
            raise UserError(f"{out} exists already; it was left as it is.")
        choice = upkeep.Choice(model=model, run=run, before=_parse_date(before))
        print(f"Wrote {count(upkeep.export(store, out, choice), 'answer')} to {out}.")


def _parse_date(text: str | None) -> float | None:
    from datetime import datetime

    from fret.errors import UserError

    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UserError(f"--before {text!r} is no date; write it as 2026-11-30.") from None
