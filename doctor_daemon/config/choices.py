"""Which servers of a group of hosts are moved: the options, and the core's own value of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from doctor_daemon.config.section import Section
from doctor_daemon.config.words import parse_words
from doctor_daemon.core.host import Scope, Selection

Words = Annotated[tuple[str, ...], BeforeValidator(parse_words)]


class Choices(Section):
    """Which of their servers are moved, in mode evacuate."""

    evacuate: Literal["all", "tagged", "none"] = "all"
    """Which of their servers are moved in mode evacuate: `all` but those whose tags say no;
    `tagged`: only those whose tags say yes; or `none`. The tags are in docs/operating.md."""
    shared_storage: bool = False
    """Whether every host reaches their servers' disks, as with Ceph or NFS. Without it a server
    that was booted from an image stays: elsewhere it would be made anew from its image."""
    i_accept_lost_disks: bool = False
    """Move such servers all the same: they begin anew, and what was on their disks is lost."""
    locked_servers: Literal["move", "leave"] = "move"
    """What is done with servers that are locked. Nova moves them."""
    amphorae: Literal["move", "leave"] = "leave"
    """What is done with Octavia's load balancers, servers named amphora-UUID: Octavia replaces them
    itself."""
    restart_order: bool = True
    """Whether servers' own `instanceha:restart_priority` and `instanceha:restart_group` count."""
    service_projects: Words = ()
    """Ids of projects whose servers are left, because a service replaces them itself."""
    service_metadata: Words = ()
    """Metadata by which such servers are known: `key`, or `key=value`."""
    hold_max_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    """The longest that a project may have its servers wait for a word of its own before they are
    moved, in seconds; 0: not at all. See docs/operating.md."""

    def selection(self) -> Selection:
        """Return the core's own value."""
        return Selection(
            scope=Scope(self.evacuate),
            shared_storage=self.shared_storage,
            lost_disks=self.i_accept_lost_disks,
            locked=self.locked_servers == "move",
            amphorae=self.amphorae == "move",
            ordered=self.restart_order,
            service_projects=self.service_projects,
            service_metadata=self.service_metadata,
            hold_max_s=self.hold_max_s,
        )
