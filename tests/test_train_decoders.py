"""NV-Embed's two stages and Gecko's, end to end, on tiny random decoders; LoRA beside them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from fret.modules.build import load_model
from test_train import WORDS, Heard, losses, run, weights, write_config
from test_training_rows import make_example, write_fret
from tiny_models import CONFIGS, save_model

# peft reads a property that transformers has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), CONFIGS["mistral"])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Examples with two negatives, classes, and scored pairs."""
    folder = tmp_path_factory.mktemp("sources")
    examples = [
        make_example(i, query=f"{word} {i}", positive=f"about {word} {i}")
        for i, word in enumerate(WORDS * 3)
    ]
    classes = [{"text": f"{word} {i}", "label": word} for word in WORDS[:3] for i in range(6)]
    pairs = [{"sentence1": f"a {w}", "sentence2": f"one {w}", "score": 5.0} for w in WORDS]
    for name, rows in (("classes", classes), ("pairs", pairs)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    return [
        {"kind": "fret", "path": write_fret(folder / "fret", examples), "negatives": 2},
        {"kind": "classification", "path": str(folder / "classes.jsonl"), "unique_ids": False},
        {"kind": "sts", "path": str(folder / "pairs.jsonl")},
    ]


NV_EMBED: dict[str, Any] = {
    "model": {
        "pooling": "latent",
        "latent": {"latents": 8, "heads": 2},
        "pool_instructions": False,
        "max_length": 48,
    },
    "format": {
        "query": "Instruct: {task}\nQuery: {query}",
        "passage": "{title} {text}",
        "no_title": "",
    },
}


def two_stages(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {"batch_size": 6, "steps": 8, "learning_rate": 1e-3}
    first = {"kind": "gecko", "temperature": 0.02, "same_tower": False, "shared_negatives": True}
    second = {"kind": "gecko", "temperature": 0.02, "in_batch": False}
    return [
        shared | {"name": "retrieval", "data": sources[:1], "loss": first},
        shared | {"name": "blend", "data": sources, "loss": second, "mini_batch_size": 4},
    ]


@pytest.mark.parametrize("lora", [None, {"rank": 4, "alpha": 8, "dropout": 0.0}], ids=str)
def test_two_stages_of_nv_embed(
    tmp_path: Path, base: Path, sources: list[dict[str, Any]], lora: dict[str, Any] | None
) -> None:
    mntp = {"path": sources[1]["path"], "column": "text", "steps": 5, "batch_size": 4}
    config = write_config(
        tmp_path, base, "", **NV_EMBED, stages=two_stages(sources), lora=lora, mntp=mntp
    )
    heard = Heard()
    trained = run(config, heard=heard)
    assert heard.begun == [(0, 5), (0, 8), (0, 8)]
    for stage in ("mntp", "retrieval", "blend"):
        assert all(torch.isfinite(torch.tensor(losses(tmp_path / "models/tiny" / stage))))
    model = load_model(trained.model, device="cpu")
    query = model.encode("Instruct: find tea\nQuery: stove")
    other = model.encode("Instruct: find out about frost\nQuery: stove")
    assert query.shape == (64,) and (query != other).any()
    assert model.max_seq_length == 48
    stages = trained.stages
    assert [stage["rows"] for stage in stages] == [[18], [30], [30, 18, 20]]
    assert "| mntp | " in (trained.model / "README.md").read_text("utf-8")
    run(config, heard=heard)
    assert len(heard.begun) == 3, "what is finished is not trained again"


def test_lora_changes_the_transformer_by_low_rank_alone(
    tmp_path: Path, base: Path, sources: list[dict[str, Any]]
) -> None:
    lora = {"rank": 2, "alpha": 8, "dropout": 0.0, "modules": ["q_proj"]}
    stages = [{"data": sources[:1], "batch_size": 6, "steps": 6, "learning_rate": 1e-2}]
    model = {"pooling": "last", "max_length": 48}
    trained = run(write_config(tmp_path, base, "", model=model, stages=stages, lora=lora))
    before = load_weights(base)
    after = load_weights(trained.model)
    shared = {name: name if name in after else name.removeprefix("model.") for name in before}
    changes = {n: after[m] - before[n] for n, m in shared.items() if m in after}
    changed = {name for name, change in changes.items() if change.abs().max() > 1e-7}
    assert changed and all("q_proj" in name for name in changed)
    assert all(torch.linalg.matrix_rank(changes[name], atol=1e-6) <= 2 for name in changed)


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


def test_a_folder_that_needs_fret_says_so_without(
    tmp_path: Path, base: Path, sources: list[dict[str, Any]]
) -> None:
    stages = [{"data": sources[:1], "batch_size": 6, "steps": 1}]
    trained = run(write_config(tmp_path, base, "", **NV_EMBED, stages=stages))
    script = (
        "import sys; sys.modules['fret'] = None\n"
        "from sentence_transformers import SentenceTransformer\n"
        f"SentenceTransformer({str(trained.model)!r}, device='cpu')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=200
    )
    assert ended.returncode and "fret" in ended.stderr
    card = (trained.model / "README.md").read_text()
    assert "from fret.modules.build import load_model" in card


def test_gecko_with_two_sizes_on_a_decoder(
    tmp_path: Path, base: Path, sources: list[dict[str, Any]]
) -> None:
    stage = {"data": sources, "batch_size": 8, "steps": 10, "learning_rate": 1e-3}
    stage |= {"matryoshka": [64, 16], "mini_batch_size": 4}
    config = write_config(tmp_path, base, "", model={"max_length": 48}, stages=[stage])
    trained = run(config)
    assert torch.isfinite(weights(trained.model)).all()
    log = losses(tmp_path / "models/tiny/train")
    assert len(log) > 1 and log[-1] < log[0]
