"""The watchdog's agent as a process, with real datagrams and a stand-in for the hardware."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doctor_daemon.core.tries import Outcome
from doctor_daemon.heartbeat.lifeline import FED, RELEASED, Answer, Ask, ask_of, packed
from doctor_daemon.ports import Permit
from tests.fakes.clock import BootClock
from tests.heartbeat.beats import OF_ALL
from tests.heartbeat.hardware import Hardware
from tests.heartbeat.lifelines import (
    HOST,
    LEASE_S,
    LIMIT_S,
    TIMEOUT_S,
    UUID,
    Incidents,
    agent,
    lifelines,
    listening,
    until,
)


@pytest.fixture
def hardware(tmp_path: Path) -> Iterator[Hardware]:
    with Hardware().at(tmp_path / "dog") as made:
        yield made


def permit() -> Permit:
    return Permit(1, BootClock().now().plus(5))


async def test_it_is_armed_once_it_is_acknowledged_and_says_what_it_is(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path)
    async with listening(made) as port:
        with agent(tmp_path, port, hardware):
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            report = made.heard(HOST).report
            await until(lambda: hardware.fed > 3)
    assert report is not None
    assert (report.uuid, report.hardware) == (UUID, "iron dog")
    assert (report.lease_s, report.timeout_s) == (LEASE_S, TIMEOUT_S)


async def test_b3_a_host_that_is_withheld_from_is_reset_before_it_counts_as_ended(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path, Incidents({HOST: "incident-1"}))
    async with listening(made) as port:
        with agent(tmp_path, port, hardware) as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            outcome, text = await made.withhold(HOST, LEASE_S, TIMEOUT_S, permit())
            assert outcome is Outcome.ACCEPTED, text
            await until(lambda: hardware.fired_s is not None)
            assert process.wait(LIMIT_S) == -signal.SIGKILL
            hold = made.heard(HOST).hold
    assert hold is not None
    assert hardware.fired_s is not None
    assert hold.acked_s < hardware.fired_s < hold.off_s
    assert hold.spoiled == ""


async def test_b3_a_host_that_loses_the_daemon_is_reset(tmp_path: Path, hardware: Hardware) -> None:
    made = lifelines(tmp_path)
    async with listening(made) as port:
        running = agent(tmp_path, port, hardware)
        with running as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            made.incident = None  # it does not know yet what is open, and answers nobody
            await until(lambda: hardware.fired_s is not None)
            _, told = process.communicate(timeout=LIMIT_S)
    assert "not acknowledged for too long: not fed any more" in told


async def test_a_daemon_that_is_restarted_within_the_lease_resets_nobody(
    tmp_path: Path, hardware: Hardware
) -> None:
    first = lifelines(tmp_path)
    async with listening(first) as port:
        running = agent(tmp_path, port, hardware)
        with running as process:
            await until(lambda: (found := first.heard(HOST).report) and found.armed)
            first.incident = None
            fed = hardware.fed
            await until(lambda: hardware.fed > fed + 1)  # it goes on by its lease
            second = lifelines(tmp_path)  # with numbers of its own: nothing of before counts
            first.incident = second.incident
            first._pledges = second._pledges  # noqa: SLF001 - the other daemon, at the same door
            await until(lambda: (found := first.heard(HOST).report) and found.armed)
            assert process.poll() is None
    assert hardware.fired_s is None


async def test_b2_one_that_is_stopped_dies_of_the_hardware(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path)
    async with listening(made) as port:
        with agent(tmp_path, port, hardware) as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            os.kill(process.pid, signal.SIGSTOP)
            await until(lambda: hardware.fired_s is not None)
            assert process.wait(LIMIT_S) == -signal.SIGKILL


async def test_b2_one_that_is_killed_leaves_it_armed_and_the_next_one_feeds_it(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path)
    async with listening(made) as port:
        with agent(tmp_path, port, hardware) as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            hardware.host = None
            process.kill()
        assert hardware.running
        with agent(tmp_path, port, hardware):
            await until(lambda: hardware.opened == 2)
            fed = hardware.fed
            await until(lambda: hardware.fed > fed + 1)
    assert hardware.fired_s is None


async def stopped(process: subprocess.Popen[str]) -> str:
    """Stop an agent; return what it told."""
    process.send_signal(signal.SIGTERM)
    found = await asyncio.to_thread(process.communicate, timeout=LIMIT_S)
    return str(found[1])


async def test_one_that_is_stopped_in_order_is_left_armed(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path)
    async with listening(made) as port:
        with agent(tmp_path, port, hardware) as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            told = await stopped(process)
    assert "left armed: the host is reset in 3 s" in told
    await until(lambda: hardware.fired_s is not None)


async def test_one_that_may_leave_does_so_once_nobody_counts_on_it(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path)
    async with listening(made) as port:
        with agent(tmp_path, port, hardware, disarms=True) as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            told = await stopped(process)
        await until(lambda: not hardware.running)
        report = made.heard(HOST).report
    assert "disarmed" in told
    assert hardware.fired_s is None
    assert report is not None
    assert not report.armed


async def test_d6_one_that_is_being_fenced_may_not_leave(
    tmp_path: Path, hardware: Hardware
) -> None:
    made = lifelines(tmp_path, Incidents({HOST: "incident-1"}))
    async with listening(made) as port:
        with agent(tmp_path, port, hardware, disarms=True) as process:
            await until(lambda: (found := made.heard(HOST).report) and found.armed)
            outcome, _ = await made.withhold(HOST, LEASE_S, TIMEOUT_S, permit())
            assert outcome is Outcome.ACCEPTED
            process.send_signal(signal.SIGTERM)
            await until(lambda: hardware.fired_s is not None)


async def test_i6_one_whose_watchdog_is_not_fit_says_so_and_goes_on(tmp_path: Path) -> None:
    with Hardware(rounds=7).at(tmp_path / "dog") as hardware:
        made = lifelines(tmp_path)
        async with listening(made) as port:
            with agent(tmp_path, port, hardware) as process:
                await until(lambda: hardware.fed > 1)
                made.incident = None  # it is fed unasked
                fed = hardware.fed
                await until(lambda: hardware.fed > fed + 3)
                report = made.heard(HOST).report
                told = await stopped(process)
    assert report is not None
    assert not report.armed
    assert "its time-out is 7 s; expected 3 s" in told
    assert "disarmed" in told


async def answering(door: socket.socket, answer: Callable[[Ask], list[bytes]]) -> list[int]:
    """Answer an agent's questions by a function of each; return their sequence numbers."""
    loop, seen = asyncio.get_running_loop(), list[int]()
    async with asyncio.timeout(LIMIT_S):
        while len(seen) < 8:
            datagram, to = await loop.sock_recvfrom(door, 2000)
            found = ask_of(datagram)
            assert found is not None
            seen.append(found[0].sequence)
            for one in answer(found[0]):
                await loop.sock_sendto(door, one, to)
    return seen


