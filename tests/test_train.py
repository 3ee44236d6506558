"""Training from a file to a model folder, with tiny random models: whole, killed, changed."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from fret.errors import ConfigError, DriftError, StageError, UserError
from fret.pipeline_file import load_training
from fret.shipped import training_recipes
from fret.training.curves import draw_curves, make_curves
from fret.training.train import Trained, train
from prepared import Prepared
from test_training_rows import make_example, write_fret
from tiny_models import save_embedder

WORDS = ["kettle", "flue", "frost", "vinegar", "sweep", "clean", "year", "lime", "stove", "tea"]


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.steps: list[int] = []
        self.figures: list[dict[str, float]] = []
        self.warnings: list[str] = []

    def prepared(self, work: str, n_rows: int) -> None: ...

    def starts(self, work: str, done: int, total: int) -> None:
        self.begun.append((done, total))

    def stepped(self, work: str, done: int, loss: float | None) -> None:
        self.steps.append(done)

    def measured(self, work: str, step: int, figures: dict[str, float]) -> None:
        self.figures.append({"step": step, **figures})

    def warned(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_embedder(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Examples whose answer shares a word with the query."""
    rows = []
    for number in range(48):
        word, other = WORDS[number % 10], WORDS[(number + 3) % 10]
        rows.append(
            make_example(
                number,
                query=f"{word} {number}",
                positive=f"about {word} {number}",
                negatives=[f"about {other} {number}", f"on {other}"],
            )
        )
    return write_fret(tmp_path_factory.mktemp("data"), rows)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_config(folder: Path, base: Path, data: str, **changes: Any) -> Path:
    settings: dict[str, Any] = {
        "name": "tiny",
        "models_dir": str(folder / "models"),
        "base": str(base),
        "model": {"max_length": 32},
        "stages": [
            {
                "data": [{"kind": "fret", "path": data}],
                "batch_size": 8,
                "steps": 12,
                "learning_rate": 3e-3,
            }
        ],
        "device": "cpu",
        "save_every": 4,
    }
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump(settings | changes), "utf-8")
    return path


def run(config: Path, **options: Any) -> Trained:
    return train(load_training(str(config)), reporter=options.pop("heard", Heard()), **options)


def weights(trained: Path) -> Any:
    return torch.cat(
        [w.flatten() for _, w in sorted(load_file(trained / "model.safetensors").items())]
    )


def losses(folder: Path) -> list[float]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [line["loss"] for line in map(json.loads, lines) if "loss" in line]


def test_a_model_learns_and_loads_without_fret(tmp_path: Path, base: Path, data: str) -> None:
    heard = Heard()
    trained = run(write_config(tmp_path, base, data), heard=heard)
    assert heard.begun == [(0, 12)] and heard.steps == list(range(1, 13))
    log = losses(tmp_path / "models/tiny/train")
    assert log[-1] < 0.9 * log[0]
    left = {path.name for path in (tmp_path / "models/tiny/train").iterdir()}
    assert left == {"manifest.json", "log.jsonl", "model"}
    script = (
        "import sys; sys.modules['fret'] = None\n"
        "from sentence_transformers import SentenceTransformer\n"
        f"model = SentenceTransformer({str(trained.model)!r}, device='cpu')\n"
        "query = model.encode_query('kettle')\n"
        "raw = model.encode('task: search result | query: kettle')\n"
        "assert (query == raw).all() and query.shape == (16,)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    card = (trained.model / "README.md").read_text()
    assert (
        card.startswith("---\nlibrary_name: sentence-transformers")
        and "| train | fret" in card
        and "(48) | Gecko" in card
    )


def test_what_is_finished_is_not_trained_again(tmp_path: Path, base: Path, data: str) -> None:
    config = write_config(tmp_path, base, data)
    first = weights(run(config).model)
    heard = Heard()
    assert torch.equal(weights(run(config, heard=heard).model), first)
    assert heard.begun == []


def test_other_settings_are_refused_and_redone_when_asked(
    tmp_path: Path, base: Path, data: str
) -> None:
    first = weights(run(write_config(tmp_path, base, data)).model)
    config = write_config(tmp_path, base, data, seed=1)
    with pytest.raises(DriftError, match=r"(?s)seed: was 0, is now 1.*--redo train"):
        run(config)
    assert not torch.equal(weights(run(config, redo="train").model), first)
    with pytest.raises(UserError, match="no stage 'x'; the stages are train"):
        run(config, redo="x")


def test_data_that_changed_is_noticed(tmp_path: Path, base: Path, data: str) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"anchor": "kettle", "positive": "tea"}\n' * 8)
    source = {"kind": "pairs", "path": str(pairs)}
    stages = [{"data": [source], "batch_size": 4, "steps": 2}]
    config = write_config(tmp_path, base, data, stages=stages)
    run(config)
    pairs.write_text('{"anchor": "stove", "positive": "flue"}\n' * 8)
    with pytest.raises(DriftError, match="the contents of the data changed"):
        run(config)


