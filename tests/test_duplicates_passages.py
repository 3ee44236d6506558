"""Passages that repeat earlier ones: what is found, what stays, and that nothing hangs on how the
work is cut up, shared or stopped."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fret
from fret.records import Dropped, Passage
from fret.text.near_duplicates import Bands, KeptTexts, Repeat, choose_bands, sign_texts
from fret.text.near_duplicates import table as tables
from fret.text.near_duplicates.table import Table

THRESHOLD = 0.8
BANDS = choose_bands(THRESHOLD)


def find_repeats(
    texts: Sequence[str], *, size: int = 512, threshold: float = THRESHOLD, **options: Any
) -> list[tuple[int, float | None] | None]:
    """Return, for each text, the number of the earlier one that it repeats, and the similarity."""
    ngram, bands = options.pop("ngram", 5), choose_bands(threshold)
    kept = KeptTexts(**{"exact": True, "threshold": threshold, "same_names": True, **options})
    found: list[Repeat | None] = []
    for start in range(0, len(texts), size):
        block = texts[start : start + size]
        ids = [f"{number:020x}" for number in range(start, start + len(block))]
        found += kept.admit(ids, sign_texts(block, ngram=ngram, bands=bands))
    return [r and (int(r.earlier_id, 16), r.similarity) for r in found]


def shingles_of(text: str, ngram: int = 5) -> set[tuple[str, ...]]:
    words = text.lower().replace(",", "").replace(".", "").split()
    return set(zip(*(words[place:] for place in range(ngram)), strict=False))


def jaccard(a: str, b: str) -> float:
    ours, theirs = shingles_of(a), shingles_of(b)
    return len(ours & theirs) / len(ours | theirs)


def make_text(rng: random.Random, n: int = 60) -> str:
    return " ".join(
        "".join(rng.choices("abcdefghij", k=rng.randint(3, 8))) for _ in range(n)
    )  # fmt: skip


def make_corpus(n: int, seed: int = 5) -> list[str]:
    """Return texts of which many are others with some words put in, left out or moved."""
    rng = random.Random(seed)
    texts: list[str] = []
    for _ in range(n):
        if not texts or rng.random() < 0.5:
            texts.append(make_text(rng))
            continue
        words = rng.choice(texts).split()
        for _ in range(rng.randint(0, 3)):
            place = rng.randrange(len(words))
            if rng.random() < 0.5:
                words.insert(place, rng.choice(words))
            else:
                del words[place]
        texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize(
    "text",
    ["STRASSE und Weg.", "  straße\tund\n\nweg ", "Straße, und Weg!", "«Straße» und — Weg"],
)
def test_case_punctuation_and_spaces_make_no_difference(text: str) -> None:
    assert find_repeats(["Straße und Weg", text])[1] == (0, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [("It rose 5 %", "It rose 5"), ("at -3 degrees", "at 3 degrees"), ("C++ code", "C code")],
)
def test_punctuation_that_says_something_does(one: str, other: str) -> None:
    assert find_repeats([one, other]) == [None, None]


def test_what_is_found_is_what_comparing_all_with_all_finds() -> None:
    texts = make_corpus(300)
    shingles = list(map(shingles_of, texts))
    found = find_repeats(texts)
    kept: list[int] = []
    missed = n_near = 0
    for number, repeat in enumerate(found):
        similar = [
            len(shingles[number] & shingles[k]) / len(shingles[number] | shingles[k]) for k in kept
        ]
        if repeat is None:
            missed += max(similar, default=0) >= THRESHOLD
            kept.append(number)
        elif repeat[1] is not None:
            n_near += 1
            assert repeat[0] in kept and repeat[1] >= THRESHOLD
            assert repeat[1] == pytest.approx(similar[kept.index(repeat[0])])
    assert n_near > 40 and missed <= 0.05 * n_near


def test_of_several_the_earliest_stays_and_what_was_dropped_drops_nothing() -> None:
    rng = random.Random(1)
    words = make_text(rng, 100).split()
    chain = [" ".join(words[start : start + 60]) for start in (0, 5, 10)]
    assert jaccard(chain[0], chain[1]) > 0.8 > jaccard(chain[0], chain[2])
    assert jaccard(chain[1], chain[2]) > 0.8
    found = find_repeats(chain)
    assert found[1] and found[1][0] == 0 and found[2] is None


PRODUCT = (
    "The {name} is a compact washing machine for small homes, with a drum of {litres} litres. It "
    "spins at up to 1400 turns a minute, takes seven kilograms of cotton, and needs no more than "
    "fifty litres of water. The door opens to the left, and a filter at the front catches coins. "
    "Delivery is free within the country, and the old machine is taken away on the same day."
)


@pytest.mark.parametrize(
    ("name", "litres"), [("Aquastar", "48"), ("Bellamar", "47"), ("Bellamar", "48")]
)
def test_pages_from_a_template_stay_where_a_name_or_a_number_differs(
    name: str, litres: str
) -> None:
    texts = [PRODUCT.format(name="Aquastar", litres="47"), PRODUCT.format(name=name, litres=litres)]
    assert jaccard(*texts) > 0.7
    assert find_repeats(texts, threshold=0.7) == [None, None]
    loose = find_repeats(texts, threshold=0.7, same_names=False)
    assert loose[1] and loose[1][0] == 0


def test_a_text_with_more_of_it_is_still_a_double() -> None:
    text = PRODUCT.format(name="Aquastar", litres="47")
    assert find_repeats([text, f"{text} Read more from Miele in 2024."])[1]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("港口的灯塔看守人写道，暴风雨是在夜里来的。他带着一罐油爬上灯塔，在船只经过之前修剪了灯芯。早晨港口到处都是断裂的桅杆。",
         "港口的灯塔看守人写道，暴风雨是在夜里来的。他带着一罐油爬上灯塔，在船只经过之前修剪了灯芯。早晨港口到处都是断裂的桅杆了"),
        ("ผู้ดูแลประภาคารเขียนว่าพายุมาในตอนกลางคืนเขาปีนขึ้นไปบนโคมไฟพร้อมกับน้ำมันหนึ่งกระป๋อง",
         "ผู้ดูแลประภาคารเขียนว่าพายุมาในตอนกลางคืนเขาปีนขึ้นไปบนโคมไฟพร้อมกับน้ำมันหนึ่งกระป๋องนะ"),
    ],
)  # fmt: skip
def test_scripts_without_spaces_are_compared_by_characters(text: str, other: str) -> None:
    assert find_repeats([text, other])[1]
    assert find_repeats([text, other[::-1]]) == [None, None]


def test_short_and_empty_texts_are_compared_as_a_whole() -> None:
    texts = ["Two words", "two words.", "Other words", "", "...", "。。。"]
    found = find_repeats(texts)
    assert found[:3] == [None, (0, None), None]
    assert found[3] is None


@pytest.mark.parametrize("size", [1, 7, 512])
def test_blocks_of_any_size_give_one_result(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = make_corpus(300)
    whole = find_repeats(texts)
    monkeypatch.setattr(tables, "_RATIO", 2)
    assert find_repeats(texts, size=size) == whole


def test_kept_texts_taken_in_again_give_the_result_of_an_unbroken_run() -> None:
    texts = make_corpus(300)
    whole = find_repeats(texts)
    kept = KeptTexts(exact=True, threshold=THRESHOLD, same_names=True)
    before = [number for number in range(200) if whole[number] is None]
    for start in range(0, len(before), 50):
        part = before[start : start + 50]
        signs = sign_texts([texts[n] for n in part], ngram=5, bands=BANDS)
        kept.keep([f"{n:020x}" for n in part], signs)
    after = range(200, 300)
    signs = sign_texts([texts[n] for n in after], ngram=5, bands=BANDS)
    found = kept.admit([f"{n:020x}" for n in after], signs)
    assert [r and (int(r.earlier_id, 16), r.similarity) for r in found] == whole[200:]


def test_long_texts_are_estimated() -> None:
    rng = random.Random(2)
    words = make_text(rng, 2000).split()
    texts = [" ".join(words), " ".join(words[:1900]), " ".join(words[:1400])]
    found = find_repeats(texts)
    assert found[1] and found[1][1] == pytest.approx(0.95, abs=0.06)
    assert found[2] is None


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_miss_few_pairs_at_the_threshold(threshold: float) -> None:
    bands = choose_bands(threshold)
    assert 1 - (1 - threshold**bands.rows) ** bands.n >= 0.98
    assert bands.n * bands.rows <= 256


def test_signs_are_the_same_for_ever() -> None:
    """They decide what is dropped: another version of the library must not change them."""
    signs = sign_texts(["The quick brown fox of 1999 jumps over it"], ngram=5, bands=Bands(2, 3))
    assert [int(key) for key in signs.bands[0]] == PINNED
    assert signs.n_shingles.tolist() == [5] and signs.n_marks.tolist() == [2]


PINNED = [1562311215867258176, 7610722665419059808]


def test_a_table_finds_the_earliest_places_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_PLACES", 3)
    table, key = Table(), 7 << 40
    for place in range(0, 20, 2):
        keys = np.array([[key, 1 << 50], [key, (place + 2) << 50]], np.uint64)
        table.add(keys, np.array([place, place + 1], np.uint64))
    found = table.find(np.array([[9 << 40, 1 << 50], [key, 4 << 50]], np.uint64))
    assert found == {0: {1: [0, 2, 4]}, 1: {0: [0, 1, 2], 1: [3]}}


PIPELINE = """
run: r
pages: {source: {kind: jsonl, path: pages.jsonl}, shard_pages: 40}
passages:
  max_size: 60
  min_size: 10
  filters: {repeated_lines: {share: 0.2, min_pages: 3}, quality: c4, c4: {min_sentences: 0}}
  decontamination: {against: [{kind: jsonl, path: evaluation.jsonl}], ngram: 8, action: warn}
