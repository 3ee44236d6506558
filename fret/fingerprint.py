"""What decides whether finished work still fits: the identity of a stage, and its hash.

A stage's identity is every setting that can change its output, the hashes of its prompts and of the
user's files, and the fingerprints of the stages that it reads. Settings named in `NOT_IDENTITY` are
left out; a test checks that each of them, and no other, leaves the fingerprint alone.
"""

from collections.abc import Collection
from typing import Any

from fret.records import hash_json

NOT_IDENTITY = {
    "path": "where a file lies does not matter, its content does: the source adds a hash of that",
    "prompt": "likewise: the prompt's content is hashed, under its name",
    "personas_path": "as for path: the personas that it holds are hashed",
    "workers": "how many processes share the work cannot change its result",
    "timeout_s": "a slow machine needs more patience, not other data",
    "memory_mb": "as for timeout_s",
    "batch_size": "speed and memory only; sums may differ in the last bit",
    "base_url": "a server may move: `server` names it, by default after its address",
    "base_urls": "as for base_url",
    "api_key_env": "who pays does not change the answer",
    "concurrency": "speed only",
    "prompts_per_request": "speed only",
    "requests_per_minute": "speed only",
    "tokens_per_minute": "speed only",
    "patience_s": "as for timeout_s",
    "price": "what an answer costs does not change it",
    "batch": "how requests travel does not change their answers",
    "device": "likewise, but for the last bits",
    "batch_tokens": "as for batch_size",
    "contact": "who asks for a page does not change the page",
    "delay_s": "how fast pages are asked for does not change them",
    "max_crawl_delay_s": "as for delay_s",
    "max_wait_s": "as for timeout_s",
    "hosts_at_once": "as for delay_s",
    "revision": "the commit that it stands for is looked up, and counts",
    "max_age_s": "as for delay_s: what is asked for is addresses, whenever that was",
}

NAMED_BY_USERS = {
    "task_types",
    "query_types",
    "lengths",
    "difficulties",
    "languages",
    "weights",
    "leave_out",
    "splits",
    "extra_body",
    "chat_template_kwargs",
}
"""Settings whose keys are the user's own words, whatever they are: all of them count."""


def identity_of(settings: Any) -> Any:
    """Return settings (nested dictionaries, lists) without those that cannot change the output."""
    return _leave_out(settings, NOT_IDENTITY)


def _leave_out(node: Any, names: Collection[str]) -> Any:
    if isinstance(node, dict):
        return {
            key: _leave_out(value, () if key in NAMED_BY_USERS else names)
            for key, value in sorted(node.items())
            if key not in names
        }
    if isinstance(node, list | tuple):
        return [_leave_out(item, names) for item in node]
    return node


def fingerprint_of(
    stage: str, version: int, identity: dict[str, Any], reads: dict[str, str]
) -> str:
    """Hash what a stage is made from."""
    return hash_json({"stage": stage, "version": version, "identity": identity, "reads": reads})


def differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """List (field, old, new) wherever two identities differ; a missing field counts as None."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(old.keys() | new.keys()):
            found += differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            d
            for i, pair in enumerate(zip(old, new, strict=True))
            for d in differences(*pair, f"{path}[{i}]")
        ]
    return [] if old == new else [(path, old, new)]
