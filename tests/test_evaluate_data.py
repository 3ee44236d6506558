"""What people name after --data, read or refused with what to do."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation_data import (
    CORPUS,
    GRADES,
    PAIRS,
    QUERIES,
    write_beir,
    write_jsonl,
    write_tables,
)
from fret.errors import UserError
from fret.evaluation.collection import Collection, PairSet, make_collection
from fret.evaluation.find_data import read_data
from hub_server import HubServer

N_QUERIES = len(QUERIES)


def read(path: Path | str, split: str = "test") -> Collection:
    found = read_data(str(path), split=split)
    assert isinstance(found, Collection)
    return found


def relevant_of(collection: Collection) -> dict[str, dict[str, int]]:
    return {
        query: {
            collection.passage_ids[row]: grade
            for row, grade in zip(each.rows.tolist(), each.grades.tolist(), strict=True)
        }
        for query, each in zip(collection.query_ids, collection.relevant, strict=True)
    }


EXPECTED: dict[str, dict[str, int]] = {}
for _query, _passage, _grade in GRADES:
    if _grade:
        EXPECTED.setdefault(_query, {})[_passage] = _grade


def check_whole(collection: Collection) -> None:
    found = dict(zip(collection.passage_ids, collection.passages, strict=True))
    assert found == {id_: (title, text) for id_, title, text in CORPUS}
    assert list(collection.passage_ids) == sorted(found, reverse=True)
    assert collection.query_ids == [id_ for id_, _ in QUERIES]
    assert relevant_of(collection) == EXPECTED


# -- layouts


@pytest.mark.parametrize("qrels", ["qrels/test.tsv", "qrels/dev.tsv", "qrels.tsv"])
def test_a_beir_folder_is_read_with_the_only_judgements_that_it_has(
    tmp_path: Path, qrels: str
) -> None:
    collection = read(write_beir(tmp_path / "set", qrels=qrels))
    check_whole(collection)
    assert (collection.name, list(collection.notes)) == ("set", [])
    assert {task for task, _ in collection.queries} == {""}


def test_of_several_splits_one_must_be_named(tmp_path: Path) -> None:
    folder = write_beir(tmp_path, qrels="qrels/dev.tsv")
    write_beir(tmp_path, qrels="qrels/train.tsv", grades=GRADES[:3])
    assert read(folder, "train").query_ids == ["q-kettle"]
    with pytest.raises(UserError, match=r"no judgements of the split 'test'.*--split dev, train"):
        read(folder)


def test_packed_files_marks_windows_ends_and_trec_lines_are_read(tmp_path: Path) -> None:
    folder = write_beir(tmp_path)
    for name in ("corpus.jsonl", "queries.jsonl"):
        text = (folder / name).read_bytes().replace(b"\n", b"\r\n")
        (folder / f"{name}.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + text))
        (folder / name).unlink()
    lines = [f"{query} 0 {passage} {grade}" for query, passage, grade in GRADES]
    (folder / "qrels" / "test.tsv").write_text("\r\n".join(lines), "utf-8")
    check_whole(read(folder))


def test_a_held_out_split_of_a_dataset_comes_with_its_tasks(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "dataset")
    collection = read(folder)
    check_whole(collection)
    assert collection.queries[0] == ("Find the guide. q-kettle", QUERIES[0][1])


def test_tables_without_a_card_go_by_their_folders(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "set", tasks=False)
    (folder / "README.md").unlink()
    check_whole(read(folder))


def test_a_subset_is_chosen_by_its_name(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "set", prefix="de-")
    check_whole(read(f"{folder}:de"))
    with pytest.raises(UserError, match=rf"has the subsets de\. Name one: --data {folder}:de"):
        read(folder)


def test_a_card_cannot_name_files_outside_its_folder(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "set")
    (folder / "corpus").rename(tmp_path / "elsewhere")
    card = (folder / "README.md").read_text().replace("path: corpus/", "path: ../elsewhere/")
    (folder / "README.md").write_text(card)
    with pytest.raises(UserError, match="neither a collection"):
        read(folder)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet"])
def test_pairs_are_read_from_tables_of_each_kind(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"sts.{ending}"
    rows = [{"sentence1": a, "sentence2": b, "score": score} for a, b, score in PAIRS]
    if ending == "jsonl":
        write_jsonl(file, rows)
    elif ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    else:
        mark = "," if ending == "csv" else "\t"
        lines = [mark.join(["sentence1", "sentence2", "score"])]
        lines += [mark.join(map(str, pair)) for pair in PAIRS]
        file.write_text("\n".join(lines) + "\n")
    found = read_data(str(file))
    assert isinstance(found, PairSet) and found.name == "sts"
    pairs = [(*pair, score) for pair, score in zip(found.pairs, found.scores, strict=True)]
    assert pairs == PAIRS


# -- what is left out, and told


def test_ids_that_fit_nowhere_are_counted_and_told(tmp_path: Path) -> None:
    grades = [*GRADES, ("q-none", "kettle-clean", 1), ("q-kettle", "gone", 3)]
    queries = [*QUERIES, ("lonely", "who am i"), ("zero", "nothing is relevant")]
    folder = write_beir(tmp_path, queries=queries, grades=[*grades, ("zero", "sofa-buy", 0)])
    collection = read(folder)
    assert relevant_of(collection) == EXPECTED
    assert collection.relevant[0].missing == (3,)
    assert list(collection.notes) == [
        "2 queries have no passage judged relevant, and nothing is measured on such.",
        "1 query that the judgements name is not among the queries, so nothing is measured "
        "there. If these are many, the files may not belong together.",
        "1 passage judged relevant is not in the corpus. What no model can find counts as not "
        "found, and lowers the figures of all models alike.",
    ]


def test_a_query_that_is_a_passage_is_left_out_of_its_own_ranking_alone() -> None:
    passages = [("a", "", "Zoos are  bad."), ("b", "Zoos", "are good."), ("c", "", "Other text.")]
    queries = [("a", "zoos are bad.", ""), ("b", "Zoos are good.", ""), ("c", "something", "")]
    grades = [("a", "b", 1), ("b", "a", 1), ("c", "a", 1)]
    by_text = make_collection("x", passages, queries, grades)
    own = [by_text.passage_ids[row] if row >= 0 else "" for row in by_text.left_out]
    assert own == ["a", "b", ""]
    assert len(by_text.notes) == 2 and "left out of its ranking" in by_text.notes[0]
    assert "the passage stays in the ranking" in by_text.notes[1]
    always = make_collection("x", passages, queries, grades, same_ids="leave out")
    assert [always.passage_ids[row] for row in always.left_out] == ["a", "b", "c"]
    kept = make_collection("x", passages, queries, grades, same_ids="keep")
    assert kept.left_out == [-1, -1, -1] and not kept.notes


def test_copies_count_once(tmp_path: Path) -> None:
    folder = write_beir(tmp_path, corpus=[*CORPUS, CORPUS[0]], grades=[*GRADES, GRADES[0]])
    collection = read(folder)
    check_whole(collection)
    assert collection.notes == [
        "1 passage stands there twice with the same id and text; each counts once."
    ]


# -- what is refused


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def with_line(name: str, line: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return change


def emptied(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(b"") and None


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without("corpus.jsonl"), "is no collection: it has neither BEIR's files"),
        (without("queries.jsonl"), "holds no queries.jsonl"),
        (without("qrels/test.tsv"), "holds no judgements: neither qrels/test.tsv nor qrels.tsv"),
        (emptied("corpus.jsonl"), "holds no passage: there is nothing to measure"),
        (emptied("queries.jsonl"), "holds no query: there is nothing to measure"),
        (emptied("qrels/test.tsv"), "judges no passage that it holds as relevant"),
        (with_line("corpus.jsonl", "{"), "corpus.jsonl, line 41 is no JSON"),
        (with_line("corpus.jsonl", "[1]"), "corpus.jsonl, line 41 is no JSON object"),
        (with_line("corpus.jsonl", '{"text": "x"}'), "line 41 has no id in the column '_id'"),
        (with_line("corpus.jsonl", '{"_id": "n"}'), "line 41 has no column 'text' .it has: _id"),
        (with_line("corpus.jsonl", '{"_id": "n", "text": 3}'), "'text' holds 3, not a text"),
        (
            with_line("corpus.jsonl", '{"_id": "sofa-buy", "text": "else"}'),
            "has two different texts of the passage 'sofa-buy'",
        ),
        (
            with_line("queries.jsonl", '{"_id": "q-sofa", "text": "else"}'),
            "has two different texts of the query 'q-sofa'",
        ),
        (with_line("qrels/test.tsv", "q-sofa sofa-buy 1"), "line 26: a line holds query-id"),
        (with_line("qrels/test.tsv", "q-sofa\tsofa-buy\tyes"), "line 26: 'yes' is no number"),
        (with_line("qrels/test.tsv", "q\tp\tinf"), "line 26: 'inf' is no number"),
        (with_line("qrels/test.tsv", "q-sofa\tsofa-buy\t0.5"), "grade '0.5' is no whole number"),
        (
            with_line("qrels/test.tsv", "q-kettle\tkettle-clean\t1"),
            "'kettle-clean' twice for the query 'q-kettle', with the grades 2 and 1",
        ),
    ],
)
def test_a_folder_that_is_not_as_beir_has_it_is_refused_with_the_place(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    folder = write_beir(tmp_path / "set")
    spoil(folder)
    with pytest.raises(UserError, match=told):
        read(folder)


def test_a_folder_of_collections_names_them(tmp_path: Path) -> None:
    for name in ("de", "en"):
        write_beir(tmp_path / name)
    told = rf"holds 2 collections. Name them each: --data {tmp_path}/de --data {tmp_path}/en"
    with pytest.raises(UserError, match=told):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing/here/at-all", "There is no file or folder"),
        ("sts.jsonl", "There is no file or folder"),
        ("./SciFact", "There is no file or folder"),
        ("org/none", "The data set org/none of the Hub cannot be had: .*Mend the name"),
    ],
)
def test_a_name_of_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=told):
        read_data(name)


def test_tasks_of_mteb_need_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mteb", None)  # as where it is not installed
    from fret.evaluation import hub_data

    hub_data._import_mteb.cache_clear()
    with pytest.raises(UserError, match="install the package: pip install mteb"):
        read_data("SciFact")
    hub_data._import_mteb.cache_clear()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "holds 0 pairs: nothing can be measured"),
        ([("a", "b", 1), ("c", "d", 1)], "holds 2 pairs, all of one score"),
        ([("a", "b", None)], "line 1: 'score': None is no number"),
        ([("a", None, 1)], "'sentence2' holds None, not a text"),
    ],
)
def test_pairs_without_scores_to_compare_are_refused(
    tmp_path: Path, rows: list[tuple[Any, Any, Any]], told: str
) -> None:
    names = ("sentence1", "sentence2", "score")
    write_jsonl(tmp_path / "sts.jsonl", (dict(zip(names, row, strict=True)) for row in rows))
    with pytest.raises(UserError, match=told):
        read_data(str(tmp_path / "sts.jsonl"))


def test_other_columns_and_other_files_are_no_pairs(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "x.jsonl", [{"anchor": "a", "positive": "b"}])
    with pytest.raises(UserError, match=r"has the columns anchor, positive\. A file of pairs"):
        read_data(str(tmp_path / "x.jsonl"))
    (tmp_path / "x.txt").write_text("a b")
    with pytest.raises(UserError, match="is no table of pairs"):
        read_data(str(tmp_path / "x.txt"))


# -- from a Hub, in a process of its own: its address counts when the library is loaded

ASK = """
import json, sys
from fret.errors import FretError
from fret.evaluation.find_data import read_data
for name in sys.argv[1:]:
    try:
        found = read_data(name)
        kind = type(found).__name__
        n = len(found.pairs) if kind == "PairSet" else len(found.passages)
        print(json.dumps([found.name, kind, n]))
    except FretError as error:
        print(json.dumps(str(error)))
"""


def test_data_of_the_hub_is_read_as_it_lies_there(tmp_path: Path) -> None:
    hub = HubServer()
    hub.datasets = {
        "org/held-out": write_tables(tmp_path / "held-out"),
        "org/many": write_tables(tmp_path / "many", prefix="de-", tasks=False),
        "org/sts": tmp_path / "sts",
        "org/other": tmp_path / "other",
    }
    rows = [{"sentence1": a, "sentence2": b, "score": score} for a, b, score in PAIRS]
    write_jsonl(tmp_path / "sts" / "test.jsonl", rows)
    write_jsonl(tmp_path / "other" / "train.jsonl", [{"text": "x"}])
    names = ["org/held-out", "org/many:de", "org/sts", "org/other", "org/many", "org/none"]
    with hub.running():
        environment = os.environ | hub.environment | {"HF_HOME": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", ASK, *names],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[:3] == [
        ["org/held-out", "Collection", len(CORPUS)],
        ["org/many:de", "Collection", len(CORPUS)],
        ["org/sts", "PairSet", len(PAIRS)],
    ]
    assert "is neither a collection" in found[3]
    assert "has the subsets de. Name one: --data org/many:de" in found[4]
    assert "org/none of the Hub cannot be had" in found[5]
