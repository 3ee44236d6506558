"""The page report.html and its pictures."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from fret.durable import make_folder, placed, remove
from fret.records import Example, Passage
from fret.report.charts import Chart, make_charts
from fret.report.pictures import Picture, draw
from fret.report.source import N_TO_READ, Source, read_source
from fret.report.tables import make_tables
from fret.report.to_read import choose_to_read, describe_examples, list_meanings
from fret.report.trust import make_checks, make_tiles, summarize
from fret.report.wording import count, count_of
from fret.single_page import render_single_page, show_controls
from fret.store import Run

_HERE = Path(__file__).parent
_SECTIONS = {
    "funnel": "Funnel",
    "queries": "Queries and passages",
    "positives": "Positives",
    "negatives": "Negatives",
    "cost": "Cost",
}


def write_report(folder: Path, run: Run) -> tuple[Picture, ...]:
    """Write report.html and the pictures of its charts below a folder.

    Equal runs give equal files. Memory is bounded; the examples are read twice, and the passages
    once.

    Raises:
        UserError: the run is not finished.
        StoreError: the files cannot be written.
    """
    source = read_source(run)
    charts = make_charts(source)
    examples = describe_examples(choose_to_read(source.found), run.rows(Example), run.rows(Passage))
    drawn = {chart.name: draw(chart.name, chart.form) for chart in charts}
    svgs = [(chart, drawn[chart.name][0]) for chart in charts]
    page = render_page(source, svgs, examples)
    make_folder(folder / "pictures")
    for old in (folder / "pictures").glob("*.png"):  # of a report that had other charts
        remove(old)
    with placed(folder / "report.html") as temporary:
        temporary.write_text(page, "utf-8", newline="\n")
    return tuple(_write_picture(folder, chart, drawn[chart.name][1]) for chart in charts)


def render_page(
    source: Source, charts: list[tuple[Chart, Markup]], examples: list[dict[str, Any]]
) -> str:
    """Return the page as one text."""
    tables = make_tables(source)
    parts = {
        key: {
            "title": title,
            "charts": [
                {"chart": chart, "svg": svg} for chart, svg in charts if chart.section == key
            ],
            "tables": [table for table in tables if table.section == key],
        }
        for key, title in _SECTIONS.items()
    }
    page = render_single_page(
        _HERE,
        data={"examples": examples, "meanings": list_meanings(examples)},
        run=source.name,
        generator=Markup('<meta name="generator" content="fret report">'),
        summary=summarize(source),
        tiles=make_tiles(source),
        checks=make_checks(source),
        sections={key: part for key, part in parts.items() if part["charts"] or part["tables"]},
        about_sample=_say_sample(source, len(examples)),
        created_from=source.manifest("examples").fingerprint[:12],
    )
    return show_controls(page)  # names of sites, tasks and scorers stand in sentences and charts


def _say_sample(source: Source, n_shown: int) -> str:
    n = source.found.n
    if n <= N_TO_READ:
        return "All examples of the run."
    return (
        f"{count(n_shown)} of {count_of(n, 'example')}, drawn over kinds of task, languages, "
        "splits and whether the positive moved; small groups have more than their share."
    )


def _write_picture(folder: Path, chart: Chart, data: bytes) -> Picture:
    path = f"pictures/{chart.name.replace('_', '-')}.png"
    with placed(folder / path) as temporary:
        temporary.write_bytes(data)
    return Picture(path, f"{chart.title}. {chart.reading}")
