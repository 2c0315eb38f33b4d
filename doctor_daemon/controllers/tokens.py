"""The token in use: renewed in the background long before it expires, so that nobody waits for it.

While an unexpired token is held, `current` returns without leaving the event loop: a slow or dead
Keystone delays no fencing for as long as the token lives. Its end is reckoned on CLOCK_BOOTTIME
from the moment it was asked for. Fetching blocks, so it runs in a thread, one fetch at a time and
for all who wait; a thread that hangs is abandoned, not joined, and three that hang are the limit.
What Keystone or Nova refuses is not asked for again at once: accounts get locked that way.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from doctor_daemon.controllers.keystone import Grant
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import DoctorError, LateError, Permanent, Temporary
from doctor_daemon.ports import Clock

RENEW_S = 120.0
RENEW_PART = 0.1
"""A token is renewed RENEW_S or this part of its life before its end, whichever is more."""
THREADS_MAX = 3
OUTAGE_S = (1.0, 30.0)
"""After Keystone did not answer: the first and the longest pause, doubling in between."""
REFUSAL_S = (10.0, 300.0)
"""The same after a refusal."""

Observer = Callable[[str, float, str], None]
"""Is told of each call: its name, its seconds, and how it ended in one word."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the moments that matter. Two tokens are never equal by chance."""

    grant: Grant
    number: int
    renew_at: Instant
    dies_at: Instant


class Pause:
    """After failures in a row: until when not to ask again, and what was wrong."""

    def __init__(self) -> None:
        """Begin without a failure."""
        self.until: Instant | None = None
        self._error: DoctorError | None = None
        self._failures = 0

    def lengthen(self, error: DoctorError, now: Instant) -> None:
        """Remember one failure more."""
        first_s, most_s = OUTAGE_S if isinstance(error, Temporary) else REFUSAL_S
        self.until = now.plus(min(first_s * 2.0 ** min(self._failures, 16), most_s))
        self._error = error
        self._failures += 1

    def end(self) -> None:
        """Forget the failures."""
        self.until = self._error = None
        self._failures = 0

    def check(self, now: Instant) -> None:
        """Raise the last failure again while the pause lasts."""
        if self._error is not None and self.until is not None and not now.reached(self.until):
            again_s = self.until.since(now)
            raise type(self._error)(f"{self._error} (not asked again for {again_s:.0f} s)")


