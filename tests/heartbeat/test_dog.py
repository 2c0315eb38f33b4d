"""The watchdog device: Linux' API, by the driver of ours and by a stand-in that speaks it."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctor_daemon.heartbeat.dog import (
    ALARM_ONLY,
    GETSUPPORT,
    GETTIMEOUT,
    IN_BMC,
    KEEPALIVE,
    KEEPS_ALIVE,
    MAGIC_CLOSE,
    NUMBER,
    SETTIMEOUT,
    SOFTWARE,
    Dog,
    KernelNode,
)
from tests.heartbeat.hardware import FIT, IDENTITY, LIMIT_S, Hardware, StandIn

READS, WRITES = 2, 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watchdog"


@pytest.fixture
def hardware(path: Path) -> Iterator[Hardware]:
    with Hardware().at(path) as made:
        yield made


def comes(hardware: Hardware, *, running: bool) -> bool:
    """Tell whether it is so before long: the other end takes notice of a close on its own."""
    until_s = time.monotonic() + LIMIT_S
    while hardware.running is not running and time.monotonic() < until_s:
        time.sleep(0.01)
    return hardware.running is running


@pytest.mark.parametrize(
    ("request_", "direction", "number", "size"),
    [
        (GETSUPPORT, READS, 0, 40),
        (KEEPALIVE, READS, 5, 4),
        (SETTIMEOUT, READS | WRITES, 6, 4),
        (GETTIMEOUT, READS, 7, 4),
    ],
)
def test_the_requests_are_those_of_linux(
    request_: int, direction: int, number: int, size: int
) -> None:
    assert request_ == direction << 30 | size << 16 | ord("W") << 8 | number  # asm-generic/ioctl.h


def test_it_is_armed_and_fed(hardware: Hardware, path: Path) -> None:
    dog = Dog(StandIn(path), 20)
    assert (dog.fault, dog.timeout_s, dog.support.identity) == ("", 20, IDENTITY)
    assert hardware.running
    dog.feed()
    assert hardware.fed == 1
    dog.stop()
    assert comes(hardware, running=False)


def test_b2_left_without_the_letter_it_goes_on(hardware: Hardware, path: Path) -> None:
    Dog(StandIn(path), 20).leave()
    again = Dog(StandIn(path), 20)  # it waits until the first one has been let go of
    assert hardware.running
    assert hardware.opened == 2
    again.stop()


@pytest.mark.parametrize(
    ("options", "identity", "word"),
    [
        (FIT, SOFTWARE, "no hardware"),
        (0, IN_BMC, "it is a part of the BMC"),  # as the kernel's driver says it
        (FIT, IN_BMC, "it is a part of the BMC"),
        (FIT | ALARM_ONLY, IDENTITY, "raises an alarm"),
        (FIT & ~KEEPS_ALIVE, IDENTITY, "cannot be fed"),
        (FIT & ~MAGIC_CLOSE, IDENTITY, "stops when it is closed"),
    ],
)
def test_i6_what_is_not_fit_is_not_counted_on(
    path: Path, options: int, identity: str, word: str
) -> None:
    with Hardware(options=options, identity=identity).at(path):
        dog = Dog(StandIn(path), 20)
        assert word in dog.fault
        dog.stop()


def test_b2_what_is_known_against_it_already_is_its_fault(hardware: Hardware, path: Path) -> None:
    dog = Dog(StandIn(path), 20, "systemd would feed it")
    assert dog.fault == "systemd would feed it"
    assert hardware.running
    dog.stop()


def test_d3_a_time_out_that_the_hardware_rounds_is_a_fault(path: Path) -> None:
    with Hardware(rounds=60).at(path):
        dog = Dog(StandIn(path), 20)
        assert (dog.timeout_s, dog.fault) == (
            60,
            f"{IDENTITY}: its time-out is 60 s; expected 20 s",
        )
        dog.stop()


def test_what_is_no_watchdog_is_not_touched(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("Q")
    with pytest.raises(OSError, match="no watchdog device") as found:
        KernelNode(plain)
    assert found.value.errno == errno.ENOTTY
    assert plain.read_text() == "Q"


def test_the_kernels_own_answer_comes_through() -> None:
    node = KernelNode(Path("/dev/null"))
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        node.control(GETTIMEOUT, bytes(NUMBER.size))
    node.write(b"V")
    node.close()
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        Dog(KernelNode(Path("/dev/null")), 20)
