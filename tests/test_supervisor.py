"""What is said to systemd, over real sockets, and what counts as progress."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from doctor_daemon.errors import Conflict, DoctorError, Permanent
from doctor_daemon.ports import Change
from doctor_daemon.supervisor import UNANSWERED_MAX, Pulse, Socket, Supervisor
from tests.engine.rig import Rig, SlowDisk
from tests.simulation.virtual import run

PATIENCE_S = 30.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.settimeout(5)
        yield made


def received(listener: socket.socket) -> str:
    return listener.recv(4096).decode()


def supervisor(address: str) -> Supervisor:
    return Supervisor(Rig().engine(), Socket(address), PATIENCE_S)


# the socket


def test_a_path_is_sent_to(listener: socket.socket, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    listener.bind(address)
    assert Socket(address).send("READY=1")
    assert received(listener) == "READY=1"


def test_an_abstract_name_is_sent_to(listener: socket.socket) -> None:
    name = f"doctor-daemon-test-{secrets.token_hex(8)}"
    listener.bind(f"\0{name}")
    assert Socket(f"@{name}").send("STATUS=süß")
    assert received(listener) == "STATUS=süß"


def test_nowhere_is_fine() -> None:
    assert Socket().send("READY=1")


@pytest.mark.parametrize(
    "address", ["/nowhere/notify", "@nobody-listens-here", "vsock:2:1", "x" * 200]
)
def test_a_listener_that_is_not_there_harms_nobody(address: str) -> None:
    assert not Socket(address).send("READY=1")


def fill(address: str) -> int:
    """Send until the kernel takes no more."""
    count = 0
    while Socket(address).send("FILLER=1"):
        count += 1
    return count


def test_a_full_listener_is_not_waited_for_and_hears_it_later(
    listener: socket.socket, tmp_path: Path
) -> None:
    address = str(tmp_path / "notify")
    listener.bind(address)
    told, waiting = supervisor(address), fill(address)
    told.ready()
    for _ in range(waiting):
        assert received(listener) == "FILLER=1"
    told.stopping()
    assert received(listener) == "READY=1\nSTOPPING=1"


def test_what_was_taken_is_not_said_again(listener: socket.socket, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    listener.bind(address)
    told = supervisor(address)
    told.ready()
    told.stopping()
    assert [received(listener), received(listener)] == ["READY=1", "STOPPING=1"]


# the environment


@pytest.mark.parametrize(
    ("environ", "expected_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
    ],
)
def test_whose_watchdog_it_is(environ: dict[str, str], expected_s: float | None) -> None:
    assert Supervisor.found(environ, Rig().engine()).watchdog_s == expected_s


# progress


def pulse() -> Pulse:
    """Begin with a tick at second 0."""
    made = Pulse(PATIENCE_S)
    assert not made.stuck("first", (), 0.0)
    return made


def test_ticks_are_progress() -> None:
    seen = pulse()
    for second in range(0, 600, 20):
        assert not seen.stuck(second, (), second)


def test_a_tick_that_is_missing_is_waited_for() -> None:
    assert not pulse().stuck("first", (), PATIENCE_S)
    assert pulse().stuck("first", (), PATIENCE_S + 1) == "the engine has not ticked for 31 s"


def test_an_engine_that_never_ticks_is_stuck() -> None:
    seen = Pulse(PATIENCE_S)
    assert not seen.stuck(None, (), 100.0)
    assert not seen.stuck(None, (), 100.0 + PATIENCE_S)
    assert seen.stuck(None, (), 101.0 + PATIENCE_S)


def test_a_tick_after_all_is_progress() -> None:
    seen = pulse()
    assert seen.stuck("first", (), PATIENCE_S + 1)
    assert not seen.stuck("second", (), PATIENCE_S + 2)


def test_a_loop_that_has_ended_is_no_progress() -> None:
    assert "Poller.run" in pulse().stuck("second", ("Poller.run",), 1.0)


def test_a_store_may_be_silent_for_long_but_not_for_ever() -> None:
    seen = pulse()
    seen.unanswered = UNANSWERED_MAX - 1
    assert not seen.stuck("second", (), 1.0)
    seen.unanswered = UNANSWERED_MAX
    assert "has not answered" in seen.stuck("third", (), 2.0)
    seen.unanswered = 0
    assert not seen.stuck("fourth", (), 3.0)


# the end of a daemon that nobody needs


class Refusing(SlowDisk):
    """A disk that must not be used any more, once there is a reason."""

    def __init__(self) -> None:
        super().__init__()
        self.why: DoctorError | None = None

    async def commit(self, change: Change, *, term: int) -> None:
        if self.why is not None:
            raise self.why
        await super().commit(change, term=term)


@pytest.mark.parametrize("why", [Conflict("term 1 is over"), Permanent("etcd: no user")])
@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": "@nobody-listens-here", "WATCHDOG_USEC": "30000000"}],
    ids=["alone", "under systemd"],
)
def test_b10_a_daemon_that_has_nothing_to_do_ends_when_it_may_not_save(
    why: DoctorError, environ: dict[str, str]
) -> None:
    disk = Refusing()
    engine = Rig(disk=disk).engine()
    Supervisor.found(environ, engine)

    async def main() -> None:
        running = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await asyncio.sleep(10 * PATIENCE_S)
        assert not running.done()
        disk.why = why
        await asyncio.wait((running,), timeout=2 * PATIENCE_S)
        assert running.done()
        ended = running.exception()
        assert isinstance(ended, ExceptionGroup)
        assert ended.subgroup(type(why)) is not None

    run(main())


def test_d9_a_store_that_takes_nothing_is_counted_though_there_is_nothing_to_save() -> None:
    disk = SlowDisk()
    rig = Rig(disk=disk)
    engine = rig.engine()
    Supervisor.found({}, engine)

    async def main() -> None:
        running = asyncio.create_task(engine.run())
        await engine.ready.wait()
        disk.failures = 3
        await asyncio.sleep(10 * PATIENCE_S)
        assert rig.metrics.registry.get_sample_value("doctor_store_faults_total") == 3
        assert not running.done()
        await rig.crash(running)

    run(main())