class Tokens:
    """Holds the token of one cloud and fetches the next."""

    def __init__(
        self,
        fetch: Callable[[], Grant],
        clock: Clock,
        deadline_s: float,
        observe: Observer | None = None,
    ) -> None:
        """Fetch by the blocking `fetch`, give up on it after `deadline_s`, tell of it."""
        self._observe = observe or unobserved
        self._fetch = fetch
        self._clock = clock
        self._deadline_s = deadline_s
        self._token: Token | None = None
        self._number = 0
        self._flight: asyncio.Task[Token] | None = None
        self._threads: list[threading.Thread] = []
        self._keystone = Pause()
        self._nova = Pause()

    async def current(self) -> Token:
        """Return the token; only without a live one is Keystone awaited. Raise a DoctorError."""
        token = self._token
        if token is not None and not self._clock.now().reached(token.dies_at):
            return token
        return await self._fresh()

    async def instead_of(self, used: Token) -> Token:
        """Return another token than the one that was answered 401. Raise a DoctorError."""
        token = self._token
        if token is not None and token.number != used.number:
            return token  # somebody else has met the same 401 and has a new one
        return await self._fresh()

    def refused(self, used: Token, words: str, by: str = "Nova") -> Permanent:
        """Return the error of a fresh token that was refused too; another is not fetched soon."""
        error = Permanent(
            f"{by} refuses a token that Keystone has just given. Does this {by} trust this "
            f"Keystone, and is {used.grant.url} the right {by}? It said: {words}"
        )
        if self._token is not None and self._token.number == used.number:
            self._nova.lengthen(error, self._clock.now())
        return error

    def accepted(self) -> None:
        """Take note that Nova accepts our tokens."""
        self._nova.end()

    async def run(self) -> None:
        """Renew the token before it expires, until cancelled. A failure is logged and outlived."""
        while True:
            if self._due():
                try:
                    await self._fresh()
                except DoctorError as error:
                    log.warning("no new token", error=str(error))
            await self._clock.sleep_until(self._next())

    async def close(self) -> None:
        """Stop waiting for a fetch. Its thread ends by itself and keeps nothing from ending."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _due(self) -> bool:
        return self._token is None or self._clock.now().reached(self._token.renew_at)

    def _next(self) -> Instant:
        """Return when to look again: at the renewal, or when the pause after a failure ends."""
        if self._token is not None and not self._due():
            return self._token.renew_at
        now = self._clock.now()
        pauses = [pause.until for pause in (self._keystone, self._nova) if pause.until]
        return max([now.plus(OUTAGE_S[0]), *pauses], key=lambda until: until.since(now))

    async def _fresh(self) -> Token:
        """Join the one fetch that is under way, or begin it."""
        if self._flight is None:
            for pause in (self._keystone, self._nova):
                pause.check(self._clock.now())
            self._flight = asyncio.create_task(self._fly())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    def _landed(self, flight: asyncio.Task[Token]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # looked at here, for nobody may be waiting any more

    async def _fly(self) -> Token:
        asked_at = self._clock.now()
        outcome = "cancelled"
        try:
            token = self._kept(await self._in_thread(), asked_at)
            outcome = "ok"
        except DoctorError as error:
            outcome = outcome_of(error)
            self._keystone.lengthen(error, self._clock.now())
            raise
        finally:
            self._observe("token", self._clock.now().since(asked_at), outcome)
        self._keystone.end()
        return token

    def _kept(self, grant: Grant, asked_at: Instant) -> Token:
        """Reckon the token's end from the moment it was asked for: never too late."""
        life_s = grant.lifetime_s
        margin_s = min(max(RENEW_S, RENEW_PART * life_s), life_s / 2)
        self._number += 1
        self._token = Token(
            grant, self._number, asked_at.plus(life_s - margin_s), asked_at.plus(life_s)
        )
        return self._token

    async def _in_thread(self) -> Grant:
        """Fetch in a daemon thread: an executor's would keep the process from ending."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= THREADS_MAX:
            msg = f"{THREADS_MAX} requests to Keystone hang: no other is begun until one ends"
            raise Temporary(msg)
        answer: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        thread = threading.Thread(
            target=_work, args=(self._fetch, answer), name="keystone", daemon=True
        )
        self._threads.append(thread)
        thread.start()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await answer
        except TimeoutError:
            msg = f"Keystone has given no token within {self._deadline_s:g} s"
            raise Temporary(msg) from None


def _work(fetch: Callable[[], Grant], answer: asyncio.Future[Grant]) -> None:
    """Fetch, and hand the end to the loop, which may have ended before."""

    def settle(grant: Grant | None, error: Exception | None) -> None:
        if answer.done():
            return
        if grant is not None:
            answer.set_result(grant)
        elif error is not None:
            answer.set_exception(error)

    end: tuple[Grant | None, Exception | None]
    try:
        end = fetch(), None
    except Exception as error:  # noqa: BLE001 - whoever waits gets it, as it is
        end = None, error
    with contextlib.suppress(RuntimeError):
        answer.get_loop().call_soon_threadsafe(settle, *end)


def unobserved(_call: str, _seconds: float, _outcome: str) -> None:
    """Stand in for an observer."""


def outcome_of(error: DoctorError) -> str:
    """Return an error's kind in one word, as metrics are labelled."""
    match error:
        case Temporary():
            return "temporary"
        case LateError():
            return "late"
        case _:
            return "permanent"
