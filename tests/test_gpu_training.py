"""Training on a GPU: the model that the processor makes, in float32, and nearly so in bfloat16."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fret.errors import StageError
from fret.training.train import train
from test_train import weights
from test_train_team import STAGE, base, configure, data

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
__all__ = ["base", "data"]


def run(folder: Path, base: Path, data: str, *changes: str, **stage: Any) -> Path:
    overrides = ["stages.0.steps=10", *changes]
    return train(configure(folder, base, data, **stage), overrides=overrides).model


def test_in_float32_it_makes_the_model_of_the_processor(
    tmp_path: Path, base: Path, data: str
) -> None:
    there = run(tmp_path / "cpu", base, data, "device=cpu")
    here = run(tmp_path / "gpu", base, data, "device=cuda", "precision=float32")
    torch.testing.assert_close(weights(here), weights(there), atol=1e-3, rtol=0)


@pytest.mark.parametrize("mini_batch_size", [None, 3])
def test_in_bfloat16_it_learns(
    tmp_path: Path, base: Path, data: str, mini_batch_size: int | None
) -> None:
    here = run(tmp_path / "half", base, data, "device=cuda", mini_batch_size=mini_batch_size)
    whole = run(
        tmp_path / "whole", base, data, "device=cuda", "precision=float32",
        mini_batch_size=mini_batch_size,
    )  # fmt: skip
    # Weights are kept in float32, and Adam's first steps are of one size, whatever the gradient's.
    moved = (weights(whole) - weights(base)).norm()
    assert (weights(here) - weights(whole)).norm() < 0.2 * moved


def test_memory_that_does_not_do_is_told(tmp_path: Path, base: Path, data: str) -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(
        (torch.cuda.memory_reserved() + 2**21) / total
    )  # 2 MiB more
    try:
        with pytest.raises(StageError, match=r"memory of the GPU.*mini_batch_size"):
            run(tmp_path / "big", base, data, "device=cuda", **STAGE | {"batch_size": 30})
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
