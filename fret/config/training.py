"""The training file: what `fret train` reads."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from fret.config.base import RUN_NAME, Settings
from fret.config.encoders import Device, QueryFormat
from fret.config.training_data import DataSettings


def _check_passage_format(text: str) -> str:
    rest = text.replace("{title}", "").replace("{text}", "")
    if "{text}" not in text or "{" in rest or "}" in rest:
        raise ValueError("must hold {text}, may hold {title}, and no other braces")
    return text


PassageFormat = Annotated[str, AfterValidator(_check_passage_format)]


class FormatSettings(Settings):
    """How a task, a query and a passage become the texts that the model reads."""

    query: QueryFormat = "task: {task} | query: {query}"
    """For queries, and for both sides of symmetric data; Gecko's (arXiv 2403.20327, appendix B)."""
    passage: PassageFormat = "title: {title} | text: {text}"
    """For passages."""
    no_title: str = "none"
    """What stands for the title of a passage without one."""
    default_task: str = "search result"
    """The task of queries that come without one; the saved model's prompt for queries has it."""


class LatentSettings(Settings):
    """Size of NV-Embed's latent attention (arXiv 2405.17428, section 3.2)."""

    latents: int = Field(default=512, ge=1)
    """Vectors that the tokens attend to."""
    heads: int = Field(default=8, ge=1)
    """Heads of that attention."""
    head_width: int | None = Field(default=None, ge=1)
    """Numbers of a head; null: the model's own width divided by the heads."""


class ModelSettings(Settings):
    """How the base becomes an embedding model; of no account for one that already is one."""

    pooling: Literal["auto", "mean", "last", "latent"] = "auto"
    """What the states of the tokens become one vector by; `auto`: what the base has, else mean."""
    latent: LatentSettings = LatentSettings()
    """For `pooling: latent`."""
    bidirectional: bool | None = None
    """Whether tokens of a decoder see those after them; null: yes with pooling by mean or latent
    attention, no with `last`. Encoders always do."""
    max_length: int = Field(default=512, ge=8)
    """Tokens of a text; the rest is cut."""
    pool_instructions: bool = True
    """Whether the tokens of the task count in pooling; NV-Embed leaves them out."""


class GeckoLossSettings(Settings):
    """Gecko's loss (arXiv 2403.20327, equation 3): see `fret.training.losses`."""

    kind: Literal["gecko"]
    temperature: float = Field(default=0.05, gt=0)
    """What cosines are divided by. The paper does not give its own; NV-Embed took 0.02."""
    in_batch: bool = True
    """Whether the positives of other rows are negatives; NV-Embed's second stage goes without."""
    same_tower: bool = True
    """Whether the queries of other rows are negatives."""
    shared_negatives: bool = False
    """Whether the hard negatives of other rows are negatives, too."""
    mask_kin: bool = True
    """Leave out rows that share a positive, a seed or nearly a query."""


class LibraryLossSettings(Settings):
    """One of sentence-transformers' own losses, over anchor, positive and negatives."""

    kind: Literal["sentence_transformers"]
    name: str
    """Its class, such as MultipleNegativesRankingLoss."""
    arguments: dict[str, Any] = Field(default={})
    """What it is made with, beside the model."""


LossSettings = Annotated[GeckoLossSettings | LibraryLossSettings, Field(discriminator="kind")]


class TrainingStage(Settings):
    """One pass of training; the next one goes on from its end."""

    name: str = Field(default="train", pattern=RUN_NAME)
    """Its folder below the model's."""
    data: list[DataSettings] = Field(min_length=1)
    """What is learned from."""
    mixing: Literal["mixed", "one_source"] = "mixed"
    """Whether a batch has rows of all data (NV-Embed) or of one dataset (Gemini Embedding)."""
    loss: LossSettings = GeckoLossSettings(kind="gecko")
    """What is made small."""
    matryoshka: list[Annotated[int, Field(ge=1)]] = Field(default=[])
    """Sizes of vectors at which the loss is taken as well: the first numbers of a vector are then a
    vector of their own (Kusupati et al. 2022, arXiv 2205.13147). Gecko: [768, 256]."""
    epochs: float = Field(default=1.0, gt=0)
    """How often all data is seen, each as often as it weighs."""
    steps: int | None = Field(default=None, ge=1)
    """How many steps instead."""
    batch_size: int = Field(default=64, ge=2)
    """Rows of a step; several processes share them."""
    mini_batch_size: int | None = Field(default=None, ge=1)
    """Texts that are held in memory with their gradients at a time (gradient caching): large
    batches on small memory, for one more forward pass. null: all of a batch."""
    learning_rate: float = Field(default=2e-5, gt=0)
    """Of AdamW at its height."""
    warm_up: float = Field(default=0.1, ge=0, le=1)
    """Share of the steps over which it rises; then it falls to 0 in a line."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Of AdamW."""

    @model_validator(mode="after")
    def _caching_is_geckos(self) -> "TrainingStage":
        if self.mini_batch_size and self.loss.kind != "gecko":
            raise ValueError(
                "mini_batch_size is for `loss: {kind: gecko}`; of sentence-transformers' losses "
                "name a cached one, with mini_batch_size among its arguments"
            )
        return self


