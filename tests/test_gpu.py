"""Models of this process on a GPU: the numbers of the processor, in float32 and bfloat16."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from fret.llm.answers import AnswerStore
from fret.llm.local import TransformersLLM
from fret.llm.types import Labels, LabelsReply, Likelihood, LikelihoodReply
from fret.retrieval.encode import Embedder, Encoding, close_pools
from fret.retrieval.search import PassageVectors
from test_local_llm import INSTRUCTION, PASSAGES, QUERIES, Plain, folders
from tiny_models import save_embedder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
__all__ = ["folders"]

PROMPTS = [f"{INSTRUCTION}Passage: {passage}\nQuery:" for passage in PASSAGES]
PAIRS = [Likelihood(prompt, f" {query}") for prompt, query in product(PROMPTS, QUERIES)]
GRADED = [Labels((("user", f"{a}\n{q}"),), ("0", "1", "2", "3")) for a in PASSAGES for q in QUERIES]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    opened = AnswerStore(tmp_path / "answers.sqlite")
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ["qwen3", "gpt2", "gemma3", "mistral"])
@pytest.mark.parametrize("share", [True, False])
def test_in_float32_it_gives_the_numbers_of_a_plain_forward_pass(
    folders: dict[str, Path], store: AnswerStore, name: str, share: bool
) -> None:
    llm = TransformersLLM(
        folders[name], store=store, device="cuda", dtype="float32", share_prefix=share
    )
    plain = Plain(folders[name])
    for request, reply in zip(PAIRS, llm.ask(PAIRS), strict=True):
        assert isinstance(reply, LikelihoodReply)
        logprob, n_tokens = plain.likelihood(request.prompt, request.continuation)
        assert (reply.logprob, reply.n_tokens) == (pytest.approx(logprob, abs=1e-4), n_tokens)
    for graded, found in zip(GRADED, llm.ask(GRADED), strict=True):
        assert isinstance(found, LabelsReply)
        expected = [plain.label(graded.messages, label) for label in graded.labels]
        assert found.logprobs == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["qwen3", "gemma3"])
def test_in_bfloat16_it_errs_by_hundredths_per_token(
    folders: dict[str, Path], store: AnswerStore, name: str
) -> None:
    """bfloat16 is what `auto` takes on a GPU: 8 bits of mantissa, so 0.4 % of each number."""
    llm = TransformersLLM(folders[name], store=store)
    plain = Plain(folders[name])
    errors = []
    for request, reply in zip(PAIRS, llm.ask(PAIRS), strict=True):
        assert isinstance(reply, LikelihoodReply)
        logprob, n_tokens = plain.likelihood(request.prompt, request.continuation)
        errors.append(abs(reply.logprob - logprob) / n_tokens)
    print(f"{name}: bfloat16 errs by {sum(errors) / len(errors):.4f} nats a token on average")
    assert max(errors) < 0.2
    (tensor, *_) = llm._engine.scorer._model.parameters()
    assert tensor.is_cuda and tensor.dtype is torch.bfloat16


TEXTS = [("", f"kettle number {n} " * (n % 7)) for n in range(40)]


def test_an_embedding_model_in_float32_gives_the_vectors_of_the_processor(tmp_path: Path) -> None:
    folder = str(save_embedder(tmp_path))
    here = Embedder(folder, Encoding(device="cpu")).encode_passages(TEXTS)
    there = Embedder(folder, Encoding(device="cuda", precision="float32")).encode_passages(TEXTS)
    assert there == pytest.approx(here, abs=1e-4)


def test_an_embedding_model_takes_bfloat16_by_itself(tmp_path: Path) -> None:
    embedder = Embedder(str(save_embedder(tmp_path)))
    assert embedder.identify()["precision"] == "bfloat16" and embedder.device == "cuda"
    here = Embedder(embedder.path, Encoding(device="cpu")).encode_passages(TEXTS)
    cosines = (embedder.encode_passages(TEXTS) * here).sum(axis=1)
    print(f"bfloat16: cosine to float32 {cosines.min():.5f} at worst")
    assert cosines.min() > 0.99


def test_search_on_a_gpu_finds_what_the_processor_finds(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((20_000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # Many equal ones, so that the ties of the one must be the ties of the other.
    np.save(tmp_path / "v.npy", np.repeat(vectors[:5000], 4, axis=0).astype(np.float16))
    queries = vectors[-50:]
    here, there = (PassageVectors(tmp_path / "v.npy", device=d) for d in ("cpu", "cuda"))
    assert here.search(queries, 30) == there.search(queries, 30)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two GPUs here")
def test_two_gpus_share_the_work_and_give_the_same(tmp_path: Path) -> None:
    folder = str(save_embedder(tmp_path))
    one, two = ("cuda:0",), ("cuda:0", "cuda:1")
    found = [Embedder(folder, Encoding(device=d)).encode_passages(TEXTS) for d in (one, two)]
    close_pools()
    assert found[1] == pytest.approx(found[0], abs=1e-2)
