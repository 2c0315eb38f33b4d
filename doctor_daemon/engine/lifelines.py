"""The lifelines: acknowledges hosts' watchdogs, but for those of hosts that are being fenced.

It runs in the daemon itself and not beside it, on purpose: a host is acknowledged by whoever could
fence it, and from the moment at which that is to stop not one answer more is sent. What is withheld
is a file of its own, written and forced to the disk before the cut is called accepted, so that a
daemon which is killed goes on where it was. A host is acknowledged again when the incident for
which it was withheld is over. Where the disk fails while that is written it may have it: then the
host is acknowledged again only once a file without it is there, and nothing is told of it before.

The file may be lost: then nothing is proven by it, and hosts whose time is over have died of it
all the same.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.callers import Callers
from doctor_daemon.engine.lifeline_door import Door
from doctor_daemon.engine.withheld import Turns, UnsureError, content, write
from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.lease import ASK_EVERY_S
from doctor_daemon.heartbeat.lifeline import FED, Answer, Ask, packed
from doctor_daemon.heartbeat.pledges import Hold, Pledges, Report, over, refused
from doctor_daemon.heartbeat.wire import Mac
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.lifelines import Heard

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SETTLED_S = 4 * ASK_EVERY_S
"""So long after it has begun to listen every host that is on would have been heard."""
AGAIN_S, AGAIN_MAX_S = 0.2, 30.0
"""The pause before what could not be saved is saved again: it doubles, up to the second."""
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class HostLifeline:
    """`ports.lifelines.Lifeline` of one host."""

    heard: Callable[[], Heard]
    withhold: Callable[[float, float, Permit], Coroutine[object, object, tuple[Outcome, str]]]


class Lifelines:
    """All of them."""

    def __init__(
        self,
        listen: Address,
        keys: Iterable[Key],
        file: Path,
        clock: Clock,
        metrics: Metrics,
        *,
        put: Callable[[Path, str], None] = write,
    ) -> None:
        """Bind nothing yet. The file is written by `put`, as `withheld.write` does."""
        self.incident: Callable[[str], str] | None = None
        """Tells the id of a host's open incident; empty: there is none. It has to know them all
        before `run`. None: nothing is known of them, and nobody is acknowledged."""
        self.port = 0
        """Where it listens; 0: it does not."""
        self._listen = listen
        self._file = file
        self._clock = clock
        self._metrics = metrics
        self._pledges = Pledges(lambda: secrets.randbits(63) + 1)
        self._callers = Callers(keys, self._pledges.knows)
        self._turns = Turns()
        self._put = put
        self._unsure: dict[str, Report] = {}
        """Who is withheld from while the disk may have that, or not; and what it had said."""
        self._log = log.bind(file=str(file))
        self._since_s = 0.0  # since when nothing was lost of what came
        self._door: Door | None = None
        self._changed = asyncio.Event()
        self._counted: set[str] = set()
        metrics.before_scrape.append(self._show)

    def of(self, host: str) -> HostLifeline:
        """Return the lifeline of a host that is to be fenced by it."""
        self._counted.add(host)
        self._callers.expect(host)
        return HostLifeline(partial(self.heard, host), partial(self.withhold, host))

    async def run(self) -> None:
        """Acknowledge, until cancelled; what was withheld has been restored."""
        try:
            self._door = door = Door(self._listen, self.take)
        except OSError as error:
            self._log.error("watchdogs are not heard", reason=error.strerror)
            return  # it is begun again
        try:
            door.open()
            self.port, self._since_s = door.port, self._now_s()
            withheld = len(self._pledges.holds)
            self._log.info("acknowledging watchdogs", port=self.port, withheld=withheld)
            await self._keep_tidy()
        finally:
            self.port, self._door = 0, None
            door.close()

    def take(self, datagram: bytes, sender: str = "", *, crowded: bool = False) -> bytes | None:
        """Take in one datagram, as `lifeline_door.Take` says; return what is to be answered."""
        found = self._callers.read(datagram, sender, self._now_s(), crowded=crowded)
        if isinstance(found, str):
            self._metrics.lifelines_rejected.labels(found).inc()
            return None
        return self._answer(*found)

    def _answer(self, said: Ask, raw: bytes, mac: Mac) -> bytes | None:
        """Take in a genuine question."""
        name, pledges, now_s = raw.decode(errors="replace"), self._pledges, self._now_s()
        hold = pledges.holds.get(name)
        if self.incident is None:
            return None
        if hold is not None and hold.incident != self.incident(name):
            self._changed.set()  # acknowledged again, once that is saved
            return None
        heard = pledges.heard(name, said, now_s)
        if heard.spoiled:
            why = pledges.holds[name].spoiled
            self._log.warning(
                "a host is heard whose watchdog was to reset it", host=name, reason=why
            )
            self._changed.set()
        if heard.replayed:
            self._metrics.lifelines_rejected.labels("replayed").inc()
        if heard.flags is None:
            return None
        if heard.flags & FED:
            pledges.answered(name, now_s)
        elif hold is not None:  # it may be a record; and it may be on, and not hear us
            self._callers.ignored_s[name] = now_s
        number = pledges.challenge(name)
        return packed(Answer(said.key_id, heard.flags, said.boot, said.sequence, number), raw, mac)

    def heard(self, host: str) -> Heard:
        """Tell how a host stands."""
        self._count_drops()
        now_s, seen_s = self._now_s(), self._pledges.seen_s(host)
        since_s = max(self._since_s, self._callers.ignored_s.get(host, self._since_s))
        hold = self._pledges.holds.get(host)
        if hold is not None and (self.incident is None or hold.incident != self.incident(host)):
            hold = None
        deaf = ""
        if host in self._unsure:
            deaf = "the disk may have that it is not acknowledged, or not"
        elif not self.port:
            deaf = "watchdogs are not heard"
        elif now_s - since_s < SETTLED_S:
            deaf = "watchdogs have not been heard for long enough without a gap"
        age_s = None if seen_s is None else now_s - seen_s
        return Heard(self._pledges.reports.get(host), hold, age_s, deaf)

    async def withhold(
        self, host: str, lease_s: float, timeout_s: float, permit: Permit
    ) -> tuple[Outcome, str]:
        """See `ports.lifelines.Lifeline`."""
        permit.check(self._clock.now())
        return await self._turns.do(partial(self._withhold, host, lease_s, timeout_s, permit))

    async def _withhold(
        self, host: str, lease_s: float, timeout_s: float, permit: Permit
    ) -> tuple[Outcome, str]:
        now, pledges = self._clock.now(), self._pledges
        permit.check(now)
        incident = self.incident(host) if self.incident is not None else ""
        if not incident:
            return Outcome.UNSENT, "no incident of the host is open"
        hold, report, now_s = pledges.holds.get(host), pledges.reports.get(host), now.boot_s
        if hold is None:
            why = refused(report, lease_s, timeout_s, now_s)
        elif hold.incident != incident or over(hold, now_s):
            why = "the host's watchdog was heard of too long ago"
        else:
            why = hold.spoiled
        held = None if why else pledges.withhold(host, incident, now_s)
        if held is None:
            return Outcome.UNSENT, why
        if report is not None:  # there is none of a host that is withheld from already
            self._unsure[host] = report
        if host in self._unsure:
            try:
                await self._save()
            except OSError as error:
                return self._unsaved(host, error, first=hold is None)
            del self._unsure[host]
        left_s = max(held.off_s - now_s, 0.0)
        return Outcome.ACCEPTED, f"not acknowledged any more: its boot has ended in {left_s:.0f} s"

    def _unsaved(self, host: str, error: OSError, *, first: bool) -> tuple[Outcome, str]:
        """Say what has become of a cut whose hold could not be saved."""
        if first and not isinstance(error, UnsureError):
            self._pledges.take_back(host, self._unsure.pop(host))
            return Outcome.UNSENT, f"{self._file}: {error.strerror}"
        self._changed.set()  # acknowledged again, once a file without it is on the disk
        return Outcome.UNKNOWN, f"{self._file}: it may be saved, or not: {error.strerror}"

    def _now_s(self) -> float:
        return self._clock.now().boot_s

    def _count_drops(self) -> None:
        """Count what the kernel has dropped: whoever was not heard may have spoken."""
        dropped = self._door.drops() if self._door is not None else 0
        if dropped:
            self._metrics.lifelines_rejected.labels("dropped").inc(dropped)
            self._since_s = self._now_s()

    def _show(self) -> None:
        """Have the metrics show whose watchdog is armed, as it says, and what was lost."""
        self._count_drops()
        for host in self._counted:
            report = self._pledges.reports.get(host)
            fresh = report is not None and self._now_s() - report.heard_s <= report.lease_s
            armed = report is not None and report.armed and fresh
            self._metrics.watchdog_armed.labels(host).set(armed)

    async def _keep_tidy(self) -> None:
        """Tidy whenever something has changed, until it is saved."""
        pause_s = AGAIN_S
        while True:
            await self._changed.wait()
            self._changed.clear()
            failed = await self._turns.do(self._tidy)
            if not failed:
                pause_s = AGAIN_S
                continue
            self._changed.set()
            if pause_s == AGAIN_S:
                why = failed.strerror
                self._log.error("withheld acknowledgements are not saved", reason=why)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_MAX_S)

    async def _tidy(self) -> OSError | None:
        """Save what has spoiled, and acknowledge again whom nothing is to be withheld from.

        That is whose incident is over, and whose hold may be saved, or not: once a file without it
        is. Return why that is not on the disk.
        """
        holds = dict(self._pledges.holds)
        gone = {name for name, hold in holds.items() if self._ends(name, hold)}
        try:
            await self._save(without=gone)
        except OSError as error:
            return error
        for name, hold in holds.items():
            if self._pledges.holds.get(name) is not hold:
                continue  # it has spoiled meanwhile, and this is done once more
            report = self._unsure.pop(name, None)
            if name not in gone:
                continue
            if report is None:
                self._pledges.release(name)
            else:
                self._pledges.take_back(name, report)
            self._log.info("acknowledging the host's watchdog again", host=name)
        return None

    def _ends(self, name: str, hold: Hold) -> bool:
        """Tell whether a hold is to be let go of."""
        over_ = self.incident is not None and hold.incident != self.incident(name)
        return over_ or (name in self._unsure and not hold.spoiled)

    async def _save(self, without: Iterable[str] = ()) -> None:
        """Write all holds but these, and force them to the disk, in a turn. Raise OSError."""
        kept = self._pledges.kept(self._clock.now().boot_id)
        for name in without:
            kept["holds"].pop(name, None)
        await self._turns.in_thread(partial(self._put, self._file, json.dumps(kept)))

    async def restore(self, incident: Callable[[str], str]) -> None:
        """Take over what was withheld; incidents are known by that function once `run` begins."""
        now, self.incident = self._clock.now(), incident
        try:
            text = await self._turns.in_thread(partial(content, self._file))
            if text:
                self._pledges.restore(json.loads(text), now.boot_id, now.boot_s)
        except OSError as error:
            self._log.error("withheld acknowledgements are lost", reason=error.strerror)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._log.error("withheld acknowledgements are lost", reason=f"{self._file}: damaged")
