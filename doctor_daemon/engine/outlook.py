"""What inspectors that look by themselves are told of the daemon: see `ports.surroundings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def outlook(
    engine: Engine,
    addresses: Mapping[HostId, Mapping[str, str]],
    inspectors: Iterable[Inspector],
    allowed: Mapping[str, frozenset[str] | None] | None = None,
) -> None:
    """Tell every inspector that asks for it what is around it: of the hosts that are `allowed`."""
    plans = engine.ward.rules.plans
    ages = _Ages(engine)
    around = Surroundings(
        hosts=tuple(plans),
        addresses=addresses,
        levels={host: tuple(_levels(engine, host)) for host in plans},
        concern=partial(_concern, engine),
        opened=partial(_opened, engine),
        looked=ages.looked,
        fleets=engine.poller.onlookers.append,
        windows=EngineWindows(engine),
        records=EngineRecords(engine),
        hints=EngineHints(engine),
    )
    for inspector in inspectors:
        if isinstance(inspector, Looking):
            if not getattr(inspector, "served", True):  # who is only told has no rounds of its own
                ages.watch(inspector.name)
            inspector.place(_around(around, (allowed or {}).get(inspector.name)))
        if isinstance(inspector, Measured):
            inspector.measure(engine.ward.tools.metrics)


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


class _Ages:
    """When each source last looked and saw."""

    def __init__(self, engine: Engine) -> None:
        self._clock = engine.ward.tools.clock
        self._gauge = engine.ward.tools.metrics.source_age
        self._last: dict[str, Instant] = {}

    def watch(self, source: str) -> None:
        """Show the age of a source's last good round, from now on."""
        self._gauge.labels(source).set_function(partial(self._age, source))

    def looked(self, source: str) -> None:
        """Note a good round."""
        self._last[source] = self._clock.now()

    def _age(self, source: str) -> float:
        last = self._last.get(source)
        return self._clock.now().since(last) if last else float("inf")
