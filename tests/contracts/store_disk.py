"""The disk that a suite for stores works on, and a change in which everything stands."""

from __future__ import annotations

from typing import Protocol

from doctor_daemon.core.audit import Part
from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.masses import Passage
from doctor_daemon.ports import Change, Store
from tests.stores.values import (
    at,
    audit_line,
    evidence,
    host,
    mass_state,
    notice,
    port_task,
    reserve_task,
    rich,
    volume_order,
    volume_task,
)

OTHER_BOOT = "another-boot"
KEEP_DAYS = 30


class Disk(Protocol):
    """What outlives a daemon. Stores are to be made with `keep_days=KEEP_DAYS`."""

    async def store(self) -> tuple[Store, int]:
        """Open a store on this disk, as a daemon that starts does; return it and its term."""
        ...


def first(name: str) -> Change:
    """Return a change in which everything that a change can hold stands."""
    made = rich()
    return Change(
        head=made,
        entries=made.timeline,
        servers=tuple(made.servers.values()),
        evacuations=tuple(made.evacuations.values()),
        charges=(Charge("one", 1, name, at(6)),),
        notices=(notice(1), notice(2)),
        evidence=(evidence("k1"),),
        armed=Armed(on=True, by=name, at=at(0), why="tested"),
        maintenance=Maintenance(host("cmp-9"), name, "new board", at(60)),
        orders=(volume_order(1),),
        tasks=(volume_task(1),),
        port_tasks=(port_task("cmp-1"),),
        reserves=(reserve_task("cmp-1"),),
        masses=mass_state(),
        passages=(Passage(host("cmp-1"), "p-1", 2),),
        audit=(audit_line(1), audit_line(1, part=Part.RESULT)),
    )
