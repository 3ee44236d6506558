"""Language models as tests need them: tiny and random, but real; with a tokenizer of their own."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

CORPUS = [
    "A kettle descales best with vinegar. Sweep the flue before the first frost of the year.",
    "Grades go from 0 to 3: 0 1 2 3 and 0, 1, 2, 3. Query: how to clean a kettle",
    "Passage: 水壶用醋除垢最好。炉灶需要干净的烟道。 Query: 怎么清洗水壶",
    "Emoji 🍵🔥🧊 and accents: café, naïve, Größe. <|user|> <|assistant|>",
] * 8

TEMPLATE = (
    "<|begin|>{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{{ mood | default('') }}{% endif %}"
)
SPECIAL = ["<|begin|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]

SMALL: dict[str, Any] = {"vocab_size": 640, "initializer_range": 0.3}
LLAMA_LIKE: dict[str, Any] = SMALL | {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
}
NO_ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}
CONFIGS = {
    "qwen3": Qwen3Config(**LLAMA_LIKE),
    # Learned positions: one that is off by one changes everything.
    "gpt2": GPT2Config(**SMALL, n_embd=64, n_layer=2, n_head=4, n_positions=512, **NO_ENDS),
    # Windows shorter than the prompts, in half of the layers and in all.
    "gemma3": Gemma3TextConfig(
        **LLAMA_LIKE, sliding_window=24, layer_types=["sliding_attention", "full_attention"]
    ),
    "mistral": MistralConfig(**LLAMA_LIKE, sliding_window=24),
}


def train_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE: rare characters are split over tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    begin = [("<|begin|>", made.token_to_id("<|begin|>"))]
    made.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(single="<|begin|> $A", special_tokens=begin),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<|begin|>",
        eos_token="<|end|>",
        extra_special_tokens=["<|user|>", "<|assistant|>", "<|system|>"],
        chat_template=TEMPLATE,
    )


def save_model(folder: Path, config: Any) -> Path:
    """Make a model of an architecture, the same each time, and save it."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    # So many ends that some answers end, and some are cut.
    model.generation_config.eos_token_id = list(range(1, 600, 9))
    model.save_pretrained(folder)
    train_tokenizer().save_pretrained(folder)
    return folder


def make_embedder(folder: Path) -> Any:
    """A BERT of two tiny layers with random weights and a vocabulary of letters."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:|"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(words), "utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder / "tiny")
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder / "tiny")
    transformer = Transformer(str(folder / "tiny"), max_seq_length=64)
    pooling = Pooling(transformer.get_embedding_dimension())
    return SentenceTransformer(modules=[transformer, pooling], device="cpu")


def save_embedder(
    folder: Path, *, prompts: dict[str, str] | None = None, default: str | None = None
) -> Path:
    """Save such a model, with prompts of its own; return its folder."""
    (folder / "parts").mkdir(parents=True)
    model = make_embedder(folder / "parts")
    model.prompts, model.default_prompt_name = prompts or {}, default
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"
