"""Which servers are on which host: kept fresh in the background, read in no time.

The early notice names servers and waits for no call to Nova, so it reads this map. The map may be
a little old, and says how old: whoever acts on it is corrected by the list asked for after
force-down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from doctor_daemon.core.host import Server, ServerId, ServerList
from doctor_daemon.core.selection import bare


class HostMap:
    """Host name -> servers. Replaced by a full pass, corrected by changes."""

    def __init__(self) -> None:
        """Begin empty, as of never."""
        self._by_host: dict[str, dict[ServerId, Server]] = {}
        self._where: dict[ServerId, str] = {}
        self._as_of_wall_s = 0.0

    @property
    def as_of_wall_s(self) -> float:
        """When the newest list behind the map was asked for, in Unix seconds; 0: never."""
        return self._as_of_wall_s

    @property
    def hosts(self) -> frozenset[str]:
        """The names of the hosts that servers are known on."""
        return frozenset(host for host, servers in self._by_host.items() if servers)

    def servers(self, host: str) -> ServerList:
        """Return a host's servers, ordered by id so that one state tells one story."""
        found = self._by_host.get(host, {})
        return ServerList(tuple(found[id_] for id_ in sorted(found)), self._as_of_wall_s)

    def where(self, id_: ServerId) -> str:
        """Return the host that a server is on; empty: not known."""
        return self._where.get(id_, "")

    def replace(
        self,
        by_host: Mapping[str, Iterable[Server]],
        asked_wall_s: float,
        unseen: Iterable[str] = (),
    ) -> None:
        """Put a full pass in the place of everything but what was known of the unseen hosts.

        Nova leaves the servers of a cell that does not answer out, and those hosts are not empty.
        """
        kept = {host: list(self._by_host.get(host, {}).values()) for host in unseen}
        self._by_host, self._where = {}, {}
        for host, servers in (*kept.items(), *by_host.items()):
            for server in servers:
                self._drop(server.id)
                self._put(server, host)
        self._as_of_wall_s = asked_wall_s

    def change(self, changed: Iterable[tuple[Server, str]], asked_wall_s: float) -> None:
        """Fold in the servers that changed; a host of '' means that the server is gone."""
        for server, host in changed:
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
