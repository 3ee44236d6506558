"""What tests share: a clean environment, small pages, the local model server."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from llm_server import LLMServer
from prepared import HEAVY, LIGHT, Prepared, prepared

# Before anything imports a Hugging Face library: tests reach no hub.
os.environ["HF_HUB_OFFLINE"] = "1"
# Of the terminal that the tests run in: what fret prints into a pipe would be wrapped to it.
os.environ.pop("COLUMNS", None)
if "PYTEST_XDIST_WORKER" in os.environ:
    # One worker per core: more threads than that only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Files with long tests, the longest first. They begin before all others, so that at the end no
# worker has one of them while the others wait.
LONG = ("promises", "quickstart", "train", "resume", "drift", "losses", "endurance", "dense")
LONG += ("publish_kills", "secrets")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


SUBJECTS = {
    "kettle": "A kettle descales best with vinegar. Pour in equal parts of vinegar and water",
    "stove": "A stove needs a clean flue. Sweep the flue before the first frost of the year",
    "fridge": (
        "A fridge keeps cold when its seals are tight. Wipe the rubber seals with soapy water"
    ),
    "oven": "An oven bakes evenly when it is preheated. Wait until the thermostat lamp goes out",
}

# A subject that is added later: its pages are no near duplicates of others.
LATER = {"toaster": "A toaster browns bread in two minutes. Empty its crumb tray once a week"}

ASPECTS = {
    "cleaning": "The cleaning takes about twenty minutes and should be repeated every second month",
    "buying": "When buying a new one compare the energy label and measure the space in the kitchen",
    "repair": "A repair is worth its price when the appliance is younger than eight years",
}


def page_text(subject: str, aspect: str) -> str:
    about = (SUBJECTS | LATER).get(subject, SUBJECTS["fridge"])
    return (
        f"{about}, and do so with care. {ASPECTS[aspect]}. "
        f"The {subject} in this {aspect} guide was tested by the household for several weeks. "
        f"Nobody in the house missed anything while the {subject} was out of use for {aspect}. "
        f"In the end the notes about {aspect} of the {subject} filled four pages of the diary."
    )


def write_pages(folder: Path) -> Path:
    """Twelve small HTML pages, four subjects times three aspects."""
    for subject in SUBJECTS:
        for aspect in ASPECTS:
            page = folder / f"{subject}-{aspect}.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(
                f"<!doctype html><html lang='en'><head><title>{subject} {aspect}</title>"
                f"<link rel='canonical' href='https://home.example/{subject}/{aspect}'></head>"
                "<body><nav><a href='/'>Home</a> <a href='/shop'>Shop</a></nav>"
                f"<article><h1>{subject} {aspect}</h1><p>{page_text(subject, aspect)}</p></article>"
                "<footer>Imprint and privacy</footer></body></html>",
                "utf-8",
            )
    return folder


def write_table(path: Path, subjects: Iterable[str]) -> None:
    """The texts of the same pages, one per line; a subject without a text has a fridge's."""
    rows = [
        {
            "url": f"https://home.example/{subject}/{aspect}",
            "title": f"{subject} {aspect}",
            "text": f"{subject} {aspect}\n{page_text(subject, aspect)}",
        }
        for subject in subjects
        for aspect in ASPECTS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "HF_TOKEN", "FRET_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with small pages in `pages/`, and their texts in `pages.jsonl`."""
    monkeypatch.chdir(tmp_path)
    write_pages(tmp_path / "pages")
    write_table(tmp_path / "pages.jsonl", SUBJECTS)
    return tmp_path


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer() as running:
        yield running


@pytest.fixture(scope="module")
def prepared_fret() -> Iterator[Prepared]:
    """Starts `fret` at once, in processes of their own."""
    with prepared(LIGHT) as process:
        yield process


@pytest.fixture(scope="module")
def prepared_encoder() -> Iterator[Prepared]:
    """The same, with what encodes and trains."""
    with prepared(HEAVY) as process:
        yield process


class SmallDisk:
    """A file system of its own, of a few MB, that can be full or closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, *, but: int = 0) -> None:
        """Leave no space, but for some bytes."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            with suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            file.truncate(file.tell() - but)

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def close_for_writing(self) -> None:
        mount("-o", "remount,ro", self.folder)

    def open_for_writing(self) -> None:
        mount("-o", "remount,rw", self.folder)


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    folder = tmp_path_factory.mktemp("disk")
    try:
        mount("-t", "tmpfs", "-o", "size=8m", "fret-tests", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted here, which needs root: {error}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


# From a table, as the two below: the process that reads HTML takes longer to start than all the
# rest. Runs over HTML are in test_pipeline.py, test_cli.py, test_resume.py and test_quickstart.py.
LLM_PIPELINE = """
run: llm
models:
  teacher:
    {{backend: openai, base_url: "{url}", model: tiny, server: local, concurrency: 8, timeout_s: 5}}
pages: {{source: {{kind: jsonl, path: pages.jsonl}}, shard_pages: 4}}
passages: {{max_size: 60, min_size: 10}}
queries: {{writer: {{kind: llm, model: teacher}}, per_passage: 2, checks: false}}
candidates: {{top_k: 6, dense: null}}
judgements:
  scorers: [{{kind: query_likelihood, model: teacher}}, {{kind: relevance, model: teacher}}]
examples: {{negatives: {{count: 2, max_relevance: null}}, splits: {{test: 0.2}}}}
"""


@pytest.fixture
def llm_pipeline(workplace: Path, server: LLMServer) -> Path:
    """A pipeline file that uses the local server for everything a model can do."""
    path = workplace / "llm.yaml"
    path.write_text(LLM_PIPELINE.format(url=server.url), "utf-8")
    return path


SMALL_PIPELINE = {
    "run": "small",
    "pages": {"source": {"kind": "jsonl", "path": "pages.jsonl"}, "shard_pages": 5},
    "passages": {"max_size": 60, "min_size": 10},
    # The pages have sentences in common, so the queries of many are the same.
    "queries": {"writer": {"kind": "template"}, "checks": False},
    "candidates": {"top_k": 6, "dense": None},
    "judgements": {"scorers": [{"kind": "unigram"}]},
}


@pytest.fixture
def small(workplace: Path) -> Path:
    """A pipeline file that needs no model, and takes a second."""
    path = workplace / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL_PIPELINE), "utf-8")
    return path


# Without likelihood: the Batch API knows no log-probabilities of prompts.
LANES_PIPELINE = """
run: lanes
models:
  teacher: {{backend: openai, base_url: "{url}", model: tiny, server: local, timeout_s: 5,
            price: {{input: 2.0, output: 10.0, batch: 0.5}}, batch: {{max_lines: 10}}}}
pages: {{source: {{kind: jsonl, path: pages.jsonl}}, shard_pages: 4}}
passages: {{max_size: 60, min_size: 10}}
queries: {{writer: {{kind: llm, model: teacher}}, per_passage: 2, checks: false}}
candidates: {{top_k: 4, dense: null}}
judgements: {{scorers: [{{kind: unigram}}, {{kind: relevance, model: teacher}}]}}
examples: {{negatives: {{count: 1, max_relevance: null}}, splits: {{test: 0.2}}}}
"""


@pytest.fixture
def lanes_pipeline(workplace: Path, server: LLMServer) -> Path:
    """A pipeline file whose requests may travel by batch or file."""
    path = workplace / "lanes.yaml"
    path.write_text(LANES_PIPELINE.format(url=server.url), "utf-8")
    return path
