"""What a finished run says of itself, gathered once for all sections of the card."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fret.manifest import STAGES, Manifest
from fret.records import Example, Page
from fret.sites import site_of
from fret.store import Run

# Examples are shown of different task types where the first rows have some.
_LOOKED_AT = 2000


@dataclass(slots=True)
class Sources:
    """Where the texts come from."""

    n_pages: int = 0
    sites: Counter[str] = field(default_factory=Counter)
    """Positives by the site of their page; empty where the page has no address."""
    licences: Counter[str] = field(default_factory=Counter)
    """Pages by the licence that they state; empty where they state none."""
    first_date: str = ""
    last_date: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the card is made of, but for the data files."""

    name: str
    manifests: Mapping[str, Manifest]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    created: str
    """The day on which the run was begun; empty where nothing says."""
    sources: Sources
    shown: tuple[Example, ...]

    @property
    def examples(self) -> Mapping[str, Any]:
        """The measures of the stage examples."""
        found: Mapping[str, Any] = self.manifests["examples"].measures["examples"]
        return found

    @property
    def writer(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.manifests["queries"].identity["writer"]
        return found

    @property
    def scorers(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.manifests["judgements"].identity["scorers"]
        return found

    def setting(self, *path: str) -> Any:
        """Return a setting of the pipeline file; None where there is none."""
        node: Any = self.settings
        for key in path:
            node = node.get(key) if isinstance(node, Mapping) else None
        return node


def gather_facts(run: Run) -> Facts:
    notes = run.notes()
    return Facts(
        name=run.name,
        manifests={name: run.stage(name).require() for name in STAGES},
        settings=notes.get("settings", {}),
        versions=notes.get("versions", {}),
        created=str(notes.get("created", ""))[:10],
        sources=_gather_sources(run),
        shown=tuple(choose_shown(run.rows(Example))),
    )


def choose_shown(examples: Iterable[Example], n: int = 3) -> list[Example]:
    """Take a few of the first examples, of different task types where there are some."""
    first: dict[str, Example] = {}
    others: list[Example] = []
    for looked_at, example in enumerate(examples):
        if example.task_type not in first:
            first[example.task_type] = example
        elif len(others) < n:
            others.append(example)
        if len(first) == n or looked_at == _LOOKED_AT:
            break
    return [*first.values(), *others][:n]


def _gather_sources(run: Run) -> Sources:
    found = Sources(n_pages=run.n_rows(Page))
    for urls in _columns(run, Example.STAGE, "positive_url"):
        found.sites.update(map(site_of, urls))
    for licences, dates in _pairs(run):
        found.licences.update(licences)
        known = [date for date in dates if date]
        if known:
            found.first_date = min([*known, *filter(None, [found.first_date])])
            found.last_date = max([*known, found.last_date])
    return found


def _columns(run: Run, stage: str, name: str) -> Iterator[list[str]]:
    for batch in run.stage(stage).batches([name]):
        yield batch.column(name).to_pylist()


def _pairs(run: Run) -> Iterator[tuple[list[str], list[str]]]:
    for batch in run.stage(Page.STAGE).batches(["licence", "date"]):
        yield batch.column("licence").to_pylist(), batch.column("date").to_pylist()
