"""What records of a whole state have to be, taken together."""

from __future__ import annotations

from doctor_daemon.core.audit import Row
from doctor_daemon.core.incident import Incident
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.ports.moving import Inventory, Record, Told
from doctor_daemon.stores.moved_rows import check_row


class Tally:
    """Counts records, and holds them against what was announced."""

    def __init__(self, inventory: Inventory) -> None:
        """Begin before the first one."""
        self._inventory = inventory
        self._incidents = self._closed = self._notices = 0
        self._line = inventory.anchor.number

    def take(self, record: Record) -> None:
        """Take the next one. Raise Permanent for a line of the audit that cannot come next.

        And for a change that is no single row.
        """
        match record:
            case Incident():
                self._incidents += 1
                self._closed += record.phase.final
            case Told():
                self._notices += 1
            case Change():
                check_row(record)
            case Row(number=number):
                if not self._line < number <= self._inventory.last.number:
                    raise Permanent(f"line {number} of the audit cannot come after {self._line}")
                self._line = number
            case _:
                pass

    def end(self) -> None:
        """Raise Permanent unless there were as many as was announced."""
        found = (self._incidents, self._closed, self._notices)
        expected = (self._inventory.incidents, self._inventory.closed, self._inventory.notices)
        if found != expected:
            raise Permanent(
                f"it has {found[0]} incidents, {found[1]} of them over, and {found[2]} notices;"
                f" expected {expected[0]}, {expected[1]} and {expected[2]}"
            )
