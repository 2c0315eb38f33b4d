"""How many are let in follows what becomes of them: a simulated Nova sets the pace, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field

import pytest

from doctor_daemon.engine.turnstile import Turnstile
from tests.simulation.virtual import run

USUAL_S = 0.1


@dataclass
class Busy:
    """A service that does so many calls at a time at full speed.

    Beyond that all of them share its speed; and with so many inside that `refuses`, a call is
    turned away at once.
    """

    capacity: int
    refuses: int = 10_000
    inside: int = 0
    most: int = 0
    refused: int = 0
    done: int = 0
    widths: list[int] = field(default_factory=list)

    async def call(self, turnstile: Turnstile, host: str) -> None:
        """Come in turn until it is done."""
        while True:
            async with turnstile.turn(host) as turn:
                self.inside += 1
                self.most = max(self.most, self.inside)
                try:
                    if self.inside > self.refuses:
                        self.refused += 1
                        turn.ended(0.01, well=False)
                        await asyncio.sleep(0.01)
                        continue
                    took_s = USUAL_S * max(1.0, self.inside / self.capacity) ** 2
                    await asyncio.sleep(took_s)
                    turn.ended(took_s, well=True)
                    self.done += 1
                    self.widths.append(turnstile.width)
                    return
                finally:
                    self.inside -= 1


def live(story: Coroutine[None, None, None]) -> None:
    """Run it in virtual time."""
    run(story)


async def served(busy: Busy, turnstile: Turnstile, count: int) -> None:
    hosts = [f"host-{number % 3}" for number in range(count)]
    await asyncio.gather(*(busy.call(turnstile, host) for host in hosts))
    assert busy.done == count


def test_c12_nova_that_keeps_up_is_asked_at_the_full_width() -> None:
    busy, turnstile = Busy(capacity=100), Turnstile(16)
    live(served(busy, turnstile, 200))
    assert (busy.most, turnstile.width) == (16, 16)
    assert set(busy.widths) == {16}


def test_c12_nova_that_turns_calls_away_is_asked_less_until_it_does_not() -> None:
    busy, turnstile = Busy(capacity=100, refuses=4), Turnstile(64)
    live(served(busy, turnstile, 500))
    late = busy.widths[250:]
    assert 2 <= min(late) <= max(late) <= 5
    assert busy.refused < 200


def test_c12_nova_that_grows_slow_is_asked_less_until_it_is_quick_enough() -> None:
    busy, turnstile = Busy(capacity=4), Turnstile(64)
    turnstile.ended(0, USUAL_S, well=True)
    live(served(busy, turnstile, 500))
    late = busy.widths[250:]
    assert 2 <= min(late) <= max(late) <= 16  # at 12, a call takes nine times as long


def test_c12_it_widens_again_when_nova_has_recovered() -> None:
    turnstile = Turnstile(16)
    for _ in range(10):
        turnstile.ended(turnstile_age(turnstile), 0.1, well=False)
    assert turnstile.width == 1
    live(served(Busy(capacity=100), turnstile, 300))
    assert turnstile.width == 16


def turnstile_age(turnstile: Turnstile) -> int:
    """Return by which number a call begun now is known."""
    return turnstile._narrowed  # noqa: SLF001 - what a turn takes along


async def test_one_is_always_let_in() -> None:
    turnstile = Turnstile(2)
    for _ in range(5):
        async with turnstile.turn("a") as turn:
            turn.ended(9.0, well=False)
    assert turnstile.width == 1


async def test_calls_of_one_time_narrow_it_once() -> None:
    turnstile = Turnstile(16)
    async with turnstile.turn("a") as one, turnstile.turn("a") as two, turnstile.turn("b") as three:
        one.ended(0.1, well=False)
        assert turnstile.width == 8
        two.ended(0.1, well=False)
        three.ended(60.0, well=False)
        assert turnstile.width == 8
    async with turnstile.turn("a") as later:
        later.ended(0.1, well=False)
    assert turnstile.width == 4


async def test_so_many_that_go_well_widen_it_by_one() -> None:
    turnstile = Turnstile(16)
    async with turnstile.turn("a") as turn:
        turn.ended(0.1, well=False)
        for _ in range(9):
            turn.ended(0.1, well=True)
    assert turnstile.width == 9


@pytest.mark.parametrize(
    ("usual_s", "took_s", "width"),
    [(0.1, 1.0, 16), (0.1, 1.01, 8), (0.5, 1.5, 16), (0.5, 1.51, 8), (30.0, 60.0, 16)],
)
async def test_slow_is_much_longer_than_usual_and_no_less_than_a_second(
    usual_s: float, took_s: float, width: int
) -> None:
    turnstile = Turnstile(16)
    async with turnstile.turn("a") as turn:
        turn.ended(usual_s, well=True)
        turn.ended(took_s, well=True)
    assert turnstile.width == width


async def test_what_stays_slow_is_usual_in_the_end() -> None:
    turnstile = Turnstile(16)
    async with turnstile.turn("a") as turn:
        turn.ended(0.5, well=True)
    for _ in range(60):
        async with turnstile.turn("a") as turn:
            turn.ended(3.0, well=True)
    assert turnstile.width > 1
    async with turnstile.turn("a") as turn:
        before = turnstile.width
        turn.ended(3.0, well=True)
    assert turnstile.width >= before


async def test_who_tells_nothing_changes_nothing() -> None:
    turnstile = Turnstile(3)
    async with turnstile.turn("a"):
        pass
    assert turnstile.width == 3


async def test_those_who_wait_are_let_in_as_it_widens() -> None:
    turnstile = Turnstile(4)
    async with turnstile.turn("a") as turn:
        turn.ended(0.1, well=False)
    assert turnstile.width == 2
    inside, gate = 0, asyncio.Event()

    async def come() -> None:
        nonlocal inside
        async with turnstile.turn("b") as mine:
            inside += 1
            await gate.wait()
            mine.ended(0.1, well=True)

    tasks = [asyncio.create_task(come()) for _ in range(6)]
    await asyncio.sleep(0.01)
    assert inside == 2
    gate.set()
    await asyncio.gather(*tasks)
    assert turnstile.width == 4


async def test_c12_a_refusal_does_not_tell_how_long_is_usual() -> None:
    """To say no takes no time: beside it every request that is taken on would look slow."""
    turnstile = Turnstile(16)
    async with turnstile.turn("a") as turn:
        turn.ended(2.0, well=True)
        for _ in range(10):
            turn.ended(0.01, well=True, taken=False)
        turn.ended(2.0, well=True)
    assert turnstile.width == 16


async def test_c12_a_refusal_that_takes_long_is_slow_all_the_same() -> None:
    turnstile = Turnstile(16)
    async with turnstile.turn("a") as turn:
        turn.ended(0.5, well=True)
        turn.ended(9.0, well=True, taken=False)
    assert turnstile.width == 8


def test_where_calls_are_quick_more_may_be_ready_than_are_let_in() -> None:
    """To save the next request takes as long as such a call: a turn would be left empty."""
    assert Turnstile(8).lined_up == 8  # nothing is known of it yet
    for usual_s, ready in ((1.0, 8), (0.5, 16), (0.1, 24), (0.04, 48), (0.001, 72)):
        turnstile = Turnstile(8)
        turnstile.ended(0, usual_s, well=True)
        assert turnstile.lined_up == ready
        turnstile.ended(0, usual_s, well=False)
        assert turnstile.lined_up == ready / 2


async def test_a_crowd_is_twice_as_many_in_line_as_are_let_in() -> None:
    turnstile = Turnstile(1)
    async with turnstile.turn("a"):
        waiting = [asyncio.create_task(enter(turnstile, host)) for host in "ab"]
        assert turnstile.crowded is False
        await asyncio.sleep(0)
        assert turnstile.crowded is True
    await asyncio.wait(waiting)
    assert turnstile.crowded is False


async def enter(turnstile: Turnstile, host: str) -> None:
    async with turnstile.turn(host):
        pass
