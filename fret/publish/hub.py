"""One dataset repository of the Hub, as fret uses it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, TypeVar

from fret.errors import HubError
from fret.publish.asking import ask
from fret.publish.folder import MANIFEST, LocalFile, read_names
from fret.publish.hub_errors import NO_TOKEN, Place, explain, say_changed, status_of
from fret.publish.remote import Remote, RemoteFile

T = TypeVar("T")

_PART_FILES, _PART_BYTES = 8, 1 << 30
_MOST_MANIFEST = 64 << 20


class Hub:
    """One dataset repository; made by `speaking_to`."""

    def __init__(self, repo: str, token: str | None, warn: Callable[[str], None]) -> None:
        from huggingface_hub import HfApi

        self.repo, self.token, self._warn = repo, token, warn
        # Not the constant of the library, which is read when it is first imported.
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token or False)

    @property
    def url(self) -> str:
        return f"{self._api.endpoint}/datasets/{self.repo}"

    def look(self) -> Remote | None:
        """Return the repository; None when there is none, or none that the token may see.

        Raises:
            HubError: it cannot be looked at.
        """
        try:
            info = ask(lambda: self._api.dataset_info(self.repo), warn=self._warn)
        except Exception as error:  # of the library and the network
            if status_of(error) == 404 and self.token:
                return None
            if status_of(error) in {401, 404} and not self.token:
                raise HubError(NO_TOKEN) from error
            raise self._explain("look", error) from error
        files = self.list_files(str(info.sha))
        listed = self._read_listed(str(info.sha), files)
        return Remote(str(info.sha), bool(info.private), files, listed, self.list_tags())

    def check_right(self) -> None:
        """Raise an error where the token may not write to the repository, which is there."""
        try:
            ask(
                lambda: self._api.auth_check(self.repo, repo_type="dataset", write=True),
                warn=self._warn,
            )
        except Exception as error:  # of the library and the network
            # Other makes of Hub lack this question; what cannot be told now shows when sending.
            if status_of(error) not in {404, 405, 501}:
                raise self._explain("send", error) from error

    def create(self, *, private: bool) -> None:
        """Make the repository."""
        self._ask(
            "create",
            lambda: self._api.create_repo(self.repo, repo_type="dataset", private=private),
        )

    def list_files(self, commit: str) -> dict[str, RemoteFile]:
        """Return the files of a commit, as the Hub lists them."""
        from huggingface_hub import RepoFile

        def list_tree() -> dict[str, RemoteFile]:
            entries = self._api.list_repo_tree(
                self.repo, recursive=True, revision=commit, repo_type="dataset"
            )
            return {
                e.path: RemoteFile(e.size, e.blob_id, e.lfs.sha256 if e.lfs else None)
                for e in entries
                if isinstance(e, RepoFile)
            }

        return self._ask("look", list_tree)

    def list_tags(self) -> dict[str, str]:
        """Return the commit of each tag."""
        refs = self._ask("look", lambda: self._api.list_repo_refs(self.repo, repo_type="dataset"))
        return {tag.name: tag.target_commit for tag in refs.tags}

    def send(self, files: Sequence[LocalFile], sent: Callable[[LocalFile], None]) -> list[Any]:
        """Send the contents of files, in parts; what the Hub has already is not sent.

        Nobody sees any of it before `commit`.

        Args:
            sent: told of each file.

        Returns:
            what `commit` takes.
        """
        from huggingface_hub import CommitOperationAdd

        additions = []
        for part in _parts(files):
            adding = [CommitOperationAdd(file.name, str(file.path)) for file in part]
            for addition, file in zip(adding, part, strict=True):
                addition.upload_info.sha256 = bytes.fromhex(file.sha256)  # spares a reading
            self._send_part(adding)
            additions += adding
            for file in part:
                sent(file)
        return additions

    def commit(
        self,
        operations: Sequence[Any],
        *,
        parent: str,
        message: str,
        is_done: Callable[[dict[str, RemoteFile]], bool],
    ) -> str:
        """Make all that was sent one new revision; return its commit.

        Args:
            is_done: whether files are those of the new revision.

        Raises:
            HubError: among others where the repository is no longer at `parent`.
        """

        def commit() -> str:
            # An answer may have been lost on its way: a second commit is made only where the
            # repository is as it was.
            head = str(self._api.dataset_info(self.repo).sha)
            if head != parent and is_done(self.list_files(head)):
                return head
            if head != parent:
                raise HubError(say_changed(self.repo))
            made = self._api.create_commit(
                self.repo,
                operations,
                commit_message=message,
                repo_type="dataset",
                parent_commit=parent,
            )
            return str(made.oid)

        return self._ask("commit", commit)

    def tag(self, name: str, commit: str, *, now: str | None) -> None:
        """Let a tag stand for a commit.

        Args:
            now: what it stands for at present; None for nothing.
        """
        if now == commit:
            return
        if now is not None:
            self._ask("tag", lambda: self._delete_tag(name))
        self._ask(
            "tag",
            lambda: self._api.create_tag(
                self.repo, tag=name, revision=commit, repo_type="dataset", exist_ok=True
            ),
        )
        if self.list_tags().get(name) != commit:
            raise HubError(say_changed(self.repo))

    def count_rows(self, name: str, commit: str) -> int | None:
        """Return the rows of a parquet file at a commit, reading its end only; None where it is no
        parquet file."""
        import pyarrow as pa
        import pyarrow.parquet as pq
        from huggingface_hub import HfFileSystem

        def read() -> int | None:
            files = HfFileSystem(
                endpoint=self._api.endpoint, token=self.token or False, skip_instance_cache=True
            )
            path = f"datasets/{self.repo}@{commit}/{name}"
            try:
                with files.open(path, "rb", block_size=1 << 16) as file:
                    return int(pq.read_metadata(file).num_rows)
            except pa.ArrowInvalid:
                return None

        return self._ask("verify", read)

    def _send_part(self, adding: list[Any]) -> None:
        self._ask(
            "send",
            lambda: self._api.preupload_lfs_files(
                self.repo, adding, repo_type="dataset", free_memory=False
            ),
        )

    def _delete_tag(self, name: str) -> None:
        from huggingface_hub.errors import RevisionNotFoundError

        with suppress(RevisionNotFoundError):  # gone already: an answer was lost on its way
            self._api.delete_tag(self.repo, tag=name, repo_type="dataset")

    def _read_listed(self, commit: str, files: dict[str, RemoteFile]) -> list[str] | None:
        if MANIFEST not in files or files[MANIFEST].size > _MOST_MANIFEST:
            return None
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        url = hf_hub_url(
            self.repo,
            MANIFEST,
            repo_type="dataset",
            revision=commit,
            endpoint=self._api.endpoint,
        )

        def read() -> bytes:
            response = get_session().get(url, headers=build_hf_headers(token=self.token or False))
            hf_raise_for_status(response)
            return bytes(response.content)

        return read_names(self._ask("look", read))

    def _ask(self, doing: str, call: Callable[[], T]) -> T:
        try:
            return ask(call, warn=self._warn)
        except Exception as error:  # of the library, its threads and the network
            raise self._explain(doing, error) from error

    def _explain(self, doing: str, error: Exception) -> Exception:
        return explain(error, Place(doing, self.repo, self.token, self._say_whose))

    def _say_whose(self) -> str:
        """Say whose the token is; nothing where even that cannot be asked."""
        try:
            data = self._api.whoami()
            owners = [data["name"], *(org["name"] for org in data.get("orgs", []))]
            role = data.get("auth", {}).get("accessToken", {}).get("role", "unknown")
        except Exception:  # it is only a help in another error
            return ""
        return f" The token is of {owners[0]!r} (role {role!r}), who can be {', '.join(owners)}."


@contextmanager
def speaking_to(repo: str, warn: Callable[[str], None]) -> Iterator[Hub]:
    """Yield a repository of the Hub; its library is quiet in the block."""
    from huggingface_hub import close_session
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
        logging,
    )

    level, was_quiet = logging.get_verbosity(), are_progress_bars_disabled()
    logging.set_verbosity(logging.ERROR)
    if not was_quiet:
        disable_progress_bars()
    try:
        yield Hub(repo, _find_token(), warn)
    finally:
        close_session()  # its hooks are ours
        logging.set_verbosity(level)
        if not was_quiet:
            enable_progress_bars()


def _find_token() -> str | None:
    from huggingface_hub import get_token

    try:
        return get_token()
    except Exception as error:  # of logins that ask a server
        raise HubError(
            f"The login to the Hub failed ({type(error).__name__}). Run `hf auth login` anew, or "
            "set HF_TOKEN to a token."
        ) from error


def _parts(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    """Divide files into parts; one each where they go by plain HTTP, so that Ctrl-C ends them."""
    from huggingface_hub import constants

    by_http = constants.HF_HUB_DISABLE_XET or find_spec("hf_xet") is None
    most = 1 if by_http else _PART_FILES
    part: list[LocalFile] = []
    for file in files:
        if part and (len(part) == most or sum(f.size for f in part) + file.size > _PART_BYTES):
            yield part
            part = []
        part.append(file)
    if part:
        yield part
