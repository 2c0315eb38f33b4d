"""What becomes of operators' orders about Cinder, on whatever Cinder they are carried out.

Run on the lab's and on a real one. The traps are those of a Cinder 29: the fixture `orders` has to
give. The backends are left as they were found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from doctor_daemon.controllers.cinder import Cinder
from doctor_daemon.core.log_levels import LevelWish, LogScope
from doctor_daemon.core.volumes import End, Finding, Target, VolumeAct, VolumeService, Wish
from doctor_daemon.engine.errand import Errand, Patience
from tests.controllers.rigs import FastClock
from tests.lab.cinder_target import ALPHA, BETA, VOLUME, CinderTarget, restored

LOGGER = "cinder.volume.manager"
MINE = "doctor-daemon: ann: a test"
THEIRS = "rack move"


async def led() -> None:
    """Nobody else leads."""


@dataclass(frozen=True, slots=True)
class Orders:
    """A Cinder, and the daemon's own way to it."""

    target: CinderTarget
    adapter: Cinder
    clock: FastClock
    patience: Patience = field(default_factory=Patience)

    @property
    def errand(self) -> Errand:
        return Errand(self.adapter, lambda _: "", self.clock.permit, led, self.patience)

    async def give(
        self,
        act: VolumeAct,
        host: str = ALPHA,
        *,
        to: str = "",
        reason: str = "",
        enable: bool = False,
    ) -> Finding:
        return await self.errand.done(Wish(act, Target(host), to, reason, enable))

    async def disable(self, reason: str = MINE) -> Finding:
        return await self.give(VolumeAct.DISABLE, reason=reason)

    async def row(self, host: str = ALPHA) -> VolumeService:
        (found,) = Target(host).of(await self.adapter.services(host))
        return found

    @asynccontextmanager
    async def foreign(self) -> AsyncIterator[None]:
        """Have somebody else disable the backend."""
        async with restored(self.target, ALPHA):
            await self.adapter.disable(Target(ALPHA), THEIRS, self.clock.permit())
            yield


