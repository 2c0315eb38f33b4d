"""The right to change the world: who has it, for how long, and what is said to who has none."""

from __future__ import annotations

import math
from typing import cast

import pytest

from doctor_daemon.engine.right import CONFIRM_EVERY_S, PERMIT_S, UNSEEN, Right
from doctor_daemon.errors import LateError
from doctor_daemon.ports import Permit, Store
from doctor_daemon.ports.leading import Role, Standing
from doctor_daemon.ports.soundness import Soundness
from tests.fakes.clock import HandClock


class Seat:
    """What `Right` asks of a store that several daemons share, set by hand."""

    def __init__(self, clock: HandClock) -> None:
        self.leadership = self
        self.soundness: Soundness | None = None
        self.role = Role.LEADING
        self.text = ""
        self.ends_at = clock.now().plus(60.0)
        self.refusals: list[str] = []
        """What the next questions are answered with, one after the other."""
        self.asked = 0
        self._clock = clock

    def standing(self) -> Standing:
        return Standing(self.role, "a", text=self.text)

    def left_s(self) -> float:
        return self.ends_at.since(self._clock.now())

    async def confirm(self) -> None:
        self.asked += 1
        if self.refusals:
            raise LateError(self.refusals.pop(0))


class Alone:
    """A store that belongs to one daemon, and whether what it holds is sound."""

    def __init__(self, *, sound: bool) -> None:
        self.soundness = self
        self.sound = sound


class Bench:
    """A right, and the seat that it rests on."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.seat = Seat(self.clock)
        self.right = Right(cast("Store", self.seat), self.clock)
        self.right.term = 7
        self.told = 0

    def waits(self) -> None:
        self.told += 1


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("after_s", "good"), [(0.0, True), (PERMIT_S, True), (PERMIT_S + 0.001, False)]
)
def test_i13_a_permit_is_good_up_to_its_last_moment_and_no_longer(
    bench: Bench, after_s: float, *, good: bool
) -> None:
    permit = bench.right.permit()
    bench.clock.move(after_s)
    try:
        permit.check(bench.clock.now())
    except LateError:
        assert not good
    else:
        assert good


def test_i13_a_permit_of_another_boot_is_none(bench: Bench) -> None:
    permit = bench.right.permit()
    bench.clock.reboot()
    with pytest.raises(LateError, match="lapsed"):
        permit.check(bench.clock.now())


@pytest.mark.parametrize(("left_s", "lasts_s"), [(60.0, PERMIT_S), (0.25, 0.25)])
def test_i5_a_permit_lasts_no_longer_than_the_lease(
    bench: Bench, left_s: float, lasts_s: float
) -> None:
    bench.seat.ends_at = bench.clock.now().plus(left_s)
    assert bench.right.permit() == Permit(7, bench.clock.now().plus(lasts_s))


@pytest.mark.parametrize("left_s", [0.0, -1.0, -math.inf])
@pytest.mark.parametrize(
    ("text", "said"),
    [("", "it is not known whether this daemon leads"), ("etcd is away", "etcd is away")],
)
def test_i5_who_may_not_know_that_it_leads_gets_no_permit_and_hears_why(
    bench: Bench, left_s: float, text: str, said: str
) -> None:
    bench.seat.ends_at, bench.seat.text = bench.clock.now().plus(left_s), text
    with pytest.raises(LateError, match=f"nothing was sent: {said}"):
        bench.right.permit()


async def test_i5_what_is_left_when_it_was_confirmed_is_weighed_after_the_answer(
    bench: Bench,
) -> None:
    await bench.right.leading()
    bench.seat.ends_at = bench.clock.now()
    with pytest.raises(LateError, match="nearly over"):
        await bench.right.leading()
    assert bench.seat.asked == 2


async def test_who_is_alone_leads() -> None:
    clock = HandClock()
    right = Right(cast("Store", Alone(sound=True)), clock)
    await right.led()
    await right.confirmed()
    assert right.permit() == Permit(0, clock.now().plus(PERMIT_S))


async def test_what_is_not_known_to_be_sound_gives_no_right() -> None:
    store = Alone(sound=False)
    right = Right(cast("Store", store), HandClock())
    assert not right.sound
    with pytest.raises(LateError, match=UNSEEN):
        right.permit()
    with pytest.raises(LateError, match=UNSEEN):
        await right.confirm()
    store.sound = True
    assert right.sound
    await right.confirm()


async def test_i5_whoever_leads_no_more_gives_up_and_the_reason_is_told_on(bench: Bench) -> None:
    bench.seat.role, bench.seat.refusals = Role.OVER, ["another has led", "asked again"]
    with pytest.raises(LateError, match="another has led"):
        await bench.right.confirmed(bench.waits)
    assert (bench.told, bench.seat.asked) == (0, 1)


async def test_while_nobody_can_say_it_waits_and_tells_so_once(bench: Bench) -> None:
    bench.seat.role, bench.seat.refusals = Role.UNSURE, ["away"] * 3
    began = bench.clock.now()
    await bench.right.confirmed(bench.waits)
    assert (bench.told, bench.seat.asked) == (1, 4)
    assert bench.clock.now().since(began) == 3 * CONFIRM_EVERY_S


async def test_a_daemon_that_is_to_stop_waits_no_more(bench: Bench) -> None:
    bench.seat.refusals, bench.right.stopping = ["away", "asked again"], True
    with pytest.raises(LateError, match="the daemon is stopping"):
        await bench.right.confirmed(bench.waits)
    assert (bench.told, bench.seat.asked) == (0, 1)


async def test_who_leads_for_certain_does_not_wait(bench: Bench) -> None:
    began = bench.clock.now()
    bench.seat.ends_at = began.plus(0.25)
    await bench.right.led()
    assert bench.clock.now() == began
