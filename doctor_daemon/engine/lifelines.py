"""The lifelines: acknowledges hosts' watchdogs, but for those of hosts that are being fenced.

It runs in the daemon itself and not beside it, on purpose: a host is acknowledged by whoever could
fence it, and from the moment at which that is to stop not one answer more is sent. What is withheld
is a file of its own, written and forced to the disk before the cut is called accepted, so that a
daemon which is killed goes on where it was. A host is acknowledged again when the incident for
which it was withheld is over.

The file may be lost: then nothing is proven by it, and hosts whose time is over have died of it
all the same.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import structlog
from typing_extensions import override

from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.withheld import content, write
from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.lease import ASK_EVERY_S
from doctor_daemon.heartbeat.lifeline import FED, Answer, Ask, ask_of, is_genuine, packed
from doctor_daemon.heartbeat.pledges import Pledges, over, refused
from doctor_daemon.heartbeat.wire import Mac
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.lifelines import Heard

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SETTLED_S = 4 * ASK_EVERY_S
"""So long after it has begun to listen every host that is on would have been heard."""
Address = tuple[str, int]


class Lifelines:
    """All of them."""

    def __init__(
        self, listen: Address, keys: Iterable[Key], file: Path, clock: Clock, metrics: Metrics
    ) -> None:
        """Bind nothing yet."""
        self.incident: Callable[[str], str] | None = None
        """Tells the id of a host's open incident; empty: there is none. None: incidents are not
        known yet, and nobody is acknowledged."""
        self.port = 0
        """Where it listens; 0: it does not."""
        self._listen = listen
        self._keys = {key.number: key for key in keys}
        self._file = file
        self._clock = clock
        self._metrics = metrics
        self._pledges = Pledges(lambda: secrets.randbits(63) + 1)
        self._macs: dict[tuple[bytes, int], Mac] = {}
        self._saving = asyncio.Lock()
        self._log = log.bind(file=str(file))
        self._restored = False
        self._since_s = 0.0
        self._changed = asyncio.Event()
        self._counted: set[str] = set()
        metrics.before_scrape.append(self._show)

    def of(self, host: str) -> HostLifeline:
        """Return the lifeline of a host that is to be fenced by it."""
        self._counted.add(host)
        return HostLifeline(self, host)

    async def run(self) -> None:
        """Acknowledge, until cancelled."""
        if not self._restored:
            await self._restore()
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Door(self), local_addr=self._listen
            )
        except OSError as error:
            self._log.error("watchdogs are not heard", reason=error.strerror)
            return  # it is begun again
        try:
            self.port = transport.get_extra_info("sockname")[1]
            self._since_s = self._now_s()
            self._log.info(
                "acknowledging watchdogs", port=self.port, withheld=len(self._pledges.holds)
            )
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._tidy()
        finally:
            self.port = 0
            transport.close()

    def take(self, datagram: bytes) -> bytes | None:
        """Take in one datagram; return what is to be answered, if anything."""
        found, why = ask_of(datagram), ""
        said, raw = found or (None, b"")
        mac = self._mac(raw, said.key_id) if said else None
        if said is None:
            why = "malformed"
        elif mac is None:
            why = "unknown_key"
        elif not is_genuine(datagram, mac):
            why = "forged"
        elif not self._pledges.knows(raw.decode(errors="replace")):
            why = "too_many_hosts"
        if why or said is None or mac is None:
            self._metrics.lifelines_rejected.labels(why).inc()
            return None
        self._macs[raw, said.key_id] = mac
        return self._answer(said, raw, mac)

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
        if heard.flags is None:
            return None
        if heard.flags & FED:
            pledges.answered(name, now_s)
        number = pledges.challenge(name)
        return packed(Answer(said.key_id, heard.flags, said.boot, said.sequence, number), raw, mac)

    def heard(self, host: str) -> Heard:
        """Tell how a host stands."""
        now_s, seen_s = self._now_s(), self._pledges.seen_s(host)
        hold = self._pledges.holds.get(host)
        if hold is not None and (self.incident is None or hold.incident != self.incident(host)):
            hold = None
        deaf = ""
        if not self.port:
            deaf = "watchdogs are not heard"
        elif now_s - self._since_s < SETTLED_S:
            deaf = "watchdogs have not been listened to for long enough"
        age_s = None if seen_s is None else now_s - seen_s
        return Heard(self._pledges.reports.get(host), hold, age_s, deaf)

    async def withhold(
        self, host: str, lease_s: float, timeout_s: float, permit: Permit
    ) -> tuple[Outcome, str]:
        """See `ports.lifelines.Lifeline`."""
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
        try:
            await self._save()
        except OSError as error:
            if hold is None and report is not None:
                pledges.take_back(host, report)
            return Outcome.UNSENT, f"{self._file}: {error.strerror}"
        left_s = max(held.off_s - now_s, 0.0)
        return Outcome.ACCEPTED, f"not acknowledged any more: its boot has ended in {left_s:.0f} s"

    def _mac(self, raw: bytes, number: int) -> Mac | None:
        """Return how a host's datagrams are made; a new one is only kept once it was right."""
        known, key = self._macs.get((raw, number)), self._keys.get(number)
        return known or (key.of(raw).mac() if key else None)

    def _now_s(self) -> float:
        return self._clock.now().boot_s

    def _show(self) -> None:
        """Have the metrics show whose watchdog is armed, as it says."""
        for host in self._counted:
            report = self._pledges.reports.get(host)
            fresh = report is not None and self._now_s() - report.heard_s <= report.lease_s
            armed = report is not None and report.armed and fresh
            self._metrics.watchdog_armed.labels(host).set(armed)

    async def _tidy(self) -> None:
        """Save what has spoiled, and acknowledge again whose incident is over: once it is saved."""
        holds = dict(self._pledges.holds)
        incident = self.incident
        gone = [n for n, one in holds.items() if incident and one.incident != incident(n)]
        try:
            await self._save(without=gone)
        except OSError as error:
            self._log.error("withheld acknowledgements are not saved", reason=error.strerror)
            return
        for name in gone:
            if self._pledges.holds.get(name) is holds[name]:
                self._pledges.release(name)
                self._log.info("acknowledging the host's watchdog again", host=name)

    async def _save(self, without: Iterable[str] = ()) -> None:
        """Write all holds but these, and force them to the disk. Raise OSError."""
        async with self._saving:
            kept = self._pledges.kept(self._clock.now().boot_id)
            holds = cast("dict[str, object]", kept["holds"])
            for name in without:
                holds.pop(name, None)
            await asyncio.to_thread(write, self._file, json.dumps(kept))

    async def _restore(self) -> None:
        now = self._clock.now()
        try:
            text = await asyncio.to_thread(content, self._file)
            if text:
                self._pledges.restore(json.loads(text), now.boot_id, now.boot_s)
        except OSError as error:
            self._log.error("withheld acknowledgements are lost", reason=error.strerror)
        except (ValueError, TypeError, KeyError, AttributeError):
            self._log.error("withheld acknowledgements are lost", reason=f"{self._file}: damaged")
        self._restored = True


class HostLifeline:
    """`ports.lifelines.Lifeline` of one host."""

    def __init__(self, lifelines: Lifelines, host: str) -> None:
        """Speak for that host."""
        self._lifelines = lifelines
        self._host = host

    def heard(self) -> Heard:
        """Tell how it stands."""
        return self._lifelines.heard(self._host)

    async def withhold(
        self, lease_s: float, timeout_s: float, permit: Permit
    ) -> tuple[Outcome, str]:
        """Stop acknowledging it."""
        return await self._lifelines.withhold(self._host, lease_s, timeout_s, permit)


class _Door(asyncio.DatagramProtocol):
    """The socket."""

    def __init__(self, lifelines: Lifelines) -> None:
        self._lifelines = lifelines
        self._transport: asyncio.DatagramTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def datagram_received(self, data: bytes, addr: Address) -> None:
        answer = self._lifelines.take(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
