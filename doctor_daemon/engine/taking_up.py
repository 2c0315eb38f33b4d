"""What was saved, taken up by a daemon that begins to lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from doctor_daemon.core.context import Charge
from doctor_daemon.engine.reservations import hold_of
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Snapshot

AGAIN_S, TRIES = 1.0, 3
"""With the limit of each write that is less than systemd's watchdog waits."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def take_up(ward: Ward, snapshot: Snapshot) -> None:
    """Fill a ward. What another boot had timed is timed anew, and counts from now on."""
    now = ward.tools.clock.now()
    ward.armed, ward.lookout.began = snapshot.armed, now
    ward.maintenance = {one.host: one.timed_anew(now) for one in snapshot.maintenance}
    charges = tuple(
        charge if charge.at.boot_id == now.boot_id else replace(charge, at=now)
        for charge in snapshot.charges
    )
    if charges != tuple(snapshot.charges):
        await _replace(charges, ward)
    ward.seed(charges)
    ward.sequences.update(snapshot.sequences)
    ward.stock.orders = tuple(snapshot.orders)
    for order in snapshot.orders:
        if order.finding is None:  # Cinder may be at it yet: nobody else begins there
            ward.stock.errands.take(order.owner, hold_of(order))
    for host, wall_s in snapshot.returns:
        ward.lookout.remember(host, wall_s, now)


async def _replace(charges: Sequence[Charge], ward: Ward) -> None:
    """Save what was timed anew, in a few tries. Raise Conflict when another leads, or Temporary."""
    tries = 0
    while True:
        try:
            return await ward.tools.store.replace_charges(charges, term=ward.term)
        except Temporary as error:
            tries += 1
            if ward.leadership is None or ward.stopping or tries == TRIES:
                raise
            log.warning("what the budget has used is not saved yet", error=str(error))
        await ward.tools.clock.sleep_until(ward.tools.clock.now().plus(AGAIN_S))
