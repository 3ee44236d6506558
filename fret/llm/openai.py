"""Sends requests to OpenAI-compatible servers, with the `openai` client; `dialect` has the form."""

import asyncio
import math
from typing import Any

from fret.errors import ModelError
from fret.llm.dialect import Transient
from fret.llm.types import Failure, FailureKind


class OpenAISender:
    """Posts bodies to one server.

    All its errors are `Transient`, `Failure` values or `ModelError`.
    """

    def __init__(
        self, *, base_url: str, api_key: str | None, concurrency: int, timeout_s: float
    ) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self._timeout_s = timeout_s
        self._response = httpx2.Response
        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        # max_retries=0: the SDK would send again after a timeout with no idempotency key, and a
        # lost answer would be paid three times. The one retry layer is fret's pool.
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,
            timeout=timeout_s,
            http_client=DefaultAioHttpClient(limits=limits, timeout=timeout_s),
        )

    async def send(self, path: str, body: dict[str, Any]) -> bytes | Failure:
        """Post a body and return the bytes of the answer."""
        import openai

        try:
            # The SDK's timeout starts anew with every byte; this one is for the whole attempt.
            async with asyncio.timeout(self._timeout_s):
                # Raw bytes, no typed objects: the store keeps what came, and this is twice as fast.
                response = await self._client.post(path, body=body, cast_to=self._response)
                return bytes(response.content)
        except (TimeoutError, openai.APITimeoutError):
            raise Transient(f"no answer within {self._timeout_s:g} s", unknown=True) from None
        except openai.APIStatusError as error:
            return self._read_status(error)
        except openai.APIConnectionError as error:
            why = f"no connection to {self._where}: {error.__cause__ or error}"
            raise Transient(why, unknown=True) from None

    async def reach(self) -> None:
        """Check that something answers at the address; what it answers does not matter here.

        Raises:
            Transient: nothing is there.
            ModelError: the key is refused.
        """
        import openai

        try:
            async with asyncio.timeout(min(self._timeout_s, 20)):
                await self._client.get("/models", cast_to=self._response)
        except (TimeoutError, openai.APITimeoutError):
            raise Transient("it does not answer") from None
        except openai.AuthenticationError as error:
            raise self._refuse(error) from None
        except openai.APIStatusError:
            return  # something is there; what it can do, the probe tells
        except openai.APIConnectionError as error:
            raise Transient(str(error.__cause__ or error)) from None

    async def close(self) -> None:
        await self._client.close()

    @property
    def _where(self) -> str:
        return f"{self._client.base_url.host}:{self._client.base_url.port or 443}"

    def _read_status(self, error: Any) -> Failure:
        status, text = error.status_code, str(error)[:300]
        quota = getattr(error, "code", None) == "insufficient_quota" or "insufficient_quota" in text
        if status in {401, 403, 404} or quota:
            raise self._refuse(error) from None
        if status in {408, 409, 425, 429} or status >= 500:
            retry_after = parse_retry_after(error.response.headers)
            raise Transient(
                f"status {status}: {text}", retry_after, limited=status == 429
            ) from None
        return Failure(FailureKind.REJECTED, f"status {status}: {text}")

    def _refuse(self, error: Any) -> ModelError:
        why = {
            401: "the key is missing or wrong (see api_key_env)",
            403: "the key may not do this, or the model does not allow it",
            404: "the server does not know this path or model",
        }.get(error.status_code, "the quota is used up")
        said = str(error)[:300]
        return ModelError(
            f"{self._where} stopped us: {why}. It says: {said}. All answers so far are kept.",
            status=error.status_code,
        )


def parse_retry_after(headers: Any) -> float | None:
    """Read how long a server asks us to wait, in seconds.

    None when it does not say, or says nonsense.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < math.inf:
            return seconds
    return None
