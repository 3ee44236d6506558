"""Batch and file lanes: nothing paid twice, nothing lost, no row shifted, whatever goes wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import fret
from batch_engine import answer_file, run_by_batch
from batch_jobs import Plan
from fret.errors import ModelError, UserError, Waiting
from fret.llm.answers import AnswerStore
from fret.llm.budget import BudgetError
from fret.llm.parcels import Ledger, Parcel
from fret.records import Example, Query
from llm_server import LLMServer


@pytest.fixture
def pipeline(lanes_pipeline: Path) -> Path:
    return lanes_pipeline


_EXPECTED: list[Example] = []


def examples_by_live(pipeline: Path) -> list[Example]:
    """What live requests give: the same for every test, so it is made once."""
    if not _EXPECTED:
        live = fret.load(pipeline, overrides=["run=live", "answers=live.sqlite"])
        live.run()
        _EXPECTED.extend(live.rows(Example))
    return list(_EXPECTED)


def examples(pipeline: Path) -> list[Example]:
    return list(fret.load(pipeline).rows(Example))


def assert_nothing_was_paid_twice(server: LLMServer) -> None:
    assert server.batches.lines_paid
    assert max(server.batches.lines_paid.values()) == 1


def test_batches_give_what_live_requests_give_and_cost_half(
    pipeline: Path, server: LLMServer
) -> None:
    expected = examples_by_live(pipeline)
    n_live = len(server.asked)
    assert run_by_batch(pipeline, server) == 3  # one wait for each stage that asks
    assert examples(pipeline) == expected
    assert_nothing_was_paid_twice(server)
    probes = [a for a in server.asked[n_live:] if "passage of" in str(a.body)]
    assert not probes  # but for the probes, nothing was asked live
    spent = {part.source.lane: (part, cost) for part, cost in fret.load(pipeline).spent()}
    part, cost = spent["batch"]
    price = part.usage.input_tokens * 2.0 + part.usage.output_tokens * 10.0
    assert cost == pytest.approx(price / 2e6)


def test_a_batch_holds_no_more_lines_than_it_may(pipeline: Path, server: LLMServer) -> None:
    with pytest.raises(Waiting, match="48 requests to tiny are out in 5 batches"):
        fret.load(pipeline).run(lane="batch")
    files = [job.data["input_file_id"] for job in server.batches.jobs.values()]
    sizes = [len(server.batches.lines_of(file_id)) for file_id in files]
    assert sizes == [10, 10, 10, 10, 8]


@pytest.mark.parametrize("moment", ["upload", "create", "content", "half content"])
def test_a_connection_cut_at_any_moment_costs_nothing(
    pipeline: Path, server: LLMServer, moment: str
) -> None:
    expected = examples_by_live(pipeline)
    server.batches.cut_after = moment  # type: ignore[assignment]
    run_by_batch(pipeline, server)
    assert examples(pipeline) == expected
    assert_nothing_was_paid_twice(server)
    assert server.batches.cut_after == ""


KILLED_AT_CREATE = """
import os, signal, sys
import fret
from openai.resources.batches import Batches
create = Batches.create
def create_and_die(self, **fields):
    create(self, **fields)
    os.kill(os.getpid(), signal.SIGKILL)
