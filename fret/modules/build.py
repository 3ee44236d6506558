"""One function that assembles an embedding model, and one that loads it again."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Module, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from fret.errors import UserError
from fret.modules.bidirectional import (
    find_causal_layers,
    is_told_bidirectional,
    make_bidirectional,
    require_bidirectional,
)
from fret.modules.ends import set_ends, set_padding
from fret.modules.instruction import InstructedTransformer
from fret.modules.latent_attention import LatentAttention, LatentShape
from fret.modules.pooling import TextPooling

PoolingName = Literal["latent", "mean", "last"]

_HUB = frozenset({"revision", "token", "local_files_only"})
_MODES = {"mean": "mean", "last": "lasttoken"}
_OURS: tuple[type[Module], ...] = (InstructedTransformer, LatentAttention, TextPooling)
"""The modules that a folder made here may name, besides those of sentence-transformers."""
_PLAIN_TEXT = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}


def build_model(
    base: str | Path,
    *,
    pooling: PoolingName = "mean",
    bidirectional: bool = True,
    mask_instruction: bool | None = None,
    latent: LatentShape | None = None,
    max_length: int | None = None,
    device: str | None = None,
    **options: Any,
) -> SentenceTransformer:
    """Make an embedding model of an encoder or a language model, untrained, with normalised output.

    An encoder (BERT and its like) stays as it is. A language model ends each text with EOS, pads to
    the right, and loses its causal mask, which is checked layer by layer in a few short passes.

    Without masked instructions, and with mean or last-token pooling, the saved model loads in plain
    sentence-transformers. Otherwise its folder names modules of fret: load it with `load_model`, or
    with `SentenceTransformer(folder, trust_remote_code=True)` where fret is installed.

    Args:
        base: folder or Hub id of a transformers model, or of a sentence-transformers model whose
            transformer lies at its root: only the transformer is taken.
        bidirectional: False leaves a language model's attention as it is.
        mask_instruction: leave the instruction out of pooling; by default for language models only.
        latent: sizes of the latent attention layer.
        max_length: tokens of a text at most; by default what the base allows.
        options: of transformers' `from_pretrained`: `dtype`, `attn_implementation`, `revision` …

    Raises:
        UserError: the base cannot be used so; the message says what would work.
    """
    if pooling not in get_args(PoolingName):
        raise UserError(f"pooling {pooling!r} is not known: take one of {get_args(PoolingName)}")
    base = str(base)
    transformer = _read_base(base, options)
    is_decoder = _is_decoder(transformer.model)
    if is_decoder and bidirectional:
        transformer.model = make_bidirectional(transformer.model, base, **options)
    (set_ends if is_decoder else set_padding)(transformer.tokenizer)
    if max_length is not None:
        transformer.max_seq_length = max_length
    masked = is_decoder if mask_instruction is None else mask_instruction
    if masked:
        transformer = InstructedTransformer.of(transformer)
    if masked or pooling == "latent":
        # These go by a mask of (batch, tokens), which texts laid end to end do not have.
        transformer.unpad_inputs = False
    pool = _make_pooling(pooling, transformer.get_embedding_dimension(), masked, latent)
    return SentenceTransformer(modules=[transformer, pool, Normalize()], device=device)


def load_model(
    folder: str | Path, *, device: str | None = None, **options: Any
) -> SentenceTransformer:
    """Load a model that `build_model` made and `save_pretrained` wrote.

    Modules of fret are taken from this installation, so no code of the folder is run or trusted. A
    model that says it is bidirectional is checked to be.

    Args:
        options: of transformers' `from_pretrained`, as for `build_model`.
    """
    hub, model = _sort_options(options)
    ours = {f"{kind.__module__}.{kind.__name__}": kind for kind in _OURS}
    # Private in sentence-transformers 6, so it may be renamed; the public way would trust all code
    # that the folder brings.
    made = SentenceTransformer._load_with_module_classes(
        str(folder), ours, device=device, model_kwargs=model, **hub
    )
    if isinstance(made[0], Transformer) and is_told_bidirectional(made[0].model):
        require_bidirectional(made[0].model)
    return made


def _read_base(base: str, options: dict[str, Any]) -> Transformer:
    hub, model = _sort_options(options)
    try:
        made: Transformer = Transformer(
            base,
            model_kwargs={**hub, **model},
            config_kwargs=hub,
            processor_kwargs=hub,
            # A chat template would else make a conversation of each text.
            modality_config=_PLAIN_TEXT,
            module_output_name="token_embeddings",
        )
        return made
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UserError(
            f"{base} cannot be read as a transformers model: {error}. Name a folder or a Hub id of "
            "an encoder or a language model"
        ) from error


def _sort_options(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that say where files lie, for configuration and tokenizer too; and the model's own."""
    hub = {name: value for name, value in options.items() if name in _HUB}
    return hub, {name: value for name, value in options.items() if name not in _HUB}


def _is_decoder(model: Any) -> bool:
    """A language model, causal still or made bidirectional before."""
    return is_told_bidirectional(model) or bool(find_causal_layers(model))


def _make_pooling(
    name: PoolingName, width: int, masked: bool, latent: LatentShape | None
) -> Module:
    if name == "latent":
        return LatentAttention(width, **asdict(latent or LatentShape()))
    kind = TextPooling if masked else Pooling
    made: Module = kind(width, pooling_mode=_MODES[name])
    return made
