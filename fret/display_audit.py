"""What the command line shows of an audit. Part of the command line.

Names of people and task types are hostile, as in `fret.display`.
"""

import shlex
from pathlib import Path

from rich.text import Text

from fret.audit import Audit, Report
from fret.audit.report import Person
from fret.audit.score import LEAST_OF_TYPE
from fret.audit.statistics import Agreement, Share
from fret.display_layout import make_table, print_table
from fret.figures import agree, count
from fret.terminal import clean, err, out

_SAYS = {
    "positives relevant": "positives that are relevant",
    "positives partly": "… partly",
    "further positives relevant": "further positives that are relevant",
    "negatives relevant": "negatives that are relevant (false negatives)",
    "negatives partly": "… partly",
    "positive above negative": "positive marked above the negative",
    "another candidate better": "another candidate above the positive",
    "seed better": "a seed that was not chosen above the positive",
    "seed worse": "… the positive above it",
    "queries nonsense": "queries that make no sense",
}
_KINDS = {
    "linear": "three marks, linear weights",
    "quadratic": "three marks, quadratic weights",
    "at least partly": "two marks: at least partly",
    "relevant": "two marks: relevant",
}


def print_audit(audit: Audit, wanted: int) -> None:
    """Show where the page and the key are, and what to do with them."""
    _say(
        f"{audit.page}: {audit.n_queries} of {count(audit.n_examples, 'example')}, "
        f"{count(audit.n_passages, 'passage')} to mark. Open it in a browser, or send it to "
        "someone; it needs no network."
    )
    _say(f"{audit.key}: what each passage is. Keep it from those who mark.")
    _say(f"Then score what they save: {shlex.join(['fret', 'audit', '--score'])} FILE...")
    if audit.n_queries < wanted:
        err.print(
            f"Note: {wanted} were asked for; the run has {count(audit.n_examples, 'example')}.",
            markup=False,
        )


def print_score(report: Report, json_file: Path | None) -> None:
    """Show the figures of each person, then how people agree."""
    for name, files in report.namesakes.items():
        err.print(
            f"Note: {clean(', '.join(files))} are all by {clean(name)!r} and count as "
            f"{len(files)} people. If they are one person's, name only the last one saved.",
            markup=False,
            soft_wrap=True,
        )
    for number, person in enumerate(report.people):
        if number:
            out.print()
        _print_person(report, person)
    for pair in report.between:
        out.print()
        out.print(Text(clean(f"{pair.first} and {pair.second}"), style="bold"))
        _print_kappas(pair.kappas)
    if json_file:
        _say(
            f"\nWrote {json_file}, with the notes and with the ids of queries to look at; "
            "see one with: fret show PIPELINE examples --id ID"
        )


def _print_person(report: Report, person: Person) -> None:
    out.print(Text(clean(person.name), style="bold"))
    _say(
        f"{person.n_queries} of {count(report.n_queries, 'query')} and {person.n_passages} of "
        f"{count(report.n_passages, 'passage')} of the audit {report.audit} (run "
        f"{clean(report.run)})"
        + _say_what_counts(person)
        + (f"; {person.n_skipped} skipped" if person.n_skipped else "")
        + (f"; {count(len(person.notes), 'note')}" if person.notes else "")
    )
    table = make_table("", ">share", ">95 %", ">of", wraps={"": 16})
    for name, share in person.shares.items():
        table.add_row(_SAYS[name], *_show_share(share))
    print_table(table)
    for judge in person.judges:
        by = f"{judge.scorer} ({judge.model})" if judge.model else judge.scorer
        out.print(Text(clean(f"\nThe judge {by} and {person.name}"), style="bold"))
        _print_kappas(judge.kappas)
    if person.judges:
        # Thakur et al. 2025 (RLHN, arXiv 2505.16967), 670 pairs.
        _say("For scale: GPT-4o and people 0.39, GPT-4o-mini and people 0.32 (RLHN).")
    else:
        scorers = ", ".join(map(clean, report.scorers))
        _say(
            f"Agreement with the judge: not available, for no scorer of this run grades ({scorers} "
            "only rank); a `relevance` scorer does."
        )
    _print_types(person)


def _say_what_counts(person: Person) -> str:
    if person.n_counting == person.n_passages:
        return ""
    return (
        f"; of these passages {person.n_counting} {agree(person.n_counting, 'counts', 'count')}, "
        "the others are of queries skipped or called nonsense"
    )


def _print_types(person: Person) -> None:
    if person.by_type:
        out.print()
        table = make_table(
            *("task type", ">queries", ">positives relevant", ">negatives relevant"),
            ">kappa, linear",
            wraps={"task type": 12},
        )
        for kind, part in person.by_type.items():
            table.add_row(
                Text(clean(kind or "free")),
                str(part.n_queries),
                " ".join(_show_share(part.shares["positives relevant"])[:2]),
                " ".join(_show_share(part.shares["negatives relevant"])[:2]),
                " ".join(_show_kappa(part.kappa)[:2]) if part.kappa else "-",
            )
        print_table(table)
    if person.n_rare:
        _say(
            f"{count(person.n_rare, 'query')} {agree(person.n_rare, 'is', 'are')} of task types "
            f"with fewer than {LEAST_OF_TYPE} marked, "
            "too few to show apart."
        )


def _print_kappas(kappas: dict[str, Agreement]) -> None:
    table = make_table("Cohen's kappa", ">", ">95 %", ">passages", wraps={"Cohen's kappa": 16})
    for kind, agreement in kappas.items():
        table.add_row(_KINDS[kind], *_show_kappa(agreement))
    print_table(table)


def _show_share(share: Share) -> tuple[str, str, str]:
    if share.value is None or share.interval is None:
        return ("-", "", "0")
    low, high = share.interval
    return (f"{share.value:.1%}", f"{low:.1%} to {high:.1%}", f"{share.n} of {share.of}")


def _show_kappa(agreement: Agreement) -> tuple[str, str, str]:
    if agreement.kappa is None:
        why = "-" if not agreement.n else "undefined: one mark only"
        return (why, "", str(agreement.n))
    interval = agreement.interval
    between = f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "too few"
    return (f"{agreement.kappa:.2f}", between, str(agreement.n))


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
