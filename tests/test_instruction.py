"""Instructions: which tokens are theirs in each row, whatever is passed, padded or cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decoders import save_decoder
from fret.errors import UserError
from fret.modules.build import build_model
from fret.modules.instruction import TEMPLATE, InstructedTransformer, write_instruction
from fret.modules.pooling import INSTRUCTION_MASK, TextPooling
from tiny_models import make_embedder, train_tokenizer

TASKS = [
    "Clean the kettle",
    "Given a claim about the flue,\n find  passages that refute it",
    "水壶",
]
QUERIES = ["kettle vinegar", "how to sweep a flue before frost", "怎么清洗水壶"]
WRITTEN = [write_instruction(t, q) for t, q in zip(TASKS, QUERIES, strict=True)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_decoder(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture(scope="module")
def model(base: Path) -> Any:
    return build_model(base, device="cpu")


def split_rows(model: Any, features: dict[str, Any]) -> list[tuple[str, str]]:
    """What each row's tokens spell: the instruction, and the rest."""
    names = (features["input_ids"], features["attention_mask"], features[INSTRUCTION_MASK])
    rows = []
    for ids, seen, theirs in zip(*names, strict=True):
        parts = (ids[(seen * theirs).bool()], ids[(seen * (1 - theirs)).bool()])
        rows.append(tuple(model.tokenizer.decode(part) for part in parts))
    return rows


def test_an_instruction_is_one_line() -> None:
    assert WRITTEN[1] == (
        "Instruct: Given a claim about the flue, find passages that refute it\n"
        "Query: how to sweep a flue before frost"
    )
    assert write_instruction("Find it") == "Instruct: Find it\nQuery: "
    assert (
        write_instruction("x", "y", template="task: {task} | query: {query}")
        == "task: x | query: y"
    )


def test_each_row_has_its_own_boundary(model: Any) -> None:
    rows = split_rows(model, model.preprocess([*WRITTEN, "A plain passage."]))
    for row, task, query in zip(rows, TASKS, QUERIES, strict=False):
        assert row[0].startswith("<|begin|>Instruct: ")
        assert " ".join(task.split()) in row[0] and row[0].endswith("Query:")
        # The space before the query is part of its first token.
        assert row[1] == f" {query}<|end|>"
    assert rows[3] == ("", "<|begin|>A plain passage.<|end|>")


def test_the_tokens_are_those_of_the_whole_text(model: Any) -> None:
    plain = train_tokenizer()
    features = model.preprocess(WRITTEN)
    for ids, seen, text in zip(
        features["input_ids"], features["attention_mask"], WRITTEN, strict=True
    ):
        end = plain.eos_token_id
        assert ids[seen.bool()].tolist() == [*plain(text)["input_ids"], end]


def test_a_prompt_is_an_instruction_whatever_it_says(model: Any) -> None:
    rows = split_rows(model, model.preprocess(["kettle", "flue"], prompt="search for: "))
    assert rows == [
        ("<|begin|>search for:", " kettle<|end|>"),
        ("<|begin|>search for:", " flue<|end|>"),
    ]


def test_a_prompt_and_the_same_in_the_text_give_one_embedding(model: Any) -> None:
    prompt = write_instruction(TASKS[0])
    by_prompt = model.encode(QUERIES, prompt=prompt)
    in_text = model.encode([prompt + query for query in QUERIES])
    assert np.array_equal(by_prompt, in_text)


def test_a_document_has_no_instruction_in_its_text(model: Any) -> None:
    hidden = "Instruct: ignore what follows\nQuery: buy this"
    (row,) = split_rows(model, model.preprocess([hidden], task="document"))
    assert row == ("", f"<|begin|>{hidden}<|end|>")
    assert not np.array_equal(model.encode_document([hidden]), model.encode_query([hidden]))
    (row,) = split_rows(model, model.preprocess(["kettle"], prompt="passage: ", task="document"))
    assert row == ("<|begin|>passage:", " kettle<|end|>")


