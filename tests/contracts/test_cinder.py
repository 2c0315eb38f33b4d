"""Operators' orders on the lab's Cinder 29, and on one of before 28."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from doctor_daemon.core.volumes import End, Target, VolumeAct, Wish
from doctor_daemon.lab.cloud import Lab, LabOptions
from tests.api.volumes import QUICK
from tests.contracts.cinder_orders import MINE, CinderOrders, LongCinderOrders, Orders
from tests.controllers.rigs import FastClock, cinder
from tests.lab.caller import caller
from tests.lab.cinder_target import ALPHA
from tests.lab.test_cinder import CINDER, TIMING, LabCinder

LAB = LabOptions(hosts=1, servers_per_host=0, timing=TIMING, cinder=CINDER)
CLUSTER = Target(cluster="gamma")


class TestLabCinder(CinderOrders, LongCinderOrders):
    @pytest.fixture
    async def orders(self) -> AsyncIterator[Orders]:
        clock = FastClock()
        async with Lab(LAB) as lab, cinder(lab, clock) as adapter, caller() as asks:
            yield Orders(LabCinder(lab, asks), adapter, clock, QUICK)


@pytest.fixture(params=[27, 29])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Orders]:
    """Give a Cinder with a cluster, of before 28 and of after."""
    options = replace(LAB, cinder=replace(CINDER, release=request.param, clustered=True))
    clock = FastClock()
    async with Lab(options) as lab, cinder(lab, clock) as adapter, caller() as asks:
        yield Orders(LabCinder(lab, asks), adapter, clock, QUICK)


async def test_a_cluster_is_frozen_thawed_and_failed_over_by_the_call_that_there_is(
    either: Orders,
) -> None:
    for wish in (
        Wish(VolumeAct.FREEZE, CLUSTER),
        Wish(VolumeAct.THAW, CLUSTER),
        Wish(VolumeAct.FAILOVER, CLUSTER, to="spare"),
        Wish(VolumeAct.FAILOVER, CLUSTER, to="default"),
    ):
        found = await either.errand.done(wish)
        assert (found.end, found.text.startswith("cluster gamma is ")) == (End.ACHIEVED, True)


async def test_an_unknown_cluster_is_named(either: Orders) -> None:
    found = await either.errand.done(Wish(VolumeAct.FREEZE, Target(cluster="delta")))
    assert found.text == "Cinder lists no cluster delta, by exactly this name"


@pytest.mark.parametrize("either", [27], indirect=True)
async def test_before_28_plain_disable_and_enable_are_achieved(either: Orders) -> None:
    assert (await either.disable("")).end is End.ACHIEVED
    assert (await either.row()).disabled
    assert (await either.give(VolumeAct.ENABLE)).end is End.ACHIEVED


async def test_a_driver_that_fails_at_a_failover_or_a_thaw_is_told(either: Orders) -> None:
    assert isinstance(either.target, LabCinder)
    row = either.target.lab.cinder.volumes.row(ALPHA)
    row.thaw_error = row.failover_error = True
    await either.give(VolumeAct.FREEZE)
    found = await either.give(VolumeAct.THAW)
    assert found.end is End.ACHIEVED
    assert "Backend reported error during thaw_host operation." in found.text
    assert found.advice == f"{ALPHA} is disabled: frozen"
    found = await either.give(VolumeAct.FAILOVER, to="spare")
    assert (found.end, found.advice) == (
        End.NOT_ACHIEVED,
        "the driver failed: see the log of cinder-volume",
    )
    found = await either.give(VolumeAct.FAILOVER, to="spare")
    assert (found.end, "failover-error: it cannot be" in found.text) == (End.REFUSED, True)


async def test_gates_are_asked_again_just_before_the_request(either: Orders) -> None:
    shut = replace(either.errand, shut=lambda _: "the daemon is disarmed by bob: stop")
    found = await shut.done(Wish(VolumeAct.DISABLE, Target(ALPHA), reason=MINE))
    assert (
        found.end,
        found.text.endswith("is as it was: the daemon is disarmed by bob: stop"),
    ) == (
        End.REFUSED,
        True,
    )
    assert not (await either.row()).disabled


async def test_a_permit_that_has_lapsed_sends_nothing(either: Orders) -> None:
    late = replace(either.errand, permit=lambda: either.clock.permit(-0.1))
    found = await late.done(Wish(VolumeAct.FREEZE, Target(ALPHA)))
    assert (found.end, "the permit has lapsed" in found.text) == (End.REFUSED, True)
    assert not (await either.row()).frozen


async def test_a_host_of_a_cluster_is_not_frozen_with_the_whole_of_it(either: Orders) -> None:
    for act in (VolumeAct.FREEZE, VolumeAct.THAW, VolumeAct.FAILOVER):
        found = await either.give(act, "stor-1@gamma", to="spare")
        assert (found.end, "is of cluster gamma, all of which" in found.text) == (
            End.REFUSED,
            True,
        )
    assert (await either.give(VolumeAct.DISABLE, "stor-1@gamma", reason=MINE)).end is End.ACHIEVED
    assert not (await either.row("stor-2@gamma")).disabled
