"""The faults: how each begins, and how it ends. None of them touches a host's life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from tests.chaos.estate import Estate
from tests.chaos.plan import Fault, Trouble
from tests.chaos.program import Program
from tests.chaos.world import Felt

FELT_S, LOOK_S = 20.0, 0.2
"""So much longer does a fault of the cloud last at most that nobody has felt yet."""


async def suffered(place: Estate, trouble: Trouble, ranks: Sequence[int]) -> None:
    """Have a fault come, last and go. `ranks`: the controllers' numbers, the leader's first."""
    await asyncio.sleep(trouble.from_s)
    with _trouble(place, trouble, ranks[trouble.rank]) as felt:
        await asyncio.sleep(trouble.length_s)
        until_s = time.monotonic() + FELT_S
        while felt and not felt() and time.monotonic() < until_s:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(LOOK_S)


def _trouble(place: Estate, trouble: Trouble, number: int) -> AbstractContextManager[Felt | None]:
    match trouble.fault:
        case Fault.KILL | Fault.MEMBER_KILL:
            return _killed(_program(place, trouble.fault, number))
        case Fault.STOP | Fault.MEMBER_STOP:
            return _standing(_program(place, trouble.fault, number))
        case Fault.CUT_OFF:
            return _cut_off(place, number, trouble.way)
        case Fault.NOVA | Fault.BMC:
            return place.world.suffering(trouble)
        case Fault.CLOCK:
            return _off(place, number, int(trouble.way.split()[0]))
        case Fault.DISK:
            return _full(place, number)


def _program(place: Estate, fault: Fault, number: int) -> Program:
    of_etcd = fault in (Fault.MEMBER_KILL, Fault.MEMBER_STOP)
    return (place.members if of_etcd else place.daemons)[number]


@contextmanager
def _killed(program: Program) -> Iterator[None]:
    program.kill()
    yield
    program.start()


@contextmanager
def _standing(program: Program) -> Iterator[None]:
    program.stand_still()
    try:
        yield
    finally:
        program.go_on()


@contextmanager
def _cut_off(place: Estate, number: int, way: str) -> Iterator[None]:
    place.net.join(number)  # two cuts of one controller are one after the other
    place.net.cut_off(number, way)
    yield
    place.net.join(number)


@contextmanager
def _off(place: Estate, number: int, seconds: int) -> Iterator[None]:
    place.step(number, seconds)
    yield
    place.step(number, 0)


@contextmanager
def _full(place: Estate, number: int) -> Iterator[None]:
    """Fill a member's disk, and have it begun anew there: what it writes first needs room."""
    place.fill(number)
    place.members[number].kill()
    place.members[number].start()
    yield
    place.empty(number)