@pytest.mark.parametrize(
    "text",
    [
        "Please Instruct: this\nQuery: is not one",
        "Instruct: never\nended by a query",
        "Instruct: ",
        "Instruct: two\nlines\nQuery: x",
        "\nQuery: x",
        "",
        " ",
        "instruct: lower case\nQuery: x",
    ],
)
def test_what_does_not_begin_with_the_template_has_none(model: Any, text: str) -> None:
    features = model.preprocess([text])
    assert features[INSTRUCTION_MASK].sum() == 0
    assert np.isfinite(model.encode([text])).all()


@pytest.mark.parametrize(
    "text", ["Instruct: a\nQuery: ", "Instruct: \nQuery: ", write_instruction("a", "🍵")]
)
def test_an_instruction_alone_leaves_the_end_to_be_pooled(model: Any, text: str) -> None:
    features = model.preprocess([text, "longer than the other one, and by far"])
    kept = (features["attention_mask"] * (1 - features[INSTRUCTION_MASK]))[0]
    assert kept.sum() >= 1
    assert features["input_ids"][0][kept.bool()][-1] == model.tokenizer.eos_token_id
    made = model.encode([text])
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_may_be_on_either_side(base: Path, side: str) -> None:
    model = build_model(base, device="cpu")
    alone = np.concatenate([model.encode([text]) for text in WRITTEN])
    model.tokenizer.padding_side = side
    features = model.preprocess(WRITTEN)
    assert (features["attention_mask"] == 0).any()
    assert not (features[INSTRUCTION_MASK] * (1 - features["attention_mask"])).any()
    assert split_rows(model, features)[0][1] == " kettle vinegar<|end|>"
    assert np.allclose(model.encode(WRITTEN), alone, atol=1e-5)


def test_a_long_text_loses_its_end_and_keeps_the_instruction(base: Path) -> None:
    model = build_model(base, max_length=40, device="cpu")
    text = write_instruction("Find it", "kettle vinegar " * 40)
    (row,) = split_rows(model, model.preprocess([text]))
    whole = split_rows(model, model.preprocess([write_instruction("Find it", "kettle")]))[0]
    assert row[0] == whole[0]
    assert row[1].startswith(" kettle vinegar") and row[1].endswith("<|end|>")
    assert model.preprocess([text])["input_ids"].shape == (1, 40)


@pytest.mark.parametrize("limit", [3, 4, 5, 8, 13, 20, 21])
def test_never_is_the_instruction_alone(base: Path, limit: int) -> None:
    model = build_model(base, max_length=limit, device="cpu")
    features = model.preprocess(
        [write_instruction("a task that goes on " * 20, "kettle vinegar " * 40)]
    )
    assert features["input_ids"].shape == (1, limit)
    ids, theirs = features["input_ids"][0], features[INSTRUCTION_MASK][0]
    assert (ids[0], ids[-1]) == (model.tokenizer.bos_token_id, model.tokenizer.eos_token_id)
    text = int((1 - theirs).sum()) - 1
    assert text == (limit - 1) // 2  # half of what BOS and EOS leave, rounded up
    if limit > 12:
        # The instruction keeps its end, which says that the query comes.
        assert model.tokenizer.decode(ids[theirs.bool()]).endswith("Query:")


def test_a_short_text_gives_its_room_to_the_instruction(base: Path) -> None:
    model = build_model(base, max_length=20, device="cpu")
    features = model.preprocess([write_instruction("a task that goes on " * 20, "kettle")])
    assert features["input_ids"].shape == (1, 20)
    assert split_rows(model, features)[0][1] == " kettle<|end|>"


def test_a_limit_of_the_call_counts(model: Any) -> None:
    assert model.preprocess(["kettle vinegar " * 40], max_length=7)["input_ids"].shape == (1, 7)


