"""How a server stands, as its owner would see it: its own status, and that of the host it is on.

Nova shows the second as `host_status`, where policy lets it. It is the one sign of a host's failure
that an owner can read in Nova, so what it says, and what it does not say, are told apart here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.host import Server
from doctor_daemon.core.incident import Sighting


class HostStatus(StrEnum):
    """What Nova says of the host of a server.

    Nova asks in this order: no host, DOWN, MAINTENANCE, then UP or UNKNOWN. So a host that is dead
    and disabled is in MAINTENANCE and never UNKNOWN; one that is forced down is DOWN, even if it
    lives, and even if it is disabled. OPNFV Doctor's manual has MAINTENANCE go before DOWN.

    Source: Nova API reference, servers, `host_status` (2.16); `get_instance_host_status` in
    nova/compute/api.py. "" is also what Nova says where no nova-compute belongs to the host.
    """

    UP = "UP"
    UNKNOWN = "UNKNOWN"  # enabled, and not heard of for service_down_time (60 s)
    DOWN = "DOWN"  # forced down
    MAINTENANCE = "MAINTENANCE"  # disabled, alive or not
    NONE = ""  # the server is on no host


@dataclass(frozen=True, slots=True)
class ServerState:
    """One server, where it is, and how its host stands. `host` is empty if it is on none."""

    server: Server
    host: str
    host_status: HostStatus | None
    """None: Nova does not show it. That is policy, or a cell that is down; it is not UNKNOWN."""


def status_of(service: Sighting) -> HostStatus:
    """Return what Nova shows of a host with this service, in Nova's own order.

    By this a host can be told of that has no server: `host_status` is only shown with one.
    """
    if service.forced_down:
        return HostStatus.DOWN
    if service.status == "disabled":
        return HostStatus.MAINTENANCE
    return HostStatus.UP if service.state == "up" else HostStatus.UNKNOWN