queries: {writer: {kind: template}}
judgements: {scorers: [{kind: unigram}]}
"""


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages with doubles, menus, addresses of people, and a text of an evaluation set."""
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path)
    return tmp_path


def write_corpus(folder: Path) -> None:
    rows = []
    for number, text in enumerate(make_corpus(300)):
        lines = [
            "Home Shop Contact us",
            text,
            f"Write to me{number}@x.org or read our privacy policy",
        ]
        lines += [f"Questions to page{number}@x.org or 93.184.216.{number % 200 + 10}."]
        url = f"https://site{number % 4}.example/{number}"
        rows.append({"url": url, "title": f"Page {number}", "text": "\n".join(lines)})
    write_rows(folder / "pages.jsonl", rows)
    items = [{"id": str(n), "text": rows[n]["text"].split("\n")[1]} for n in (3, 77, 250)]
    write_rows(folder / "evaluation.jsonl", items)
    (folder / "p.yaml").write_text(PIPELINE, "utf-8")


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def files_of(folder: Path) -> dict[str, bytes]:
    """All that the stage wrote, without the manifest, which notes times."""
    stage = folder / "data" / "runs" / "r" / "passages"
    files = [p for p in sorted(stage.rglob("*")) if p.is_file() and p.name != "manifest.json"]
    return {p.relative_to(stage).as_posix(): p.read_bytes() for p in files}


