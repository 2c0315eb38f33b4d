"""What operators can do and ask: switches, maintenance, orders, dead letters, explanations.

Everything that is done here is saved before it is answered, with the person and the reason. What
makes the daemon more careful is in force at once, even while the store cannot be written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from doctor_daemon.core import audit_orders
from doctor_daemon.core.audit import Page
from doctor_daemon.core.context import Armed, Maintenance
from doctor_daemon.core.evacuation import Stuck
from doctor_daemon.core.evidence import OPERATOR, Evidence, Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order, Ordered
from doctor_daemon.core.orders import refusal
from doctor_daemon.engine.case import Case, Closed
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.letter_views import letter
from doctor_daemon.engine.port_views import ports_waiting, reserves_out
from doctor_daemon.engine.probe_views import unfenceable
from doctor_daemon.engine.states import server_states
from doctor_daemon.engine.storage_views import waiting
from doctor_daemon.engine.views import explained, leading, short, standing
from doctor_daemon.engine.ward import concealed, save_switch, switched, tell_switch
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change, Heading, NoticeRow, Wanted
from doctor_daemon.ports.states import StatesWanted

MAINTENANCE_MAX_S = 30 * 24 * 3600.0
NOTICES_MAX = 10_000
"""Dead notices of one consumer that are looked at, the newest."""


class Operators:
    """The operators' view of an engine."""

    def __init__(self, engine: Engine) -> None:
        """Look at a running engine."""
        self._engine = engine
        self._ward = engine.ward

    # switches

    async def arm(self, by: str, why: str) -> None:
        """Let the daemon cut power, from the moment that this is saved.

        Raise Permanent when a disarm came in between: the more careful order stands; Temporary when
        it may have lain unread over a pause.
        """
        self._ward.standpoint.attentive(self._now())
        ward, before = self._ward, self._ward.armed  # from here on a disarm stands
        await ward.leading()  # one that was said to another daemon may wait to be heeded
        armed = Armed(True, by, self._now(), why)  # noqa: FBT003 - a switch
        async with ward.switching:
            if ward.armed is before:
                ward.unsaved = True
                try:
                    await self._commit(switched(armed, ward))
                except (Temporary, asyncio.CancelledError):
                    self._not_armed(before, by)
                    raise
                ward.unsaved = False
            if ward.armed is not before:
                ward.unsaved = True
                msg = f"not armed: {ward.armed.by} has disarmed the daemon meanwhile"
                raise Permanent(msg)
            ward.armed = armed
        tell_switch(self._ward)

    def _not_armed(self, before: Armed, by: str) -> None:
        """Disarm anew where it is not known whether an arming was saved: with a line of its own."""
        if self._ward.armed is before and not before.on:
            why = f"arming by {by} was not saved"
            self._ward.armed = Armed(False, before.by, self._now(), why)  # noqa: FBT003 - a switch

    async def disarm(self, by: str, why: str) -> None:
        """Forbid power cuts: at once, and durably. What cannot be saved now is tried again.

        Who stands by forbids it to whoever leads. Raise Temporary where that cannot be said.
        """
        ward = self._ward
        if self.aside():
            await self._engine.standby.forbid(by, why)
            return
        ward.armed = Armed(False, by, self._now(), why)  # noqa: FBT003 - a switch
        ward.unsaved = True
        tell_switch(self._ward)
        await save_switch(ward)

    def aside(self) -> str:
        """Say why no order is taken here, and who takes it; empty: it is taken."""
        return self._engine.standby.aside(self._engine.desk.aside)

    def step_down(self) -> str:
        """Have another daemon lead, as soon as what is under way has ended; return who may.

        Raise Permanent where nobody could take over at once.
        """
        return self._engine.step_down()

    async def maintain(self, host: HostId, by: str, why: str, seconds: float) -> Maintenance:
        """Keep the daemon's hands off a host for a time."""
        if not 0 < seconds <= MAINTENANCE_MAX_S:
            msg = f"for: expected up to {MAINTENANCE_MAX_S / 3600:g} hours, found {seconds:g} s"
            raise Permanent(msg)
        window = Maintenance(host, by, why, self._now().plus(seconds))
        self._ward.maintenance[host] = window
        async with self._ward.switching:
            line = audit_orders.maintained(window, self._now(), self._ward.term)
            await self._commit(Change(maintenance=window, audit=(concealed(line),)))
        return window

    async def end_maintenance(self, host: HostId, by: str = "") -> bool:
        """End a maintenance; tell whether there was one. One that is set meanwhile stands.

        Raise Temporary where the order may have lain unread over a pause.
        """
        self._ward.standpoint.attentive(self._now())
        window = self._ward.maintenance.get(host)
        if window is None:
            return False
        async with self._ward.switching:
            line = audit_orders.maintenance_ended(host, by, self._now(), self._ward.term)
            await self._commit(Change(maintenance_ended=host, audit=(concealed(line),)))
        if self._ward.maintenance.get(host) is window:
            del self._ward.maintenance[host]
            return True
        return False

    # orders

    async def order(
        self,
        host: HostId,
        order: Order,
        by: str,
        why: str,
        for_s: float = 0.0,
        *,
        accept: tuple[Stuck, ...] = (),
    ) -> Case:
        """Give an order about a host's open incident; `fence` opens one where there is none.

        Raise Permanent, in words, when it cannot be followed; Temporary when it may have lain
        unread over a pause, unless it only makes the daemon more careful.
        """
        if order is not Order.DISMISS:
            self._ward.standpoint.attentive(self._now())
        case = self._engine.desk.cases.get(host)
        if case is None and order is Order.FENCE:
            case = await self._accuse(host, by, why)
        if case is None:
            msg = f"{host} has no open incident"
            raise Permanent(msg)
        now = self._now()
        ordered = Ordered(order, by, why, now, now.plus(for_s) if for_s else None, accept)
        refused = refusal(case.incident, ordered, self._ward.context(host))
        if refused:
            raise Permanent(refused)
        try:
            await self._engine.desk.post(case, ordered)
        except Closed:
            msg = f"the incident of {host} has just ended"
            raise Permanent(msg) from None
        return case

    async def _accuse(self, host: HostId, by: str, why: str) -> Case | None:
        evidence = Evidence(
            host=host,
            verdict=Verdict.DOWN,
            source=f"{OPERATOR}{by}",
            kind="operator",
            trust=Trust.ALONE,
            fingerprint=by,
            key=f"operator|{self._ward.tools.new_id()}",
            received_at=self._now(),
            summary=why,
        )
        await self._engine.desk.submit([evidence])
        return self._engine.desk.cases.get(host)

    # dead letters

    async def replay(self, ids: Sequence[str]) -> dict[str, Any]:
        """Have notices that were given up told again, late; all of these or none.

        Raise Permanent, in words, for the first that cannot be.
        """
        asked = frozenset(ids)
        rows = {row.id: row for row in await self._notices(Wanted(ids=asked), len(asked))}
        for id_ in ids:
            if id_ not in rows:
                msg = f"no notice has the id {id_}"
                raise Permanent(msg)
            if not self._is_to_replay(rows[id_]):
                msg = f"notice {id_} is {rows[id_].state}; only one that is dead can be replayed"
                raise Permanent(msg)
        for consumer in sorted({row.consumer for row in rows.values()}):
            self._check_room(consumer, [r.id for r in rows.values() if r.consumer == consumer])
        return await self._replay(asked, 0)

    async def replay_all(self, consumer: str) -> dict[str, Any]:
        """Have all dead notices of a consumer told again, the oldest first, as far as it goes."""
        room = self._check_room(consumer, ())
        found = [
            row
            for state in ("dead", "pending")
            for row in await self._notices(Wanted(state, consumer), NOTICES_MAX)
            if self._is_to_replay(row)
        ]
        if not found:
            msg = f"no notice to {consumer} is dead"
            raise Permanent(msg)
        oldest = frozenset(row.id for row in found[-room:])
        return await self._replay(oldest, len(found) - len(oldest))

    async def _replay(self, ids: frozenset[str], left: int) -> dict[str, Any]:
        rows = await self._engine.outbox.replay(ids)
        return {"replayed": [letter(row, self._now()) for row in rows], "left": left}

    def _is_to_replay(self, row: NoticeRow) -> bool:
        """Tell whether a notice is dead, or was turned by an order whose answer got lost."""
        lost = row.state == "pending" and row.late and not self._engine.outbox.holds(row)
        return lost or row.state == "dead"

    def _check_room(self, consumer: str, ids: Sequence[str]) -> int:
        room = self._engine.outbox.room(consumer)
        if room is None:
            msg = f"consumer {consumer} is not in the configuration: nothing can be told to it"
            raise Permanent(msg)
        if room < max(len(ids), 1):
            msg = f"{room} more notices to {consumer} may be replayed until others have been told"
            raise Permanent(msg)
        return room

    # questions

    async def notices(self, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
        """Return the newest notices, and how they stand."""
        return [letter(row, self._now()) for row in await self._notices(wanted, limit)]

    async def _notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await self._ward.tools.store.notices(wanted, limit)

    async def audit(self, after: int, limit: int) -> Page:
        """Return lines of the audit after a number, in order, and the ends of its chain."""
        return await self._ward.tools.store.audit(after, limit)

    def status(self) -> dict[str, Any]:
        """Say how the daemon stands."""
        engine = self._engine
        ready = engine.ready.is_set() and not engine.desk.closed
        cases = [case.incident for case in engine.desk.cases.values()] or engine.standby.incidents
        return {
            "ready": ready,
            **standing(self._ward),
            "leadership": leading(self._ward),
            "incidents": [short(i) for i in cases],
            "dead_letters": dict(self._engine.outbox.given_up),
            "storage": waiting(self._ward),
            "ports": ports_waiting(self._ward),
            "reserves": reserves_out(self._ward),
            "unfenceable": unfenceable(self._engine.readiness),
        }

    async def incidents(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        """Return the newest incidents, open and closed."""
        return await self._ward.tools.store.headings(host, limit)

    async def explain(self, host: HostId) -> dict[str, Any]:
        """Say everything about a host: its plan, its gates, its incident, what is due and why."""
        case = self._engine.desk.cases.get(host)
        incident = case.incident if case else await self._last(host)
        return explained(host, incident, self._ward)

    async def server_states(self, wanted: StatesWanted) -> dict[str, Any]:
        """Say how some servers and their hosts stand now, and what open incidents say of them."""
        return await server_states(wanted, self._engine.desk, self._ward)

    async def _last(self, host: HostId) -> Incident | None:
        headings = await self._ward.tools.store.headings(host, 1)
        return await self._ward.tools.store.find(headings[0].id) if headings else None

    def _now(self) -> Instant:
        return self._ward.tools.clock.now()

    async def _commit(self, change: Change) -> None:
        await self._ward.tools.store.commit(change, term=self._ward.term)
