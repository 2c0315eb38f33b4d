"""What is said in the network of fenced hosts: the options, and the core's own value."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from doctor_daemon.config.section import Name, PluginSection
from doctor_daemon.core.port_tasks import PortPolicy


class Network(PluginSection):
    """The cloud's network, and what is said there of a fenced host. Left out: nothing."""

    type: Name = "neutron"
    """Which adapter."""
    data_plane_status: bool = False
    """Whether the ports that are bound to a host which is proven off and forced down get the
    data_plane_status DOWN. It is taken back once a port is bound elsewhere or the host is back, and
    of no port that was DOWN before. Neutron needs the ML2 extension driver of that name."""
    every_s: Annotated[float, Field(ge=1, le=300)] = PortPolicy().every_s
    """Between two looks at what is to be done, in seconds."""

    def policy(self) -> PortPolicy:
        """Return the core's own value."""
        return PortPolicy(marks=self.data_plane_status, every_s=self.every_s)
