"""A model of this process on a GPU: the numbers of the processor, in float32 and bfloat16."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import torch

from fret.llm.answers import AnswerStore
from fret.llm.local import TransformersLLM
from fret.llm.types import Labels, LabelsReply, Likelihood, LikelihoodReply
from test_local_llm import INSTRUCTION, PASSAGES, QUERIES, Plain, folders

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
