"""The simulated world: what failures, power and heartbeats do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.record import Kind, Record, violations
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.world import Failure, Timing, World


class Clockwork(Clock):
    """A clock that goes when it is told to, and calls what is due."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 1000.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self._now_s

    def later(self, after_s: float, call: Callable[[], None]) -> None:
        self._due.append((self._now_s + after_s, call))

    def go(self, seconds: float) -> None:
        self._now_s += seconds
        for due in [due for due in self._due if due[0] <= self._now_s]:
            self._due.remove(due)
            due[1]()


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


@pytest.fixture
def world(clock: Clockwork) -> World:
    made = World(clock, Record(clock), clock.later, Timing())
    made.add_host("a", "az-1")
    made.add_host("b", "az-2")
    return made


@pytest.fixture
def server(world: World) -> Server:
    return world.boot("a", "project", "user")


def kinds(world: World) -> list[Kind]:
    return [entry.kind for entry in world.record.entries]


@pytest.mark.parametrize(("how", "answers"), [(Failure.COMPUTE, True), (Failure.HOST, False)])
def test_a_failed_host_keeps_its_power_and_its_guests(
    world: World, server: Server, how: Failure, *, answers: bool
) -> None:
    world.fail("a", how)
    host = world.hosts["a"]
    assert (host.power, host.answers, host.service.alive) == (True, answers, False)
    assert world.runs_on(server.id) == ["a"]


def test_power_off_stops_all_before_it_is_told(world: World, server: Server) -> None:
    world.power_off("a")
    world.power_off("a")
    assert kinds(world)[-3:] == [Kind.COMPUTE_STOP, Kind.GUEST_STOP, Kind.POWER_OFF]
    assert world.runs_on(server.id) == []
    assert not world.hosts["a"].answers


def test_power_on_brings_nova_compute_back_later(
    world: World, clock: Clockwork, server: Server
) -> None:
    world.power_off("a")
    world.power_on("a")
    clock.go(2.9)
    assert not world.hosts["a"].service.alive
    clock.go(0.2)
    assert world.hosts["a"].service.alive
    assert world.runs_on(server.id) == []


def test_guests_resume_where_the_host_does_that(
    world: World, clock: Clockwork, server: Server
) -> None:
    world.resume_guests = True
    world.power_off("a")
    world.power_on("a")
    clock.go(3)
    assert world.runs_on(server.id) == ["a"]


def test_a_boot_that_power_interrupts_does_not_end(world: World, clock: Clockwork) -> None:
    world.power_off("a")
    world.power_on("a")
    clock.go(2)
    world.power_off("a")
    world.power_on("a")
    clock.go(2)
    assert not world.hosts["a"].service.alive
    clock.go(1)
    assert world.hosts["a"].service.alive


def test_a_host_without_power_recovers_nothing(world: World) -> None:
    world.power_off("a")
    world.recover("a")
    assert not world.hosts["a"].service.alive
    with pytest.raises(ValueError, match="a has no power"):
        world.start_guest("s", "a")


def test_heartbeats_come_every_interval(world: World, clock: Clockwork) -> None:
    service, began_s = world.hosts["a"].service, clock.now()
    clock.go(25)
    assert world.is_up(service)
    assert service.seen_at_s == service.written_at_s == began_s + 20
    world.fail("a", Failure.HOST)
    clock.go(54)
    assert world.is_up(service)
    clock.go(2)
    assert not world.is_up(service)
    world.recover("a")
    assert world.is_up(service)


def test_a_server_that_moves_while_its_host_lives_is_condemned(
    world: World, server: Server
) -> None:
    world.start_guest(server.id, "b")
    assert world.runs_on(server.id) == ["a", "b"]
    assert len(violations(world.record.entries)) == 1


def test_a_deleted_server_runs_nowhere(world: World, server: Server) -> None:
    world.delete(server.id)
    assert world.runs_on(server.id) == []
    assert kinds(world)[-1] is Kind.GUEST_STOP


def test_only_a_change_of_forced_down_is_recorded(world: World) -> None:
    service = world.hosts["a"].service
    for down in (True, True, False, False):
        world.force_down(service, forced_down=down, by="doctor")
    assert kinds(world)[-2:] == [Kind.FORCED_DOWN, Kind.FORCED_UP]
    assert kinds(world).count(Kind.FORCED_DOWN) == 1


def test_a_replaced_service_has_another_uuid(world: World) -> None:
    before = world.hosts["a"].service
    after = world.replace_service("a")
    assert (after.host, after.binary, after.zone) == ("a", "nova-compute", "az-1")
    assert (after.uuid, after.id) != (before.uuid, before.id)
    assert before.uuid not in world.services


def test_a_wall_clock_of_its_own() -> None:
    clock = Clock()
    at_s = clock.read("2026-11-21T04:30:02.75Z")
    assert clock.second(at_s) == "2026-11-21T04:30:02.000000"
    assert clock.exact(at_s).startswith("2026-11-21T04:30:02.7")
    assert clock.zulu(at_s) == "2026-11-21T04:30:02Z"
    assert clock.read("2026-11-21T05:30:02.75+01:00") == pytest.approx(at_s)
    assert clock.read("2026-11-21T04:30:02") == pytest.approx(at_s - 0.75)
    assert clock.floor(at_s) == pytest.approx(at_s - 0.75)


async def test_a_running_loop_keeps_the_time() -> None:
    clock = Clock()
    later = asyncio.get_running_loop().call_later
    world = World(clock, Record(clock), later, Timing(compute_start_s=0.01))
    world.add_host("a", "az-1")
    world.power_off("a")
    world.power_on("a")
    await asyncio.sleep(0.05)
    assert world.hosts["a"].service.alive
