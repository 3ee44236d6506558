"""What computing shared tokens once saves, with a random model, on the processor or a GPU.

    python tests/benchmarks/local_llm.py [REPEATS] [PASSAGES] [QUERIES] [LAYERS] [HIDDEN]

A GPU is taken where there is one, in bfloat16. 28 layers of 1024 are the size of Qwen3-0.6B.

Every query is asked of every passage after a few-shot prompt of some 600 tokens, once with whole
texts and once with shared tokens computed once, in turn. Prints the median requests per second of
either way and their ratio, beside the ratio of the tokens that each way feeds to the model: what
the ratio of times would be, were all tokens equally dear. Nothing is read from a store.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

from fret.llm.answers import AnswerStore
from fret.llm.local import TransformersLLM
from fret.llm.types import Labels, Likelihood, Request

VOCABULARY = 8000
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_words(draw: random.Random, n: int) -> list[str]:
    syllables = [a + b for a in "bdfgklmnprstvw" for b in "aeiou"]
    return ["".join(draw.choices(syllables, k=draw.randint(1, 3))) for _ in range(n)]


def make_model(folder: Path, words: Sequence[str], n_layers: int, hidden: int) -> None:
    """Save a model, and a tokenizer with a token a word."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|end|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([" ".join(words), "0 1 2 3"] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|end|>", chat_template=TEMPLATE
    )
    tokenizer.save_pretrained(folder)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=n_layers,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=hidden // 8,
    )
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).save_pretrained(folder)


def make_requests(
    draw: random.Random, words: Sequence[str], n_passages: int, n_queries: int
) -> dict[str, list[Request]]:
    """Return the same questions as likelihoods and as labels."""

    def write(n: int) -> str:
        return " ".join(draw.choices(words, k=n))

    shots = "\n\n".join(f"Passage: {write(120)}\nQuery: {write(10)}" for _ in range(4))
    pairs = [
        *product([write(10) for _ in range(n_queries)], [write(100) for _ in range(n_passages)])
    ]
    asked: dict[str, list[Request]] = {"likelihood": [], "labels": []}
    for query, passage in pairs:
        prompt = f"{shots}\n\nPassage: {passage}\nQuery:"
        asked["likelihood"].append(Likelihood(prompt, f" {query}"))
        asked["labels"].append(Labels((("user", f"{prompt} {query}"),), ("0", "1", "2", "3")))
    return asked


def measure(model: Path, asked: list[Request], share: bool) -> tuple[float, int]:
    """Return requests per second, and how many tokens the model was fed, padding included."""
    with tempfile.TemporaryDirectory() as name:
        store = AnswerStore(Path(name) / "answers.sqlite")
        llm = TransformersLLM(model, store=store, share_prefix=share)
        list(llm.ask([Likelihood("a", "b"), Labels((("user", "a"),), ("0", "1", "2", "3"))]))
        n_fed = 0

        def count(module: torch.nn.Module, given: Any) -> None:
            nonlocal n_fed
            if isinstance(module, torch.nn.Embedding):
                n_fed += given[0].numel()

        hook = register_module_forward_pre_hook(count)
        started = time.perf_counter()
        list(llm.ask(asked))
        taken = time.perf_counter() - started
        hook.remove()
        store.close()
    return len(asked) / taken, n_fed


def main() -> None:
    given = [*map(int, sys.argv[1:]), *(3, 20, 8, 4, 256)[len(sys.argv) - 1 :]]
    repeats, n_passages, n_queries, n_layers, hidden = given
    logging.disable_progress_bar()
    draw = random.Random(0)
    words = make_words(draw, 1500)
    with tempfile.TemporaryDirectory() as name:
        make_model(Path(name), words, n_layers, hidden)
        where = f"{torch.get_num_threads()} threads"
        if torch.cuda.is_available():
            where = torch.cuda.get_device_name()
        print(f"{n_passages} passages x {n_queries} queries, {n_layers} x {hidden}, {where}")
        print(f"{'requests/s':<12} {'whole':>8} {'shared':>8} {'ratio':>7} {'of tokens':>10}")
        for kind, asked in make_requests(draw, words, n_passages, n_queries).items():
            pairs = [
                (measure(Path(name), asked, False), measure(Path(name), asked, True))
                for _ in range(repeats)
            ]
            whole = statistics.median(one[0] for one, _ in pairs)
            shared = statistics.median(two[0] for _, two in pairs)
            ratios = [two[0] / one[0] for one, two in pairs]
            of_tokens = pairs[0][0][1] / pairs[0][1][1]
            print(
                f"{kind:<12} {whole:8.1f} {shared:8.1f} {statistics.median(ratios):6.1f}x "
                f"{of_tokens:9.1f}x   ({min(ratios):.1f} to {max(ratios):.1f})"
            )


if __name__ == "__main__":
    main()
