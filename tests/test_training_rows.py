"""What is learned from: rows of each kind of data, as the model reads them, and their batches."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from fret.config.training import MntpSettings
from fret.config.training_data import DataSettings
from fret.errors import UserError
from fret.training.batches import Drawing, make_sampler
from fret.training.format import Format
from fret.training.prepared import Prepared, open_rows, prepare
from fret.training.rows import Row, group_key, look_at, read_rows

GECKO = Format()


def rows_of(**data: Any) -> list[Row]:
    return list(read_rows(TypeAdapter(DataSettings).validate_python(data), GECKO))


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def write_fret(folder: Path, rows: Sequence[dict[str, Any]]) -> str:
    (folder / "full").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / "full" / "train-00000-abc.parquet")
    return str(folder)


def make_example(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "task": f"task {number}",
        "query": f"query number {number}",
        "positive_title": "Kettles",
        "positive": f"positive {number}",
        "positive_id": f"p{number}",
        "seed_id": f"s{number}",
        "negative_titles": ["", "Flues"],
        "negatives": [f"bad {number}", f"worse {number}"],
        "negative_ids": [f"n{number}", f"m{number}"],
    } | changes


def test_examples_of_fret_become_texts_in_geckos_form(tmp_path: Path) -> None:
    path = write_fret(tmp_path, [make_example(1)])
    (row,) = rows_of(kind="fret", path=path)
    assert row.anchor == "task: task 1 | query: query number 1"
    assert row.positive == "title: Kettles | text: positive 1"
    assert row.negatives == ("title: none | text: bad 1",)
    assert len(row.keys) == 4 and len(set(row.keys)) == 4 and 0 not in row.keys
    (two,) = rows_of(kind="fret", path=path, negatives=5)
    assert two.negatives[1:] == ("title: Flues | text: worse 1",)
    (none,) = rows_of(kind="fret", path=path, negatives=0)
    assert none.negatives == () and len(none.keys) == 3


def test_keys_tell_equal_seeds_positives_and_queries(tmp_path: Path) -> None:
    examples = [
        make_example(1),
        make_example(2, seed_id="s1"),
        make_example(3, positive_id="p1"),
        make_example(4, query="Number 1, query!"),
        make_example(5, seed_id=None),
    ]
    one, two, three, four, five = rows_of(kind="fret", path=write_fret(tmp_path, examples))
    assert one.keys[1] == two.keys[1] and one.keys[2] == three.keys[2]
    assert one.keys[0] == four.keys[0] and five.keys[1] == 0
    assert len({row.keys[0] for row in (one, two, three, five)}) == 4


def test_words_of_a_query_in_another_order_are_one_group_in_any_script() -> None:
    assert group_key("descale a kettle") == group_key("A kettle: descale!")
    assert group_key("descale a kettle") != group_key("descale the kettle")
    assert group_key("水壶除垢") != group_key("炉灶除垢") and group_key("") == 0


def test_pairs_have_their_own_columns_and_braces_stay(tmp_path: Path) -> None:
    rows = [{"q": "what is {title}?", "a": "A {query}.", "no": "Not {text}."}]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    named: dict[str, Any] = {"anchor": "q", "positive": "a", "negatives": ["no"], "task": "QA"}
    (row,) = rows_of(kind="pairs", path=path, **named)
    assert row.anchor == "task: QA | query: what is {title}?"
    assert row.positive == "title: none | text: A {query}."
    assert row.negatives == ("title: none | text: Not {text}.",)
    (same,) = rows_of(kind="pairs", path=path, symmetric=True, **named)
    assert same.positive == "task: QA | query: A {query}."


def test_premises_have_what_follows_and_what_contradicts(tmp_path: Path) -> None:
    rows = [
        {"premise": "P", "hypothesis": "yes 1", "label": 0},
        {"premise": "P", "hypothesis": "perhaps", "label": 1},
        {"premise": "P", "hypothesis": "no", "label": 2},
        {"premise": "P", "hypothesis": "yes 2", "label": 0},
        {"premise": "Q", "hypothesis": "yes", "label": 0},
        {"premise": "R", "hypothesis": "?", "label": -1},
    ]
    (row,) = rows_of(kind="nli", path=write_jsonl(tmp_path / "x.jsonl", rows))
    texts = [row.anchor, row.positive, *row.negatives]
    assert texts == [f"task: semantic similarity | query: {x}" for x in ("P", "yes 1", "no")]


@pytest.mark.parametrize("unique_ids", [True, False])
def test_classes_give_partners_and_others(tmp_path: Path, unique_ids: bool) -> None:
    rows = [{"text": f"{c}{i}", "label": c} for c in "abc" for i in range(4)]
    rows.append({"text": "alone", "label": "d"})
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    found = rows_of(kind="classification", path=path, unique_ids=unique_ids)
    assert len(found) == 12
    marks = set()
    for row in found:
        texts = [
            t.removeprefix("task: classification | query: ")
            for t in (row.anchor, row.positive, *row.negatives)
        ]
        words = [text.split() for text in texts]
        assert words[0][0] != words[1][0], "a text is no partner of itself"
        assert words[0][0][0] == words[1][0][0] != words[2][0][0]
        marks |= {tuple(w[1:]) for w in words}
    assert len(marks) == (12 if unique_ids else 1)
    assert len({row.keys[0] for row in found}) == (12 if unique_ids else 3)


def test_scored_pairs_are_learned_from_in_both_directions(tmp_path: Path) -> None:
    rows = [{"sentence1": "A", "sentence2": "B", "score": s} for s in (3.9, "4.0", 5)]
    found = rows_of(kind="sts", path=write_jsonl(tmp_path / "x.jsonl", rows))
    assert [row.anchor[-1] + row.positive[-1] for row in found] == ["AB", "BA"] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"anchor": "a"}], r"Row 1 of .* has nothing in 'positive' \(it has: anchor\)"),
        ([{"anchor": 1, "positive": "b"}], "1 in the column 'anchor', which is no text"),
    ],
)
def test_wrong_columns_are_told(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        rows_of(kind="pairs", path=write_jsonl(tmp_path / "x.jsonl", rows))


def test_data_that_is_not_there_or_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no data in"):
        rows_of(kind="pairs", path=str(tmp_path / "nothing.jsonl"))
    with pytest.raises(UserError, match="no full files of the split 'train'"):
        rows_of(kind="fret", path=str(tmp_path))
    (tmp_path / "x.jsonl").write_text('{"anchor": "a", "positive": "b"}\n{"anch\n')
    with pytest.raises(UserError, match="line 2, is no JSON"):
        rows_of(kind="pairs", path=str(tmp_path / "x.jsonl"))
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match="cannot be read"):
        rows_of(kind="pairs", path=str(tmp_path / "x.parquet"))
    one_class = write_jsonl(tmp_path / "y.jsonl", [{"text": "a", "label": 1}] * 3)
    with pytest.raises(UserError, match="there must be two"):
        rows_of(kind="classification", path=one_class)


def test_rows_lie_on_disk_with_full_columns(tmp_path: Path) -> None:
    sources = [
        lambda: [Row(f"a{i}", f"p{i}", (f"n{i}", f"m{i}"), (1, 2, 3, 4, 5)) for i in range(3)],
        lambda: [Row(f"b{i}", f"q{i}", (), (6, 0, 7)) for i in range(2500)],
    ]
    told: list[int] = []
    warned: list[str] = []
    made = open_rows(
        prepare(tmp_path, "x", sources, n_negatives=2, tell=told.append, warn=warned.append)
    )
    assert made.sizes == (3, 2500) and sum(told) == 2503
    assert made.rows.column_names == ["anchor", "positive", "negative", "negative_2", "label"]
    assert list(made.rows[1].values()) == ["a1", "p1", "n1", "m1", [1, 2, 3, 4, 5]]
    assert list(made.rows[2502].values()) == ["b2499", "q2499", "", "", [6, 0, 7, 0, 0]]
    told.clear()
    again = open_rows(
        prepare(tmp_path, "x", sources, n_negatives=2, tell=told.append, warn=warned.append)
    )
    assert not told and not warned and again.rows[:] == made.rows[:]


def test_rows_that_were_damaged_are_written_anew_with_a_word(tmp_path: Path) -> None:
    warned: list[str] = []

    def make() -> Prepared:
        source = [lambda: [Row("a", "p", (), (1, 0, 2))]]
        files = prepare(tmp_path, "x", source, n_negatives=0, tell=id, warn=warned.append)
        return open_rows(files)

    make()
    (tmp_path / "x" / "0.arrow").write_bytes(b"half")
    assert make().rows[0]["anchor"] == "a" and "damaged" in warned[0]


def batches_of(
    sizes: list[int], weights: list[float], size: int, *, mixed: bool, epochs: int = 1
) -> list[list[int]]:
    drawing = Drawing(sizes, weights, mixed=mixed)
    n_steps = epochs * drawing.count_batches(size)
    sampler = make_sampler(drawing, n_steps)(range(sum(sizes)), size, seed=1)
    batches = list(sampler)
    assert len(batches) == len(sampler) == n_steps
    assert batches == list(sampler)
    return batches


@pytest.mark.parametrize("mixed", [True, False])
def test_rows_are_drawn_by_weight_each_before_any_again(mixed: bool) -> None:
    batches = batches_of([60, 40], [0.5, 2.5], 10, mixed=mixed)
    counts = Counter(row for batch in batches for row in batch)
    assert sum(counts.values()) == 130 and all(len(batch) == 10 for batch in batches)
    assert all(counts[row] <= 1 for row in range(60))
    assert all(2 <= counts[row] <= 3 for row in range(60, 100))
    of_one = [len({row < 60 for row in batch}) == 1 for batch in batches]
    assert all(of_one) if not mixed else not all(of_one)


def test_each_epoch_is_drawn_anew() -> None:
    batches = batches_of([50], [1.0], 8, mixed=True, epochs=2)
    first, second = batches[:6], batches[6:]
    assert len(second) == 6 and first != second
    for epoch in (first, second):
        assert len({row for batch in epoch for row in batch}) == 48


def test_data_smaller_than_a_batch_makes_one() -> None:
    (batch,) = batches_of([3, 2], [1.0, 1.0], 8, mixed=False)
    assert sorted(batch) == [0, 1, 2, 3, 4]


def test_the_first_look_reads_what_a_warm_up_reads(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "kettle"}\n', "utf-8")
    look_at(MntpSettings(path=str(path), column="text"))
    with pytest.raises(UserError, match="has nothing in 'body'"):
        look_at(MntpSettings(path=str(path), column="body"))
    look_at(MntpSettings(path="someone/on-the-hub"))  # not asked: that takes a network
