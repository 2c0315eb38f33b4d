"""What inspectors that look by themselves are told of the daemon: see `ports.surroundings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.hinting import EngineHints
from doctor_daemon.engine.records import EngineRecords
from doctor_daemon.engine.windows import EngineWindows
from doctor_daemon.metrics import Measured
from doctor_daemon.ports import Inspector, device_key
from doctor_daemon.ports.surroundings import Concern, Level, Looking, Surroundings


class Outlook:
    """Tells every inspector that asks for it what is around it: of the hosts that are its own."""

    def __init__(self, engine: Engine) -> None:
        """Begin with nobody told."""
        self._engine = engine
        self._ages = _Ages(engine)
        self._told: dict[str, tuple[Inspector, Surroundings]] = {}

    def show(
        self,
        addresses: Mapping[HostId, Mapping[str, str]],
        inspectors: Iterable[Inspector],
        allowed: Mapping[str, frozenset[str] | None] | None = None,
    ) -> None:
        """Tell those who have not been told, or not so; those who are not named are done with."""
        engine, before = self._engine, self._told
        plans = engine.ward.rules.plans
        around = Surroundings(
            hosts=tuple(plans),
            addresses=addresses,
            levels={host: tuple(_levels(engine, host)) for host in plans},
            concern=partial(_concern, engine),
            opened=partial(_opened, engine),
            looked=self._ages.looked,
            windows=EngineWindows(engine),
            records=EngineRecords(engine),
            hints=EngineHints(engine),
        )
        self._told = {}
        for one in inspectors:
            own = _around(around, (allowed or {}).get(one.name))
            self._told[one.name] = one, own
            known, earlier = before.get(one.name, (None, None))
            if known is not one:
                self._begin(one)
            elif earlier is not None and _alike(earlier, own):
                continue
            if isinstance(one, Looking):
                heard = partial(engine.poller.onlookers.__setitem__, one.name)
                one.place(replace(own, fleets=heard))
        for name in before.keys() - self._told.keys():
            engine.poller.onlookers.pop(name, None)
            self._ages.forget(name)

    def _begin(self, one: Inspector) -> None:
        self._engine.poller.onlookers.pop(one.name, None)
        self._ages.forget(one.name)
        if isinstance(one, Looking) and not getattr(one, "served", True):
            self._ages.watch(one.name)  # who is only told has no rounds of its own
        if isinstance(one, Measured):
            one.measure(self._engine.ward.tools.metrics)


def _alike(one: Surroundings, other: Surroundings) -> bool:
    """Tell whether two show the same: the rest of them never changes."""
    return (one.hosts, one.addresses, one.levels) == (other.hosts, other.addresses, other.levels)


def _around(around: Surroundings, hosts: frozenset[str] | None) -> Surroundings:
    """Return as much of it as concerns these hosts; None: all."""
    if hosts is None:
        return around
    return replace(
        around,
        hosts=tuple(host for host in around.hosts if host.name in hosts),
        addresses={host: own for host, own in around.addresses.items() if host.name in hosts},
        levels={host: own for host, own in around.levels.items() if host.name in hosts},
    )


def _levels(engine: Engine, host: HostId) -> Iterator[Level]:
    made = engine.ward.tools.devices
    for level in engine.ward.plan(host).levels:
        yield tuple((one, made[device_key(host, one)]) for one in level.devices)


def _concern(engine: Engine, host: HostId) -> Concern:
    case = engine.desk.cases.get(host)
    if case is None or case.incident.phase.final:
        return Concern.NONE
    incident = case.incident
    waits = incident.untouched and incident.phase is not Phase.FENCING
    return Concern.SUSPECTED if waits else Concern.TOUCHED


def _opened(engine: Engine, host: HostId) -> Instant | None:
    """Return when a host with an open incident was called down: the last time, if it was back."""
    case = engine.desk.cases.get(host)
    if case is None or case.incident.phase.final:
        return None
    return case.incident.release.accused_at or case.incident.opened_at


def open_incident(engine: Engine, name: str) -> str:
    """Return the id of the open incident of a host, by its name; empty: there is none."""
    case = engine.desk.cases.get(HostId(engine.ward.rules.cloud, name))
    return "" if case is None or case.incident.phase.final else case.incident.id


class _Ages:
    """When each source last looked and saw."""

    def __init__(self, engine: Engine) -> None:
        self._clock = engine.ward.tools.clock
        self._gauge = engine.ward.tools.metrics.source_age
        self._last: dict[str, Instant] = {}

    def watch(self, source: str) -> None:
        """Show the age of a source's last good round, from now on."""
        self._gauge.labels(source).set_function(partial(self._age, source))

    def forget(self, source: str) -> None:
        """Show nothing of a source any more."""
        self._last.pop(source, None)
        with suppress(KeyError):
            self._gauge.remove(source)

    def looked(self, source: str) -> None:
        """Note a good round."""
        self._last[source] = self._clock.now()

    def _age(self, source: str) -> float:
        last = self._last.get(source)
        return self._clock.now().since(last) if last else float("inf")
