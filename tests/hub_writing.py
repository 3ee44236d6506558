"""A Hugging Face Hub on this machine that also takes datasets, and fails on demand.

What it does is what the real one was seen to do: contents by LFS, then one commit that names them;
a parent that is no longer the latest commit is refused; tags; tokens with and without rights.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from hub_server import Handler, HubServer, describe_blob

WRITER, READER, OTHER = "hf_writer-token", "hf_reader-token", "hf_other-token"
# Whose each is, what it may do, and the organisations of its owner.
TOKENS = {
    WRITER: ("ann", "write", ["lab"]),
    READER: ("ann", "read", ["lab"]),
    OTHER: ("bob", "write", []),
}

Files = dict[str, bytes]


@dataclass
class Repository:
    """A dataset repository: commits by their hashes, the latest last."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    @property
    def files(self) -> Files:
        return self.commits[self.head]

    def add(self, files: Files, message: str) -> str:
        commit = hashlib.sha1(repr((len(self.commits), message, sorted(files))).encode())
        self.commits[commit.hexdigest()] = files
        self.messages.append(message)
        return commit.hexdigest()


@dataclass
class Fault:
    """Answers that go wrong: those whose method and path match, so many times."""

    match: str
    status: int
    times: int = 1
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """Do what was asked, and then lose the answer."""


