"""Says which hosts have dropped out of view: nobody would learn of it from an incident.

A host whose compute service was renamed or deleted, or whose cell is down for hours, looks like any
other one on which nothing happens. So each list of services is held against the configuration. An
open incident says in its own timeline what has become of its host; this is for all of them.
"""

from __future__ import annotations

from collections import Counter

import structlog

from doctor_daemon.core.host import HostId
from doctor_daemon.core.sightings import Unseen
from doctor_daemon.engine.ward import Ward
from doctor_daemon.ports import Fleet

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
POLLS = 2
"""How many lists of services in a row must show nothing of a host before it is told."""
WORDS = {
    Unseen.GONE: "Nova lists no compute service of a host that is configured",
    Unseen.UNKNOWN: "Nova cannot say how a host that is configured stands: is its cell down?",
}


class Absences:
    """Looks at each list of services, and logs and counts what is missing in it."""

    def __init__(self, ward: Ward) -> None:
        """Begin with no list seen."""
        self._ward = ward
        self._missed: dict[HostId, tuple[Unseen, int]] = {}
        """Why nothing was shown of a host at last, and in how many lists in a row."""
        self._services: dict[HostId, str] = {}
        """The id of each host's service as it was shown last."""

    def look(self, fleet: Fleet) -> None:
        """Take a list of services."""
        for host in self._ward.rules.plans:
            self._host(host, fleet)
        found = Counter(why for why, polls in self._missed.values() if polls >= POLLS)
        for why in Unseen:
            self._ward.tools.metrics.unseen.labels(why).set(found[why])

    def _host(self, host: HostId, fleet: Fleet) -> None:
        why = fleet.unseen(host.name)
        if why is None:
            self._seen(host, fleet.services[host.name].uuid)
            return
        before, polls = self._missed.get(host, (why, 0))
        polls = polls + 1 if before is why else 1
        self._missed[host] = why, polls
        if polls == POLLS:
            log.warning(WORDS[why], host=str(host))

    def _seen(self, host: HostId, service: str) -> None:
        _, polls = self._missed.pop(host, (None, 0))
        if polls >= POLLS:
            log.warning("Nova shows the compute service of a host again", host=str(host))
        before = self._services.get(host, service)
        self._services[host] = service
        if before != service:
            text = "Nova shows another compute service of a host than before"
            log.warning(text, host=str(host), before=before, now=service)
