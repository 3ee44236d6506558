"""Tiny language models of random weights to make embedding models of, one per architecture."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen3Config,
)

from tiny_models import LLAMA_LIKE, train_tokenizer

WINDOW = 4
CONFIGS: dict[str, Any] = {
    "llama": LlamaConfig(**LLAMA_LIKE),
    "mistral": MistralConfig(**LLAMA_LIKE, sliding_window=None),
    "mistral-window": MistralConfig(**LLAMA_LIKE, sliding_window=WINDOW),
    "qwen3": Qwen3Config(**LLAMA_LIKE),
    # One local layer and one global. With both directions the window is 3 to either side.
    "gemma3": Gemma3TextConfig(
        **LLAMA_LIKE, sliding_window=WINDOW, layer_types=["sliding_attention", "full_attention"]
    ),
}


def save_decoder(folder: Path, name: str, *, padding: bool = True) -> Path:
    """Make a language model, the same each time, and save it with a tokenizer."""
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(CONFIGS[name]).save_pretrained(folder)
    tokenizer = train_tokenizer()
    if padding:
        tokenizer.pad_token = "<|system|>"
    tokenizer.save_pretrained(folder)
    return folder