class WritingHub(HubServer):
    """Repositories that can be made, written, tagged and broken."""

    def __init__(self) -> None:
        super().__init__()
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        """Contents by their SHA-256, committed or not."""
        self.taken: Counter[str] = Counter()
        """How often each content was sent here."""
        self.asked: list[str] = []
        self.faults: list[Fault] = []
        self.pause_s = 0.0
        self.damage: dict[str, bytes] = {}
        """What is stored in the place of a file, whatever was sent."""
        self.lists: dict[str, bytes] = {}
        """What the listing takes a file for, whatever is stored."""
        self.before_commit: Any = None
        """Called once when the next commit is about to be made."""
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Begin anew: no repository, no content, no fault."""
        for held in (self.repositories, self.large, self.taken, self.asked, self.faults):
            held.clear()
        self.damage.clear()
        self.lists.clear()

    def fail(self, match: str, status: int, **how: Any) -> None:
        """Let requests fail: `match` is a pattern of METHOD PATH, status 0 cuts the connection."""
        self.faults.append(Fault(match, status, **how))

    def make(self, name: str, files: Files | None = None, *, private: bool = True) -> Repository:
        """Make a repository, with the file that the Hub puts into each."""
        made = self.repositories[name] = Repository(private)
        made.add({".gitattributes": b"*.parquet filter=lfs\n"}, "initial commit")
        if files:
            made.add(made.files | files, "by hand")
        return made

    def find(self, name: str, revision: str) -> tuple[str, Files] | None:
        repository = self.repositories.get(name)
        if repository is None:
            return super().find(name, revision)
        commit = repository.head if revision == "main" else repository.tags.get(revision, revision)
        files = repository.commits.get(commit)
        return None if files is None else (commit, files)

    def describe(self, path: str, data: bytes) -> dict[str, Any]:
        data = self.lists.get(path, data)
        facts = describe_blob(path, data)
        if is_large(path):
            sha256 = hashlib.sha256(data).hexdigest()
            pointer = {"oid": sha256, "size": len(data), "pointerSize": 130}
            facts |= {"oid": hashlib.sha1(sha256.encode()).hexdigest(), "lfs": pointer}
        return facts

    def may_see(self, name: str, token: str | None) -> bool:
        found = self.repositories.get(name)
        if found is None:
            return name in self.datasets
        return not found.private or self.is_owner(name, token)

    def is_owner(self, name: str, token: str | None) -> bool:
        user, _, teams = TOKENS.get(token or "", ("", "", []))
        return name.partition("/")[0] in {user, *teams} - {""}

    def may_write(self, name: str, token: str | None) -> bool:
        return self.is_owner(name, token) and TOKENS[token or ""][1] == "write"

    def describe_repository(self, name: str) -> dict[str, Any]:
        found = self.repositories.get(name)
        return {"private": found.private if found else False}

    def commit_files(self, name: str, lines: list[dict[str, Any]]) -> str | None:
        """Make a commit of the Hub's lines; None where its parent is not the latest."""
        if self.before_commit:
            act, self.before_commit = self.before_commit, None
            act()
        with self._lock:
            repository = self.repositories[name]
            head = lines[0]["value"]
            if head.get("parentCommit") not in {None, repository.head}:
                return None
            files = dict(repository.files)
            for line in lines[1:]:
                value, path = line["value"], line["value"]["path"]
                if line["key"] == "deletedFile":
                    del files[path]
                elif line["key"] == "lfsFile":
                    files[path] = self.damage.get(path, self.large[value["oid"]])
                else:
                    files[path] = self.damage.get(path, base64.b64decode(value["content"]))
            return repository.add(files, head["summary"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Here(_WritingHandler):
            server_hub = hub

        return Here


def is_large(path: str) -> bool:
    return path.endswith(".parquet")


_ROUTES = [
    ("GET", r"/api/whoami-v2$", "_who"),
    ("POST", r"/api/repos/create$", "_create"),
    ("POST", r"/api/validate-yaml$", "_validate"),
    ("GET", r"/api/datasets/([^/]+/[^/]+)/auth-check/write$", "_check_write"),
    ("GET", r"/api/datasets/([^/]+/[^/]+)/refs$", "_refs"),
    ("POST", r"/api/datasets/([^/]+/[^/]+)/preupload/[^/]+$", "_preupload"),
    ("POST", r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch$", "_batch"),
    ("PUT", r"/lfs/([0-9a-f]{64})$", "_take"),
    ("POST", r"/api/datasets/([^/]+/[^/]+)/commit/[^/]+$", "_commit"),
    ("POST", r"/api/datasets/([^/]+/[^/]+)/tag/([^/]+)$", "_tag"),
    ("DELETE", r"/api/datasets/([^/]+/[^/]+)/tag/([^/]+)$", "_untag"),
]
_NAMED = re.compile(r"/(?:api/)?datasets/([^/]+/[^/.]+)")


class _WritingHandler(Handler):
    server_hub: WritingHub

    def do_PUT(self) -> None:
        self._answer(send_body=True)

    def do_DELETE(self) -> None:
        self._answer(send_body=True)

    def _answer(self, *, send_body: bool) -> None:
        hub, path = self.server_hub, unquote(urlsplit(self.path).path)
        asked = f"{self.command} {path}"
        hub.asked.append(asked)
        time.sleep(hub.pause_s)
        fault = self._find_fault(asked)
        if fault and not fault.after:
            self._break(fault)
            return
        for method, form, act in _ROUTES:
            if self.command == method and (found := re.match(form, path)):
                self._act(act, found.groups(), fault)
                return
        named = _NAMED.match(path)
        if named and not hub.may_see(named[1], self._token):
            status, code = (404, "RepoNotFound") if self._token else (401, "RepoNotFound")
            self._send(status, {"error": "Repository not found"}, {"X-Error-Code": code})
            return
        super()._answer(send_body=send_body)

    @property
    def _token(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def _find_fault(self, asked: str) -> Fault | None:
        for fault in self.server_hub.faults:
            if fault.times and re.search(fault.match, asked):
                fault.times -= 1
                return fault
        return None

    def _break(self, fault: Fault) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fault.status == 0:
            self.close_connection = True
            return
        self._send(fault.status, fault.body or {"error": "on demand"}, fault.headers)

    def _act(self, name: str, parts: tuple[str, ...], fault: Fault | None) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._token is not None and self._token not in TOKENS and name != "_take":
            self._send(401, {"error": f"Invalid token {self._token}"})
            return
        status, answer, *headers = getattr(self, name)(body, *parts)
        if fault:
            self._break_after(fault)
        else:
            self._send(status, answer, *headers)

    def _break_after(self, fault: Fault) -> None:
        if fault.status == 0:
            self.close_connection = True
        else:
            self._send(fault.status, fault.body, fault.headers)

    def _refuse(self, name: str) -> tuple[Any, ...] | None:
        """Say what is wrong with writing to a repository."""
        hub = self.server_hub
        if self._token is None:
            return 401, {"error": "Invalid username or password."}
        if name not in hub.repositories or not hub.may_see(name, self._token):
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        if not hub.may_write(name, self._token):
            return 403, {"error": f"Your token {self._token} may not write here"}
        return None

    def _who(self, body: bytes) -> tuple[Any, ...]:
        if self._token is None:
            return 401, {"error": "no token"}
        user, role, teams = TOKENS[self._token]
        orgs = [{"name": team} for team in teams]
        return 200, {"name": user, "orgs": orgs, "auth": {"accessToken": {"role": role}}}

    def _create(self, body: bytes) -> tuple[Any, ...]:
        asked, hub = json.loads(body), self.server_hub
        name = f"{asked['organization']}/{asked['name']}"
        if name in hub.repositories:
            return 409, {"error": "You already created this dataset repo"}
        if not hub.may_write(name, self._token):
            return 403, {"error": f"You don't have the rights to create under {name}"}
        hub.make(name, private=asked.get("visibility") == "private")
        return 200, {"url": f"{hub.environment['HF_ENDPOINT']}/datasets/{name}"}

    def _validate(self, body: bytes) -> tuple[Any, ...]:
        text = json.loads(body)["content"]
        if "license: no-such-licence" in text:
            return 400, {"errors": [{"message": '"license" must be one of …'}], "warnings": []}
        return 200, {"errors": [], "warnings": []}

    def _check_write(self, body: bytes, name: str) -> tuple[Any, ...]:
        return self._refuse(name) or (200, {})

    def _refs(self, body: bytes, name: str) -> tuple[Any, ...]:
        if not self.server_hub.may_see(name, self._token):
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        found = self.server_hub.repositories[name]
        tags = [_ref("tags", tag, commit) for tag, commit in found.tags.items()]
        return 200, {"branches": [_ref("heads", "main", found.head)], "converts": [], "tags": tags}

    def _preupload(self, body: bytes, name: str) -> tuple[Any, ...]:
        if refused := self._refuse(name):
            return refused
        files = self.server_hub.repositories[name].files
        answer = []
        for file in json.loads(body)["files"]:
            path = file["path"]
            facts = self.server_hub.describe(path, files[path]) if path in files else {}
            oid = facts.get("lfs", facts).get("oid")
            mode = "lfs" if is_large(path) else "regular"
            answer += [{"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid}]
        return 200, {"files": answer}

    def _batch(self, body: bytes, name: str) -> tuple[Any, ...]:
        if refused := self._refuse(name):
            return refused
        answer = []
        for item in json.loads(body)["objects"]:
            href = f"{self.server_hub.environment['HF_ENDPOINT']}/lfs/{item['oid']}"
            actions = {"actions": {"upload": {"href": href, "header": {}}}}
            answer += [item | ({} if item["oid"] in self.server_hub.large else actions)]
        return 200, {"transfer": "basic", "objects": answer}

    def _take(self, body: bytes, oid: str) -> tuple[Any, ...]:
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, {"error": "another content than it was named for"}
        self.server_hub.large[oid] = body
        self.server_hub.taken[oid] += 1
        return 200, {}

    def _commit(self, body: bytes, name: str) -> tuple[Any, ...]:
        if refused := self._refuse(name):
            return refused
        commit = self.server_hub.commit_files(name, [json.loads(x) for x in body.splitlines()])
        if commit is None:
            return 412, {"error": "A commit has happened since. Please refresh and try again."}
        url = f"{self.server_hub.environment['HF_ENDPOINT']}/datasets/{name}/commit/{commit}"
        return 200, {"commitOid": commit, "commitUrl": url, "pullRequestUrl": None}

    def _tag(self, body: bytes, name: str, revision: str) -> tuple[Any, ...]:
        if refused := self._refuse(name):
            return refused
        tags, tag = self.server_hub.repositories[name].tags, json.loads(body)["tag"]
        if tag in tags:
            return 409, {"error": "Tag already exists"}
        tags[tag] = revision
        return 200, {}

    def _untag(self, body: bytes, name: str, tag: str) -> tuple[Any, ...]:
        if refused := self._refuse(name):
            return refused
        if self.server_hub.repositories[name].tags.pop(tag, None) is None:
            return 404, {"error": "no tag"}, {"X-Error-Code": "RevisionNotFound"}
        return 200, {}


def _ref(kind: str, name: str, commit: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}
