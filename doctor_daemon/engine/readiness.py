"""Probes every power device on a schedule, so that one that is broken is known before its night.

The probes are spread evenly over the period, a few at a time, and yield to fencing: a host with an
open incident is left to that, and a device that fencing needs is let go at once. Nothing is saved:
after a start everything is asked anew within minutes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from doctor_daemon.core.host import Device, HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.readiness import (
    SOON_S,
    UNPROBED,
    DeviceRecord,
    Fenceable,
    Grade,
    Probe,
    Records,
    faults,
    fenceable,
    good_at,
    judged,
    spread,
    turned,
)
from doctor_daemon.engine.device_turns import Overtaken
from doctor_daemon.engine.powering import bounded, line_of
from doctor_daemon.engine.ward import Rules, Ward
from doctor_daemon.errors import DoctorError, Permanent
from doctor_daemon.ports import PowerDevice

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
FIRST_S = 300.0
"""After a start, or once a host is new, every device is probed within so many seconds."""
SETTLE_S = 10.0
"""After a start nothing is probed for so long: what was open is taken up first."""
PROBE_S = 60.0
"""How long one probe may take."""
Key = tuple[HostId, str]


@dataclass(slots=True)
class Post:
    """One device of one host: what is known of it, and when it is asked next."""

    host: HostId
    device: Device
    level: int
    next_at: Instant | None = None
    """None: only when somebody asks."""
    record: DeviceRecord = UNPROBED
    asked: bool = False
    """Somebody waits for it: an open incident does not keep it from being asked."""
    owed: bool = False
    """Whoever waits for it saw it overtaken: it is asked again soon, as if asked for anew."""
    busy: bool = False


async def probe_device(
    device: PowerDevice, known: Device, now: Callable[[], Instant], limit_s: float = PROBE_S
) -> Probe:
    """Ask a device who its host is and how its power is. What goes wrong is a grade too."""
    began = now()
    try:
        identity = await bounded(device.identify(), limit_s)
        reading = await bounded(device.read(), limit_s)
        grade, text = judged(known, identity, reading)
    except DoctorError as error:
        grade = Grade.REFUSED if isinstance(error, Permanent) else Grade.UNREACHABLE
        text = str(error)[:300]
    return Probe(grade, text, now(), now().since(began))


class Readiness:
    """Keeps what the probes have shown. `open_` tells whether a host has an open incident."""

    def __init__(
        self, ward: Ward, open_: Callable[[HostId], bool], bug: Callable[[str, Exception], None]
    ) -> None:
        """Begin knowing nothing; hand every bug on."""
        self._ward = ward
        self._open = open_
        self._bug = bug
        self._rules: Rules | None = None
        self._posts: dict[Key, Post] = {}
        self._told: dict[HostId, Fenceable] = {}
        self._come = asyncio.Event()
        self._slots = asyncio.Semaphore(ward.rules.probing.at_once)
        ward.tools.metrics.before_scrape.append(self._gauges)

    async def run(self) -> None:
        """Probe until cancelled."""
        await self._pause(self._ward.tools.clock.now().plus(SETTLE_S))
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._follow()
                post, at = self._next()
                if post is None:
                    await self._pause(at)
                    continue
                await self._slots.acquire()
                post.busy = True
                tasks.create_task(self._probed(post))

    def ask(self, hosts: Iterable[HostId]) -> int:
        """Have hosts probed now; return how many devices that are."""
        self._follow()
        wanted = {*hosts}
        posts = [post for post in self._posts.values() if post.host in wanted]
        for post in posts:
            post.asked = True
        self._come.set()
        return len(posts)

    def posts(self, host: HostId) -> tuple[Post, ...]:
        """Return the devices of a host, in the order of its levels."""
        devices = (device for level in self._ward.plan(host).levels for device in level.devices)
        found = (self._posts.get((host, device.name)) for device in devices)
        return tuple(post for post in found if post is not None)

    def records(self, host: HostId) -> Records:
        """Return what the probes of a host's devices have shown."""
        return {post.device.name: post.record for post in self.posts(host)}

    def fenceable(self, host: HostId) -> Fenceable:
        """Tell whether a host could be fenced, were it to fail now."""
        return fenceable(self._ward.plan(host), self.records(host))

    def unfenceable(self) -> tuple[HostId, ...]:
        """Return the hosts of which it is known that they cannot be fenced now."""
        known = sorted(host for host, found in self._told.items() if found is Fenceable.NO)
        return tuple(host for host in known if host in self._ward.rules.plans)

    def _gauges(self) -> None:
        """Say how every host stands. Hosts come from the configuration: they are bounded."""
        metrics, now = self._ward.tools.metrics, self._now()
        metrics.fencing_ready.clear()
        metrics.probe_age.clear()
        counts = Counter(dict.fromkeys(Fenceable, 0))
        for host, plan in self._ward.rules.plans.items():
            records = self.records(host)
            found = fenceable(plan, records)
            counts[found] += 1
            if found is Fenceable.MANUAL:
                metrics.fencing_ready.labels(str(host)).set(0)
                continue
            if not self._ward.rules.probing.every_s:
                continue
            fit = found in (Fenceable.YES, Fenceable.PARTLY)
            metrics.fencing_ready.labels(str(host)).set(fit)
            good = good_at(plan, records)
            metrics.probe_age.labels(str(host)).set(now.since(good) if good else float("inf"))
        for found, count in counts.items():
            metrics.fencing_hosts.labels(found).set(count)

    def _follow(self) -> None:
        """Take up what the configuration says, if it is another than before."""
        rules = self._ward.rules
        if rules is self._rules:
            return
        self._rules, old = rules, self._posts
        self._posts = {
            (host, device.name): Post(host, device, number)
            for host, plan in sorted(rules.plans.items())
            for number, level in enumerate(plan.levels, 1)
            for device in level.devices
            if f"{host}/{device.name}" in self._ward.tools.devices
        }
        now, every_s = self._ward.tools.clock.now(), rules.probing.every_s
        for number, (key, post) in enumerate(self._posts.items()):
            before = old.get(key)
            if before is not None and before.device == post.device:
                self._posts[key] = before
            elif every_s:
                share = (number + spread(f"{post.host}/{post.device.name}")) / len(self._posts)
                post.next_at = now.plus(share * min(FIRST_S, every_s))
        for post in self._posts.values():
            if not every_s:
                post.next_at = post.next_at if post.owed else None
            elif post.next_at is None:
                post.next_at = now

    def _next(self) -> tuple[Post | None, Instant | None]:
        """Return the device that is to be asked now, or when there will be one."""
        now = self._ward.tools.clock.now()
        free = [post for post in self._posts.values() if not post.busy]
        asked = next((post for post in free if post.asked), None)
        if asked is not None:
            return asked, None
        timed = [post for post in free if post.next_at is not None]
        soonest = min(timed, key=lambda post: _boot_s(post.next_at), default=None)
        if soonest is None or soonest.next_at is None or not now.reached(soonest.next_at):
            return None, soonest.next_at if soonest else None
        return soonest, None

    async def _pause(self, until: Instant | None) -> None:
        """Wait for a moment, or until somebody asks, or a device is free again."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._come.wait())]
        if until is not None:
            waits.append(asyncio.ensure_future(self._ward.tools.clock.sleep_until(until)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._come.clear()

    async def _probed(self, post: Post) -> None:
        """Probe one device, and fold in what came of it. A bug in its adapter is told, too."""
        name = f"{post.host}/{post.device.name}"
        try:
            owed, device = post.asked or post.owed, self._ward.tools.devices.get(name)
            if device is None or (self._open(post.host) and not owed):
                self._later(post, SOON_S)  # a reload took it away, or an incident has it
                return
            with suppress(Overtaken):
                self._fold(post, await self._asked(post, device))
                return
            self._later(post, SOON_S)
            if owed:
                post.owed, post.next_at = True, self._now().plus(SOON_S)
        except Exception as error:  # noqa: BLE001 - containment: the others are probed on
            self._bug(f"probe of {name}", error)
            self._fold(post, Probe(Grade.UNREACHABLE, "internal error", self._now()))
        finally:
            post.busy = False
            self._slots.release()
            self._come.set()

    async def _asked(self, post: Post, device: PowerDevice) -> Probe:
        line = line_of(self._ward, post.host, post.device.name)
        return await self._ward.tools.device_turns.probe(
            line, lambda: probe_device(device, post.device, self._now)
        )

    def _now(self) -> Instant:
        return self._ward.tools.clock.now()

    def _later(self, post: Post, seconds: float) -> None:
        post.asked = post.owed = False
        every_s = self._ward.rules.probing.every_s
        post.next_at = self._now().plus(seconds) if every_s else None

    def _fold(self, post: Post, probe: Probe) -> None:
        """Keep what a probe has shown, and tell of a host that turned by it."""
        metrics = self._ward.tools.metrics
        post.record = post.record.after(probe)
        self._later(post, post.record.pause_s(self._ward.rules.probing.every_s))
        metrics.probe.labels(post.device.kind, probe.grade).observe(probe.took_s)
        if probe.grade is not Grade.GOOD:
            name = f"{post.host}/{post.device.name}"
            log.warning("probe failed", device=name, grade=probe.grade.value, error=probe.text)
        self._tell(post.host)

    def _tell(self, host: HostId) -> None:
        before, after = self._told.get(host, Fenceable.UNKNOWN), self.fenceable(host)
        if after is Fenceable.UNKNOWN:
            return
        self._told[host] = after
        if not turned(before, after):
            return
        if after is Fenceable.YES:
            log.info("it can be fenced again", host=str(host))
            return
        what = "cannot be fenced" if after is Fenceable.NO else "can be fenced by some levels only"
        wrong = "; ".join(faults(self._ward.plan(host), self.records(host)))
        text = f"ALARM: {host} {what}: {wrong}"
        log.warning(text, host=str(host))


def _boot_s(at: Instant | None) -> float:
    return at.boot_s if at is not None else float("inf")
