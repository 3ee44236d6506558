"""Records: ids that do not change, and the way to Arrow rows and back without loss."""

import types
import typing
from dataclasses import fields, is_dataclass
from typing import Any

import pyarrow as pa
import pytest

from fret.arrow import schema_of
from fret.reasons import Reason
from fret.records import (
    ID_LENGTH,
    Candidates,
    Dropped,
    Example,
    Judgement,
    Page,
    Passage,
    Query,
    Record,
    Scoring,
    hash_json,
    make_id,
)

RECORDS: list[type[Any]] = [
    Page,
    Passage,
    Query,
    Candidates,
    Scoring,
    Judgement,
    Example,
    Dropped,
]


def make(hint: Any, *, empty: bool, n: int = 1) -> Any:
    """Make a value for an annotation: the fullest that fits it, or the emptiest."""
    if isinstance(hint, types.UnionType):
        if empty:
            return None
        hint = next(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        optional = isinstance(item, types.UnionType)
        full = [make(item, empty=False, n=n + i) for i in range(2)]
        return () if empty else (*full, *([None] if optional else []))
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, empty=empty, n=n)
    samples: dict[Any, Any] = {
        str: "" if empty else f"Grüße {n} «„“» 日本 \n\t x",
        int: 0 if empty else -(2**40) * n,
        float: 0.0 if empty else 0.1 * n,
        bool: not empty,
    }
    return samples[hint]


def build(record: type[Any], *, empty: bool, n: int = 1) -> Any:
    hints = typing.get_type_hints(record)
    return record(**{f.name: make(hints[f.name], empty=empty, n=n) for f in fields(record)})


def through_arrow(records: list[Any]) -> list[Any]:
    kind: type[Record] = type(records[0])
    schema = schema_of(kind)
    table = pa.Table.from_pylist([record.to_row() for record in records], schema=schema)
    return [kind.from_row(row) for row in table.to_pylist()]


def test_an_id_is_the_same_everywhere_and_for_ever() -> None:
    # By sha256sum, over each part: its length in 8 bytes, big-endian, then its UTF-8.
    assert make_id("page", "https://a.example", "Grüße") == "309cad8ed1a4aa0d3b65"
    assert len(make_id()) == len(make_id("x")) == ID_LENGTH


def test_parts_of_an_id_cannot_run_together() -> None:
    ids = [make_id("ab", "c"), make_id("a", "bc"), make_id("abc"), make_id("abc", ""), make_id()]
    assert len(set(ids)) == len(ids)
    assert make_id("a", "b") != make_id("b", "a")


def test_an_id_can_be_made_of_half_a_surrogate_pair() -> None:
    assert make_id("\ud800") != make_id("\udc00")
    assert hash_json({"a": "\ud800"}) != hash_json({"a": "\udc00"})


def test_ids_of_different_records_differ_though_their_content_is_one() -> None:
    assert Page.make_id("a", "b") != Passage.make_id("a", "b")
    assert Query.make_id(None, "p", ["t"], 0) != Query.make_id(None, "p", ["t"], 1)
    assert Query.make_id(None, "p", ["t"], 0) != Query.make_id("seed", "p", ["t"], 0)
    assert Query.make_id("seed", "p", ["t", "u"], 0) != Query.make_id("seed", "p", ["tu"], 0)


def test_hash_of_json_does_not_depend_on_the_order_of_keys() -> None:
    assert hash_json({"a": 1, "b": [1, 2]}) == hash_json({"b": [1, 2], "a": 1})
    assert hash_json({"a": [1, 2]}) != hash_json({"a": [2, 1]})
    assert hash_json(1) != hash_json("1") != hash_json(True)


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
def test_records_come_back_from_arrow_as_they_were(record: type[Any]) -> None:
    originals = [build(record, empty=False), build(record, empty=True), build(record, empty=False)]
    assert through_arrow(originals) == originals


def test_none_in_lists_and_lists_in_lists_come_back() -> None:
    scoring = Scoring(
        scorer="judge",
        kind="relevance",
        model="m",
        fallbacks=("", "bounded labels: 3", ""),
        scores=(None, 0.5, None),
        ranks=(None, 1, None),
        logprobs=(None, None, None),
        n_tokens=(None, None, None),
        label_logprobs=(None, (-0.1, -2.0), ()),
        grades=(None, 1.5, 0.0),
    )
    judgement = Judgement(
        query_id="q",
        seed_id=None,
        passage_ids=("a", "b", "c"),
        scorings=(scoring, scoring),
        fused_scores=(None, 1.0, None),
        fused_ranks=(None, 1, None),
    )
    (back,) = through_arrow([judgement])
    assert back == judgement
    assert isinstance(back.scorings[0], Scoring)
    assert isinstance(back.scorings[0].label_logprobs[1], tuple)


def test_schema_says_what_the_annotations_say() -> None:
    schema = schema_of(Judgement)
    assert schema.names == [f.name for f in fields(Judgement)]
    assert schema.field("seed_id").type == pa.string()
    assert schema.field("fused_ranks").type == pa.list_(pa.int64())
    scoring = schema.field("scorings").type.value_type
    assert scoring.field("scores").type == pa.list_(pa.float64())
    assert scoring.field("label_logprobs").type == pa.list_(pa.list_(pa.float64()))
    assert schema_of(Example).field("positive_is_seed").type == pa.bool_()
    assert schema_of(Example).field("negative_ranks").type == pa.list_(pa.list_(pa.int64()))
    assert schema_of(Passage).field("n_tokens").type == pa.int64()


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
def test_records_cannot_be_changed(record: type[Any]) -> None:
    original = build(record, empty=False)
    name = fields(record)[0].name
    with pytest.raises(AttributeError):
        setattr(original, name, "other")
    assert not hasattr(original, "__dict__")  # slotted: thousands are held at once


def test_key_is_what_a_record_is_looked_up_by() -> None:
    for record in RECORDS:
        if record is not Scoring:
            original = build(record, empty=False)
            assert original.key == getattr(original, record.KEY)
    assert Dropped("pages", "a.html", Reason.TOO_LARGE, "").key == "a.html"


def test_a_reason_is_stored_as_its_plain_word() -> None:
    (back,) = through_arrow([Dropped("pages", "a.html", Reason.TIMED_OUT, "took long")])
    assert back.reason == "timed_out"
    assert type(back.reason) is str