def run_passages(*overrides: str) -> dict[str, Any]:
    pipeline = fret.load("p.yaml", overrides=overrides)
    pipeline.run(["pages", "passages"])
    measures: dict[str, Any] = pipeline.status()[1].measures["passages"]
    return measures


def test_one_worker_two_and_none_make_the_same(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = run_passages()
    made = files_of(corpus)
    monkeypatch.setattr("fret.stages.text_workers.FEW_PAGES", 0)
    for workers in (1, 2):
        pipeline = fret.load("p.yaml", overrides=[f"passages.workers={workers}"])
        pipeline.run(["passages"], redo="passages")
        assert files_of(corpus) == made
        assert pipeline.status()[1].measures["passages"] == here
    reasons = fret.load("p.yaml").status()[1].reasons
    assert reasons["duplicate_text"] > 10 and reasons["near_duplicate_text"] > 10
    assert here["emails"] == 600 and here["ips"] == 300
    assert here["repeated_lines"] == 300 and here["c4_lines"] == 300
    assert here["contamination"]["matches"] >= 3


def test_a_worker_that_dies_ends_the_run_with_a_message(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fret.stages.text_workers.FEW_PAGES", 0)
    monkeypatch.setattr("fret.stages.text_workers._MEMORY_MB", 1)
    with pytest.raises(fret.errors.StageError, match="A worker of the stage passages failed"):
        run_passages()


def test_dropped_rows_name_what_they_repeat(corpus: Path) -> None:
    run_passages()
    run = fret.load("p.yaml").stored
    kept = {passage.id for passage in run.rows(Passage)}
    dropped = list(run.stage("passages").rows(Dropped, dropped=True))
    named = [row.detail.split("the passage ")[1][:20] for row in dropped]
    assert named and set(named) <= kept
    assert any(" is 0.8" in row.detail or " is 0.9" in row.detail for row in dropped)
    manifest = run.stage("passages").require()
    assert manifest.read == 300 and manifest.rows == len(kept)
    assert manifest.dropped == len(dropped) == sum(manifest.reasons.values())


def kill_points(folder: Path, n: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the run again and again; each is killed when it has made another shard."""
    command = [sys.executable, "-m", "fret", "run", "p.yaml", "pages", "passages", "--quiet"]
    shards = folder / "data" / "runs" / "r" / "passages"
    for number in range(n):
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(shards.glob("part-*.parquet"))) > number * 2 + 1:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        yield process


def test_killed_and_gone_on_with_it_ends_byte_equal(tmp_path: Path) -> None:
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        folder.mkdir()
        write_corpus(folder)
    command = [sys.executable, "-m", "fret", "run", "p.yaml", "pages", "passages", "--quiet"]
    subprocess.run(command, cwd=whole, check=True, capture_output=True, timeout=120)
    (process,) = kill_points(broken, 1)
    assert process.returncode == -signal.SIGKILL
    subprocess.run(command, cwd=broken, check=True, capture_output=True, timeout=120)
    assert files_of(broken) == files_of(whole)
    measures = [
        json.loads((folder / "data/runs/r/passages/manifest.json").read_text("utf-8"))["measures"]
        for folder in (broken, whole)
    ]
    assert measures[0] == measures[1]
