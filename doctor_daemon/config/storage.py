"""What is done about the block storage of fenced hosts: the options, and the core's own value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from doctor_daemon.config.section import Name, PluginSection, Section
from doctor_daemon.core.volume_policy import VolumePolicy

Text = Annotated[str, Field(max_length=255)]


class Backend(Section):
    """One cinder-volume of which Cinder does not tell all that is needed."""

    service: Annotated[str, Field(min_length=1, max_length=255)]
    """Its name in `doctor-daemon cinder services`: HOST@BACKEND. For `failover_to` that of its
    cluster will do, too."""
    host: Text = ""
    """The host that it runs on, where HOST is not that: with a `backend_host`, and with names
    that Nova has in another form."""
    failover_to: Text = ""
    """The `backend_id` of the replication target that you are asked to fail over to, once a
    cinder-volume for it has come up elsewhere. The daemon never does so by itself. Left out: it is
    enabled instead."""


class Storage(PluginSection):
    """The cloud's block storage, and what is done about that of a fenced host. Left out: none."""

    type: Name = "cinder"
    """Which adapter."""
    fenced: Literal["disable", "leave"] = "disable"
    """What is done about the cinder-volumes of a fenced host. `disable`: Cinder is to schedule
    nothing to those that have died with it until they are up again."""
    enable: bool = True
    """Whether what the daemon has disabled is enabled once it is up again."""
    enable_by_thaw: bool = False
    """Whether a service that is up may be frozen and thawed to enable it: in Cinder 28 and newer
    `enable` does nothing. Left out: a human is asked."""
    every_s: Annotated[float, Field(ge=1, le=300)] = VolumePolicy().every_s
    """Between two lists of Cinder's services, in seconds, while anything is to be seen to."""
    backends: tuple[Backend, ...] = ()
    """Services of which Cinder does not tell all that is needed."""

    def policy(self) -> VolumePolicy:
        """Return the core's own value."""
        return VolumePolicy(
            acts=self.fenced == "disable",
            enable=self.enable,
            by_thaw=self.enable_by_thaw,
            hosts={one.service: one.host for one in self.backends if one.host},
            failovers={one.service: one.failover_to for one in self.backends if one.failover_to},
            every_s=self.every_s,
        )

    def wrong(self, hosts: Iterable[str]) -> Iterator[tuple[int, str, str]]:
        """Yield what is wrong about the backends: of which one, in which option, and how."""
        known, seen = frozenset(hosts), set[str]()
        for number, one in enumerate(self.backends):
            if one.service in seen:
                yield number, "service", f"found {one.service!r} twice; expected each name once"
            seen.add(one.service)
            if one.host and one.host not in known:
                yield number, "host", f"found {one.host!r}; expected the name of a host of `hosts`"
