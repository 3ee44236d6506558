"""The test server's files and batches, through the client that real ones are used with."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai.types import Batch

from llm_server import LLMServer

PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"


@pytest.fixture
def client(server: LLMServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0, timeout=5) as made:
        yield made


def line(name: str, **changes: Any) -> dict[str, Any]:
    body = {"model": "tiny", "messages": [{"role": "user", "content": name}]}
    return {"custom_id": name, "method": "POST", "url": PATH, "body": body, **changes}


def upload(client: openai.OpenAI, lines: list[dict[str, Any]]) -> str:
    raw = "".join(json.dumps(one) + "\n" for one in lines).encode()
    return client.files.create(file=("in.jsonl", raw), purpose="batch").id


def create(client: openai.OpenAI, lines: list[dict[str, Any]], **more: Any) -> Batch:
    file_id = upload(client, lines)
    return client.batches.create(
        input_file_id=file_id, endpoint=PATH, completion_window="24h", **more
    )


def read(client: openai.OpenAI, file_id: str | None) -> dict[str, dict[str, Any]]:
    assert file_id
    rows = client.files.content(file_id).content.decode().splitlines()
    return {row["custom_id"]: row for row in map(json.loads, rows)}


def ten() -> list[dict[str, Any]]:
    return [line(f"r{i}") for i in range(10)]


def test_a_batch_goes_through_its_states(client: openai.OpenAI, server: LLMServer) -> None:
    made = create(client, ten(), metadata={"shard": "7"})
    seen = [made.status]
    while seen[-1] != "completed":
        server.batches.advance()
        seen.append(client.batches.retrieve(made.id).status)
    assert seen == ["validating", "in_progress", "finalizing", "completed"]
    done = client.batches.retrieve(made.id)
    assert done.metadata == {"shard": "7"} and done.error_file_id is None
    assert done.request_counts and done.request_counts.completed == 10
    assert done.usage and done.usage.output_tokens > 0
    rows = read(client, done.output_file_id)
    assert set(rows) == {f"r{i}" for i in range(10)} and list(rows) != sorted(rows)
    assert rows["r1"]["response"]["status_code"] == 200
    assert json.loads(rows["r1"]["response"]["body"]["choices"][0]["message"]["content"])
    assert server.batches.lines_paid == Counter(list(rows)) and server.batches.n_created == 1


def test_batches_are_listed_newest_first_in_pages(client: openai.OpenAI, server: LLMServer) -> None:
    made = [create(client, [line(f"r{i}")]).id for i in range(5)]
    assert [batch.id for batch in client.batches.list(limit=2)] == made[::-1]
    assert server.batches.calls["list"] == 3
    files = [one.id for one in client.files.list(purpose="batch")]
    client.files.delete(files[0])
    assert len(list(client.files.list())) == 4
    with pytest.raises(openai.NotFoundError):
        client.files.content(files[0])


def test_an_expired_batch_delivers_what_is_done(client: openai.OpenAI, server: LLMServer) -> None:
    server.batches.auto = True
    server.batches.expire(0.3)
    done = client.batches.retrieve(create(client, ten()).id)
    assert done.status == "expired" and len(read(client, done.output_file_id)) == 3
    errors = read(client, done.error_file_id).values()
    assert {row["error"]["code"] for row in errors} == {"batch_expired"} and len(errors) == 7
    assert server.batches.lines_paid.total() == 3
    again = client.batches.retrieve(create(client, ten()).id)  # the plan was for one batch
    assert again.status == "completed" and max(server.batches.lines_paid.values()) == 2


@pytest.mark.parametrize("where", ["error", "output"])
def test_lines_fail_in_either_file(client: openai.OpenAI, server: LLMServer, where: Any) -> None:
    server.batches.auto = True
    server.batches.fail_lines(0.2, 503, where=where)
    done = client.batches.retrieve(create(client, ten()).id)
    found = read(client, done.error_file_id if where == "error" else done.output_file_id)
    assert [r["response"]["status_code"] for r in found.values()].count(503) == 2
    server.batches.error_file_only()
    done = client.batches.retrieve(create(client, ten()).id)
    assert (done.status, done.output_file_id) == ("completed", None)
    assert done.request_counts and done.request_counts.failed == 10


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "empty_file"),
        ([line("a"), line("a")], "duplicate_custom_id"),
        ([line("a"), line("b", url="/v1/completions")], "url_mismatch"),
        ([line("a"), line("b", body={"model": "other"})], "model_mismatch"),
        ([line(name) for name in "abcd"], "too_many_tasks"),
        ([line("x" * 2000)], "file_too_large"),
    ],
)
def test_a_bad_file_fails_after_it_was_accepted(
    client: openai.OpenAI, server: LLMServer, lines: list[dict[str, Any]], code: str
) -> None:
    server.batches.limits.lines, server.batches.limits.bytes = 3, 1000
    made = create(client, lines)
    assert made.status == "validating"
    server.batches.advance()
    failed = client.batches.retrieve(made.id)
    assert failed.status == "failed" and failed.errors and failed.errors.data
    assert failed.errors.data[0].code == code


def test_too_many_enqueued_lines_fail_until_a_batch_leaves(
    client: openai.OpenAI, server: LLMServer
) -> None:
    server.batches.max_enqueued_lines = 15
    create(client, ten())
    create(client, ten())
    server.batches.advance()
    assert server.batches.statuses() == ["in_progress", "failed"]
    server.batches.advance()  # the first one leaves in_progress
    create(client, ten())
    server.batches.finish()
    assert server.batches.statuses() == ["completed", "failed", "completed"]
    server.batches.fail("token_limit_exceeded")
    made = create(client, ten())
    server.batches.advance()
    failed = client.batches.retrieve(made.id)
    assert failed.errors and failed.errors.data
    assert failed.errors.data[0].code == "token_limit_exceeded"


def test_outputs_may_be_odd(client: openai.OpenAI, server: LLMServer) -> None:
    server.batches.auto = True
    server.batches.plan(duplicates=2, strangers=1)
    done = client.batches.retrieve(create(client, ten()).id)
    assert done.output_file_id and len(server.batches.lines_of(done.output_file_id)) == 13
    assert "stranger-0" in read(client, done.output_file_id)
    server.batches.plan(torn=True)
    done = client.batches.retrieve(create(client, ten()).id)
    with pytest.raises(json.JSONDecodeError):
        read(client, done.output_file_id)


def test_a_cancelled_batch_delivers_what_is_done(client: openai.OpenAI, server: LLMServer) -> None:
    made = create(client, ten())
    server.batches.advance()
    assert client.batches.cancel(made.id).status == "cancelling"
    server.batches.advance()
    done = client.batches.retrieve(made.id)
    assert done.status == "cancelled" and len(read(client, done.output_file_id)) == 5
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(made.id)


def test_the_connection_is_cut_after_the_work_was_done(
    client: openai.OpenAI, server: LLMServer
) -> None:
    server.batches.cut_after = "upload"
    with pytest.raises(openai.APIConnectionError):
        upload(client, ten())
    assert len(server.batches.files) == 1
    server.batches.cut_after = "create"
    with pytest.raises(openai.APIConnectionError):
        create(client, ten())
    assert server.batches.n_created == 1
    server.batches.finish()
    (made,) = client.batches.list()
    for moment in ("content", "half content"):
        server.batches.cut_after = moment
        with pytest.raises((openai.APIConnectionError, Exception), match=r"(?i)conn|peer|closed"):
            read(client, made.output_file_id)
    assert len(read(client, made.output_file_id)) == 10


def test_calls_fail_before_they_do_anything(client: openai.OpenAI, server: LLMServer) -> None:
    server.batches.fail_calls("ok", "500")
    with pytest.raises(openai.InternalServerError):
        create(client, ten())
    assert server.batches.n_created == 0
    server.batches.unseen_files = 1
    with pytest.raises(openai.NotFoundError):
        create(client, ten())
    with pytest.raises(openai.BadRequestError, match="jsonl"):
        client.files.create(file=("in.txt", b"{}"), purpose="batch")
