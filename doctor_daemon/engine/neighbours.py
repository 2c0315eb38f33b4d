"""What the incident of one host is to know of those of the others.

Each incident is decided by itself. Three things reach across: a server of a group that is kept
apart is not sent on its way while another one of it is, whatever host that was on; no server is
while another host looks dead that Nova could choose for it; and an evacuation goes on no more when
the host that it was going to has died.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from typing_extensions import override

from doctor_daemon.core.destinations import looks_dead_at, proven_off
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.fencing import SPAN
from doctor_daemon.core.host import HostId, ServerId
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.turns import BESIDE, ON_ITS_WAY, group_of, longest_wait_s

Claim = tuple[HostId, ServerId]
_DOWN = (Phase.EVACUATING, Phase.DOWN)


class Neighbours:
    """Whose turn it is in each group, and which hosts are off: from what the incidents saved."""

    def __init__(self) -> None:
        """Begin with no incident."""
        self._claims: dict[str, Claim] = {}
        """Group -> the server of it that is on its way."""
        self._moving: dict[HostId, dict[str, ServerId]] = {}
        """Of each host, group -> a server of it that is on its way, with or without its turn."""
        self._waits: dict[tuple[HostId, str], Instant] = {}
        """Since when a host waits for another one's server of a group."""
        self._dying: dict[HostId, Instant] = {}
        """Hosts that look dead and are not down yet, and when that was last said anew."""
        self._beside: dict[HostId, Instant] = {}
        """Since when servers of a host wait until others are down."""
        self._down: dict[HostId, Incident] = {}
        self._shown: dict[HostId, Sighting] = {}
        """How Nova shows the service of each of these, at last."""
        self._alive: dict[HostId, Instant] = {}
        """When a service was last seen to have reported in since the look before."""
        self._watched: dict[HostId, Instant] = {}
        """Since when reports of each of these would have been seen."""
        self._resumed: dict[HostId, Instant] = {}
        """Of the hosts of an earlier run, when they were taken up again."""
        self._copied: _Seen | None = None
        """What says which hosts are off, until any of it changes: most decisions change none."""

    def resumed(self, incident: Incident, now: Instant) -> None:
        """Take note of an incident of an earlier run: how its host stands is to be seen anew."""
        self._resumed[incident.host] = now
        self.saw(replace(incident, sighting=None), now)

    def saw(self, incident: Incident, now: Instant) -> bool:
        """Take note of an incident as it was saved; tell whether its host is waited for no more."""
        host, self._copied = incident.host, None
        ended = self._dies(incident, now)
        if incident.phase in _DOWN:
            self._down[host] = incident
            if incident.sighting is not None:
                self.noticed(host, incident.sighting)
        else:
            for known in (self._down, self._shown, self._watched):
                known.pop(host, None)
        if incident.phase.final:  # until then a sign of life counts against every older proof
            for seen in (self._alive, self._resumed):
                seen.pop(host, None)
        moving = incident.evacuations if incident.phase is Phase.EVACUATING else {}
        kept = {id_: r for id_, r in moving.items() if group_of(r)}
        here = {group_of(r): id_ for id_, r in kept.items() if _on_its_way(r)}
        self._moving.pop(host, None)
        if here:
            self._moving[host] = here
        for group, claim in tuple(self._claims.items()):
            if claim[0] == host and not _on_its_way(moving.get(claim[1])):
                self._free(group)
        for group, id_ in here.items():
            self._claims.setdefault(group, (host, id_))
        self._wait(host, moving, now)
        return ended

    def _dies(self, incident: Incident, now: Instant) -> bool:
        """Note since when a host looks dead; tell whether others have waited for it until now."""
        at, before = looks_dead_at(incident), self._dying.pop(incident.host, None)
        if at is not None:  # of another boot it is not known how long ago that was
            self._dying[incident.host] = at if at.boot_id == now.boot_id else before or now
        return at is None and before is not None

    def _wait(self, host: HostId, moving: Mapping[ServerId, Evacuation], now: Instant) -> None:
        """Note since when a host waits for others, and for another one's server of a group."""
        records = [r for r in moving.values() if r.stage is Stage.WAITING]
        if any(BESIDE in record.why for record in records):
            self._beside.setdefault(host, now)
        else:
            self._beside.pop(host, None)
        waiting = {group for r in records if self._elsewhere(host, group := group_of(r))}
        for key in [key for key in self._waits if key[0] == host and key[1] not in waiting]:
            del self._waits[key]
        for group in waiting:
            self._waits.setdefault((host, group), now)

    def _free(self, group: str) -> None:
        """End a turn: it is that of one who did not wait for it, or whoever waits waits anew."""
        del self._claims[group]
        for host, moving in self._moving.items():
            if group in moving:
                self._claims[group] = (host, moving[group])
        for key in [key for key in self._waits if key[1] == group]:
            del self._waits[key]

    def _elsewhere(self, host: HostId, group: str) -> bool:
        claim = self._claims.get(group)
        return claim is not None and claim[0] != host

    def noticed(self, host: HostId, sighting: Sighting) -> None:
        """Take note of how Nova shows the service of a host that is down."""
        before = self._shown.get(host)
        if host not in self._down or (before and sighting.asked_at.since(before.asked_at) < 0):
            return
        if before is not None and sighting.stirred(before):
            self._alive[host] = sighting.asked_at
        self._copied = None
        self._shown[host] = sighting
        self._watched.setdefault(host, sighting.asked_at)

    def claim(self, host: HostId, record: Evacuation, now: Instant, policy: Policy) -> bool:
        """Take a group's turn for a server, just before its request; tell whether it was free."""
        group, claim = group_of(record), (host, record.server.id)
        if self._elsewhere(host, group) and self._waited(host, group, now, policy):
            self._claims[group] = claim
        return not group or self._claims.setdefault(group, claim) == claim

    def busy(self, host: HostId, now: Instant, policy: Policy) -> frozenset[str]:
        """Return the groups of which a server of another host is on its way.

        Who has waited for long waits no more: a second one at the same host is only refused there.
        """
        groups = [group for group, claim in self._claims.items() if claim[0] != host]
        return frozenset(g for g in groups if not self._waited(host, g, now, policy))

    def _waited(self, host: HostId, group: str, now: Instant, policy: Policy) -> bool:
        since = self._waits.get((host, group))
        return since is not None and now.since(since) >= longest_wait_s(policy)

    def choosable(
        self, host: HostId, now: Instant, policy: Policy, shown: Mapping[str, Sighting]
    ) -> frozenset[str]:
        """Return the other hosts of a cloud that look dead, and that Nova may still choose.

        `shown`: how Nova has shown each service at last. Only a host that is down has servers that
        wait for it, and none does for ever.
        """
        if not self._dying or host not in self._down:
            return frozenset()
        since, wait_s = self._beside.get(host), policy.others_wait_s
        if since is not None and now.since(since) >= longest_wait_s(policy):
            return frozenset()
        self._dying = {one: at for one, at in self._dying.items() if now.since(at) < wait_s}
        others = {one: at for one, at in self._dying.items() if one.cloud == host.cloud}
        return frozenset(one.name for one, at in others.items() if not _gone(shown, one, at))

    def off(
        self, host: HostId, now: Instant, policy: Policy, awake_at: Instant | None = None
    ) -> Mapping[str, Instant]:
        """Return the other hosts that are off and forced down, and when each was proven off.

        What was seen of them before `awake_at`, the end of our last pause, says nothing more.
        """
        if self._copied is None:
            known = (self._down.copy(), self._shown.copy())
            lately = (self._alive.copy(), self._resumed.copy(), self._watched.copy())
            self._copied = _Seen(*known, *lately)
        return _Off(host, now, policy, self._copied, awake_at)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What says which hosts are off, as it was at a moment: see `Neighbours`."""

    down: Mapping[HostId, Incident]
    shown: Mapping[HostId, Sighting]
    alive: Mapping[HostId, Instant]
    resumed: Mapping[HostId, Instant]
    watched: Mapping[HostId, Instant]


@dataclass(frozen=True, slots=True, eq=False)
class _Off(Mapping[str, Instant]):
    """Which other hosts than one were off at a moment, worked out for a host when it is asked for.

    Every decision is given it, ten for each server that is moved, and few look at it: for twenty
    hosts at once that was a tenth of all the work.
    """

    but: HostId
    now: Instant
    policy: Policy
    seen: _Seen
    awake_at: Instant | None

    @override
    def __getitem__(self, name: str) -> Instant:
        host = HostId(self.but.cloud, name)
        incident = self.seen.down.get(host)
        if incident is not None and host != self.but:
            look = self.seen.shown.get(host)
            off_at = proven_off(incident, look, self.now, self.policy, self.awake_at)
            if off_at is not None and self._silent(host, off_at):
                return off_at
        raise KeyError(name)

    @override
    def __iter__(self) -> Iterator[str]:
        cloud = self.but.cloud
        return (host.name for host in self.seen.down if host.cloud == cloud and host.name in self)

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _silent(self, host: HostId, off_at: Instant) -> bool:
        """Tell whether a host has shown no life since its proof: one of an earlier run, for long.

        What that run had seen last is not known, so a report has to have had its time.
        """
        alive, since = self.seen.alive.get(host), self.seen.resumed.get(host)
        if alive is not None and alive.since(off_at) >= 0:
            return False
        if since is None or off_at.since(since) >= 0:
            return True
        last, watched = self.seen.shown[host].asked_at, self.seen.watched[host]
        return last.since(watched) >= SPAN * self.policy.grace_s


def _gone(shown: Mapping[str, Sighting], host: HostId, said_at: Instant) -> bool:
    """Tell whether Nova has shown a host as one that it does not choose, since it looks dead."""
    look = shown.get(host.name)
    return look is not None and not look.takes_servers and look.asked_at.since(said_at) >= 0


def _on_its_way(record: Evacuation | None) -> bool:
    return record is not None and record.stage in ON_ITS_WAY