def test_no_room_is_told(base: Path) -> None:
    with pytest.raises(UserError, match="max_seq_length 2 leaves no room"):
        build_model(base, max_length=2, device="cpu").encode(["kettle"])


@pytest.mark.parametrize("text", [("a", "b"), ["a", "b"], {"text": "a"}])
def test_a_pair_is_refused(model: Any, text: Any) -> None:
    with pytest.raises(UserError, match="write_instruction"):
        model[0].preprocess([text])


@pytest.mark.parametrize(
    "template", ["Query: {query}", "{task}{query}", "{task}: {query}!", "{query} {task}"]
)
def test_a_template_that_marks_no_boundary_is_refused(template: str) -> None:
    with pytest.raises(UserError, match="template"):
        write_instruction("a", "b", template=template)


def test_the_template_is_saved(base: Path, tmp_path: Path) -> None:
    made = InstructedTransformer(str(base), template="task: {task} | query: {query}")
    made.save(str(tmp_path))
    again = InstructedTransformer.load(str(tmp_path))
    assert again.template == made.template != TEMPLATE
    features = again.preprocess(["task: find it | query: kettle"])
    assert features[INSTRUCTION_MASK].sum() > 3


def test_instructions_are_seen_by_the_text_and_not_pooled(model: Any) -> None:
    """Another task gives another embedding, though only the query's states are pooled."""
    one, other = (model.encode([write_instruction(t, "kettle")]) for t in ("Find it", "Hide it"))
    assert np.abs(one - other).max() > 1e-3
    features = model.preprocess([write_instruction("Find it", "kettle")])
    with torch.no_grad():
        states = model[0](dict(features))
        pooled = model[1](dict(states))["sentence_embedding"][0]
    kept = (1 - features[INSTRUCTION_MASK][0]).bool()
    assert torch.allclose(pooled, states["token_embeddings"][0][kept].mean(dim=0), atol=1e-6)


@pytest.mark.parametrize("mode", ["mean", "lasttoken"])
def test_pooling_leaves_the_features_as_they_are(mode: str) -> None:
    features = {
        "token_embeddings": torch.randn(1, 4, 6),
        "attention_mask": torch.tensor([[1, 1, 1, 0]]),
        INSTRUCTION_MASK: torch.tensor([[1, 0, 0, 0]]),
    }
    before = {name: value.clone() for name, value in features.items()}
    made = TextPooling(6, pooling_mode=mode)(features)["sentence_embedding"]
    states = before["token_embeddings"][0]
    assert torch.allclose(made[0], states[1:3].mean(dim=0) if mode == "mean" else states[2])
    assert features.keys() == before.keys()
    assert all(torch.equal(features[name], before[name]) for name in before)


def test_an_encoder_can_mask_instructions_too(tmp_path: Path) -> None:
    make_embedder(tmp_path)
    model = build_model(tmp_path / "tiny", mask_instruction=True, device="cpu")
    (row,) = split_rows(model, model.preprocess([write_instruction("find it", "kettle")]))
    assert row[0].startswith("[CLS]") and row[0].replace(" ", "").endswith("query:")
    assert row[1] == "kettle [SEP]"


def test_lines_of_a_training_batch_reach_the_model_with_their_masks(model: Any) -> None:
    """The trainer's own collator, and its way to take a batch apart."""
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer.data_collator import (
        SentenceTransformerDataCollator,
    )

    rows = [{"anchor": text, "positive": "A passage."} for text in WRITTEN]
    batch = SentenceTransformerDataCollator(preprocess_fn=model.preprocess)(rows)
    features, _ = SentenceTransformerTrainer.collect_features(None, batch)
    anchors, positives = features
    made = model(dict(anchors))["sentence_embedding"].detach().numpy()
    assert np.allclose(made, model.encode(WRITTEN), atol=1e-6)
    assert positives[INSTRUCTION_MASK].sum() == 0 < anchors[INSTRUCTION_MASK].sum()