def test_a_start_that_failed_locks_nothing(tmp_path: Path, base: Path, data: str) -> None:
    stage = {"steps": 1, "batch_size": 8}
    nowhere = [{"kind": "fret", "path": str(tmp_path / "nope")}]
    with pytest.raises(UserError, match="nope"):
        run(write_config(tmp_path, base, data, stages=[stage | {"data": nowhere}]))
    assert not (tmp_path / "models/tiny").exists()
    notes = tmp_path / "models/tiny/notes.txt"
    notes.parent.mkdir()
    notes.write_text("The user's own.")
    with pytest.raises(UserError, match="nope"):
        run(write_config(tmp_path, base, data, stages=[stage | {"data": nowhere}]))
    assert notes.exists()
    there = [{"kind": "fret", "path": data}]
    before = weights(base)
    trained = run(write_config(tmp_path, base, data, stages=[stage | {"data": there}]))
    # A single step, too, learns something.
    assert not torch.equal(weights(trained.model), before)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "fret", "path": "nope"}, "There is no data in nope"),
        ({"kind": "pairs", "path": "pairs.jsonl"}, "has nothing in 'anchor'.*has: query"),
        ({"kind": "nli", "path": "pairs.jsonl"}, "has nothing in 'premise'"),
        ({"kind": "classification", "path": "pairs.jsonl"}, "has nothing in 'text'"),
        ({"kind": "sts", "path": "pairs.jsonl"}, "has nothing in 'sentence1'"),
    ],
)
def test_mistakes_in_data_are_told_before_libraries_are_loaded(
    tmp_path: Path, base: Path, data: str, source: dict[str, Any], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("pairs.jsonl").write_text('{"query": "kettle"}\n')
    good = {"kind": "fret", "path": data}
    write_config(tmp_path, base, data, stages=[{"data": [good, source], "steps": 1}])
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from fret.cli import app\n"
        "app(['train', 'train.yaml'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and re.search(message, " ".join(done.stderr.split())), done.stderr
    assert "Traceback" not in done.stderr


def test_losses_have_a_curve_for_each_stage_and_figures_one(tmp_path: Path) -> None:
    logs = {
        "first": [{"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0, "home: nDCG@10": 0.3}],
        "second": [{"step": 10, "loss": 5.0, "home: nDCG@10": 0.4}, {"train_loss": 3.0}],
    }
    loss, figures = make_curves(logs).axes
    points = [[list(map(float, axis)) for axis in line.get_data()] for line in loss.lines]
    assert points[:2] == [[[10, 20], [2, 1]], [[30], [5]]]
    assert points[2][0] == [20, 20], "the border of the stages"
    assert [text.get_text() for text in loss.texts] == ["first", "second"]
    assert [text.get_text() for text in figures.get_legend().texts] == ["home: nDCG@10"]
    assert [list(map(float, line.get_xdata())) for line in figures.lines] == [[20, 30]]
    for name in ("one.png", "two.png"):
        draw_curves(tmp_path / name, logs)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_killed_at_any_step_it_ends_in_the_same_model(
    tmp_path: Path, base: Path, data: str, prepared_encoder: Prepared
) -> None:
    stage = {"data": [{"kind": "fret", "path": data}], "batch_size": 8, "learning_rate": 3e-3}
    stages = [stage | {"name": "one", "steps": 24}, stage | {"name": "two", "steps": 24}]
    (tmp_path / "whole").mkdir()
    whole = run(write_config(tmp_path / "whole", base, data, stages=stages))
    config = write_config(tmp_path, base, data, stages=stages)
    folder = tmp_path / "models/tiny"
    seen = 0
    for name in ("one", "two"):
        process = prepared_encoder.start(tmp_path, "train", str(config))
        deadline = time.monotonic() + 120
        while not any((folder / name).glob("checkpoints/*/whole")) and process.poll() is None:
            assert time.monotonic() < deadline, "no checkpoint came"
            time.sleep(0.01)
        seen += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert seen == 2, "it was over before it could be killed"
    process = prepared_encoder.start(tmp_path, "train", str(config))
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors.decode()
    assert "going on from step" in (output + errors).decode()
    difference = (weights(folder / "model") - weights(whole.model)).abs().max()
    assert difference < 1e-6
    for stage_name in ("one", "two"):
        broken = losses(folder / stage_name)
        assert broken[-1] == pytest.approx(losses(tmp_path / "whole/models/tiny" / stage_name)[-1])


def test_stopped_by_hand_it_ends_the_step_and_keeps_it(
    tmp_path: Path, base: Path, data: str
) -> None:
    stage = {"data": [{"kind": "fret", "path": data}], "batch_size": 8, "learning_rate": 3e-3}
    whole = tmp_path / "whole"
    whole.mkdir()
    stages = [stage | {"steps": 9}]
    expected = run(write_config(whole, base, data, stages=stages, save_every=1000))
    config = write_config(tmp_path, base, data, stages=stages, save_every=1000)

    class Stops(Heard):
        def stepped(self, work: str, done: int, loss: float | None) -> None:
            super().stepped(work, done, loss)
            if done == 4:
                signal.raise_signal(signal.SIGINT)

    heard = Stops()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(config, heard=heard)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard.steps == [1, 2, 3, 4] and "Stopping after this step" in heard.warnings[0]
    heard = Heard()
    found = run(config, heard=heard)
    assert heard.begun == [(4, 9)]
    assert (weights(found.model) - weights(expected.model)).abs().max() < 1e-6


def test_a_checkpoint_that_was_cut_off_is_not_taken(tmp_path: Path, base: Path, data: str) -> None:
    config = write_config(tmp_path, base, data)
    half = tmp_path / "models/tiny/train/checkpoints/checkpoint-8"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    heard = Heard()
    run(config, heard=heard)
    assert heard.begun == [(0, 12)]


def test_figures_are_measured_on_the_way_and_at_the_end(
    tmp_path: Path, base: Path, data: str
) -> None:
    heard = Heard()
    config = write_config(tmp_path, base, data, evaluate={"every": 5})

    def measure(model: SentenceTransformer) -> dict[str, float]:
        return {"width": float(model.encode("x").shape[0])}

    run(config, heard=heard, measure=measure)
    assert heard.figures == [{"step": step, "width": 16.0} for step in (5, 10, 12)]
    lines = (tmp_path / "models/tiny/train/log.jsonl").read_text().splitlines()
    assert sum("width" in line for line in lines) == 3
    metrics = tmp_path / "models/tiny/model/metrics.json"
    assert json.loads(metrics.read_text()) == {"width": 16.0}
    run(write_config(tmp_path / "models", base, data, name="unmeasured"))
    assert not list((tmp_path / "models").glob("**/unmeasured/model/metrics.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"loss": {"kind": "gecko", "in_batch": False}},
        {"mini_batch_size": 3},
        {"matryoshka": [16, 8]},
        {"matryoshka": [16, 8], "mini_batch_size": 3},
        {"loss": {"kind": "sentence_transformers", "name": "MultipleNegativesRankingLoss",
                  "arguments": {"scale": 10.0}}},
        {"mixing": "one_source"},
    ],
    ids=str,
)  # fmt: skip
def test_each_way_of_training_learns(
    tmp_path: Path, base: Path, data: str, change: dict[str, Any]
) -> None:
    pairs = tmp_path / "pairs.jsonl"
    lines = [{"anchor": word, "positive": f"all about {word}"} for word in WORDS]
    pairs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    sources = [{"kind": "fret", "path": data}, {"kind": "pairs", "path": str(pairs)}]
    stage = {"data": sources, "batch_size": 5, "steps": 30, "learning_rate": 3e-3} | change
    run(write_config(tmp_path, base, data, stages=[stage]))
    log = losses(tmp_path / "models/tiny/train")
    assert log[-1] < log[0]


def test_a_loss_that_is_no_number_stops_and_says_so(tmp_path: Path, base: Path, data: str) -> None:
    stage = {"data": [{"kind": "fret", "path": data}], "batch_size": 8, "learning_rate": 1e30}
    config = write_config(tmp_path, base, data, stages=[stage | {"steps": 40}])
    with pytest.raises(StageError, match=r"loss of train is nan.*Lower learning_rate"):
        run(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matryoshka": [32]}, "matryoshka: .*16"),
        ({"loss": {"kind": "sentence_transformers", "name": "NoLoss"}}, "has no loss 'NoLoss'"),
        (
            {"loss": {"kind": "sentence_transformers", "name": "TripletLoss",
                      "arguments": {"x": 1}}},
            "arguments: ",
        ),
    ],
)  # fmt: skip
def test_losses_that_cannot_be_made_are_told(
    tmp_path: Path, base: Path, data: str, change: dict[str, Any], message: str
) -> None:
    stage = {"data": [{"kind": "fret", "path": data}], "steps": 1} | change
    with pytest.raises(ConfigError, match=message):
        run(write_config(tmp_path, base, data, stages=[stage]))


def test_data_that_fills_no_batch_of_its_own_is_told(tmp_path: Path, base: Path, data: str) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text('{"anchor": "tea", "positive": "about tea"}\n' * 3, "utf-8")
    sources = [{"kind": "fret", "path": data}, {"kind": "pairs", "path": str(few)}]
    stage = {"data": sources, "batch_size": 8, "steps": 1, "mixing": "one_source"}
    heard = Heard()
    run(write_config(tmp_path, base, data, stages=[stage]), heard=heard)
    (told,) = heard.warnings
    assert "few.jsonl has 3 rows, which fill no batch of 8" in told


def test_a_base_that_is_nowhere_is_told(tmp_path: Path, data: str) -> None:
    config = write_config(tmp_path, Path("nobody/nothing"), data)
    with pytest.raises(ConfigError, match="nobody/nothing"):
        run(config)


@pytest.mark.parametrize("name", sorted(training_recipes()))
def test_recipe_loads(name: str) -> None:
    assert f"train_{load_training(name).name}" == name
