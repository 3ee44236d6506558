"""The pipeline file as a typed tree: every key that may stand there, with its meaning and default.

The tree is closed (an unknown key is an error that names the nearest right one) and strict (a
number is not text). Objects of this module stop at the stages: what lies below takes plain
arguments.
"""

from fret.config.base import RUN_NAME, Settings
from fret.config.candidates import (
    Bm25Settings,
    CandidatesSettings,
    DenseSettings,
    FusionSettings,
    FusionWeights,
    QueryFormat,
)
from fret.config.checks import (
    NO_CHECKS,
    ChecksSettings,
    CopiedCheck,
    JudgeCheck,
    LanguageCheck,
    LeakedCheck,
    LengthCheck,
    NearDuplicatesCheck,
    SimilarCheck,
)
from fret.config.examples import (
    ExamplesSettings,
    ExtraPositivesSettings,
    NegativesSettings,
    ScoresFusion,
)
from fret.config.judgements import (
    CrossEncoderScorer,
    DeeperSettings,
    EarlyStopSettings,
    EmbeddingScorer,
    JudgementFusion,
    JudgementsSettings,
    ListwiseScorer,
    QueryLikelihoodScorer,
    RelevanceScorer,
    Scorer,
    UnigramScorer,
)
from fret.config.models import (
    BatchSettings,
    Model,
    OpenAIModel,
    PriceSettings,
    ScriptedModel,
    TransformersModel,
    Ways,
)
from fret.config.queries import (
    ClustersSettings,
    FileWriter,
    LlmWriter,
    QueriesSettings,
    RewriteSettings,
    SeedsSettings,
    TemplateWriter,
    TwoStepSettings,
    Writer,
)
from fret.config.sources import HtmlSource, HubSource, JsonlSource, Source, UrlsSource, WarcSource
from fret.config.texts import PagesSettings, PassagesSettings
from fret.config.tree import BudgetSettings, PipelineSettings, PublishSettings

__all__ = [
    "NO_CHECKS",
    "RUN_NAME",
    "BatchSettings",
    "Bm25Settings",
    "BudgetSettings",
    "CandidatesSettings",
    "ChecksSettings",
    "ClustersSettings",
    "CopiedCheck",
    "CrossEncoderScorer",
    "DeeperSettings",
    "DenseSettings",
    "EarlyStopSettings",
    "EmbeddingScorer",
    "ExamplesSettings",
    "ExtraPositivesSettings",
    "FileWriter",
    "FusionSettings",
    "FusionWeights",
    "HtmlSource",
    "HubSource",
    "JsonlSource",
    "JudgeCheck",
    "JudgementFusion",
    "JudgementsSettings",
    "LanguageCheck",
    "LeakedCheck",
    "LengthCheck",
    "ListwiseScorer",
    "LlmWriter",
    "Model",
    "NearDuplicatesCheck",
    "NegativesSettings",
    "OpenAIModel",
    "PagesSettings",
    "PassagesSettings",
    "PipelineSettings",
    "PriceSettings",
    "PublishSettings",
    "QueriesSettings",
    "QueryFormat",
    "QueryLikelihoodScorer",
    "RelevanceScorer",
    "RewriteSettings",
    "Scorer",
    "ScoresFusion",
    "ScriptedModel",
    "SeedsSettings",
    "Settings",
    "SimilarCheck",
    "Source",
    "TemplateWriter",
    "TransformersModel",
    "TwoStepSettings",
    "UnigramScorer",
    "UrlsSource",
    "WarcSource",
    "Ways",
    "Writer",
]
