"""What the engine makes of the cloud's messages: see `core.hints`.

The host map takes what is said of servers, and forgets it with the next list. What is said of a
service is not even looked at: it only has Nova asked now, and not with the next list, how the
service of a host with an open incident stands. The answer is shown to the incident as any list is.
"""

from __future__ import annotations

from typing_extensions import override

from doctor_daemon.core.hints import Hint, Taken
from doctor_daemon.core.host import HostId
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.engine.case import Case
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.inbox import Letter
from doctor_daemon.ports.hints import Hints


class EngineHints(Hints):
    """Implements `ports.hints.Hints`."""

    def __init__(self, engine: Engine) -> None:
        """Hint to an engine."""
        self._engine = engine

    @override
    def server(self, hint: Hint) -> Taken:
        return self._engine.ward.hostmap.hint(hint)

    @override
    async def service(self, host: str) -> bool:
        id_ = HostId(self._engine.ward.rules.cloud, host)
        if self._concerned(id_) is None:
            return False
        sighting = await self._engine.ward.tools.controller.look(id_)
        case = self._concerned(id_)  # it may have ended meanwhile
        if case is None:
            return False
        shown = case.incident.shown
        if shown is not None and not sighting.alike(shown):
            case.post(Letter(Noticed(sighting)))
        return True

    def _concerned(self, host: HostId) -> Case | None:
        case = self._engine.desk.cases.get(host)
        return None if case is None or case.incident.phase.final else case
