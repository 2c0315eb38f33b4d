"""What is asked about our own side, with real sockets, and files as the kernel has them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.core.ourselves import Check, Sign
from doctor_daemon.engine.clock import SystemClock
from doctor_daemon.engine.own_probes import Answers, Asked, OwnProbes, Point, Wanted, heard

CLOCK = SystemClock()


def hosts(count: int) -> list[HostId]:
    return [HostId("default", f"cmp-{number}") for number in range(count)]


@asynccontextmanager
async def listening() -> AsyncIterator[Point]:
    """Listen on a free port."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield Point("127.0.0.1", server.sockets[0].getsockname()[1])


def closed() -> Point:
    """Return a port that nobody listens at."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return Point("127.0.0.1", made.getsockname()[1])


def asked(wanted: Wanted, answers: Answers | None = None, links: Path | None = None) -> OwnProbes:
    return OwnProbes(wanted, CLOCK, answers or Answers(), links or Path("/nowhere"))


async def only(probes: OwnProbes, *suspects: HostId) -> Check:
    """Ask for the only sign that is wanted."""
    (check,) = await probes.check(frozenset(suspects))
    assert (check.sign,) == tuple(probes.wanted)
    return check


@pytest.mark.parametrize(("quorum", "good"), [(1, True), (2, False)])
async def test_a1_a_quorum_of_the_reference_points_must_answer(quorum: int, *, good: bool) -> None:
    silent = closed()
    async with listening() as point:
        wanted = Wanted(reference=Asked((point, silent), quorum), devices_share=0)
        check = await only(asked(wanted))
    assert check.good is good
    assert check.why == (f"1 of 2 reference points answer, {quorum} are needed; silent: {silent}")


async def test_a1_a_point_that_takes_no_connection_is_not_waited_for_long() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        point = Point("127.0.0.1", full.getsockname()[1])
        blockers = [socket.socket() for _ in range(3)]
        for one in blockers:
            one.settimeout(0)
            one.connect_ex((point.host, point.port))
        wanted = Wanted(bmc=Asked((point,), 1), devices_share=0, timeout_s=0.2)
        check = await only(asked(wanted))
        for one in blockers:
            one.close()
    assert check.good is False
    assert check.sign is Sign.BMC_POINTS


async def test_a1_more_silent_points_than_can_be_named_are_counted() -> None:
    points = tuple(closed() for _ in range(7))
    check = await only(asked(Wanted(reference=Asked(points, 4), devices_share=0)))
    assert check.why.endswith("and 2 more")
    assert str(Point("::1", 443)) == "[::1]:443"


@pytest.mark.parametrize(
    ("carriers", "why"),
    [
        ({"eth0": "1\n", "eth1": "1\n"}, "every link of ours has a carrier"),
        ({"eth0": "1\n", "eth1": "0\n"}, "no carrier on eth1"),
        ({"eth0": "1\n"}, "no carrier on eth1"),
    ],
)
async def test_a1_our_own_links_must_have_a_carrier(
    carriers: dict[str, str], why: str, tmp_path: Path
) -> None:
    for name, text in carriers.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "carrier").write_text(text)
    wanted = Wanted(interfaces=("eth0", "eth1"), devices_share=0)
    check = await only(asked(wanted, links=tmp_path))
    assert (check.good, check.why) == ("no carrier" not in why, why)


async def test_a1_the_kernel_tells_of_the_links_of_this_machine() -> None:
    check = await only(OwnProbes(Wanted(interfaces=("lo",), devices_share=0), CLOCK, Answers()))
    assert check.good is True


@pytest.mark.parametrize(
    ("outcomes", "good"),
    [
        (["ok", "on", "temporary"], True),
        (["permanent", "unknown", "temporary", "temporary"], True),
        (["ok", "temporary", "temporary"], False),
        (["temporary", "temporary"], True),  # two say nothing of the network
        ([], True),
    ],
)
async def test_a1_the_devices_of_the_other_hosts(outcomes: list[str], *, good: bool) -> None:
    answers = Answers()
    fleet = hosts(len(outcomes) + 1)
    for host, outcome in zip(fleet, [*outcomes, "temporary"], strict=True):
        heard(lambda *_: None, answers, host, CLOCK)("read", 0.1, outcome)
    check = await only(asked(Wanted(), answers), fleet[-1])
    assert check.good is good, check.why


async def test_a1_only_questions_count_and_only_lately() -> None:
    answers, fleet = Answers(), hosts(4)
    long_ago = CLOCK.now().plus(-601)
    for host in fleet:
        answers.heard(host, "read", "temporary", long_ago)
        answers.heard(host, "cut", "unknown", CLOCK.now())
    assert (await only(asked(Wanted(), answers))).good is True
    assert answers.lately(CLOCK.now(), frozenset()) == {}


def test_nothing_is_wanted_of_what_is_not_configured() -> None:
    assert asked(Wanted()).wanted == (Sign.DEVICES,)
    assert asked(Wanted(devices_share=0)).wanted == ()
