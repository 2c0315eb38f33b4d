"""What a store holds, taken out whole and put into another one of whatever kind.

Records come in one order, whatever store they are of: each incident, in the order of their opening,
and behind it what was told of it; then what was told without an incident; the last numbers that
consumers were given; all that is small; and the lines of the audit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, cast

from doctor_daemon.core.audit import Link, Row
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports.consumer import NoticeRow
from doctor_daemon.ports.store import Change

NOT_WHOLE = "what was put into it is not whole: give `doctor-daemon store import` once more"
"""What a store says that is being filled, or was not filled to the end."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is known of all records before the first one."""

    made_wall_s: float
    term: int
    """The newest one that was claimed: whoever leads next has a higher one."""
    moment: Instant | None
    """The last one that was written: ages count from it."""
    incidents: int
    closed: int
    """How many of these are over."""
    notices: int
    anchor: Link
    """The last line of the audit that was dropped."""
    last: Link
    """The last line of the audit."""


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, and its place among all in the order of their making, from 1 on."""

    place: int
    notice: NoticeRow


@dataclass(frozen=True, slots=True)
class LastNumber:
    """The last number that a consumer was given about a host."""

    consumer: str
    host: HostId
    number: int


Record = Incident | Told | LastNumber | Change | Row
"""An incident is whole; a change has one row, of one of its fields, and no head."""


class Moving(Protocol):
    """A store that no daemon has open, and none can open meanwhile.

    Raise Conflict where one has it open, Permanent where it cannot be used, Temporary where it
    cannot be used now.
    """

    def given(self) -> AbstractAsyncContextManager[tuple[Inventory, AsyncIterator[Record]]]:
        """Have all that is in it, as it is at one moment. Nothing of it is changed."""
        ...

    async def fill(self, inventory: Inventory, records: AsyncIterator[Record]) -> None:
        """Put records into a store that holds nothing, or what such a call left that was cut off.

        From before the first record no daemon can open it, until the last is durable. What
        `records` raises leaves it so.
        """
        ...


def moving_of(plugin: object, config: object) -> Moving | None:
    """Return what moves the state of a kind of store that is so configured; None: nothing does."""
    made = getattr(plugin, "Moving", None)
    return cast("Moving", made(config)) if made is not None else None
