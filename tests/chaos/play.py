"""One round, from its plan to its judgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from doctor_daemon.cli.client import Unanswered
from tests.chaos.audit import contradictions
from tests.chaos.configuration import Json
from tests.chaos.estate import LOOK_S, Estate, LateError
from tests.chaos.judgement import Facts, agreed, confirmed, explained, judged
from tests.chaos.plan import CONTROLLERS, Fault, Plan
from tests.chaos.tally import Outcome
from tests.chaos.trouble import suffered
from tests.chaos.world import Truth

ORDERS_MAX = 3
"""So often a human frees one incident."""
AGAIN_S = 3.0
"""How often the monitor repeats itself."""
SAID_S = 3.0
"""After an order: until what comes of it is seen everywhere."""
FENCE = {"order": "fence", "why": "a test"}


class Round:
    """One round of one estate. `bound_s`: from the end of all faults until everything is right."""

    def __init__(self, place: Estate, plan: Plan, bound_s: float) -> None:
        self._place, self._plan, self._bound_s = place, plan, bound_s
        self._victims = [(k, death.at_s) for k, death in plan.victims(place.world.living)]
        self._opened: set[str] = set()
        self._holds: list[str] = []

    async def play(self) -> Outcome:
        """Play it, and judge it. Raise LateError when it cannot begin."""
        place, began_s = self._place, time.monotonic()
        place.world.felt.clear()
        leads = await place.leader(self._bound_s)
        ranks = [leads, *(k for k in range(CONTROLLERS) if k != leads)]
        async with asyncio.TaskGroup() as accusers:
            dying = [accusers.create_task(self._death(*one)) for one in self._victims]
            async with asyncio.TaskGroup() as troubles:
                for trouble in self._plan.troubles:
                    troubles.create_task(suffered(place, trouble, ranks))
            place.heal()
            wrong = await self._settled()
            for task in dying:
                task.cancel()
        truth = await place.world.truth()
        wrong += [*judged(self._facts(truth)), *truth.wrong, *await self._audited(truth)]
        lasted_s = time.monotonic() - began_s
        return Outcome(self._plan, lasted_s, self._holds, wrong, tuple(place.world.felt))

    async def _death(self, host: str, at_s: float) -> None:
        """Let a host die, and have the monitor say so again and again, as Alertmanager does."""
        await asyncio.sleep(at_s)
        await self._place.world.die(host)
        began_s = time.time()
        while True:
            await self._place.accuse(host, began_s)
            await asyncio.sleep(AGAIN_S)

    async def _settled(self) -> list[str]:
        """Wait until everything is as it should be; say what is not within the bound."""
        until_s = time.monotonic() + self._bound_s
        try:
            await self._place.leader(self._bound_s)
            for host, _ in self._victims:
                await self._ended(host, until_s)
            while not {host for host, _ in self._victims} <= self._heard:
                if time.monotonic() > until_s:
                    break  # the judgement names them
                await asyncio.sleep(LOOK_S)
        except LateError as error:
            return [str(error)]
        return []

    async def _audited(self, truth: Truth) -> list[str]:
        """Say what the audit lacks. Each round another daemon is asked: all have the same one."""
        try:
            records = await self._place.audit(self._plan.seed % CONTROLLERS)
        except (Unanswered, ValueError) as error:
            return [f"the audit: {error}"]
        return [*contradictions(records, truth.entries)]

    @property
    def _heard(self) -> set[str]:
        return confirmed(self._place.world.receipts())

    async def _ended(self, host: str, until_s: float) -> None:
        """Wait until all daemons call a host down. Raise LateError when it does not come to that.

        An incident that is held by a fault has a human order it on.
        """
        orders = 0
        found: Sequence[Json | None] = ()
        while time.monotonic() < until_s:
            found = [await self._incident(number, host) for number in range(CONTROLLERS)]
            if any(found):
                self._opened.add(host)
            phase = agreed(found)
            if phase == "down" or (phase == "held" and await self._stranded(host)):
                return
            if phase == "held" and found[0] is not None:
                orders += 1
                await self._free(host, found[0]["held"], orders)
            await asyncio.sleep(LOOK_S)
        stand = "; ".join(f"{one['phase']}, {one['held']}" if one else "none" for one in found)
        raise LateError(f"{host} is not down within {self._bound_s:g} s of all faults: {stand}")

    async def _incident(self, number: int, host: str) -> Json | None:
        try:
            return await self._place.incident(number, host)
        except Unanswered:
            return None

    async def _free(self, host: str, held: Json, orders: int) -> None:
        """Order it on, as a human would. Raise LateError where no fault explains the hold."""
        text = f"{host} by {held['gate']}: {held['why']}"
        if orders > ORDERS_MAX or not explained(held["gate"], self._plan):
            raise LateError(f"held, and the round's faults do not explain it: {text}")
        self._holds.append(text)
        await self._order(host)

    async def _order(self, host: str) -> None:
        """Order a host fenced, of whoever leads."""
        for number in range(CONTROLLERS):
            try:
                await self._place.ask(number, "POST", f"/v1/hosts/{host}/orders", FENCE)
                break
            except Unanswered:
                continue  # it stands by
        await asyncio.sleep(SAID_S)

    async def _stranded(self, host: str) -> bool:
        """Tell whether all servers left were on their way to a host that died in this round, too.

        Nova never ends such an evacuation, so it is a human's.
        """
        world = self._place.world
        victims = [victim for victim, _ in self._victims]
        endless = await world.endless(host, victims) if len(victims) > 1 else set()
        if not endless:
            return False
        world.stranded |= endless
        self._holds.append(f"{host}: its servers were on their way to a host that died, too")
        return True

    def _facts(self, truth: Truth) -> Facts:
        place = self._place
        members, full = place.ended_members(), Fault.DISK in self._plan.faults
        return Facts(
            entries=truth.entries,
            died=place.world.dead,
            round_died=[host for host, _ in self._victims],
            accepted=place.accepted,
            opened=self._opened,
            down=truth.down,
            places=truth.places,
            receipts=place.world.receipts(),
            ends=[*place.ended_daemons(), *(() if full else members)],
            log="".join(one.log.read_text(errors="replace") for one in place.daemons),
        )
