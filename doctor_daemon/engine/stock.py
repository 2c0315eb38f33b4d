"""What is seen to beside the incidents, at Cinder and Neutron: a part of the ward."""

from __future__ import annotations

from doctor_daemon.core.host import HostId
from doctor_daemon.core.port_tasks import PortTask
from doctor_daemon.core.reserves import ReserveTask
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.engine.reservations import Reservations, Sends


class Stock:
    """The shared state that is about Cinder, Neutron and hosts in reserve."""

    def __init__(self) -> None:
        """Begin empty: `Engine` fills it from the store."""
        self.orders: tuple[VolumeOrder, ...] = ()
        """Orders of earlier daemons, the oldest first."""
        self.errands = Reservations()
        """What is being seen to, by anybody here: one at a time."""
        self.sends = Sends()
        """What is on its way to Cinder."""
        self.tasks: dict[int, VolumeTask] = {}
        """What is to be seen to at the storage of fenced hosts, by number, and the last ends."""
        self.looked: set[tuple[str, int]] = set()
        """Of which fencings of which incidents it is known what is to be seen to, or which are a
        task to look."""
        self._numbered = 0
        self.trouble = ""
        """Why that cannot be looked up now."""
        self.ports: dict[HostId, PortTask] = {}
        """What is to be seen to about the ports of fenced hosts, or was at last."""
        self.reserves: dict[HostId, ReserveTask] = {}
        """Which hosts in reserve are lent to hosts that failed, or were at last."""

    @property
    def next_number(self) -> int:
        """Return the number of the next task about storage."""
        return max(self._numbered, max(self.tasks, default=0)) + 1

    def number(self) -> int:
        """Give that number out: it is nobody else's, be its task never saved."""
        self._numbered = self.next_number
        return self._numbered
