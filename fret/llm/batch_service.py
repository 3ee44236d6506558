"""The calls of OpenAI's Batch API, with its errors in plain words.

Every call may be repeated after a fault, but for one: creating a batch, whose answer may be lost
though the batch was made.
"""

import errno
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from fret.errors import ModelError, StoreError
from fret.llm.sender import open_client

T = TypeVar("T")

# A file that was just uploaded may not be found yet.
_SEES_FILE_AFTER = (0.0, 1.0, 3.0, 10.0)
_SAFE_ATTEMPTS = 4
# No space, over quota, no right, a read-only file system.
_DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}


class BatchService:
    """One address of the Batch API; opened with the first call.

    Args:
        secret: the key, never to be repeated in a message.

    Raises (any method):
        ModelError: the service refuses the call, or does not answer.
    """

    def __init__(self, base_url: str, secret: str | None, *, timeout_s: float) -> None:
        self.secret = secret
        self._base_url, self._timeout_s = base_url, timeout_s
        self._opened: Any = None

    def retrieve(self, batch_id: str) -> Any:
        return self._safely(partial(self._client.batches.retrieve, batch_id))

    def list_all(self) -> list[Any]:
        return self._safely(lambda: list(self._client.batches.list(limit=100)))

    def cancel(self, batch_id: str) -> None:
        self._safely(partial(self._client.batches.cancel, batch_id))

    def upload(self, path: Path) -> str:
        """Upload a file of requests; return its id."""
        content = (path.name, path.read_bytes())
        upload = partial(self._client.files.create, file=content, purpose="batch")
        return str(self._safely(upload).id)

    def create(self, file_id: str, *, endpoint: str, metadata: dict[str, str]) -> Any:
        """Make a batch, once.

        Returns:
            The batch; None where the answer was lost, and it is not known whether one was made.

        Raises:
            ModelError: none was made.
        """
        import openai

        for pause_s in _SEES_FILE_AFTER:
            time.sleep(pause_s)
            try:
                return self._client.batches.create(
                    input_file_id=file_id,
                    endpoint=endpoint,
                    completion_window="24h",
                    metadata=metadata,
                )
            except openai.APIStatusError as error:
                if error.status_code >= 500:
                    return None
                # It says that no batch was made; a fresh file may only not be seen yet.
                passing = "file" in str(error).lower() or _is_passing(error)
                if not passing or pause_s == _SEES_FILE_AFTER[-1]:
                    raise self._refused(error) from None
            except openai.APIConnectionError:  # timeouts are of this class
                return None
        return None

    def download(self, file_id: str, path: Path) -> None:
        """Write a file of answers to the disk.

        Raises:
            StoreError: it cannot be written.
        """
        self._safely(partial(self._download, file_id, path))

    def clean(self, said: object) -> str:
        """What the service says, without the key: some repeat what they were sent."""
        return str(said).replace(self.secret, "(key)") if self.secret else str(said)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _client(self) -> Any:
        if self._opened is None:
            self._opened = open_client(self._base_url, self.secret, timeout_s=self._timeout_s)
        return self._opened

    def _download(self, file_id: str, path: Path) -> None:
        try:
            with self._client.files.with_streaming_response.content(file_id) as response:
                response.stream_to_file(path)
        except OSError as error:
            if error.filename is None and error.errno not in _DISK_FAULTS:
                raise  # the connection broke off
            raise StoreError(
                f"Answers of a batch cannot be written to {path}: {error}. They are paid, and wait "
                "on the service; mend that and run again."
            ) from error

    def _safely(self, call: Callable[[], T]) -> T:
        """Make a call that may be repeated, a few times if need be."""
        import openai

        retrying = Retrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(_SAFE_ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=0.5, max=20),
            reraise=True,
        )
        try:
            return retrying(call)
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APIError as error:
            raise ModelError(
                f"The service does not answer ({self.clean(error)}). All that is out is noted; "
                "run again later."
            ) from None

    def _refused(self, error: Any) -> ModelError:
        said = self.clean(error)[:300]
        return ModelError(
            f"The service refused a call of the Batch API (status {error.status_code}): {said}. "
            "What was answered so far is kept.",
            status=error.status_code,
        )


def _is_passing(error: BaseException) -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        is_quota = "insufficient_quota" in str(error)
        return (error.status_code >= 500 or error.status_code == 429) and not is_quota
    # A file that breaks off in the middle is no error of the SDK.
    passing = isinstance(error, openai.APIConnectionError | OSError)
    return passing or "httpx" in type(error).__module__
