"""The Hub's errors in plain words, each with what to do next. The only place that knows them."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from fret.errors import FretError, HubError
from fret.printable import is_printable

_QUOTA = re.compile(r"quota|storage|billing|payment|upgrade your|limit reached", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too large|too big|maximum (?:file )?size|exceeds", re.IGNORECASE)
# What the library says of a card that the Hub refuses, and of a Hub that has no Xet.
_CARD, _XET = "Invalid metadata in README.md", "xet-write-token"
_SETTINGS = "https://huggingface.co/settings/tokens"


class Busy(Exception):
    """The Hub answered that it cannot now; asking again may help."""

    def __init__(self, status: int, wait_s: float | None) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.wait_s = wait_s


class Place(NamedTuple):
    """Where an error happened."""

    doing: str
    """`look`, `create`, `send`, `commit`, `tag` or `verify`."""
    repo: str
    token: str | None
    whose: Callable[[], str]
    """Says whose token it is and what it may do."""


def explain(error: BaseException, place: Place) -> FretError:
    """Return the error that a person is shown."""
    if isinstance(error, ValueError) and _CARD in str(error):
        return HubError(_say_card(_shorten(str(error).partition(_CARD)[2], place.token)))
    for cause in _causes(error):
        if isinstance(cause, FretError):
            return cause
        if isinstance(cause, Busy):
            return HubError(_say_busy(cause))
        response = getattr(cause, "response", None)
        if response is not None:
            said = _shorten(str(getattr(cause, "server_message", "") or ""), place.token)
            code = response.headers.get("X-Error-Code", "")
            return HubError(_say_status(response.status_code, code, said, place))
    return HubError(_say_other(error, place))


def is_passing(error: BaseException) -> bool:
    """Say whether asking again may help: the Hub is busy, or the network failed."""
    import httpx2
    from huggingface_hub.errors import OfflineModeIsEnabled

    for cause in _causes(error):
        if isinstance(cause, Busy):
            return True
        if isinstance(cause, FretError | OfflineModeIsEnabled):
            return False
        if getattr(cause, "response", None) is not None or _lacks_xet(cause):
            return False
        if isinstance(cause, httpx2.TransportError | ConnectionError | TimeoutError):
            return True
    return False


def _lacks_xet(error: BaseException) -> bool:
    return _XET in str(error) and "404" in str(error)


def busy_of(error: BaseException) -> Busy | None:
    """Return the answer of a busy Hub behind an error."""
    return next((cause for cause in _causes(error) if isinstance(cause, Busy)), None)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return int(response.status_code)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those behind it: threads and libraries wrap them."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _say_card(said: str) -> str:
    return (
        f"The Hub does not accept the card's front matter: {said.lstrip(' .-')}. Mend `publish` in "
        "the pipeline file (licence, pretty_name), and run the pipeline again."
    )


def _say_busy(busy: Busy) -> str:
    if busy.status == 429:
        wait = f" for {_say_wait(busy.wait_s)}" if busy.wait_s else " for now"
        return (
            f"The Hub takes no more requests of yours{wait} (too many in a short time). Run the "
            "same command again then; what was sent is kept there and not sent again."
        )
    return (
        f"The Hub has a fault of its own (status {busy.status}), also after some tries. See "
        "https://status.huggingface.co, and run the same command again later; what was sent is "
        "kept there and not sent again."
    )


def _say_wait(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _say_status(status: int, code: str, said: str, place: Place) -> str:
    quoted = f" It says: {said!r}." if said else ""
    if status in {402, 507} or (status in {400, 403, 413} and _QUOTA.search(said)):
        return (
            f"The Hub has no room left for {place.repo}: a quota is used up.{quoted} Free some in "
            "the storage settings of its owner, get more there, or publish it as `--public`, "
            "for which the Hub gives more room."
        )
    if status == 413 or (status == 400 and _TOO_LARGE.search(said)):
        return (
            f"The Hub finds a file of the dataset too large.{quoted} "
            "`fret publish PIPELINE --dry-run` lists the sizes."
        )
    say = _BY_STATUS.get(status)
    if say is None:
        return (
            f"The Hub refused to {_DOING[place.doing]} {place.repo} (status {status}).{quoted} "
            "If you cannot tell why, see the repository's page in a browser."
        )
    return say(place, code) + quoted


def _say_401(place: Place, code: str) -> str:
    if place.token is None:
        return NO_TOKEN
    return (
        f"The Hub does not accept the token: it is mistyped, was revoked or has expired. Make one "
        f"that may write at {_SETTINGS} and set HF_TOKEN to it, or run `hf auth login`."
    )


def _say_403(place: Place, code: str) -> str:
    owner = place.repo.partition("/")[0]
    if code == "GatedRepo":
        return (
            f"The dataset {place.repo} is only for those who were let in. Ask on its page, or "
            "publish under another name with --repo."
        )
    where = f"make repositories under {owner!r}" if place.doing == "create" else "write there"
    return (
        f"You may not {where} ({place.repo}).{place.whose()} Take a token with the right to write "
        f"to {owner!r} ({_SETTINGS}), ask an owner of it to let you, or mend --repo: the name "
        "before the slash must be you or an organisation of yours."
    )


def _say_404(place: Place, code: str) -> str:
    if place.doing == "create":
        owner = place.repo.partition("/")[0]
        return (
            f"There is no user or organisation {owner!r} on the Hub that your token may write to."
            f"{place.whose()} Mend the name before the slash in --repo, or make the organisation."
        )
    return (
        f"The repository {place.repo} is gone: it was deleted, renamed or closed to you since "
        "fret looked at it. If that was wanted, run the same command again to make it anew."
    )


def _say_409(place: Place, code: str) -> str:
    if place.doing == "create":
        return (
            f"The name {place.repo} is taken, by a repository that your token cannot see."
            f"{place.whose()} Take another name with --repo, or a token that may see it."
        )
    return _say_412(place, code)


def _say_412(place: Place, code: str) -> str:
    return say_changed(place.repo)


def say_changed(repo: str) -> str:
    return (
        f"Someone changed {repo} while fret was at it; nothing of theirs was overwritten and "
        "no half revision is there. Look at what they did, then run the same command again."
    )


_BY_STATUS = {401: _say_401, 403: _say_403, 404: _say_404, 409: _say_409, 412: _say_412}
_DOING = {
    "look": "show",
    "create": "make",
    "send": "take files for",
    "commit": "take the revision of",
    "tag": "tag",
    "verify": "show",
}

NO_TOKEN = (
    f"There is no token for the Hub. Make one that may write at {_SETTINGS}, then set HF_TOKEN to "
    "it or run `hf auth login`; fret takes it from nowhere else."
)


def _say_other(error: BaseException, place: Place) -> str:
    from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

    causes = list(_causes(error))
    said = _shorten(str(causes[0]), place.token)
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return "HF_HUB_OFFLINE is set, so the Hub is not asked. Unset it to publish."
    if any(isinstance(cause, LocalTokenNotFoundError) for cause in causes):
        return NO_TOKEN
    if said.startswith("LFS batch API") and _QUOTA.search(said):
        return _say_status(402, "", said, place)
    if said.startswith("LFS batch API"):
        return _say_status(413 if _TOO_LARGE.search(said) else 422, "", said, place)
    if is_passing(error):
        return (
            f"The Hub cannot be reached ({said}). Mend the connection (or HF_ENDPOINT, where it "
            "is set) and run the same command again; what was sent is not sent again."
        )
    if any("xet" in f"{type(cause).__module__} {cause}".lower() for cause in causes):
        return (
            f"The Hub's storage (Xet) failed: {said}. Run the same command again; with a Hub of "
            "your own that has no Xet, set HF_HUB_DISABLE_XET=1."
        )
    return f"The Hub could not {_DOING[place.doing]} {place.repo}: {said}. Run the command again."


def _shorten(text: str, token: str | None) -> str:
    """Return a server's words on one short line, without the token, should it repeat it."""
    if token:
        text = text.replace(token, "(token)")
    line = " ".join(text.split())
    line = "".join(c if is_printable(c) else "\N{REPLACEMENT CHARACTER}" for c in line)
    return (line if len(line) <= 300 else f"{line[:299]}…").rstrip(".")
