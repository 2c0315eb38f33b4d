"""Agents that were heard: by what name each speaks, whose name that is, and what is to be said.

A reload may correct an alias, take a host out or bring one in, and no agent says anything new
because of that. So whose a name is gets looked up again and again: what was said under a name is
the word about the host that has this name now, and of no other.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.inspectors.voice import View

GLANCES = 5
Agent = tuple[str, str]
"""A name, and the protocol in which it speaks."""
Whose = Callable[[str], HostId | None]
"""Returns the host of a name as it is now; None: it is no host's."""


class Agents:
    """All that one source has heard."""

    def __init__(self) -> None:
        """Begin with none."""
        self._hosts: dict[Agent, HostId | None] = {}
        self._turns: deque[Agent] = deque()
        self._views: dict[tuple[HostId, str], tuple[str, View]] = {}
        """Of each host the newest word, and under which name it was said."""

    def learn(self, name: str, protocol: str, whose: Whose) -> HostId | None:
        """Note that an agent was heard; return its host."""
        host, before = whose(name), self._hosts.get((name, protocol))
        if before is not None and before != host:
            self.follow(whose)
        if (name, protocol) not in self._hosts:
            self._turns.append((name, protocol))
        self._hosts[name, protocol] = host
        return host

    def tell(self, name: str, protocol: str, view: View) -> None:
        """Have this said, in the place of what was to be said of the host before."""
        self._views[view.host, protocol] = name, view

    def glance(self, whose: Whose) -> None:
        """Look up a share of the names, all of them in `GLANCES`: a fleet's take too long at once.

        When one has changed, a reload has been, and all are looked up.
        """
        for _ in range(ceil(len(self._turns) / GLANCES)):
            agent = self._turns[0]
            self._turns.rotate(-1)
            if whose(agent[0]) != self._hosts[agent]:
                self.follow(whose)
                return

    def follow(self, whose: Whose) -> None:
        """Look up anew whose each name is, and have what was said under it go along."""
        before = self._hosts
        self._hosts = {agent: whose(agent[0]) for agent in before}
        moved = [
            (agent, self._views.pop((host, agent[1]))[1])
            for agent, host in before.items()
            if host is not None and self._hosts[agent] != host and self._speaks(agent, host)
        ]
        if not moved:
            return
        for (name, protocol), view in moved:
            if whose(view.host.name) == view.host:
                text = f"{name} is the name of another host"
                back = replace(view, verdict=Verdict.WITHDRAWN, summary=text)
                self._views[view.host, protocol] = name, back
        agents = Counter((host, protocol) for (_, protocol), host in self._hosts.items())
        for agent, view in moved:
            host = self._hosts[agent]
            if host is not None and agents[host, agent[1]] == 1:  # else it speaks for itself
                self._views[host, agent[1]] = agent[0], replace(view, host=host)

    def views(self, whose: Whose) -> list[View]:
        """Return what is to be said, each of the host that has the name now."""
        spoken = [((name, protocol), name) for (_, protocol), (name, _) in self._views.items()]
        if any(whose(name) != self._hosts[agent] for agent, name in spoken):
            self.follow(whose)
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

    def _speaks(self, agent: Agent, host: HostId) -> bool:
        """Tell whether what is to be said of a host is this agent's word."""
        name, protocol = agent
        return self._views.get((host, protocol), ("", None))[0] == name
