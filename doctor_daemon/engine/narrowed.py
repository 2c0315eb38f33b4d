"""What a source may speak of: where its configuration names hosts, it is heard of these alone.

An inspector is handed an intake that knows no other host, so whatever it makes of a name that it
does not know, it makes of these. And because a plug-in may hand in what it likes, what is handed in
is looked at once more: nothing of a batch that has a host too many is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.holding import Answer, Said
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Intake, Receipt, SourceTerms
from doctor_daemon.ports.intake import foreign


def narrowed(intake: Intake, terms: SourceTerms) -> Intake:
    """Return the intake as a source is to have it."""
    return intake if terms.hosts is None else Narrowed(intake, terms.hosts)


class Narrowed:
    """Implements `ports.Intake`, and `ports.intake.Narrow`, for one source."""

    def __init__(self, intake: Intake, hosts: frozenset[str]) -> None:
        """Let through what is said of these hosts, by the names that Nova has for them."""
        self._intake = intake
        self._hosts = hosts

    async def submit(self, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        """Hand in evidence. Raise Refusal where any of it is about a host of others."""
        for one in evidence:
            if one.host.name not in self._hosts:
                raise foreign(one.host.name, "")
        return await self._intake.submit(evidence)

    async def answer(self, said: Said, projects: frozenset[str] | None) -> Answer:
        """Fold in a word about a server, which no list of hosts bounds."""
        return await self._intake.answer(said, projects)

    def host(self, name: str) -> HostId | None:
        """Return the host of a name, if the source may speak of it."""
        host = self._intake.host(name)
        return host if host is not None and host.name in self._hosts else None

    def outside(self, name: str) -> bool:
        """Tell whether a name is that of a configured host that is not the source's."""
        host = self._intake.host(name)
        return host is not None and host.name not in self._hosts

    def now(self) -> Instant:
        """Return the present."""
        return self._intake.now()
