"""What the command line shows of language models: abilities, estimates, costs, the answer store.

Part of the command line. Names of models and words of servers are hostile, as in `fret.display`.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rich.text import Text

from fret.config import BudgetSettings
from fret.display_layout import make_table, print_table
from fret.estimate import Ahead
from fret.figures import count
from fret.llm.batch import Status
from fret.llm.findings import Finding
from fret.llm.stored import Spent
from fret.llm.upkeep import Stats
from fret.next_command import fill_in
from fret.terminal import clean, out


def print_findings(found: Iterable[tuple[str, list[Finding]]]) -> bool:
    """Show what each model can do, as it is found.

    Returns:
        Whether all is there that the pipeline needs.
    """
    well = True
    table = make_table("model", "asked for", "way", "verdict", wraps={"model": 10, "verdict": 30})
    for model, findings in found:
        for finding in findings:
            well &= finding.works
            verdict = "works" if finding.works else "DOES NOT WORK"
            table.add_row(
                Text(clean(model)),
                finding.kind,
                finding.way or "-",
                Text(clean(f"{verdict}: {finding.detail}"), style="" if finding.works else "red"),
            )
    if table.row_count:
        print_table(table)
    return well


def print_estimate(ahead: list[Ahead], budget: BudgetSettings | None) -> None:
    """Show what is still to be sent, by stage and model."""
    if not ahead:
        out.print("No language model is asked any more: every stage that asks one is done.")
        return
    table = make_table(
        *("stage", "model", ">requests", ">stored", ">tokens in", ">tokens out", ">USD"),
        wraps={"model": 10},
    )
    for part in ahead:
        cost = part.cost()
        table.add_row(
            part.stage,
            Text(clean(part.name)),
            f"{'about ' if part.guessed else ''}{part.requests}",
            str(part.stored),
            f"{part.low.input_tokens} - {part.high.input_tokens}",
            f"{part.low.output_tokens} - {part.high.output_tokens}",
            "no price" if cost is None else f"{cost[0]:.4f} - {cost[1]:.4f}",
        )
    print_table(table)
    if any(part.guessed for part in ahead):
        out.print(
            "`about`: as many queries as passages allow, before any is written; for the exact "
            f"number: {fill_in('fret run PIPELINE queries candidates')}",
            markup=False,
            soft_wrap=True,
        )
    if any(part.price is None for part in ahead):
        out.print("In all: no sum, for not every model has a `price`.")
        return
    low, high = _sum_costs(ahead, "live")
    out.print(f"In all {low:.4f} - {high:.4f} USD{_compare(high, budget)}.")
    if any(part.price and part.price.batch != 1 for part in ahead):
        low, high = _sum_costs(ahead, "batch")
        out.print(f"With --lane batch {low:.4f} - {high:.4f} USD{_compare(high, budget)}.")


def _sum_costs(ahead: list[Ahead], lane: str) -> tuple[float, float]:
    costs = [cost for part in ahead if (cost := part.cost(lane)) is not None]
    return sum(cost[0] for cost in costs), sum(cost[1] for cost in costs)


def _compare(high: float, budget: BudgetSettings | None) -> str:
    if budget is None:
        return ""
    return (
        f", within the budget of {budget.usd:.2f}"
        if high <= budget.usd
        else (f"; the budget of {budget.usd:.2f} may not be enough")
    )


def describe_spent(spent: Iterable[tuple[Spent, float | None]]) -> Iterable[str]:
    """Say what a run has had from each model, over all its processes."""
    for part, cost in spent:
        usage, source = part.usage, part.source
        money = "no price" if cost is None else f"{cost:.4f} USD"
        text = (
            f"spent on {clean(source.model)} ({source.lane}): {count(part.answers, 'answer')}, "
            f"{count(usage.input_tokens, 'token')} in ({usage.cached_tokens} cached), "
            f"{usage.output_tokens} out, {money}"
        )
        if part.unknown:
            unknown = count(part.unknown, "request")
            text += f"; {unknown} of unknown outcome, which may have been paid too"
        yield text


def print_batches(statuses: list[Status]) -> None:
    """Show the batches that are out."""
    if not statuses:
        out.print("No batch is out.")
        return
    table = make_table(
        *("model", "batch", "state", ">requests", ">done", ">failed", "since", ""),
        wraps={"model": 10, "": 16},
    )
    for status in statuses:
        table.add_row(
            Text(clean(status.name)),
            Text(clean(status.batch_id or "-")),
            Text(clean(status.state)),
            *(str(n) for n in (status.n, status.n_done, status.n_failed)),
            datetime.fromtimestamp(status.created).strftime("%Y-%m-%d %H:%M"),
            Text(clean(status.detail)),
        )
    print_table(table)


def print_stats(path: Path, stats: Stats) -> None:
    """Show what an answer store holds."""
    out.print(f"{path}: {stats.size / 1e6:.1f} MB", markup=False, soft_wrap=True)
    table = make_table(
        *("server", "model", "kind", ">answers", ">unusable", ">MB"),
        wraps={"server": 10, "model": 10},
    )
    for group in stats.groups:
        table.add_row(
            Text(clean(group.server)),
            Text(clean(group.model)),
            group.kind,
            str(group.answers),
            str(group.failures),
            f"{group.bytes / 1e6:.1f}",
        )
    if stats.groups:
        print_table(table)
    else:
        out.print("It holds no answers yet.")
    for part in stats.spent:
        name = clean(part.source.run) or "(no run)"
        for line in describe_spent([(part, None)]):
            out.print(f"run {name}: {line.removesuffix(', no price')}", markup=False)
    if stats.waiting:
        out.print(f"Out by batch or file: {count(stats.waiting, 'request')}.")
