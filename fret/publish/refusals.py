"""Why a dataset is not published, each with what would let it."""

import shlex
from collections.abc import Iterator, Sequence

from fret.durable import sha256_of
from fret.figures import count
from fret.publish.options import Options
from fret.publish.remote import Remote
from fret.publish.secrets import Finding
from fret.store import Run

# More findings than this are counted, not listed.
_LISTED = 20


def refuse_by_run(run: Run, options: Options) -> Iterator[str]:
    """Yield what is against it that the run itself says."""
    if not options.licence:
        yield (
            "The dataset has no licence, so nobody may use it. Name one in the pipeline file, as "
            "in `publish: {licence: cc-by-4.0}` (`other` where the pages have several), and run "
            "`fret run PIPELINE` once more: only the card is written anew."
        )
    if decided := _say_undecided(run, options.accept_contamination):
        yield decided


def refuse_by_remote(remote: Remote | None, options: Options, tag: str) -> Iterator[str]:
    """Yield what is against it that the repository says."""
    if remote is None:
        return
    is_own = remote.listed is not None or remote.is_empty
    if not is_own and not options.force:
        yield (
            f"The repository {options.repo} holds {count(len(remote.files), 'file')} that fret did "
            "not put there. Take another name, or add --force: files of the same names are "
            "replaced, the others stay."
        )
    if not is_own and remote.tags.get(tag):
        yield (
            f"The repository {options.repo} has a tag {tag} that fret did not make. Remove it "
            "there, or take another name."
        )
    if options.makes_private and not remote.private:
        yield (
            f"The repository {options.repo} is public, and the dataset is to be private. Say "
            "--public (or `publish: {private: false}`) if all may see it, or make the repository "
            "private in its settings."
        )


def refuse_secrets(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield one refusal for all findings, each listed with its place and a masked value."""
    if not findings:
        return
    lines = [
        f"  - {f.kind} {f.masked} in {f.place}{_say_more(f.n)}; hash {f.hash}"
        for f in findings[:_LISTED]
    ]
    if len(findings) > _LISTED:
        lines.append(f"  - and {len(findings) - _LISTED} more")
    hashes = ", ".join(finding.hash for finding in findings[:_LISTED])
    yield (
        f"{count(len(findings), 'secret')} in the dataset:\n" + "\n".join(lines) + "\n"
        "    Take their pages out of the source (`full` names the address of each) and run the "
        "pipeline again; tell the owner of a real one. What you have looked at and is no secret, "
        f"list by its hash: publish: {{not_secret: [{hashes}]}}"
    )


def _say_more(n: int) -> str:
    return f" and {count(n - 1, 'other place')}" if n > 1 else ""


def _say_undecided(run: Run, accepted: str | None) -> str | None:
    """Say that there are matches with evaluation sets on which nobody has decided."""
    passages = run.stage("passages")
    manifest = passages.require()
    against = manifest.identity.get("decontamination") or {}
    found = manifest.measures.get("passages", {}).get("contamination") or {}
    if against.get("action") != "warn" or not found.get("matches"):
        return None
    listed = passages.path / "kept" / "contamination.jsonl"
    known = (sha256_of(listed) if listed.exists() else manifest.fingerprint)[:12]
    if accepted == known:
        return None
    other = " The matches are not those that were accepted." if accepted else ""
    return (
        f"Passages hold what evaluation sets ask or answer ({found['passages']} of them, "
        f"{count(found['matches'], 'time')}), and nobody has decided on that.{other} Read "
        f"{shlex.quote(str(listed))}, then either set `passages.decontamination.action: drop` and "
        "run again, or, where they may stay, accept these: "
        f"publish: {{accept_contamination: {known}}}"
    )