class CinderOrders:
    async def test_services_are_listed(self, orders: Orders) -> None:
        rows = {row.host: row for row in await orders.adapter.services(binary=VOLUME)}
        assert {ALPHA, BETA} <= rows.keys()
        assert (rows[ALPHA].state, rows[ALPHA].status, rows[ALPHA].frozen) == (
            "up",
            "enabled",
            False,
        )
        assert (rows[ALPHA].replication, rows[BETA].replication) == ("enabled", "disabled")

    async def test_a_disabling_is_read_back(self, orders: Orders) -> None:
        async with restored(orders.target, ALPHA):
            found = await orders.disable()
            assert (found.end, found.text) == (
                End.ACHIEVED,
                f"{VOLUME} of {ALPHA} is disabled; Cinder answered 200",
            )
            assert (await orders.row()).reason == MINE

    async def test_what_somebody_has_disabled_stays_as_it_is(self, orders: Orders) -> None:
        async with orders.foreign():
            found = await orders.disable()
            assert found.end is End.ACHIEVED
            assert found.text.endswith(f"is disabled already: {THEIRS}; nothing was sent")
            assert (await orders.row()).reason == THEIRS

    async def test_trap_23_a_plain_disable_that_did_nothing_is_not_achieved(
        self, orders: Orders
    ) -> None:
        async with restored(orders.target, ALPHA):
            found = await orders.disable("")
            assert (found.end, found.text) == (
                End.NOT_ACHIEVED,
                f"{VOLUME} of {ALPHA} is enabled, although Cinder answered 200",
            )
            assert "leave --without-reason out" in found.advice

    async def test_trap_23_an_enable_that_did_nothing_says_what_helps_and_that_helps(
        self, orders: Orders
    ) -> None:
        async with orders.foreign():
            found = await orders.give(VolumeAct.ENABLE)
            assert found.end is End.NOT_ACHIEVED
            assert found.text.endswith("is disabled, although Cinder answered 200")
            assert "`doctor-daemon cinder freeze` and then `thaw --and-enable`" in found.advice
            assert (await orders.give(VolumeAct.FREEZE)).end is End.ACHIEVED
            assert (await orders.give(VolumeAct.THAW, enable=True)).end is End.ACHIEVED
            assert (await orders.row()).status == "enabled"

    async def test_trap_24_freeze_and_thaw_may_be_repeated(self, orders: Orders) -> None:
        async with restored(orders.target, ALPHA):
            for act, done in ((VolumeAct.FREEZE, "frozen"), (VolumeAct.THAW, "not frozen")):
                found = await orders.give(act)
                assert (found.end, f"is {done}; Cinder answered 200" in found.text) == (
                    End.ACHIEVED,
                    True,
                )
                again = await orders.give(act)
                assert again.end is End.ACHIEVED
                assert again.text.endswith(f"is {done} already; nothing was sent")
            assert (await orders.row()).status == "enabled"

    async def test_trap_24_a_freeze_keeps_and_a_thaw_gives_back_a_foreign_disabling(
        self, orders: Orders
    ) -> None:
        async with orders.foreign():
            for act, frozen in ((VolumeAct.FREEZE, True), (VolumeAct.THAW, False)):
                found = await orders.give(act)
                assert found.end is End.ACHIEVED
                assert f"{ALPHA} had been disabled ({THEIRS}), and is so again" in found.text
                row = await orders.row()
                assert (row.frozen, row.status, row.reason) == (frozen, "disabled", THEIRS)

    async def test_what_is_frozen_is_not_enabled_but_thawed(self, orders: Orders) -> None:
        async with restored(orders.target, ALPHA):
            await orders.give(VolumeAct.FREEZE)
            found = await orders.give(VolumeAct.ENABLE)
            assert (found.end, "`doctor-daemon cinder thaw`" in found.text) == (End.REFUSED, True)

    async def test_trap_24_a_failover_is_followed_and_leaves_the_service_disabled(
        self, orders: Orders
    ) -> None:
        async with restored(orders.target, ALPHA):
            found = await orders.give(VolumeAct.FAILOVER, to="spare")
            assert (found.end, found.text) == (
                End.ACHIEVED,
                f"{VOLUME} of {ALPHA} is failed over to spare; Cinder answered 202",
            )
            assert "the service is disabled, as Cinder leaves it on purpose" in found.advice
            row = await orders.row()
            assert (row.replication, row.backend, row.reason) == (
                "failed-over",
                "spare",
                "failed-over",
            )
            again = await orders.give(VolumeAct.FAILOVER, to="spare")
            assert again.text.endswith("already; nothing was sent")
            back = await orders.give(VolumeAct.FAILOVER, to="default")
            assert back.end is End.ACHIEVED
            assert (await orders.row()).status == "enabled"

    async def test_trap_24_a_failover_to_nowhere_is_not_achieved(self, orders: Orders) -> None:
        async with restored(orders.target, ALPHA):
            found = await orders.give(VolumeAct.FAILOVER, to="bogus")
            assert (found.end, found.text) == (
                End.NOT_ACHIEVED,
                (
                    f"{VOLUME} of {ALPHA} has replication enabled, backend default, although "
                    "Cinder answered 202"
                ),
            )
            assert "is there a replication_device with this backend_id?" in found.advice

    async def test_a_failover_of_what_is_not_replicated_is_not_asked_for(
        self, orders: Orders
    ) -> None:
        found = await orders.give(VolumeAct.FAILOVER, BETA, to="spare")
        assert (found.end, found.text) == (
            End.REFUSED,
            f"replication of {VOLUME} of {BETA} is disabled: it cannot be failed over",
        )

    async def test_a_service_that_is_not_there_is_named(self, orders: Orders) -> None:
        for act in VolumeAct:
            found = await orders.give(act, "control@alph", to="spare")
            assert found.end is End.REFUSED
            assert found.text == f"Cinder lists no {VOLUME} of control@alph, by exactly this name"

    async def test_log_levels_are_set_and_read_back(self, orders: Orders) -> None:
        scope = LogScope(VOLUME, ALPHA, LOGGER)
        for level in ("DEBUG", "INFO"):
            found = await orders.errand.done(LevelWish(scope, level))
            assert found.end is End.ACHIEVED, found
            (read,) = await orders.adapter.log_levels(scope)
            assert (read.host, read.binary, read.levels) == (ALPHA, VOLUME, {LOGGER: level})

    async def test_a_log_level_of_loggers_that_are_not_there_is_not_achieved(
        self, orders: Orders
    ) -> None:
        wish = LevelWish(LogScope(VOLUME, ALPHA, "no.such.logger"), "DEBUG")
        found = await orders.errand.done(wish)
        assert (found.end, "no service that is up has a logger" in found.text) == (
            End.NOT_ACHIEVED,
            True,
        )


class LongCinderOrders:
    """What takes a minute: the order is given about a service that has died."""

    async def test_a_freeze_of_a_dead_service_is_achieved_although_cinder_answers_500(
        self, orders: Orders
    ) -> None:
        async with restored(orders.target, ALPHA):
            await orders.target.kill_volume()
            await asyncio.sleep(orders.target.service_down_s)
            found = await orders.give(VolumeAct.FAILOVER, to="spare")
            assert found.end is End.REFUSED
            assert "is down, and it is cinder-volume that fails over" in found.text
            found = await orders.give(VolumeAct.FREEZE)
            assert found.end is End.ACHIEVED
            assert "is frozen, although Cinder answered 500" in found.text
            assert found.advice == (
                "its cinder-volume has not heard of it: it is frozen, and not disabled"
            )
            found = await orders.give(VolumeAct.THAW)
            assert (found.end, "is not frozen, although" in found.text) == (End.ACHIEVED, True)
