"""The first retriever's step: the gradient of the whole loss, though few pairs are held at once."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fret.retrieval import bootstrap
from fret.retrieval.bootstrap import Pair, in_batch_loss
from fret.retrieval.encode import Embedder
from tiny_models import save_embedder

PAIRS = [
    Pair("find", f"how to clean a kettle {i}", f"kettle {i}", f"use vinegar {i}", f"page {i // 2}")
    for i in range(11)
]


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_is_that_of_all_pairs_at_once(tmp_path: Path, training: bool) -> None:
    """With dropout, both passes over a part must draw the same; without, it is the plain loss."""
    embedder = Embedder(str(save_embedder(tmp_path)))
    model: Any = bootstrap.load_files(embedder.path, "cpu", "float32").train(training)
    texts = bootstrap._Texts(embedder, model)

    def gradient() -> torch.Tensor:
        found = torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])
        model.zero_grad()
        return found

    torch.manual_seed(1)
    loss = bootstrap._propagate(texts, PAIRS, 0.05)
    in_parts = gradient()
    torch.manual_seed(1)
    parts = [
        texts.encode(PAIRS[i : i + bootstrap._PAIRS_AT_A_TIME])
        for i in range(0, len(PAIRS), bootstrap._PAIRS_AT_A_TIME)
    ]
    queries, passages = (torch.cat(each) for each in zip(*parts, strict=True))
    whole = in_batch_loss(queries, passages, PAIRS, 0.05)
    whole.backward()
    assert loss == pytest.approx(whole.item(), abs=1e-6)
    torch.testing.assert_close(in_parts, gradient(), atol=1e-5, rtol=1e-5)
    assert in_parts.norm() > 0.1
