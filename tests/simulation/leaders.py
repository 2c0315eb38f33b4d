"""The judge of who acts: whatever changes the world is sent by the daemon that leads just then.

The store's own book says who that is, whatever any daemon believes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from doctor_daemon.engine.right import PERMIT_S
from doctor_daemon.ports import Permit
from tests.simulation.keeper import CONFIRM_S, CONFIRMED, Keeper
from tests.simulation.lines import MOMENT_S
from tests.simulation.processes import INSIDE

if TYPE_CHECKING:
    from tests.simulation.oracle import Oracle

ROUNDING_S = 1e-3


def deposed(oracle: Oracle, what: str, permit: Permit, asked_s: float) -> Iterator[str]:
    """Yield what is wrong with who sends something that changes the world.

    `asked_s`: so long ago its gates were asked.
    """
    lease, process = oracle.lease, INSIDE.get()
    if lease is None or process is None:
        return
    now, clock, confirmed_at = oracle.world.now(), process.clock, CONFIRMED.get()
    confirmed_s = now - confirmed_at
    if confirmed_s > asked_s + CONFIRM_S + ROUNDING_S:
        yield f"I-5: {what}, {confirmed_s:.1f} s after the store said who leads"
    holder = lease.holder if now < lease.ends_s else None
    mine = isinstance(holder, Keeper) and holder.line.process is process
    if mine and permit.term == lease.term:
        return
    lost = isinstance(lease.lost_by, Keeper) and lease.lost_by.line.process is process
    if lost and confirmed_at <= lease.lost_s and now - lease.lost_s <= PERMIT_S + MOMENT_S[1]:
        oracle.world.swarm.note("sent-as-lease-was-lost")  # a lease revoked too soon: ADR 23
        return
    who = holder.name if holder is not None else "nobody"
    yield f"I-5: {what} by {clock.boot}, and {who} leads"
