"""A run that is killed, at any moment, goes on and ends as if nothing had happened."""

import hashlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fret
from conftest import LLM_PIPELINE, SUBJECTS, write_pages, write_table
from fret.llm.forms import dump_json
from fret.records import Example
from llm_server import Asked, LLMServer
from prepared import Prepared, Running

KILLS = 20
# The default: so many answers may be in flight in each of the eight places.
PROMPTS_PER_REQUEST = 8


def start(folder: Path, pipeline: str, *options: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "fret", "run", pipeline, "--quiet", *options]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: "subprocess.Popen[bytes] | Running") -> None:
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors.decode()


def files_of(run: Path) -> dict[str, bytes]:
    """All data of a run: shards and dataset, without manifests, which note times."""
    files = [
        p
        for p in sorted(run.rglob("*"))
        if p.suffix in {".parquet", ".md"} or p.parent.name == "dataset"
    ]
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in files if p.is_file()}


def stored_keys(store: Path) -> set[str]:
    if not store.exists():
        return set()
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return {key for (key,) in connection.execute("SELECT key FROM answers")}
    except sqlite3.OperationalError:  # killed before the table was there
        return set()
    finally:
        connection.close()


def keys_of(asked: Asked) -> set[str]:
    """The keys of all that a request asks: a list of prompts is as many answers."""
    prompts = asked.body.get("prompt", "")
    bodies = [asked.raw]
    if isinstance(prompts, list):
        bodies = [dump_json({**asked.body, "prompt": prompt}) for prompt in prompts]
    head = f"local\0tiny\0{asked.path}\0{asked.body.get('seed', 0)}\0".encode()
    return {hashlib.sha256(head + body).hexdigest() for body in bodies}


def count_prompts(asked: list[Asked]) -> int:
    return sum(len(keys_of(a)) for a in asked)


@pytest.mark.timeout(600)
def test_killed_at_random_moments_a_run_ends_byte_equal_and_asks_no_answered_request_again(
    tmp_path: Path, server: LLMServer, prepared_fret: Prepared
) -> None:
    rng = random.Random(7)
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        folder.mkdir()
        write_table(folder / "pages.jsonl", SUBJECTS)
        (folder / "llm.yaml").write_text(LLM_PIPELINE.format(url=server.url), "utf-8")
    finish(start(whole, "llm.yaml"))
    n_needed, first = count_prompts(server.asked), len(server.asked)
    answers = stored_keys(whole / "data" / "answers.sqlite")
    assert {key for a in server.asked for key in keys_of(a)} >= answers, "it must know the keys"
    n_answers = len(answers)

    server.latency_s = 0.25
    n_killed = 0
    kept: set[str] = set()
    since, again = first, list[Asked]()
    store = broken / "data" / "answers.sqlite"
    for number in range(KILLS):
        process = prepared_fret.start(broken, "run", "llm.yaml", "--quiet")
        # By what was asked: so that the kills share out all requests on a machine of any speed.
        # Every second one may come earlier, by time.
        left = first * (1 - len(kept) / n_answers)
        until = len(server.asked) + rng.randint(0, int(2 * left / (KILLS - number)))
        at_last = time.monotonic() + (rng.uniform(0.0, 0.6) if number % 2 else 60)
        while len(server.asked) < until and time.monotonic() < at_last and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.1))
        n_killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        again += [a for a in server.asked[since:] if keys_of(a) & kept]
        kept, since = stored_keys(store), len(server.asked)
    server.latency_s = 0.0
    finish(prepared_fret.start(broken, "run", "llm.yaml", "--quiet"))
    again += [a for a in server.asked[since:] if keys_of(a) & kept]
    assert not again
    assert n_killed >= KILLS * 3 // 4
    # What the server answered but the killed process had not stored yet: in flight at most.
    n_lost = count_prompts(server.asked[first:]) - n_needed
    assert n_lost <= n_killed * 8 * PROMPTS_PER_REQUEST
    assert files_of(broken / "data/runs/llm") == files_of(whole / "data/runs/llm")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_while_extracting_and_encoding_a_run_ends_byte_equal(
    tmp_path: Path, prepared_encoder: Prepared
) -> None:
    """The same for the work that needs no server: worker processes, indexes, embeddings."""
    rng = random.Random(3)
    pipeline = tmp_path / "local.yaml"
    pipeline.write_text(
        "run: local\n"
        "pages: {source: {kind: html, path: pages}, shard_pages: 3}\n"
        "passages: {max_size: 60, min_size: 10}\n"
        "queries: {writer: {kind: template}}\n"
        "candidates: {top_k: 8}\n"
        "judgements: {scorers: [{kind: unigram}, {kind: embedding}]}\n",
        "utf-8",
    )
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        write_pages(folder / "pages")
    command = ("run", str(pipeline), "--quiet")
    since = time.monotonic()
    finish(prepared_encoder.start(whole, *command))
    took_s = time.monotonic() - since
    for _ in range(6):
        process = prepared_encoder.start(broken, *command)
        time.sleep(rng.uniform(0.1, 0.8) * took_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finish(prepared_encoder.start(broken, *command))
    assert files_of(broken / "data/runs/local") == files_of(whole / "data/runs/local")


def test_ctrl_c_keeps_what_was_answered_and_says_how_to_go_on(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.latency_s = 0.1
    process = start(llm_pipeline.parent, "llm.yaml")
    while len(server.asked) < 30:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Go on with: fret run llm.yaml" in errors.replace(b"\n", b" ")
    server.latency_s = 0.0
    finish(start(llm_pipeline.parent, "llm.yaml"))
    assert server.repeats == 0


def test_a_second_process_on_the_same_run_is_refused(
    llm_pipeline: Path, server: LLMServer, prepared_fret: Prepared
) -> None:
    server.latency_s = 0.1
    process = prepared_fret.start(llm_pipeline.parent, "run", "llm.yaml", "--quiet")
    while len(server.asked) < 10:
        time.sleep(0.05)
    second = prepared_fret.start(llm_pipeline.parent, "run", "llm.yaml", "--quiet")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 2
    assert f"process {process.pid}".encode() in errors.replace(b"\n", b" ")
    server.latency_s = 0.0
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_a_lost_shard_is_made_again(llm_pipeline: Path, server: LLMServer) -> None:
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    run = llm_pipeline.parent / "data/runs/llm"
    before, n_asked = files_of(run), len(server.asked)
    (run / "passages/part-00001.parquet").unlink()
    (run / "judgements/part-00000.parquet").write_bytes(b"half")
    fret.load(llm_pipeline).run()
    assert files_of(run) == before
    assert len(server.asked) == n_asked
    assert len(list(pipeline.rows(Example))) > 0
