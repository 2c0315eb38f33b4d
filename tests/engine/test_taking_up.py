"""What was saved, as a daemon that begins to lead takes it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.context import Charge
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volumes import End, Finding, Target, VolumeAct, Wish
from doctor_daemon.engine.reservations import hold_of
from doctor_daemon.engine.taking_up import AGAIN_S, TRIES, take_up
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Snapshot
from tests.engine.rig import Rig, SlowDisk
from tests.fakes.clock import HandClock
from tests.simulation.virtual import VirtualClock

FREEZE = Wish(VolumeAct.FREEZE, Target("stor-1@ceph"))


class Still(HandClock, VirtualClock):
    """A clock that stands still until it is moved, so that a test may stand right on a limit."""


class Ledger(SlowDisk):
    """A store that fails so often before it takes what the budget has used."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.tries = 0

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise Temporary("the disk hangs")


class SharedLedger(Ledger):
    """One that several daemons share."""

    leadership = object()


def charge(number: int, rig: Rig) -> Charge:
    return Charge("inc-1", number, "rack-1", rig.clock.now())


def of_before(one: Charge) -> Charge:
    return replace(one, at=replace(one.at, boot_id="the boot before"))


async def test_what_another_boot_had_timed_is_timed_anew_and_saved_and_the_rest_stays() -> None:
    ledger = Ledger()
    still = Still()
    rig = Rig(clock=still, disk=ledger)
    ward = rig.engine().ward
    earlier, before = charge(1, rig), of_before(charge(2, rig))

    still.move(60)
    await take_up(ward, Snapshot(charges=(earlier, before)))
    assert ward.charges() == (earlier, replace(before, at=rig.clock.now()))
    assert ledger.tries == 1


async def test_what_this_boot_had_timed_is_not_saved_again() -> None:
    ledger = Ledger()
    rig = Rig(clock=Still(), disk=ledger)
    ward = rig.engine().ward
    await take_up(ward, Snapshot(charges=(charge(1, rig),)))
    assert ledger.tries == 0


@pytest.mark.parametrize(
    ("store", "stopping", "tries"),
    [(SharedLedger, False, TRIES), (SharedLedger, True, 1), (Ledger, False, 1)],
)
async def test_c5_a_disk_that_hangs_is_tried_a_few_times_where_another_waits_for_this_daemon(
    store: type[Ledger], *, stopping: bool, tries: int
) -> None:
    ledger = store(failures=TRIES)
    rig = Rig(clock=Still(), disk=ledger)
    ward = rig.engine().ward
    ward.stopping = stopping

    began = rig.clock.now()
    with pytest.raises(Temporary, match="the disk hangs"):
        await take_up(ward, Snapshot(charges=(of_before(charge(1, rig)),)))
    assert rig.clock.now().since(began) == pytest.approx(AGAIN_S * (tries - 1))
    assert ledger.tries == tries


async def test_an_order_without_an_end_keeps_its_place_and_one_that_has_ended_does_not() -> None:
    rig = Rig(clock=Still())
    ward = rig.engine().ward
    under_way = VolumeOrder(1, "ann", "CHG-1", rig.clock.now(), FREEZE)
    elsewhere = replace(FREEZE, target=Target("stor-2@ceph"))
    over = VolumeOrder(
        2, "ann", "CHG-2", rig.clock.now(), elsewhere, finding=Finding(End.ACHIEVED, "done")
    )
    await take_up(ward, Snapshot(orders=(under_way, over)))
    assert ward.stock.orders == (under_way, over)
    errands = ward.stock.errands
    blocked = errands.blocker("another", hold_of(under_way))
    assert blocked is not None
    assert blocked.owner == under_way.owner
    assert errands.blocker("another", hold_of(over)) is None
