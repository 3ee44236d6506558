"""What the command line shows: progress, funnels, rows.

Part of the command line; prints only here and there.

Text from pages and models is hostile: it never passes through markup, and control characters, which
could drive a terminal, are shown as replacement characters.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.padding import Padding
from rich.text import Text

from fret.config import PipelineSettings, Settings
from fret.config.reference import list_keys
from fret.display_layout import make_table, print_table
from fret.display_llm import describe_spent, print_findings
from fret.display_measures import (
    describe_candidates,
    describe_examples,
    describe_passages,
    describe_queries,
)
from fret.errors import FretError, UserError
from fret.figures import count
from fret.manifest import Manifest
from fret.next_command import fill_in
from fret.pipeline import Pipeline, load
from fret.records import Example
from fret.terminal import clean, err, out


def print_error(message: str) -> None:
    err.print(Text.assemble(("Error: ", "bold red"), clean(fill_in(message))), soft_wrap=True)


def print_result(pipeline: Pipeline, folder: Any, *, quiet: bool) -> None:
    """Show where the dataset is, how much it holds, the funnel, and three examples."""
    if folder is None:
        return
    n_examples = pipeline.status()[-1].rows
    if not quiet:
        out.print()
        print_status(pipeline)
        for number, example in enumerate(_spread(pipeline.rows(Example), 3), 1):
            out.print()
            _print_example(number, example)
        out.print()
    out.print(f"{count(n_examples, 'example')} in {folder}", markup=False, soft_wrap=True)
    if not quiet:
        out.print(
            f'Load them: datasets.load_dataset("{folder}", "triplets")',
            markup=False,
            soft_wrap=True,
        )
        out.print(f"Look at them: {folder}/report.html", markup=False, soft_wrap=True)


def print_status(pipeline: Pipeline) -> None:
    """Show the funnel of a run as a table."""
    manifests = pipeline.status()
    if not manifests:
        begin = fill_in("fret run PIPELINE")
        out.print(f"The run {pipeline.name!r} has not begun: {begin}", markup=False, soft_wrap=True)
        return
    table = make_table("stage", ">in", ">out", "dropped", "state", wraps={"dropped": 16})
    for manifest in manifests:
        reasons = ", ".join(f"{n} {reason}" for reason, n in manifest.reasons.items())
        table.add_row(
            manifest.stage,
            str(manifest.read),
            str(manifest.rows),
            Text(reasons or "-"),
            "unfinished" if manifest.state == "running" else manifest.state,
        )
    print_table(table)
    for line in _describe_measures(manifests):
        out.print(line, markup=False)
    for line in describe_spent(pipeline.spent()):
        out.print(line, markup=False)


def print_settings(section: str, tree: type[Settings] = PipelineSettings) -> None:
    """Show the keys of the pipeline file, or of another one, below a section.

    Raises:
        UserError: there is no such key.
    """
    keys = list(list_keys(section, tree))
    if not keys:
        names = ", ".join(key.path for key in list_keys("", tree) if "." not in key.path)
        raise UserError(f"There is no key {section!r} in such a file; it begins with: {names}.")
    for key in keys:
        line = Text(key.path, style="bold")
        if key.choices:
            line.append(f"  one of {key.choices}", style="not bold")
        if key.default:
            line.append(f"  (default {key.default})", style="not bold dim")
        out.print(line)
        out.print(Padding(key.meaning, (0, 0, 0, 4)), markup=False)


def print_checks(pipeline: str | None, overrides: Sequence[str]) -> bool:
    """Print what is installed and, for a pipeline, whether its parts work.

    Returns:
        Whether all is well.
    """
    from importlib.metadata import PackageNotFoundError, version
    from sqlite3 import sqlite_version

    out.print(f"python {sys.version.split()[0]}, sqlite {sqlite_version}", markup=False)
    for name in (
        "fret",
        "openai",
        "sentence-transformers",
        "torch",
        "trafilatura",
        "datasets",
        "bm25s",
    ):
        try:
            out.print(f"  {name} {version(name)}", markup=False)
        except PackageNotFoundError:
            out.print(f"  {name}: not installed", markup=False)
    if pipeline is None:
        return True
    loaded = load(pipeline, overrides=overrides)
    out.print(f"pipeline {pipeline}: the file is right", markup=False)
    try:
        return print_findings(loaded.probe())
    except FretError as error:
        print_error(str(error))
        return False


def _describe_measures(manifests: Iterable[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        measures = manifest.measures
        if seeds := measures.get("seeds"):
            yield (
                f"seeds: {seeds['asked']} of {count(seeds['passages'], 'passage')}, "
                f"{seeds['not_sampled']} not sampled"
            )
        if found := measures.get("passages"):
            yield from describe_passages(found)
        yield from describe_candidates(measures)
        if found := measures.get("queries"):
            yield from describe_queries(found)
        if found := measures.get("judgements"):
            yield from _describe_agreement(found)
        if found := measures.get("examples"):
            yield from describe_examples(found)
        if usage := manifest.usage:
            yield f"{manifest.stage}: {_describe_usage(usage)}"


def _describe_agreement(found: Mapping[str, Any]) -> Iterator[str]:
    for pair, means in found["pairs"].items():
        tau = "-" if means["tau_b"] is None else f"{means['tau_b']:.2f}"
        yield f"{pair}: Kendall's tau {tau}, one favourite in {means['same_first']:.0%}"
    parts = {"stopped early": found["stopped_early"], "judged deeper": found["went_deeper"]}
    for scorer, kinds in found["fallbacks"].items():
        parts |= {f"{scorer} {kind}": share for kind, share in kinds.items()}
    if odd := [f"{what} in {share:.1%}" for what, share in parts.items() if share]:
        yield f"queries: {', '.join(odd)}"


def _describe_usage(usage: Mapping[str, float]) -> str:
    if not usage.get("requests"):
        return ""
    tokens_in, tokens_out = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    text = (
        f"{count(usage['requests'], 'answer')}, {count(tokens_in, 'token')} in, "
        f"{tokens_out:.0f} out"
    )
    return f"{text}, {usage['usd']:.4f} USD" if usage.get("usd") else text


def _spread(examples: Iterable[Example], n: int) -> list[Example]:
    """Pick examples that show what fret is for, of different task types as far as there are any.

    First those whose positive is not the seed and is every scorer's favourite; among equals the one
    with the lowest id: ids are hashes, so that is a fair draw over all pages.
    """
    best: dict[str, list[tuple[tuple[bool, bool, str], Example]]] = {}
    for example in examples:
        is_seed, agreed = example.positive_is_seed is True, set(example.positive_ranks) == {1}
        order = (is_seed, not agreed, example.query_id)
        of_type = best.setdefault(example.task_type, [])
        of_type.append((order, example))
        of_type.sort(key=lambda item: item[0])
        del of_type[n:]
    ranked = [
        (place, order, example)
        for of_type in best.values()
        for place, (order, example) in enumerate(of_type)
    ]
    return [example for *_, example in sorted(ranked, key=lambda item: item[:2])[:n]]


def _print_example(number: int, example: Example) -> None:
    seed = {True: "the seed itself", False: "not the seed", None: "no seed"}[
        example.positive_is_seed
    ]
    lines: list[str | tuple[str, str]] = [
        (f"Example {number} ", "bold"),
        (f"{example.task_type or 'free task'}, {example.split}, positive: {seed}\n", "dim"),
        ("  task      ", "cyan"),
        clean(example.task) + "\n",
        ("  query     ", "cyan"),
        clean(example.query) + "\n",
        ("  positive  ", "green"),
        _shorten(_titled(example.positive_title, example.positive)) + "\n",
        ("  negative  ", "red"),
        _shorten(_titled(example.negative_titles[0], example.negatives[0])),
    ]
    out.print(Text.assemble(*lines))


def _titled(title: str, text: str) -> str:
    return f"{title}: {text}" if title else text


def _shorten(text: str, limit: int = 240) -> str:
    text = clean(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"
