"""A model in this process that is stopped, or that cannot be loaded: told, and quickly over."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.modules.module import register_module_forward_pre_hook

import fret
from conftest import write_table
from fret.errors import ConfigError, ModelError
from fret.llm.answers import AnswerStore
from fret.llm.local import TransformersLLM
from fret.llm.types import Chat, Likelihood, LikelihoodReply, Request
from tiny_models import CONFIGS, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), CONFIGS["qwen3"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    opened = AnswerStore(tmp_path / "answers.sqlite")
    yield opened
    opened.close()


def likelihoods(n: int = 200) -> list[Likelihood]:
    return [Likelihood(f"Passage: {i} a kettle\nQuery:", f" how {i}") for i in range(n)]


def chats(n: int = 30) -> list[Chat]:
    return [Chat((("user", f"say {i}"),), 8) for i in range(n)]


# Stopped.


@pytest.mark.parametrize("make", [likelihoods, chats])
def test_a_model_that_is_closed_computes_no_further_batch(
    folder: Path, store: AnswerStore, make: Callable[[], list[Request]]
) -> None:
    closed = TransformersLLM(folder, store=store, device="cpu", batch_tokens=64)
    with each_pass(closed.close) as passes, pytest.raises(ModelError, match="closed"):
        list(closed.ask(make()))
    again = TransformersLLM(folder, store=store, device="cpu", batch_tokens=64)
    with each_pass(lambda: None) as all_passes:
        assert len(list(again.ask(make()))) == len(make())
    assert 0 < len(passes) < len(all_passes) / 4


@contextmanager
def each_pass(do: Callable[[], None]) -> Iterator[list[int]]:
    """Do something at the start of each pass through a model; yield a list that grows by each."""
    passes: list[int] = []

    def note(module: torch.nn.Module, given: Any) -> None:
        if isinstance(module, torch.nn.Embedding):
            passes.append(given[0].numel())
            do()

    hook = register_module_forward_pre_hook(note)
    yield passes
    hook.remove()


def test_what_was_computed_before_the_end_is_not_computed_again(
    folder: Path, store: AnswerStore
) -> None:
    model = TransformersLLM(folder, store=store, device="cpu", batch_tokens=64)
    list(model.ask(likelihoods(10)))
    model.close()
    assert all(isinstance(reply, LikelihoodReply) for reply in model.ask(likelihoods(10)))
    with pytest.raises(ModelError, match="closed"):
        list(model.ask(likelihoods(11)))


SLOW = """
import sys, time
from fret.cli import app
from fret.llm import forward
run_pack = forward.Scorer._run_pack
def run_slowly(self, *given):
    print("pack", flush=True, file=sys.stderr)
    time.sleep(0.5)
    return run_pack(self, *given)
forward.Scorer._run_pack = run_slowly
sys.argv = ["fret", "run", "local.yaml", "--quiet"]
app()
"""

LOCAL = """
run: local
models:
  writer: {backend: scripted}
  judge: {backend: transformers, model: ./model, device: cpu, batch_tokens: 1024}
pages: {source: {kind: jsonl, path: pages.jsonl}}
passages: {max_size: 60, min_size: 10}
queries: {writer: {kind: llm, model: writer}, per_passage: 4}
candidates: {top_k: 6, dense: null}
judgements: {scorers: [{kind: query_likelihood, model: judge}]}
examples: {negatives: {count: 1, max_relevance: null}, splits: {test: 0.2}}
"""


def test_ctrl_c_ends_a_run_within_one_batch_of_a_local_model(workplace: Path) -> None:
    config = CONFIGS["qwen3"].to_dict() | {"max_position_embeddings": 4096}
    save_model(workplace / "model", type(CONFIGS["qwen3"])(**config))
    write_table(workplace / "pages.jsonl", ["kettle", "stove"])
    (workplace / "local.yaml").write_text(LOCAL, "utf-8")
    places = f"{Path(__file__).parent}:{Path(fret.__file__).parents[1]}"
    with subprocess.Popen(
        [sys.executable, "-c", SLOW],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": places},
    ) as process:
        assert process.stderr and "pack\n" in process.stderr
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert rest.count("pack\n") <= 2
    assert "every answer so far, is kept" in " ".join(rest.split()) and "Traceback" not in rest


# Cannot be loaded.


def cut_in_half(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def claim_a_huge_header(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def lose_a_tensor(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, path, metadata={"format": "pt"})


def change_sizes(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8")) | {"intermediate_size": 128}
    path.write_text(json.dumps(config), "utf-8")


def damage_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": 5', "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        cut_in_half,
        claim_a_huge_header,
        empty,
        lose_a_tensor,
        change_sizes,
        damage_the_tokenizer,
    ],
)
def test_damaged_files_are_told_with_what_is_wrong(
    folder: Path, store: AnswerStore, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    damage(broken)
    with pytest.raises(ConfigError, match=r"broken' cannot be loaded: .+ Name a folder with"):
        list(TransformersLLM(broken, store=store, device="cpu").ask(likelihoods(1)))


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "cpu:x", ""])
def test_a_device_that_is_not_there_is_told(folder: Path, store: AnswerStore, device: str) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        list(TransformersLLM(folder, store=store, device=device).ask(likelihoods(1)))
