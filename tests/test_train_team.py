"""Several processes that train one model: the same model as one makes, though killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from fret.errors import ConfigError
from fret.pipeline_file import load_training
from fret.training.plan import make_plan
from fret.training.team import join_team
from fret.training.train import train
from test_train import WORDS, weights, write_config
from test_training_rows import make_example, write_fret
from tiny_models import save_embedder

# Two stages: the whole batch at once, and with gradient caching.
STAGE: dict[str, Any] = {"batch_size": 8, "learning_rate": 1e-3}
WHOLE: dict[str, Any] = STAGE | {"steps": 60}
CACHED: dict[str, Any] = STAGE | {
    "name": "cached", "steps": 6, "mini_batch_size": 3, "matryoshka": [16, 8]
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without dropout, which each process would draw for itself."""
    folder = save_embedder(tmp_path_factory.mktemp("base"))
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8"))
    without = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    path.write_text(json.dumps(config | without), "utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = []
    for number in range(30):
        word, other = WORDS[number % 10], WORDS[(number + 3) % 10]
        rows.append(
            make_example(
                number,
                query=f"{word} {number}",
                positive=f"about {word} {number}",
                negatives=[f"about {other} {number}"],
            )
        )
    return write_fret(tmp_path_factory.mktemp("data"), rows)


def configure(folder: Path, base: Path, data: str, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    stages = [WHOLE | changes, CACHED]
    for stage in stages:
        stage["data"] = [{"kind": "fret", "path": data}]
    return write_config(folder, base, data, stages=stages, save_every=4)


def command(config: Path, n: int) -> list[str]:
    return [sys.executable, "-m", "fret", "train", str(config), "--processes", str(n)]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def run(config: Path, n: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(config, n), capture_output=True, text=True, timeout=300, env=ENVIRONMENT
    )


def test_killed_they_all_end_and_go_on_to_the_model_that_one_makes(
    tmp_path: Path, base: Path, data: str
) -> None:
    config = configure(tmp_path, base, data)
    process = subprocess.Popen(
        command(config, 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    )
    wait_for_checkpoint(tmp_path)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(children) >= 2
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive, "who trained would hold the model for ever"
    done = run(config, 2)
    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr.splitlines()[0]
    assert done.stderr.count("steps") == 4, f"one process tells, and nobody warns: {done.stderr}"
    assert done.stdout.count("The model is in") == 1
    alone = train(configure(tmp_path / "alone", base, data))
    # Sums in another order, over 66 steps.
    torch.testing.assert_close(
        weights(tmp_path / "models/tiny/model"), weights(alone.model), atol=1e-4, rtol=0
    )


def test_stopped_by_hand_they_say_so_once(tmp_path: Path, base: Path, data: str) -> None:
    config = configure(tmp_path, base, data, steps=10_000)
    process = subprocess.Popen(
        command(config, 2), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=ENVIRONMENT, start_new_session=True,
        # A shell's background job ignores SIGINT; a terminal's does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    wait_for_checkpoint(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.count("Stopped.") == 1 and "fret train" in said, said
    assert "Traceback" not in said, said


def wait_for_checkpoint(folder: Path) -> None:
    """Wait for any: the first is removed as soon as there are two others."""
    end = time.monotonic() + 120
    while not any(folder.glob("models/tiny/train/checkpoints/*/whole")):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_stops_them_is_told_once(tmp_path: Path, base: Path, data: str) -> None:
    done = run(configure(tmp_path, base, data, learning_rate=1e30), 2)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("Lower learning_rate") == 1 and "Traceback" not in done.stderr


def test_a_batch_that_they_cannot_share_is_told(tmp_path: Path, base: Path, data: str) -> None:
    settings = load_training(str(configure(tmp_path, base, data, batch_size=9)))
    with pytest.raises(ConfigError, match=r"batch_size is 9, which 2 processes cannot share"):
        make_plan(settings, tmp_path / "model", n_processes=2)


def test_a_size_without_a_rank_is_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    assert join_team("cpu").size == 1


def test_one_gpu_among_several_is_chosen_from_outside() -> None:
    with pytest.raises(ConfigError, match="CUDA_VISIBLE_DEVICES=1"):
        join_team("cuda:1")
