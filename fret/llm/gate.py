"""When, and to which server, the next request may go.

Three things hold a request back: the number in flight, which adapts to what the server bears; the
rates per minute, as the pipeline file or the server's headers state them; and rest, after the
server has asked for it or has failed. All of it is plain arithmetic on a clock that is handed in.
"""

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fret.errors import FretError, ModelError
from fret.llm.forms.reading import Transient
from fret.llm.sender import Sender
from fret.llm.waits import read_used_up

# A server is tried with this many requests at once, then with twice as many each round.
_START = 8
# What is left of the number in flight after a server says that it was too much (inspect_ai uses
# the same 0.8); once for a burst, and once in a while for answers that come too late.
_SHRINK, _SHRINK_EVERY_S = 0.8, 5.0
# After so many faults in a row a server is no longer asked by all, but by one request at a time.
_FAULTS_TO_REST = 3
_LONGEST_REST_S = 30.0
# A wait that a person should hear of.
_TELL_S = 30.0


class Limit:
    """How many requests a server bears at once: up by feeling, down when it objects.

    Additive increase, multiplicative decrease, after a start that doubles each round; never above
    the number that the pipeline file allows.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._value = float(min(_START, most))
        self._doubling = True

    @property
    def value(self) -> int:
        return max(1, int(self._value))

    def answered(self, in_flight: int, *, held_back: bool) -> None:
        """Take note of an answer; the limit grows only while it is what holds requests back.

        Answers often come all at once, so half of the places may have become free since.
        """
        if held_back and 2 * in_flight >= self.value:
            self._value = min(self.most, self._value + (1 if self._doubling else 1 / self._value))

    def shrink(self) -> None:
        """Take note that the server called it too much, or did not answer in time."""
        self._doubling = False
        self._value = max(1.0, self._value * _SHRINK)


class Pace:
    """An even pace of so many units per minute, with no burst at the start."""

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._next = -math.inf

    def wait_s(self, now: float) -> float:
        return max(0.0, self._next - now)

    def take(self, now: float, units: float) -> None:
        self._next = max(now, self._next) + units * self._interval

    def give_back(self, units: float) -> None:
        """Return what was taken and not used; a negative number takes more."""
        self._next -= units * self._interval


@dataclass(eq=False, slots=True)
class Server:
    """One address, and how it has been doing."""

    sender: Sender
    limit: Limit
    in_flight: int = 0
    n_faults: int = 0
    """Faults since its last answer."""
    resting_until: float = -math.inf
    quiet_until: float = -math.inf
    n_limited: int = 0
    """Bursts in a row that it called too much."""
    shrunk_at: float = -math.inf

    def wait_s(self, now: float) -> float | None:
        """How long until it may be asked; None until an answer of another request is there."""
        wait_s = max(self.resting_until, self.quiet_until) - now
        if wait_s > 0:
            return wait_s
        tried = 1 if self.n_faults >= _FAULTS_TO_REST else self.limit.value
        return 0.0 if self.in_flight < tried else None


@dataclass(slots=True)
class Gate:
    """Lets requests through to the servers of one model.

    Args:
        now: the clock, in seconds.
        patience_s: how long no server may give an answer before the run stops.
        tell: called with what a person should know.
    """

    servers: Sequence[Server]
    now: Callable[[], float]
    patience_s: float
    tell: Callable[[str], None]
    requests: Pace = field(default_factory=lambda: Pace(None))
    tokens: Pace = field(default_factory=lambda: Pace(None))
    n_answered: int = 0
    _waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None
    _stopped: FretError | None = None
    _trouble_since: float | None = None
    _told: bool = False

    async def enter(self, n_tokens: int) -> Server:
        """Wait for a turn, in order of coming; the server returned counts it as in flight.

        Raises:
            FretError: the one that the gate was stopped with.
        """
        if self._stopped is not None:
            raise self._stopped
        if self._waiting or (server := self._find(n_tokens)) is None:
            server = await self._queue(n_tokens)
        server.in_flight += 1
        return server

    def stop(self, error: FretError) -> None:
        """Let nobody through any more."""
        self._stopped = error
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(error)
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    async def _queue(self, n_tokens: int) -> Server:
        while True:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            self._wake()
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
            if self._stopped is not None:
                raise self._stopped
            if (server := self._find(n_tokens)) is not None:
                self._wake()
                return server

    def leave(self, server: Server) -> None:
        server.in_flight -= 1
        self._wake()

    def answered(self, server: Server, headers: Mapping[str, str]) -> None:
        """Take note that a server gave an answer, whatever it says."""
        self._trouble_since, self._told = None, False
        self.n_answered += 1
        server.n_faults = server.n_limited = 0
        server.limit.answered(server.in_flight, held_back=bool(self._waiting))
        if (wait_s := read_used_up(headers)) is not None:
            self._hold_back(server, wait_s, self.now())

    def failed(self, server: Server, error: Transient) -> None:
        """Take note of a fault.

        Raises:
            ModelError: no server has given an answer for longer than anyone should wait.
        """
        now = self.now()
        if error.limited:
            self._trouble_since = None  # it is there
            self._be_quiet(server, error.retry_after_s, now)
            return
        if now >= server.resting_until:  # else it is one of a burst that failed together
            server.n_faults += 1
        if error.unknown and now - server.shrunk_at >= _SHRINK_EVERY_S:
            server.limit.shrink()  # a server that answers too late is asked too much
            server.shrunk_at = now
        if server.n_faults >= _FAULTS_TO_REST:
            rest = min(_LONGEST_REST_S, 0.5 * 2 ** (server.n_faults - _FAULTS_TO_REST))
            rest = min(error.retry_after_s or rest, self.patience_s)
            server.resting_until = now + rest * random.uniform(0.8, 1.2)
            self._note_trouble(error, now)

    def _note_trouble(self, error: Transient, now: float) -> None:
        if not all(server.n_faults >= _FAULTS_TO_REST for server in self.servers):
            return
        if self._trouble_since is None:
            self._trouble_since = now
        if now - self._trouble_since >= self.patience_s:
            raise ModelError(
                f"{self._names} gave no answer for {now - self._trouble_since:.0f} s, lastly: "
                f"{error}. Everything answered so far is kept; go on when the server is well."
            )
        if not self._told:
            self._told = True
            self.tell(
                f"{self._names} fails: {error}. Trying again, with one request at a time, for "
                f"{self.patience_s:.0f} s (patience_s)."
            )

    def _be_quiet(self, server: Server, asked_s: float | None, now: float) -> None:
        """Hold requests back for as long as a server asks, else for growing times."""
        if now >= server.quiet_until:  # one burst, of which all requests are refused together
            server.limit.shrink()
            server.n_limited += 1
        growing = min(60.0, 0.25 * 2 ** min(server.n_limited, 10)) * random.uniform(0.8, 1.2)
        # Some ask for 0 seconds, or name a time that is over; that is no pause.
        self._hold_back(server, asked_s or growing, now)

    def _hold_back(self, server: Server, wait_s: float, now: float) -> None:
        longer_s = now + wait_s - max(now, server.quiet_until)
        if longer_s >= _TELL_S:
            self.tell(f"{server.sender.where} asks for fewer requests: waiting {wait_s:.0f} s.")
        server.quiet_until = max(server.quiet_until, now + wait_s)

    @property
    def _names(self) -> str:
        return ", ".join(server.sender.where for server in self.servers)

    def _find(self, n_tokens: int) -> Server | None:
        """Return the least busy server that may be asked now, and take from the paces."""
        now = self.now()
        if self.requests.wait_s(now) > 0 or self.tokens.wait_s(now) > 0:
            return None
        free = [server for server in self.servers if server.wait_s(now) == 0.0]
        if not free:
            return None
        self.requests.take(now, 1)
        self.tokens.take(now, n_tokens)
        # One that fails is never busy: it is asked when the others are full, or fail too.
        return min(free, key=lambda server: (server.n_faults > 0, server.in_flight))

    def _wake(self) -> None:
        """Give the next one in line its turn, now or when the clock allows it."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if not self._waiting:
            return
        now = self.now()
        waits = [wait for server in self.servers if (wait := server.wait_s(now)) is not None]
        if not waits:
            return  # the next answer wakes it
        wait_s = max(min(waits), self.requests.wait_s(now), self.tokens.wait_s(now))
        if wait_s <= 0:
            self._waiting.popleft().set_result(None)
        else:
            if self._timer is not None:
                self._timer.cancel()
            # A little more: a clock that ends too early would only be set again.
            self._timer = asyncio.get_running_loop().call_later(wait_s + 0.001, self._wake)