async def test_e1_answers_that_are_forged_or_played_back_arm_nothing(
    tmp_path: Path, hardware: Hardware
) -> None:
    right, wrong = OF_ALL.of(HOST.encode()).mac(), OF_ALL.of(b"cmp-2").mac()

    def answer(said: Ask) -> list[bytes]:
        boot, number = said.boot, said.sequence
        fed = Answer(1, FED | RELEASED, boot, number, 5)
        return [
            packed(fed, HOST.encode(), wrong),
            packed(fed, b"cmp-2", wrong),
            packed(fed, HOST.encode(), right)[:-1],
            packed(fed._replace(boot=boot ^ 1), HOST.encode(), right),
            packed(fed._replace(sequence=number - 100), HOST.encode(), right),
            packed(fed._replace(sequence=number + 1), HOST.encode(), right),
        ]

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0)
        with agent(tmp_path, door.getsockname()[1], hardware):
            seen = await answering(door, answer)
    assert seen == sorted(set(seen))
    assert hardware.opened == 0


async def test_b2_an_acknowledgement_that_was_held_back_is_worth_no_more(
    tmp_path: Path, hardware: Hardware
) -> None:
    mac = OF_ALL.of(HOST.encode()).mac()
    kept = list[bytes]()

    def answer(said: Ask) -> list[bytes]:
        fed = Answer(1, FED, said.boot, said.sequence, 5)
        kept.append(packed(fed, HOST.encode(), mac))
        return kept[:1] if len(kept) == 1 else []

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0)
        with agent(tmp_path, door.getsockname()[1], hardware) as process:
            await answering(door, answer)
            loop = asyncio.get_running_loop()
            _, to = await loop.sock_recvfrom(door, 2000)
            await until(lambda: hardware.fired_s is not None)
            for one in kept:  # all of them at last: the host is dead
                await loop.sock_sendto(door, one, to)
            assert process.wait(LIMIT_S) == -signal.SIGKILL
