"""The README of an export: what it is, how it is read, what it does not hold."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from fret.durable import sha256_of
from fret.export.base import Format, Job
from fret.figures import agree, count
from fret.records import hash_json

_FORMS = {
    "gecko": "Queries are written `task: … | query: …`, passages `title: … | text: …`: what is "
    "embedded later must be written the same way.",
    "plain": "Queries stand alone, passages after their title.",
}


def write_readme(folder: Path, made: Format, job: Job) -> None:
    """Write README.md beside the files."""
    sections = [
        f"# {job.run.name}, for {made.name}",
        f"Training examples of the run `{job.run.name}`, written by `fret export`.",
        made.describe(job),
        _FORMS[job.form],
        _list_files(job),
        _list_losses(job),
    ]
    text = "\n\n".join(section for section in sections if section) + "\n"
    (folder / "README.md").write_text(_front_matter(folder, made, job) + text, "utf-8")


def _front_matter(folder: Path, made: Format, job: Job) -> str:
    """Return the `configs` for `datasets`, which caches a folder by what its card says.

    So the card says what the files hold; else people would be given the rows of an older export.
    """
    configs = made.configs(job)
    if not configs:
        return ""
    content = hash_json({name: sha256_of(folder / name) for name in job.files.rows})
    for config in configs:
        config["description"] = f"content {content[:16]}"
    return f"---\n{yaml.safe_dump({'configs': configs}, sort_keys=False)}---\n\n"


def _list_files(job: Job) -> str:
    rows = "\n".join(f"| `{name}` | {n} |" for name, n in job.files.rows.items())
    return f"| file | rows |\n|---|---|\n{rows}"


def _list_losses(job: Job) -> str:
    lines = [f"{count(job.read, 'example')} {agree(job.read, 'was', 'were')} read."]
    lines += _list(job.left_out, "Left out, as the format cannot hold them:", "examples: ")
    lines += _list(job.not_held, "Not held, or not as it was, of the others:", "")
    return "\n".join(lines)


def _list(counts: Mapping[str, int], head: str, what: str) -> list[str]:
    return (
        ["", head, "", *(f"- {n} {what}{k}" for k, n in sorted(counts.items()))] if counts else []
    )