class MntpSettings(Settings):
    """Masked next token prediction on plain texts before the first stage, so that a language model
    gets used to seeing in both directions (LLM2Vec, BehnamGhader et al. 2024, arXiv 2404.05961)."""

    path: str
    """A fret dataset, a .jsonl or .parquet file, or a dataset's name on the Hub."""
    column: str = "positive"
    """The column with the texts."""
    config: str | None = "triplets"
    """Of a fret dataset or on the Hub: which of its configs."""
    split: str = "train"
    """Which split of it."""
    max_rows: int = Field(default=100_000, ge=1)
    """Texts to take, from the front; they are held in memory."""
    steps: int = Field(default=1000, ge=1)
    """LLM2Vec: 1,000."""
    batch_size: int = Field(default=32, ge=1)
    """Texts of a step, in one process; LLM2Vec: 32."""
    mask_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the tokens to predict; LLM2Vec: 0.2, for most models."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Of AdamW at its height, after a tenth of the steps."""
    lora_rank: int | None = Field(default=None, ge=1)
    """Train only low-rank changes of this rank (LLM2Vec: 16); null: all weights."""


class LoraSettings(Settings):
    """Train small matrices beside the model's own, which are added to them at the end (Hu et al.
    2021, arXiv 2106.09685). Needs the package peft."""

    rank: int = Field(default=16, ge=1)
    """Their rank; NV-Embed: 16."""
    alpha: int = Field(default=32, ge=1)
    """What they count, over the rank; NV-Embed: 32."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """NV-Embed: 0.1."""
    modules: list[str] | Literal["all-linear"] = "all-linear"
    """Names of the layers that get them."""


class EvaluationSettings(Settings):
    """Measured before, while and after training."""

    data: list[str] = Field(default=[])
    """Folders or names as `fret evaluate --data` takes them."""
    every: int | None = Field(default=None, ge=1)
    """After so many steps; null: at the end of each stage."""


class TrainingSettings(Settings):
    """The whole training file."""

    name: str = Field(pattern=RUN_NAME)
    """Name of the model: its folder below `models_dir`."""
    models_dir: str = "data/models"
    """Where all models lie."""
    base: str
    """What is trained: a folder, or a name on the Hub, of an embedding model or of any encoder or
    decoder."""
    model: ModelSettings = ModelSettings()
    """How the base becomes an embedding model."""
    format: FormatSettings = FormatSettings()
    """What the model reads."""
    mntp: MntpSettings | None = None
    """What a language model goes through before the stages; null: nothing."""
    stages: list[TrainingStage] = Field(min_length=1)
    """One after the other."""
    lora: LoraSettings | None = None
    """null: all weights are trained."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What forward passes compute with; weights stay float32. `auto`: bfloat16 on GPUs made for
    it."""
    gradient_checkpointing: bool = False
    """Compute states again rather than hold them: less memory, a third more time."""
    device: Device = "auto"
    """cpu, cuda, mps …; `auto` for the first GPU that is there."""
    save_every: int = Field(default=500, ge=1)
    """Steps between checkpoints, from which a killed training goes on."""
    evaluate: EvaluationSettings = EvaluationSettings()
    """What it is measured on."""
    seed: int = 0
    """Whatever is drawn at random follows from it."""

    @model_validator(mode="after")
    def _stages_have_names(self) -> "TrainingSettings":
        names = [stage.name for stage in self.stages] + ["mntp"] * (self.mntp is not None)
        if len(set(names)) < len(names):
            raise ValueError(
                f"stages need a name each; these are named {', '.join(names)}: give `name:`"
            )
        return self
