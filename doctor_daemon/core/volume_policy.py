"""What the configuration says of the storage of fenced hosts: what the daemon may do by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from doctor_daemon.core.volumes import VolumeAct, VolumeService


@dataclass(frozen=True, slots=True)
class VolumePolicy:
    """What the configuration says of the storage of fenced hosts."""

    acts: bool = False
    enable: bool = True
    """Whether what was disabled by us is enabled once it is up again."""
    by_thaw: bool = False
    """Whether it may be frozen and thawed for that, where Cinder does nothing at `enable`."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """HOST@BACKEND -> the host that it runs on, where its own name does not tell."""
    failovers: Mapping[str, str] = field(default_factory=dict)
    """HOST@BACKEND, or a cluster -> the backend_id that a human is to fail over to."""
    every_s: float = 10.0

    def host_of(self, row: VolumeService) -> str:
        """Return the name of the host that a service runs on."""
        return self.hosts.get(row.host) or row.host.partition("@")[0]

    def failover_of(self, row: VolumeService) -> str:
        """Return where a service is to be failed over to; empty: nowhere."""
        if not self.acts:
            return ""
        return self.failovers.get(row.host) or self.failovers.get(row.cluster, "")

    def allows(self, act: VolumeAct) -> bool:
        """Tell whether the daemon may do this by itself. A freeze of its own is always ended."""
        match act:
            case VolumeAct.DISABLE:
                return self.acts
            case VolumeAct.ENABLE:
                return self.enable
            case VolumeAct.FREEZE:
                return self.enable and self.by_thaw
            case VolumeAct.THAW:
                return True
            case _:  # a failover is a human's: only he knows that nobody writes any more
                return False
