"""Agents that were heard: by what name each speaks, whose name that is, and what is to be said.

A reload may correct an alias, take a host out or bring one in, and no agent says anything new
because of that. So whose a name is gets looked up again and again: what was said under a name is
the word about the host that has this name now, and of no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.inspectors.voice import View

Agent = tuple[str, str]
"""A name, and the protocol in which it speaks."""
Whose = Callable[[str], HostId | None]
"""Returns the host of a name as it is now; None: it is no host's."""


class Agents:
    """All that one source has heard."""

    def __init__(self) -> None:
        """Begin with none."""
        self._hosts: dict[Agent, HostId | None] = {}
        self._views: dict[tuple[HostId, str], tuple[str, View]] = {}
        """Of each host the newest word, and under which name it was said."""

    def learn(self, name: str, protocol: str, whose: Whose) -> HostId | None:
        """Note that an agent was heard; return its host."""
        self._hosts.setdefault((name, protocol), None)
        self._look_up([(name, protocol)], whose)
        return self._hosts[name, protocol]

    def tell(self, name: str, protocol: str, view: View) -> None:
        """Have this said, in the place of what was to be said of the host before."""
        self._views[view.host, protocol] = name, view

    def follow(self, whose: Whose) -> None:
        """Look up anew whose each name is."""
        self._look_up(list(self._hosts), whose)

    def views(self, whose: Whose) -> list[View]:
        """Return what is to be said, each of the host that has the name now."""
        spoken = [(name, protocol) for (_, protocol), (name, _) in self._views.items()]
        self._look_up(spoken, whose)
        return [view for _, view in self._views.values()]

    def said(self) -> None:
        """Keep what has to be said again: who is down."""
        kept = {key: one for key, one in self._views.items() if one[1].verdict is Verdict.DOWN}
        self._views = kept

    def forget(self) -> None:
        """Say nothing more of what was known: nobody knows whether it still holds."""
        self._views.clear()

    def of(self, concerned: Callable[[HostId], bool]) -> Iterator[tuple[str, str]]:
        """Yield protocol and name of each agent whose host is one of these."""
        for (name, protocol), host in self._hosts.items():
            if host is not None and concerned(host):
                yield protocol, name

    def _look_up(self, agents: Iterable[Agent], whose: Whose) -> None:
        for name, protocol in agents:
            before, host = self._hosts[name, protocol], whose(name)
            if host != before:
                self._hosts[name, protocol] = host
                if before is not None:
                    self._move(name, protocol, before, host)
                    self._take_back(name, protocol, before, whose)

    def _move(self, name: str, protocol: str, before: HostId, host: HostId | None) -> None:
        """Take what was said under a name along to its host, unless that speaks for itself."""
        by, view = self._views.get((before, protocol), ("", None))
        if by != name or view is None or host is None:
            return
        there = (one for one, whose in self._hosts.items() if whose == host and one[1] == protocol)
        if set(there) == {(name, protocol)}:
            self._views[host, protocol] = name, replace(view, host=host)

    def _take_back(self, name: str, protocol: str, before: HostId, whose: Whose) -> None:
        """Take back what was said of the host that had the name, while that is one of ours."""
        by, view = self._views.get((before, protocol), ("", None))
        if by != name or view is None:
            return
        del self._views[before, protocol]
        if whose(before.name) == before:
            text = f"{name} is the name of another host"
            back = replace(view, verdict=Verdict.WITHDRAWN, summary=text)
            self._views[before, protocol] = name, back
