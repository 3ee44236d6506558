"""Gecko's loss against a computation by hand, one pair at a time, in NumPy."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)
from torch import Tensor

from fret.training.kin import find_kin, make_key
from fret.training.losses import GeckoLoss
from tiny_models import make_embedder

TEMPERATURE = 0.07


@dataclass
class Case:
    """Vectors and keys of a batch, as NumPy has them."""

    columns: list[Any]
    """Queries, positives, negatives …, each (b, d)."""
    keys: Any
    """(b, 3 + n)"""


def draw_case(seed: int, n_rows: int, n_negatives: int) -> Case:
    """Draw a batch with few different texts, so that all kinds of kin occur."""
    rng = np.random.default_rng(seed)
    columns = [rng.normal(size=(n_rows, 8)) for _ in range(2 + n_negatives)]
    groups = rng.integers(1, 4 * n_rows, size=(n_rows, 1))
    # 0 stands for no seed, and for a negative that a row does not have.
    texts = rng.integers(0, 3 * n_rows, size=(n_rows, 2 + n_negatives))
    texts[:, 1] += 1
    keys = np.concatenate([groups, np.where(texts == 0, 0, texts + 10_000)], axis=1)
    return Case(columns, keys)


def compute_by_hand(
    case: Case, *, in_batch: bool = True, same_tower: bool = True, shared: bool = False
) -> float:
    """Equation 3 and its masks, written as the paper and the docstrings say, term by term."""
    units = [c / np.linalg.norm(c, axis=1, keepdims=True) for c in case.columns]
    queries, positives, *negatives = units
    losses = []
    for i, query in enumerate(queries):
        others = [j for j in range(len(queries)) if j != i and in_batch and not are_kin(case, i, j)]
        own = {case.keys[i, 1], case.keys[i, 2]}
        below = [positives[i]]
        below += [
            n[i] for k, n in enumerate(negatives, 3) if case.keys[i, k] not in (0, case.keys[i, 2])
        ]
        below += [positives[j] for j in others]
        below += [queries[j] for j in others if same_tower]
        for k, negative in enumerate(negatives if shared else [], 3):
            below += [negative[j] for j in others if case.keys[j, k] not in {0, *own}]
        e = np.exp(np.stack(below) @ query / TEMPERATURE)
        losses.append(-np.log(e[0] / e.sum()))
    return float(np.mean(losses))


def are_kin(case: Case, i: int, j: int) -> bool:
    (group, *mine), (group_j, *theirs) = case.keys[i, :3], case.keys[j, :3]
    return (group == group_j != 0) or bool((set(mine) & set(theirs)) - {0})


def compute(case: Case, **options: Any) -> Tensor:
    loss = GeckoLoss(None, temperature=TEMPERATURE, **options)  # type: ignore[arg-type]
    columns = [[torch.tensor(column)] for column in case.columns]
    return loss.calculate_loss(columns, torch.tensor(case.keys))


OPTIONS = [
    {"in_batch": in_batch, "same_tower": same_tower, "shared_negatives": shared}
    for in_batch, same_tower, shared in product((True, False), repeat=3)
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("n_negatives", [0, 1, 3])
def test_loss_equals_the_one_by_hand(options: dict[str, bool], n_negatives: int) -> None:
    for seed in range(20):
        case = draw_case(seed, n_rows=3 + seed % 7, n_negatives=n_negatives)
        shared = options["shared_negatives"] and options["in_batch"]
        expected = compute_by_hand(
            case, in_batch=options["in_batch"], same_tower=options["same_tower"], shared=shared
        )
        assert compute(case, **options).item() == pytest.approx(expected, abs=1e-6)


def test_cases_have_every_kind_of_kin() -> None:
    cases = [draw_case(seed, 3 + seed % 7, 3).keys for seed in range(20)]
    found = {
        "group": any(len(set(k[:, 0])) < len(k) for k in cases),
        "positive": any(len(set(k[:, 2])) < len(k) for k in cases),
        "seed": any(len(set(s := k[:, 1][k[:, 1] != 0])) < len(s) for k in cases),
        "seed and positive": any(set(k[:, 1]) & set(k[:, 2]) for k in cases),
        "negative and positive": any(set(k[:, 3:].flat) & set(k[:, 2]) for k in cases),
        "own negative and positive": any((k[:, 3:] == k[:, 2:3]).any() for k in cases),
        "no seed": any((k[:, 1] == 0).any() for k in cases),
        "no negative": any((k[:, 3:] == 0).any() for k in cases),
    }
    assert all(found.values()), found


@pytest.mark.parametrize("rows_at_a_time", [1, 3, 4])
def test_loss_does_not_depend_on_the_rows_held(
    rows_at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = draw_case(5, n_rows=7, n_negatives=2)
    whole = compute(case)
    monkeypatch.setattr("fret.training.losses._ROWS_AT_A_TIME", rows_at_a_time)
    assert compute(case).item() == pytest.approx(whole.item(), abs=1e-12)


def test_without_keys_no_rows_are_kin() -> None:
    case = draw_case(1, n_rows=6, n_negatives=2)
    unkin = Case(case.columns, 1 + np.arange(case.keys.size).reshape(case.keys.shape))
    loss = GeckoLoss(None, temperature=TEMPERATURE, shared_negatives=True)  # type: ignore[arg-type]
    columns = [[torch.tensor(column)] for column in case.columns]
    assert loss.calculate_loss(columns, None).item() == pytest.approx(
        compute_by_hand(unkin, shared=True), abs=1e-6
    )


def test_equal_vectors_have_the_loss_of_their_number() -> None:
    """All similarities equal: the loss is the logarithm of how many terms there are."""
    ones, keys = np.ones((5, 4)), 1 + np.arange(5 * 4).reshape(5, 4)
    assert compute(Case([ones] * 3, keys)).item() == pytest.approx(np.log(5 + 4 + 1))


def test_rows_of_which_all_are_kin_are_told_apart_from_own_negatives_only() -> None:
    ones, keys = np.ones((5, 4)), np.tile([7, 8, 9], (5, 1))
    keys = np.concatenate([keys, 100 + np.arange(5)[:, None]], axis=1)
    assert compute(Case([ones] * 3, keys)).item() == pytest.approx(np.log(2))


def test_missing_kin_of_nothing() -> None:
    nothing = torch.zeros(4, 3, dtype=torch.int64)
    assert not find_kin(nothing, nothing).any()


def test_keys_are_positive_and_only_no_text_has_none() -> None:
    keys = [make_key(text) for text in ["", "a", "b", "\ud800", "a"]]
    assert keys[0] == 0 and keys[1] == keys[4] and len(set(keys)) == 4
    assert all(0 < key < 2**63 for key in keys[1:])


def test_wrong_keys_and_columns_are_told() -> None:
    column = [torch.ones(2, 4)]
    loss = GeckoLoss(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 lines of 4"):
        loss.calculate_loss([column] * 3, torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="an anchor and a positive"):
        loss.calculate_loss([column], None)
    with pytest.raises(ValueError, match="temperature"):
        GeckoLoss(None, temperature=0)  # type: ignore[arg-type]


def test_bfloat16_is_compared_in_float32() -> None:
    case = draw_case(3, n_rows=6, n_negatives=1)
    rounded = [torch.tensor(column).bfloat16() for column in case.columns]
    loss = GeckoLoss(None, temperature=TEMPERATURE)  # type: ignore[arg-type]
    found = loss.calculate_loss([[column] for column in rounded], torch.tensor(case.keys))
    again = Case([column.double().numpy() for column in rounded], case.keys)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(compute_by_hand(again), abs=1e-5)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    return make_embedder(tmp_path_factory.mktemp("encoder"))


WORDS = [
    "kettle",
    "flue",
    "frost",
    "vinegar",
    "grade",
    "query",
    "passage",
    "sweep",
    "clean",
    "year",
    "best",
    "first",
    "how",
    "emoji",
]


def draw_features(
    model: SentenceTransformer, n_rows: int, n_negatives: int
) -> tuple[list[dict[str, Any]], Tensor]:
    """Texts of very different lengths, tokenized, and keys with kin among the rows."""
    rng = np.random.default_rng(n_rows + n_negatives)
    texts = [
        [" ".join(rng.choice(WORDS, size=rng.integers(1, 25))) for _ in range(n_rows)]
        for _ in range(2 + n_negatives)
    ]
    return [model.preprocess(column) for column in texts], torch.tensor(
        draw_case(2, n_rows, n_negatives).keys
    )


def gradients(model: SentenceTransformer, loss: torch.nn.Module, features: Any, keys: Any) -> Any:
    model.zero_grad()
    copies = [dict(feature) for feature in features]
    value = loss(copies, keys)
    value.backward()
    parameters = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    return value.item(), torch.cat([grad.flatten() for grad in parameters])


@pytest.mark.parametrize("n_negatives", [0, 2])
@pytest.mark.parametrize("matryoshka", [False, True])
def test_cached_gradient_equals_the_uncached(
    encoder: SentenceTransformer, n_negatives: int, matryoshka: bool
) -> None:
    encoder.eval().double()  # dropout would draw otherwise in pieces
    features, keys = draw_features(encoder, 11, n_negatives)
    found = []
    for size in (None, 1, 4, 64):
        loss: torch.nn.Module = GeckoLoss(encoder, shared_negatives=True, mini_batch_size=size)
        if matryoshka:
            loss = MatryoshkaLoss(encoder, loss, [16, 8], [1, 0.5])
        found.append(gradients(encoder, loss, features, keys))
    (value, gradient), *cached = found
    assert gradient.abs().max() > 1e-3
    for other_value, other in cached:
        assert other_value == pytest.approx(value, abs=1e-10)
        torch.testing.assert_close(other, gradient, atol=1e-10, rtol=0)


def test_matryoshka_is_the_sum_over_sizes(encoder: SentenceTransformer) -> None:
    encoder.eval()
    features, keys = draw_features(encoder, 6, 1)
    loss = MatryoshkaLoss(encoder, GeckoLoss(encoder, temperature=TEMPERATURE), [16, 8], [1, 0.5])
    with torch.no_grad():
        vectors = [encoder(dict(f))["sentence_embedding"].double().numpy() for f in features]
        found = loss([dict(f) for f in features], keys).item()
    expected = sum(
        weight * compute_by_hand(Case([v[:, :size] for v in vectors], keys.numpy()))
        for size, weight in ((16, 1), (8, 0.5))
    )
    assert found == pytest.approx(expected, abs=1e-5)


def test_shared_negatives_alone_are_the_usual_loss(encoder: SentenceTransformer) -> None:
    """With no kin, no same-tower terms and shared negatives it is sentence-transformers' own."""
    encoder.eval()
    features, _ = draw_features(encoder, 6, 2)
    ours = GeckoLoss(encoder, temperature=0.05, same_tower=False, shared_negatives=True)
    theirs = MultipleNegativesRankingLoss(encoder, scale=20.0)
    with torch.no_grad():
        found = ours([dict(f) for f in features], None)
        expected = theirs([dict(f) for f in features], None)
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _gradient_of_part(rank: int, n_ranks: int, address: str, folder: str) -> None:
    """Compute the gradient of one process's rows, and write down the mean over all processes."""
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=n_ranks)
    try:
        gradient = _gradient_of_rows(slice(4 * rank, 4 * rank + 4), gather=True)
        dist.all_reduce(gradient)
        torch.save(gradient / n_ranks, Path(folder) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


def _gradient_of_rows(rows: slice, *, gather: bool) -> Tensor:
    case = draw_case(7, n_rows=8, n_negatives=2)
    encoder = torch.eye(8, dtype=torch.float64).requires_grad_()
    columns = [[torch.tensor(column)[rows] @ encoder] for column in case.columns]
    loss = GeckoLoss(None, temperature=TEMPERATURE, shared_negatives=True, gather=gather)  # type: ignore[arg-type]
    loss.calculate_loss(columns, torch.tensor(case.keys)[rows]).backward()
    assert encoder.grad is not None
    return encoder.grad


def test_two_processes_have_the_gradient_of_one(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/meeting"
    # Forked from one that has loaded the libraries, which takes longer than all the rest.
    torch.multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
    torch.multiprocessing.start_processes(
        _gradient_of_part, (2, address, str(tmp_path)), nprocs=2, start_method="forkserver"
    )
    whole = _gradient_of_rows(slice(0, 8), gather=False)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(found, whole, atol=1e-10, rtol=0)
    alone = sum(_gradient_of_rows(slice(i, i + 4), gather=False) for i in (0, 4)) / 2
    assert (alone - whole).abs().max() > 1e-3, "rows of the other process count"
