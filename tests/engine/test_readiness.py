"""Probes on a schedule: spread, bounded, never in the way, and told once (B17, B18)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import structlog.testing

from doctor_daemon.core.host import Device, HostId, HostPlan, Level
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Identity
from doctor_daemon.core.readiness import Fenceable, Grade, Probing, spread
from doctor_daemon.engine.device_turns import DeviceTurns
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.probe_views import probed_hosts, unfenceable
from doctor_daemon.engine.readiness import Readiness
from doctor_daemon.engine.ward import Ward
from tests.engine.instruments import UUID, ScriptedDevice
from tests.engine.rig import Rig, accuse, until
from tests.simulation.virtual import run

EVERY_S = 900.0


def probing(rig: Rig, every_s: float = EVERY_S) -> Engine:
    """Make a daemon that probes."""
    engine = rig.engine()
    engine.ward.rules = replace(engine.ward.rules, probing=Probing(every_s))
    return engine


class Fleet:
    """Many hosts with a device each, probed by a part that stands alone."""

    def __init__(self, count: int, at_once: int = 8) -> None:
        self.rig = Rig()
        engine = self.rig.engine()
        self.hosts = [HostId("default", f"cmp-{n}") for n in range(count)]
        level = Level((Device("bmc", "redfish", UUID),))
        self.devices = {host: ScriptedDevice("bmc", self.rig.clock) for host in self.hosts}
        devices = {f"{host}/bmc": device for host, device in self.devices.items()}
        plans = {host: HostPlan(host, levels=(level,)) for host in self.hosts}
        rules = replace(engine.ward.rules, plans=plans, probing=Probing(EVERY_S, at_once))
        tools = replace(engine.ward.tools, devices=devices, device_turns=DeviceTurns())
        self.ward = Ward(rules, tools, lambda _what, error: self.rig.bugs.append(error))
        self.open: set[HostId] = set()
        self.readiness = Readiness(self.ward, self.open.__contains__, self._bug)

    def _bug(self, _what: str, error: Exception) -> None:
        self.rig.bugs.append(error)

    async def go(self, seconds: float) -> None:
        """Probe for so long."""
        task = asyncio.create_task(self.readiness.run())
        await asyncio.sleep(seconds)
        self.scrape()
        task.cancel()
        await asyncio.wait((task,))

    def scrape(self) -> None:
        for before in self.ward.tools.metrics.before_scrape:
            before()

    def metric(self, name: str, **labels: str) -> float | None:
        """Return what the last scrape was told."""
        return self.ward.tools.metrics.registry.get_sample_value(name, labels)


def test_b17_every_device_is_probed_soon_and_then_once_a_period() -> None:
    fleet = Fleet(50)
    run(fleet.go(320))
    assert {device.identities for device in fleet.devices.values()} == {1}
    again = Fleet(50)
    run(again.go(320 + 3 * EVERY_S))
    assert {device.identities for device in again.devices.values()} == {4}
    assert again.metric("doctor_fencing_hosts", fenceable="yes") == 50
    assert again.metric("doctor_fencing_ready", host="cmp-7") == 1
    age_s = again.metric("doctor_fencing_probe_age_seconds", host="cmp-7")
    assert age_s is not None
    assert age_s <= EVERY_S + 1


class Timed(ScriptedDevice):
    """Notes when it is asked."""

    times: list[float]

    async def identify(self) -> Identity:
        self.times.append(asyncio.get_running_loop().time())
        return await super().identify()


def test_b17_probes_are_spread_over_the_period() -> None:
    times: list[float] = []
    fleet = Fleet(90)
    for host in fleet.hosts:
        device = Timed("bmc", fleet.rig.clock)
        device.times = times
        fleet.devices[host] = device
    devices = {f"{host}/bmc": device for host, device in fleet.devices.items()}
    fleet.ward.tools = replace(fleet.ward.tools, devices=devices)
    run(fleet.go(311))
    counts = [sum(begin <= t - 10 < begin + 30 for t in times) for begin in range(0, 300, 30)]
    assert len(times) == 90
    assert max(counts) <= 11
    assert min(counts) >= 7


def test_b13_only_so_many_are_probed_at_a_time() -> None:
    fleet = Fleet(30, at_once=2)
    for device in fleet.devices.values():
        device.call_s = 30.0  # a minute each: 15 minutes for 30, two at a time
    run(fleet.go(10 + 800))
    asked = sum(device.identities for device in fleet.devices.values())
    assert asked == 28


def test_b17_a_device_that_breaks_is_told_once_and_when_it_is_well_again() -> None:
    fleet = Fleet(2)
    first = fleet.devices[fleet.hosts[0]]

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(400)
        first.locked_out = True
        await asyncio.sleep(8 * EVERY_S)
        assert fleet.readiness.fenceable(fleet.hosts[0]) is Fenceable.NO
        fleet.scrape()
        assert fleet.metric("doctor_fencing_ready", host="cmp-0") == 0
        assert unfenceable(fleet.readiness) == {"count": 1, "hosts": ["cmp-0"]}
        first.locked_out = False
        assert fleet.readiness.ask([fleet.hosts[0]]) == 1
        await asyncio.sleep(5)
        assert unfenceable(fleet.readiness) == {"count": 0, "hosts": []}
        task.cancel()
        await asyncio.wait((task,))

    with structlog.testing.capture_logs() as logs:
        run(main())
    told = [line["event"] for line in logs if "fenced" in line["event"]]
    assert told == [
        "ALARM: cmp-0 cannot be fenced: bmc (level 1): refused: 401",
        "it can be fenced again",
    ]
    assert fleet.rig.bugs == []


def test_b18_a_refused_login_makes_no_storm() -> None:
    fleet = Fleet(1)
    fleet.devices[fleet.hosts[0]].locked_out = True
    run(fleet.go(16 * EVERY_S))
    assert fleet.devices[fleet.hosts[0]].identities <= 5


def test_b5_another_machine_is_told_at_the_first_probe() -> None:
    fleet = Fleet(1)
    fleet.devices[fleet.hosts[0]].uuid = "00000000-0000-4000-8000-00000000000f"
    with structlog.testing.capture_logs() as logs:
        run(fleet.go(320))
    (alarm,) = [line["event"] for line in logs if "ALARM" in line["event"]]
    assert "cmp-0 cannot be fenced: bmc (level 1): another machine: answers for" in alarm


def test_b16_a_device_that_never_answers_is_given_up_and_a_bug_is_contained() -> None:
    fleet = Fleet(3)
    fleet.devices[fleet.hosts[0]].call_s = 1e6
    fleet.devices[fleet.hosts[1]].bug = ValueError("a bug")
    run(fleet.go(320 + 60 + 61 + EVERY_S))
    rows = {host: fleet.readiness.posts(host)[0].record for host in fleet.hosts}
    silent, bug, well = (rows[host].last for host in fleet.hosts)
    assert silent is not None
    assert bug is not None
    assert well is not None
    assert (silent.grade, silent.text) == (Grade.UNREACHABLE, "no answer within 60 s")
    assert (bug.text, well.grade) == ("internal error", Grade.GOOD)
    assert fleet.rig.bugs
    assert {type(error) for error in fleet.rig.bugs} == {ValueError}


def test_nothing_is_probed_unless_asked_where_the_schedule_is_off() -> None:
    fleet = Fleet(3)
    fleet.ward.rules = replace(fleet.ward.rules, probing=Probing())

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(5000)
        assert not any(device.identities for device in fleet.devices.values())
        assert fleet.readiness.ask(fleet.hosts[:1]) == 1
        await asyncio.sleep(5)
        assert [device.identities for device in fleet.devices.values()] == [1, 0, 0]
        await asyncio.sleep(5000)
        fleet.scrape()
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert fleet.metric("doctor_fencing_hosts", fenceable="unknown") == 2
    assert fleet.metric("doctor_fencing_ready", host="cmp-0") is None


def test_a_host_with_an_incident_is_left_to_it() -> None:
    fleet = Fleet(2)
    fleet.open.add(fleet.hosts[0])

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(1000)
        assert fleet.devices[fleet.hosts[0]].identities == 0
        fleet.readiness.ask(fleet.hosts)  # whoever asks is answered all the same
        await asyncio.sleep(5)
        assert fleet.devices[fleet.hosts[0]].identities == 1
        fleet.open.clear()
        await asyncio.sleep(EVERY_S)
        assert fleet.devices[fleet.hosts[0]].identities == 2
        task.cancel()
        await asyncio.wait((task,))

    run(main())


def test_a_probe_that_is_overtaken_comes_again_soon() -> None:
    fleet = Fleet(1)
    host = fleet.hosts[0]
    fleet.devices[host].call_s = 20.0

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(11 + 300 * spread(f"{host}/bmc"))
        assert fleet.devices[host].identities == 1
        async with fleet.ward.tools.device_turns.turn(f"{host}/bmc"):
            await asyncio.sleep(1)
        assert fleet.readiness.posts(host)[0].record.last is None
        await asyncio.sleep(120)
        assert fleet.readiness.fenceable(host) is Fenceable.YES
        task.cancel()
        await asyncio.wait((task,))

    run(main())


def test_what_is_configured_anew_is_probed_anew() -> None:
    fleet = Fleet(2)
    first, second = fleet.hosts

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(400)
        plans = dict(fleet.ward.rules.plans)
        del plans[second]
        moved = Device("bmc", "redfish", "00000000-0000-4000-8000-00000000000f")
        plans[first] = HostPlan(first, levels=(Level((moved,)),))
        fleet.ward.rules = replace(fleet.ward.rules, plans=plans)
        await asyncio.sleep(EVERY_S + 400)
        assert fleet.readiness.fenceable(first) is Fenceable.NO
        assert fleet.readiness.posts(second) == ()
        fleet.ward.rules = replace(fleet.ward.rules, probing=Probing())
        fleet.readiness.ask([first])
        await asyncio.sleep(5)
        asked = fleet.devices[first].identities
        await asyncio.sleep(5000)
        assert fleet.devices[first].identities == asked
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert fleet.rig.bugs == []


def test_b17_a_daemon_probes_and_fences_all_the_same() -> None:
    rig = Rig()

    async def main() -> None:
        engine = probing(rig, 30.0)
        task = asyncio.create_task(engine.run())
        await asyncio.sleep(100)
        plans = engine.ward.rules.plans.values()
        shown = probed_hosts(plans, engine.readiness, rig.clock.now())["hosts"]
        assert [row["fenceable"] for row in shown] == ["yes", "yes"]
        (device,) = shown[0]["devices"]
        assert (device["grade"], device["text"], device["pending"]) == ("good", "power on", False)
        assert device["took_s"] == pytest.approx(0.2)
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        engine.stop()
        await task

    run(main())
    assert (rig.bugs, rig.device.cuts) == ([], 1)