Batches.create = create_and_die
fret.load(sys.argv[1]).run(lane="batch")
"""


def test_killed_between_the_create_and_the_note_of_it_a_run_adopts_the_batch(
    pipeline: Path, server: LLMServer
) -> None:
    expected = examples_by_live(pipeline)
    command = [sys.executable, "-c", KILLED_AT_CREATE, str(pipeline)]
    for _ in range(3):
        assert subprocess.run(command, capture_output=True, check=False).returncode == -9
    run_by_batch(pipeline, server)
    assert examples(pipeline) == expected
    assert_nothing_was_paid_twice(server)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(expire=0.5),
        Plan(fail_share=0.4, fail_status=500, fail_in="error"),
        Plan(fail_share=0.4, fail_status=500, fail_in="output"),
        Plan(duplicates=3),
        Plan(strangers=3),
        Plan(torn=True),
        Plan(fail_code="token_limit_exceeded"),
    ],
    ids=str,
)
def test_whatever_a_batch_comes_to_only_the_missing_is_sent_again(
    pipeline: Path, server: LLMServer, plan: Plan
) -> None:
    expected = examples_by_live(pipeline)
    server.batches.plans.extend([plan, Plan(), plan])
    run_by_batch(pipeline, server)
    assert examples(pipeline) == expected
    # A torn line was answered and lost on the way: that one must be asked again.
    paid = server.batches.lines_paid.values()
    assert max(paid) == 1 or (plan.torn and sum(n - 1 for n in paid) <= 2)


def test_requests_that_the_service_calls_wrong_are_dropped_with_their_reason(
    pipeline: Path, server: LLMServer
) -> None:
    server.batches.error_file_only(status=400)
    run_by_batch(pipeline, server)
    manifest = fret.load(pipeline).status()[2]
    assert manifest.reasons == {"rejected_request": 10}


def test_a_batch_that_is_refused_as_a_whole_stops_with_the_words_of_the_service(
    pipeline: Path, server: LLMServer
) -> None:
    server.batches.fail("invalid_json_line")
    with pytest.raises(Waiting):
        fret.load(pipeline).run(lane="batch")
    server.batches.finish()
    with pytest.raises(ModelError, match="invalid_json_line"):
        fret.load(pipeline).run(lane="batch")
    run_by_batch(pipeline, server)
    assert_nothing_was_paid_twice(server)


def test_batches_wait_for_room_in_the_services_queue(pipeline: Path, server: LLMServer) -> None:
    expected = examples_by_live(pipeline)
    server.batches.max_enqueued_lines = 25
    run_by_batch(pipeline, server)
    assert examples(pipeline) == expected
    assert_nothing_was_paid_twice(server)


def test_what_is_out_is_not_asked_live_too(pipeline: Path, server: LLMServer) -> None:
    with pytest.raises(Waiting):
        fret.load(pipeline).run(lane="batch")
    with pytest.raises(UserError, match="10 requests of this run are out by batch"):
        fret.load(pipeline).run()
    n_asked = len(server.asked)
    with pytest.raises(Waiting):
        fret.load(pipeline).run(lane="batch")
    assert server.batches.n_created == 5 and len(server.asked) == n_asked


def test_status_looks_collect_takes_in_and_cancel_ends(pipeline: Path, server: LLMServer) -> None:
    with pytest.raises(Waiting):
        fret.load(pipeline).run(lane="batch")
    loaded = fret.load(pipeline)
    assert [s.n for s in loaded.batches()] == [10, 10, 10, 10, 8]
    first, *_ = server.batches.jobs
    server.batches.finish(first)
    assert [s.state for s in loaded.batches("collect")].count("completed") == 1
    assert len(loaded.batches()) == 4
    loaded.batches("cancel")
    server.batches.finish()
    loaded.batches("collect")
    assert loaded.batches() == []
    loaded.run()  # live, for what was not answered
    assert_nothing_was_paid_twice(server)


def test_requests_go_to_files_and_answers_come_from_files_whole_or_in_part(
    pipeline: Path, server: LLMServer
) -> None:
    expected = examples_by_live(pipeline)
    folder = pipeline.parent / "data/runs/lanes/file/teacher"
    n_asked, share = len(server.asked), 0.6
    for _ in range(10):
        try:
            fret.load(pipeline).run(lane="file")
            break
        except Waiting as error:
            assert "vllm run-batch -i" in str(error)
            for requests in folder.glob("requests-*.jsonl"):
                answers = folder / requests.name.replace("requests-", "answers-")
                answer_file(server, requests, answers, share=share)
                # What an engine that died leaves, and what has nothing to do here.
                with answers.open("a") as file:
                    file.write('{"custom_id": "stranger", "response": null}\n{"custom_')
            share = 1.0
    assert examples(pipeline) == expected
    assert len({a.raw for a in server.asked[n_asked:]}) == len(server.asked[n_asked:])
    assert not list(folder.glob("requests-*.jsonl"))


def test_lines_with_errors_are_written_again(pipeline: Path, server: LLMServer) -> None:
    with pytest.raises(Waiting):
        fret.load(pipeline).run(["pages", "passages", "queries"], lane="file")
    folder = pipeline.parent / "data/runs/lanes/file/teacher"
    (requests,) = folder.glob("requests-*.jsonl")
    lines = [json.loads(line) for line in requests.read_text("utf-8").split("\n") if line]
    bad = {"status_code": 500, "request_id": "r", "body": {"error": "dead"}}
    text = "".join(json.dumps({"custom_id": x["custom_id"], "response": bad}) + "\n" for x in lines)
    (folder / "answers-1.jsonl").write_text(text, "utf-8")
    with pytest.raises(Waiting, match="48 requests"):
        fret.load(pipeline).run(["queries"], lane="file")
    (requests,) = folder.glob("requests-*.jsonl")
    answer_file(server, requests, folder / "answers-2.jsonl")
    fret.load(pipeline).run(["queries"], lane="file")
    assert len(list(fret.load(pipeline).rows(Query))) == 48


def test_the_command_ends_with_status_4_while_it_waits(pipeline: Path, server: LLMServer) -> None:
    command = [sys.executable, "-m", "fret", "run", str(pipeline), "--lane", "batch", "--quiet"]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    assert started.returncode == 4, started.stderr
    assert "48 requests to tiny are out" in " ".join(started.stderr.split())
    server.batches.auto = True
    assert subprocess.run(command, capture_output=True, check=False).returncode == 4
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_batches_are_held_back_by_the_budget_and_never_pass_it(
    pipeline: Path, server: LLMServer
) -> None:
    """As batches show what they really cost, the next go out; all is within the cap."""
    expected = examples_by_live(pipeline)
    cap = 0.3  # by batch all of it costs some 0.18, and for all that is known before 0.72
    most_at_once = 0.0
    for _ in range(60):
        loaded = fret.load(pipeline, overrides=[f"budget={{usd: {cap}}}"])
        try:
            loaded.run(lane="batch")
        except Waiting:
            spent = sum(cost for _, cost in loaded.spent() if cost)
            out = [p for p in parcels_of(pipeline) if p.sent]
            most_at_once = max(most_at_once, spent + sum(p.most_usd for p in out))
            assert out
            server.batches.finish()
        else:
            break
    assert examples(pipeline) == expected
    assert_nothing_was_paid_twice(server)
    assert 0 < most_at_once <= cap
    assert sum(cost for _, cost in loaded.spent() if cost) <= cap


def test_a_budget_that_allows_no_batch_stops_the_run_and_sends_none(
    pipeline: Path, server: LLMServer
) -> None:
    list(fret.load(pipeline).probe())  # what it can do is known then, and costs no more
    cap = 0.003 + sum(cost for _, cost in fret.load(pipeline).spent() if cost)
    with pytest.raises(BudgetError, match=r"allows no further batch.*raise budget\.usd") as error:
        fret.load(pipeline, overrides=[f"budget={{usd: {cap}}}"]).run(lane="batch")
    assert error.value.exit_code == 3 and not server.batches.jobs
    with pytest.raises(Waiting):  # what was written goes out when the cap is raised
        fret.load(pipeline, overrides=["budget={usd: 5.0}"]).run(lane="batch")
    assert server.batches.jobs


def parcels_of(pipeline: Path) -> list[Parcel]:
    settings = fret.load(pipeline).settings
    store = AnswerStore(Path(settings.answers))
    try:
        return Ledger(store).parcels(settings.run, "batch")
    finally:
        store.close()
