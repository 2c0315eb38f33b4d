"""What a source may speak of, and for how long: its intake, as its inspector is handed it.

Where its configuration names hosts, it is heard of these alone. An inspector is handed an intake
that knows no other host, so whatever it makes of a name that it does not know, it makes of these.
And because a plug-in may hand in what it likes, what is handed in is looked at once more: nothing
of a batch that has a host too many is taken. What comes to be handed in when the source is in force
no more is not taken either, whenever its request was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.holding import Answer, Said
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Temporary
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


class Limited:
    """Implements `ports.Intake` for as long as a source is in force."""

    def __init__(self, intake: Intake, source: str, retired: Callable[[], bool]) -> None:
        """Let through what a source says until it is retired."""
        self._intake = intake
        self._source = source
        self._retired = retired

    def _in_force(self) -> None:
        if self._retired():
            msg = f"{self._source} has been changed: it is to be said anew"
            raise Temporary(msg)

    async def submit(self, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        """Hand in evidence. Raise Temporary where the source is in force no more."""
        self._in_force()
        return await self._intake.submit(evidence)

    async def answer(self, said: Said, projects: frozenset[str] | None) -> Answer:
        """Fold in a word about a server. Raise Temporary as `submit` does."""
        self._in_force()
        return await self._intake.answer(said, projects)

    def host(self, name: str) -> HostId | None:
        """Return the host of a name."""
        return self._intake.host(name)

    def now(self) -> Instant:
        """Return the present."""
        return self._intake.now()
