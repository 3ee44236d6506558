"""The files and batches of the test server over HTTP, as OpenAI serves them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from batch_jobs import TERMINAL
from batches import Batches

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses")


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class BatchAPI:
    """The routes under /v1/files and /v1/batches."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def routes(self) -> list[web.RouteDef]:
        one_file, one_batch = "/v1/files/{id}", "/v1/batches/{id}"
        return [
            web.post("/v1/files", self._serve("upload", self._upload)),
            web.get("/v1/files", self._serve("list files", self._list_files)),
            web.get(one_file, self._serve("retrieve file", self._get_file)),
            web.delete(one_file, self._serve("delete file", self._delete_file)),
            web.get(one_file + "/content", self._serve("content", self._content)),
            web.post("/v1/batches", self._serve("create", self._create)),
            web.get("/v1/batches", self._serve("list", self._list)),
            web.get(one_batch, self._serve("retrieve", self._retrieve)),
            web.post(one_batch + "/cancel", self._serve("cancel", self._cancel)),
        ]

    def _serve(self, name: str, handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            self._batches.calls[name] += 1
            try:
                if (failed := await self._fail(request)) is not None:
                    return failed
                response = await handler(request)
            except _Refused as refused:
                return _error(refused.status, str(refused), refused.code)
            if self._batches.cut_after == name:
                self._batches.cut_after = ""
                return _cut(request)
            return response

        return serve

    async def _fail(self, request: web.Request) -> web.Response | None:
        kind = self._batches.faults.popleft() if self._batches.faults else "ok"
        match kind:
            case "ok":
                return None
            case "hang":
                await asyncio.sleep(30)
                return None
            case "cut":
                return _cut(request)
            case "html":
                return web.Response(text="<html>gateway</html>", content_type="text/html")
            case "429 soon":
                return _error(429, "slow down", "rate_limit_exceeded", {"retry-after": "0.2"})
            case _:
                return _error(int(kind), f"on purpose {kind}", "planted")

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        sent = form.get("file")
        if not isinstance(sent, web.FileField):
            raise _Refused(400, "'file' is a required property")
        if form.get("purpose") == "batch" and not sent.filename.endswith(".jsonl"):
            raise _Refused(400, "Invalid file format for Batch API. Must be .jsonl")
        with self._batches.lock:
            kept = self._batches.keep_file(
                sent.filename, sent.file.read(), str(form.get("purpose"))
            )
        return web.json_response(kept)

    async def _list_files(self, request: web.Request) -> web.Response:
        rows = [row for row in self._batches.files.values() if "deleted" not in row]
        if request.query.get("order", "desc") == "desc":
            rows.reverse()
        if purpose := request.query.get("purpose"):
            rows = [row for row in rows if row["purpose"] == purpose]
        return _page(rows, request, 10_000)

    async def _get_file(self, request: web.Request) -> web.Response:
        return web.json_response(self._find_file(request.match_info["id"]))

    async def _delete_file(self, request: web.Request) -> web.Response:
        file_id = self._find_file(request.match_info["id"])["id"]
        # The number stays taken, so that no later file gets the same id.
        self._batches.files[file_id] |= {"deleted": True}
        return web.json_response({"id": file_id, "object": "file", "deleted": True})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        content = self._batches.contents[self._find_file(request.match_info["id"])["id"]]
        if self._batches.cut_after == "half content":
            self._batches.cut_after = ""
            return await _send_half(request, content)
        return web.Response(body=content, content_type="application/octet-stream")

    def _find_file(self, file_id: str) -> dict[str, Any]:
        found = self._batches.files.get(file_id)
        if found is None or "deleted" in found:
            raise _Refused(404, f"No such File object: {file_id}")
        return found

    async def _create(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        with self._batches.lock:
            self._check_create(asked)
            return web.json_response(self._batches.create(asked))

    def _check_create(self, asked: dict[str, Any]) -> None:
        for name in ("input_file_id", "endpoint", "completion_window"):
            if name not in asked:
                raise _Refused(400, f"Missing required parameter: '{name}'.")
        if asked["completion_window"] != "24h":
            raise _Refused(400, "Invalid value for 'completion_window': only '24h' is supported.")
        if asked["endpoint"] not in _ENDPOINTS:
            raise _Refused(400, f"Invalid value for 'endpoint': {asked['endpoint']!r}.")
        metadata = asked.get("metadata") or {}
        if len(metadata) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in metadata.items()):
            raise _Refused(400, "Invalid 'metadata': at most 16 pairs of 64 and 512 characters.")
        if self._batches.unseen_files > 0:
            self._batches.unseen_files -= 1
            raise _Refused(404, f"No such File object: {asked['input_file_id']}")
        if self._find_file(asked["input_file_id"])["purpose"] != "batch":
            raise _Refused(400, "The file's purpose must be 'batch'.", "invalid_purpose")

    async def _list(self, request: web.Request) -> web.Response:
        for batch_id in list(self._batches.jobs):
            self._batches.look(batch_id)
        rows = [job.data for job in reversed(self._batches.jobs.values())]
        rows = [] if self._batches.list_lags else rows
        return _page(rows, request, 20)

    async def _retrieve(self, request: web.Request) -> web.Response:
        batch_id = self._find_batch(request)
        self._batches.look(batch_id)
        return web.json_response(self._batches.jobs[batch_id].data)

    async def _cancel(self, request: web.Request) -> web.Response:
        batch_id = self._find_batch(request)
        job = self._batches.jobs[batch_id]
        with self._batches.lock:
            if job.status in TERMINAL:
                raise _Refused(409, f"Cannot cancel a batch with status '{job.status}'.")
            if job.status != "cancelling":
                self._batches.cancel(batch_id)
        return web.json_response(job.data)

    def _find_batch(self, request: web.Request) -> str:
        batch_id = request.match_info["id"]
        if batch_id not in self._batches.jobs:
            raise _Refused(404, f"No batch found with id '{batch_id}'.")
        return batch_id


def _page(rows: list[dict[str, Any]], request: web.Request, default: int) -> web.Response:
    ids = [row["id"] for row in rows]
    after = request.query.get("after")
    if after is not None and after not in ids:
        raise _Refused(400, f"Invalid 'after': {after!r}")
    start = ids.index(after) + 1 if after is not None else 0
    limit = int(request.query.get("limit", default))
    page = rows[start : start + limit]
    listed = {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(rows),
    }
    return web.json_response(listed)


def _error(
    status: int, message: str, code: str | None, headers: dict[str, str] | None = None
) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def _cut(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.abort()
    return web.Response(status=500)


async def _send_half(request: web.Request, content: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    assert request.transport
    request.transport.close()  # what was written still arrives
    return response
