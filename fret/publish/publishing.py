"""Publish a run's dataset: look, check, send, commit, verify, tag.

A kill at any moment leaves the repository at one whole revision, the old one or the new: contents
travel first and are seen by nobody, then one commit names them all. Running again sends what is
missing, and ends with the same revision and tag.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fret.errors import HubError, UserError
from fret.figures import count
from fret.publish.folder import LocalFile, count_rows, find_unlisted, hash_files, list_folder
from fret.publish.hub import Hub, speaking_to
from fret.publish.hub_errors import NO_TOKEN
from fret.publish.licences import doubt_licence
from fret.publish.options import Options, Watcher
from fret.publish.plan import Plan, is_done, make_plan
from fret.publish.refusals import refuse_by_remote, refuse_by_run, refuse_secrets
from fret.publish.remote import Remote, RemoteFile
from fret.publish.secrets import scan_files
from fret.store import Run

# Of the fingerprint: 48 bits, for a handful of tags.
_TAG_DIGITS = 12
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Published:
    """What was done."""

    plan: Plan
    url: str
    commit: str | None = None
    """The revision; None after a dry run."""
    is_new: bool = False
    """Whether a commit was made: not where all was there already."""
    rows: int = 0
    """Rows that were counted on the Hub, over all configs."""


def publish_dataset(
    run: Run, options: Options, *, made_from: str, watcher: Watcher, dry_run: bool = False
) -> Published:
    """Send a run's dataset to the Hub, and verify it there.

    Args:
        made_from: what the dataset's manifest names when it belongs to the run's examples.
        dry_run: only find out what would be done, and what is against it.

    Raises:
        UserError: it must not be published as it is; nothing was sent.
        HubError: the Hub stopped us, or holds something else than what was sent.
    """
    entries = list_folder(run, made_from)  # before the lock, which makes the run's folder
    if unlisted := find_unlisted(run, entries):
        watcher.warned(
            f"Not part of the dataset, and not sent: {', '.join(unlisted[:_LISTED])} "
            f"({len(unlisted)} in {run.dataset_dir})."
        )
    with run.locked(), speaking_to(options.repo, watcher.warned) as hub:
        remote, trouble = _look(hub, dry_run=dry_run)
        tag = f"fret-{run.stage('examples').require().fingerprint[:_TAG_DIGITS]}"
        refusals = [
            *refuse_by_run(run, options),
            *refuse_by_remote(remote, options, tag),
        ]
        if not dry_run:
            _stop_at(refusals)
        local = hash_files(entries, watcher)
        refusals += refuse_secrets(scan_files(entries, watcher, not_secret=options.not_secret))
        plan = make_plan(
            options,
            local,
            remote,
            tag=tag,
            message=f"Dataset of the run {run.name} by fret ({tag})",
            refusals=refusals,
            notes=_list_notes(hub, options, trouble),
            was_seen=not trouble,
        )
        if dry_run:
            return Published(plan, hub.url)
        _stop_at(refusals)
        return _send(hub, plan, local, remote, watcher)


def _list_notes(hub: Hub, options: Options, trouble: str) -> list[str]:
    """List what a person should know before, though it does not stand against publishing."""
    notes = []
    if trouble:
        notes.append(f"The repository could not be looked at, so all is shown as new. {trouble}")
    if hub.token is None and NO_TOKEN not in trouble:
        notes.append(f"{NO_TOKEN} Without one nothing can be published.")
    if options.licence and (doubt := doubt_licence(options.licence)):
        notes.append(doubt)
    return notes


def _look(hub: Hub, *, dry_run: bool) -> tuple[Remote | None, str]:
    """Return the repository, and why it could not be looked at where that does no harm."""
    try:
        remote = hub.look()
    except HubError as error:
        if dry_run:
            return None, str(error)
        raise
    if dry_run:
        return remote, ""
    if hub.token is None:
        raise HubError(NO_TOKEN)
    if remote is not None:
        hub.check_right()
    return remote, ""


def _stop_at(refusals: Sequence[str]) -> None:
    if refusals:
        listed = "\n".join(f"  - {refusal}" for refusal in refusals)
        raise UserError(f"The dataset is not published; nothing was sent.\n{listed}")


def _send(
    hub: Hub, plan: Plan, local: Sequence[LocalFile], remote: Remote | None, watcher: Watcher
) -> Published:
    if remote is None:
        hub.create(private=plan.private)
        remote = _look_at_new(hub)
    commit = remote.head
    if plan.changes:
        operations = _send_contents(hub, plan, local, watcher)
        commit = hub.commit(
            operations,
            parent=remote.head,
            message=plan.message,
            is_done=lambda there: is_done(plan, local, there),
        )
    rows = _verify(hub, plan, local, commit, watcher)
    hub.tag(plan.tag, commit, now=remote.tags.get(plan.tag))
    return Published(plan, hub.url, commit, plan.changes, rows)


def _look_at_new(hub: Hub) -> Remote:
    remote = hub.look()
    if remote is None or not remote.is_empty:
        raise HubError(
            f"The repository {hub.repo} was made by someone else just now. Look at it, then run "
            "the same command again."
        )
    return remote


def _send_contents(
    hub: Hub, plan: Plan, local: Sequence[LocalFile], watcher: Watcher
) -> list[object]:
    from huggingface_hub import CommitOperationDelete

    names = {file.name for file in plan.to_send}
    files = [file for file in local if file.name in names]
    n_sent = 0

    def note_sent(file: LocalFile) -> None:
        nonlocal n_sent
        n_sent += 1
        watcher.advanced("sending", {}, n=file.size, note=f"file {n_sent} of {len(files)}")

    watcher.starts("sending", 0, plan.size_to_send, unit="B")
    additions = hub.send(files, note_sent)
    return [
        *additions,
        *(CommitOperationDelete(name, is_folder=False) for name in plan.deleted),
    ]


def _verify(hub: Hub, plan: Plan, local: Sequence[LocalFile], commit: str, watcher: Watcher) -> int:
    """Compare each file at a commit with the local one; return the rows that were counted.

    Raises:
        HubError: with the name of the file that differs.
    """
    there = hub.list_files(commit)
    for file in local:
        _compare(file, there.get(file.name), hub)
    for name in plan.deleted:
        if name in there:
            raise HubError(_say_wrong(hub, name, "is still there"))
    tables = [file for file in local if file.path.suffix == ".parquet"]
    rows = 0
    watcher.starts("verifying", 0, len(tables))
    for file in tables:
        expected, found = count_rows(file), hub.count_rows(file.name, commit)
        if found != expected:
            n = "no" if found is None else found
            raise HubError(_say_wrong(hub, file.name, f"has {n} rows instead of {expected}"))
        rows += expected
        watcher.advanced("verifying", {})
    return rows


def _compare(file: LocalFile, found: RemoteFile | None, hub: Hub) -> None:
    if found is None:
        raise HubError(_say_wrong(hub, file.name, "is missing"))
    if found.size != file.size:
        what = f"has {count(found.size, 'byte')} instead of {file.size}"
        raise HubError(_say_wrong(hub, file.name, what))
    if not found.holds(file):
        raise HubError(_say_wrong(hub, file.name, "has another hash than the local file"))


def _say_wrong(hub: Hub, name: str, what: str) -> str:
    return (
        f"{name} {what} in {hub.repo}, after all was sent. Run the same command again; if it "
        "stays so, remove the file there first."
    )
