"""The scorer `cross_encoder` on a tiny random model: what `predict` says, whatever the batch."""

from pathlib import Path
from typing import Any

import pytest

import fret
from fret.errors import ConfigError
from fret.records import Judgement, Passage, Query
from fret.retrieval.pairs import PairModel, find_pair_model
from fret.scorers import Group
from fret.scorers.cross_encoder import CrossEncoderScorer

WORDS = ["how", "to", "clean", "kettle", "vinegar", "sweep", "the", "flue", "lamp", "title"]


def make_model(folder: Path, n_labels: int = 1) -> Path:
    """Save a random BERT that reads pairs, with a word-piece tokenizer of a few words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    letters = [c for c in "abcdefghijklmnopqrstuvwxyz.,:?"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *letters, *(f"##{c}" for c in letters)]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=n_labels,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("pairs"))


def passage(text: str, title: str = "") -> Passage:
    return Passage(Passage.make_id(title, text), "page", 0, title, text, "en", 0, "")


def group(query: str, *passages: Passage) -> Group:
    return Query(query, None, "Clean it.", query, "en", "", "file", "", "", 0), passages


GROUPS = [
    group("how to clean a kettle", passage("vinegar"), passage("sweep the flue", "Title")),
    group("nothing"),
    group("lamp?", *[passage(f"the lamp of the oven goes out {'a ' * n}") for n in range(40)]),
]


def score(model: Path, **settings: Any) -> list[list[float]]:
    scorer = CrossEncoderScorer(PairModel(str(model), **settings), model="tiny", name="pairs")
    assert (scorer.name, scorer.kind, scorer.model) == ("pairs", "cross_encoder", "tiny")
    return [[s.value or 0.0 for s in scores] for scores in scorer.score(iter(GROUPS))]


def test_scores_are_what_a_plain_predict_says_whatever_the_batch(model: Path) -> None:
    from sentence_transformers import CrossEncoder

    plain = CrossEncoder(str(model))
    expected = [
        [
            float(plain.predict([(query.text, f"{p.title}\n{p.text}" if p.title else p.text)])[0])
            for p in passages
        ]
        for query, passages in GROUPS
    ]
    assert len(set(expected[2])) > 20
    for batch_size in (1, 7, 64):
        found = score(model, batch_size=batch_size)
        for mine, theirs in zip(found, expected, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-5)


def test_task_and_length_reach_the_model(model: Path) -> None:
    with_task = score(model, query_format="task: {task} {query}")
    assert with_task[0] != score(model)[0]
    assert score(model, max_length=8)[2][5:] == [score(model, max_length=8)[2][5]] * 35


def test_a_model_that_classifies_is_refused(tmp_path: Path) -> None:
    classifier = make_model(tmp_path / "three", n_labels=3)
    with pytest.raises(ConfigError, match="3 outputs; one that ranks has a single one"):
        score(classifier)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        score(tmp_path)
    assert find_pair_model("nobody/no-such-model") is None
    assert find_pair_model(str(tmp_path)) == str(tmp_path)


PIPELINE = """
run: pairs
pages: {{source: {{kind: jsonl, path: pages.jsonl}}}}
passages: {{max_size: 60, min_size: 10}}
queries: {{writer: {{kind: template}}}}
candidates: {{top_k: 6, dense: null}}
judgements: {{scorers: [{{kind: unigram}}, {{kind: cross_encoder, model: "{model}"}}]}}
"""


def test_a_pipeline_scores_with_a_cross_encoder(workplace: Path, model: Path) -> None:
    path = workplace / "pairs.yaml"
    path.write_text(PIPELINE.format(model=model), "utf-8")
    pipeline = fret.load(path)
    pipeline.run()
    for judgement in pipeline.rows(Judgement):
        assert None not in judgement.scorings[1].scores
    identity = pipeline.status()[4].identity["scorers"][1]
    assert "batch_size" not in identity and len(identity["model"]) == 16  # the weights' hash
    missing = fret.load(path, overrides=["run=x", "judgements.scorers.1.model=no/such-model"])
    with pytest.raises(ConfigError, match="cross-encoder no/such-model is neither a folder nor"):
        missing.run()
