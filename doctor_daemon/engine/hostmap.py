"""Which servers are on which host: kept fresh in the background, read in no time.

The early notice names servers and waits for no call to Nova, so it reads this map. The map may be
a little old, and says how old: whoever acts on it is corrected by the list asked for after
force-down.

Hints (`core.hints`) lie above what the lists have shown. A list takes all those away that were
heard before it was asked for, and those about servers that it shows. Whoever decides anything by
the map reads what was *listed*, and no hint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from doctor_daemon.core.hints import Hint, Known, Taken, judged
from doctor_daemon.core.host import Server, ServerId, ServerList
from doctor_daemon.core.selection import bare

HINTS_MAX = 20_000
"""Servers that hints may be kept of until the next list."""


class HostMap:
    """Host name -> servers. Replaced by a full pass, corrected by changes and, till then, hints."""

    def __init__(self) -> None:
        """Begin empty, as of never."""
        self._by_host: dict[str, dict[ServerId, Server]] = {}
        self._where: dict[ServerId, str] = {}
        self._as_of_wall_s = 0.0
        self._ahead_s: float | None = None
        self._hints: dict[ServerId, tuple[int, Hint]] = {}
        """What was heard of servers since they were listed, each with its number."""
        self._hinted: dict[str, set[ServerId]] = {}
        """Host name -> the servers that hints have put there."""
        self.heard = 0
        """How many hints have been taken. Remembered before a list is asked for."""

    @property
    def as_of_wall_s(self) -> float:
        """When the newest list behind the map was asked for, in Unix seconds; 0: never."""
        return self._as_of_wall_s

    @property
    def hosts(self) -> frozenset[str]:
        """The names of the hosts that servers are known on."""
        shown = {host for host, servers in self._by_host.items() if servers}
        return frozenset(shown | {host for host, there in self._hinted.items() if there})

    def servers(self, host: str) -> ServerList:
        """Return a host's servers, ordered by id so that one state tells one story."""
        found = self._by_host.get(host, {})
        if self._hints:
            found = {id_: one for id_, one in found.items() if id_ not in self._hints}
            found |= {id_: self._hints[id_][1].server for id_ in self._hinted.get(host, ())}
        return ServerList(tuple(found[id_] for id_ in sorted(found)), self._as_of_wall_s)

    def listed(self, host: str) -> ServerList:
        """Return the servers that the lists alone have shown on a host, ordered by id."""
        found = self._by_host.get(host, {})
        return ServerList(tuple(found[id_] for id_ in sorted(found)), self._as_of_wall_s)

    def listed_where(self, id_: ServerId) -> str:
        """Return the host that the lists alone have shown a server on; empty: not known."""
        return self._where.get(id_, "")

    def dated(self, there_s: float | None, here_s: float) -> None:
        """Learn what Nova's clock showed when ours showed this; None: Nova did not say."""
        if there_s is not None:
            self._ahead_s = there_s - here_s

    def hint(self, hint: Hint) -> Taken:
        """Take a hint if it counts. Tell what became of it."""
        id_ = hint.server.id
        where = self._where.get(id_, "")
        listed = self._by_host[where].get(id_) if where else None
        asked = self._as_of_wall_s and self._ahead_s is not None
        there_s = self._as_of_wall_s + (self._ahead_s or 0.0) if asked else None
        earlier = self._hints.get(id_)
        taken = judged(hint, Known(listed, where, there_s, earlier[1] if earlier else None))
        if taken is not Taken.TAKEN:
            return taken
        if earlier is None and len(self._hints) >= HINTS_MAX:
            return Taken.FULL
        self._forget(id_)
        self.heard += 1
        self._hints[id_] = self.heard, hint
        if hint.host:
            self._hinted.setdefault(hint.host, set()).add(id_)
        return taken

    def replace(
        self,
        by_host: Mapping[str, Iterable[Server]],
        asked_wall_s: float,
        unseen: Iterable[str] = (),
        heard: int | None = None,
    ) -> None:
        """Put a full pass in the place of everything but what was known of the unseen hosts.

        Nova leaves the servers of a cell that does not answer out, and those hosts are not empty.
        `heard`: how many hints had been heard when the pass began; None: all that there are.
        """
        self._outdate(heard)
        kept = {host: list(self._by_host.get(host, {}).values()) for host in unseen}
        self._by_host, self._where = {}, {}
        for host, servers in (*kept.items(), *by_host.items()):
            for server in servers:
                self._drop(server.id)
                self._put(server, host)
        self._as_of_wall_s = asked_wall_s

    def change(
        self,
        changed: Iterable[tuple[Server, str]],
        asked_wall_s: float,
        heard: int | None = None,
    ) -> None:
        """Fold in the servers that changed; a host of '' means that the server is gone.

        `heard`: how many hints had been heard when the list was asked for; None: all there are.
        """
        self._outdate(heard)
        for server, host in changed:
            self._forget(server.id)
            self._drop(server.id)
            if host:
                self._put(server, host)
        self._as_of_wall_s = asked_wall_s

    def _put(self, server: Server, host: str) -> None:
        self._by_host.setdefault(host, {})[server.id] = bare(server)
        self._where[server.id] = host

    def _drop(self, id_: ServerId) -> None:
        host = self._where.pop(id_, "")
        self._by_host.get(host, {}).pop(id_, None)

    def _outdate(self, heard: int | None) -> None:
        """Forget the hints that a list knew better; a hint about a server it shows goes with it."""
        for id_, (number, _) in list(self._hints.items()):
            if heard is None or number <= heard:
                self._forget(id_)

    def _forget(self, id_: ServerId) -> None:
        _, hint = self._hints.pop(id_, (0, None))
        if hint is not None and hint.host:
            self._hinted[hint.host].discard(id_)
            if not self._hinted[hint.host]:
                del self._hinted[hint.host]
