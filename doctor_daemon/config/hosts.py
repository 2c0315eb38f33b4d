"""From the entries under `hosts` to one plan for each host, and the names it goes by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from doctor_daemon.config.devices import DeviceReader, Place, device_names
from doctor_daemon.config.inventory import Inventories, Record
from doctor_daemon.config.kinds import given, misnamed
from doctor_daemon.config.labels import Labels
from doctor_daemon.config.models import Hosts
from doctor_daemon.config.patterns import HOSTS_MAX, Named, expand
from doctor_daemon.config.problems import Document, Loc, Problems
from doctor_daemon.config.sections import Chooser, salvaged
from doctor_daemon.config.settings import SourceChoice
from doctor_daemon.core.host import HostId, HostPlan, Reserve


class HostReader:
    """Reads every entry, and notes what is wrong with any host of it."""

    def __init__(self, document: Document, problems: Problems, chooser: Chooser) -> None:
        """Read from a document; `chooser` finds the classes of power devices."""
        self._document = document
        self._problems = problems
        self._folder = chooser.folder
        self.plans: dict[HostId, HostPlan] = {}
        self.addresses: dict[HostId, Mapping[str, str]] = {}
        self._owners: dict[tuple[str, str], HostId] = {}
        self.labels = Labels()
        self.devices = DeviceReader(chooser)
        self.inventories = Inventories(problems)
        self._sources: Sequence[SourceChoice] = ()
        self._gives: Mapping[str, frozenset[str]] = {}

    def read(self, cloud: str, sources: Sequence[SourceChoice] = ()) -> None:
        """Read all entries. `cloud` is the configured one, and so are the sources."""
        self._sources, self._gives = sources, given(sources)
        for loc, raw in self._document.items("hosts"):
            entry = salvaged(Hosts, raw, self._folder)
            if entry is not None and isinstance(raw, dict):
                self._entry(entry, raw, loc, cloud)

    def _entry(self, entry: Hosts, raw: Mapping[str, Any], loc: Loc, cloud: str) -> None:
        if entry.cloud != cloud:
            text = f"found {entry.cloud!r}; expected {cloud!r}, the configured cloud"
            self._problems.add(self._document, (*loc, "cloud"), text)
        for option, text in misnamed(entry.evidence, self._sources):
            self._problems.add(self._document, (*loc, "evidence", option), text)
        for number in _manual_before_others(entry):
            text = "nothing after a manual level is ever tried; expected it to be the last"
            self._problems.add(self._document, (*loc, "levels", number), text)
        for number in _repeated(entry):
            text = "found one device name twice; expected a name of its own for each of a host"
            self._problems.add(self._document, (*loc, "levels", number), text)
        if entry.inventory_file and self.inventories.find(entry.inventory_file) is None:
            return  # what its hosts lack for that would only hide why
        for named in self._named(entry, loc):
            place = self._place(entry, named, loc)
            if place is not None:
                self.plans[place.host] = self._plan(entry, raw, place)
                self._reach(entry, place)

    def _named(self, entry: Hosts, loc: Loc) -> Iterator[Named]:
        for pattern in entry.names:
            try:
                for named in expand(pattern):
                    if len(self.plans) >= HOSTS_MAX:
                        text = f"expected at most {HOSTS_MAX} hosts in all"
                        self._problems.add(self._document, ("hosts",), text)
                        return
                    yield named
            except ValueError as error:
                text = f"found {pattern!r}; {error}"
                self._problems.add(self._document, (*loc, "names"), text)

    def _place(self, entry: Hosts, named: Named, loc: Loc) -> Place | None:
        """Enter a host and its names. Return None where nothing more can be said of it."""
        host = HostId(entry.cloud, named.host)
        place = Place(self._document, self._problems, loc, host, {"host": named.host})
        if host in self.plans:
            place.note(("names",), "the host is listed twice")
            return None
        self.plans[host] = HostPlan(host)
        self._label(named.host, place, "names", alias=False)
        record = self._record(entry, place)
        if record is None:
            return None
        number = {"n": named.number} if named.number else {}
        place.variables = {**place.variables, **number, **record.variables}
        for alias in entry.aliases:
            self._label(place.fill(alias, ("aliases",)), place, "aliases", alias=True)
        for alias in record.aliases:
            self._label(alias, place, "inventory_file", alias=True)
        return place

    def _record(self, entry: Hosts, place: Place) -> Record | None:
        inventory = self.inventories.find(entry.inventory_file) if entry.inventory_file else None
        if inventory is None:
            return Record()
        record = inventory.record(place.host.name)
        if record is None:
            place.note(("inventory_file",), f"{inventory.file} says nothing of the host")
        return record

    def _label(self, label: str | None, place: Place, option: str, *, alias: bool) -> None:
        wrong = self.labels.add(label, place.host, alias=alias) if label is not None else ""
        if wrong:
            place.note((option,), wrong)

    def _plan(self, entry: Hosts, raw: Mapping[str, Any], place: Place) -> HostPlan:
        levels, digest = self.devices.levels(entry, raw, place)
        return HostPlan(
            host=place.host,
            domain=place.fill(entry.domain, ("domain",)) or "",
            mode=entry.mode,
            protected=entry.protected,
            levels=levels,
            digest=digest,
            selection=entry.selection(),
            way_back=entry.way_back(),
            reserve=Reserve(self._reserved(entry, place), entry.reserved_reason),
            corroboration=entry.evidence.needed(
                (one.terms for one in self._sources), place.host.name, self._gives
            ),
        )

    def _reach(self, entry: Hosts, place: Place) -> None:
        """Keep where a host is to be reached; two hosts of one address could not be told apart."""
        found: dict[str, str] = {}
        for network, template in entry.addresses.items():
            loc: Loc = ("addresses", network)
            text = place.fill(template, loc)
            if text is None:
                continue
            try:
                address = str(ip_address(text))
            except ValueError:
                place.note(loc, f"found {text!r}; expected an IP address")
                continue
            other = self._owners.setdefault((network, address), place.host)
            if other != place.host:
                place.note(loc, f"found {address}, which is also that of {other}")
            found[network] = address
        if found:
            self.addresses[place.host] = found

    def _reserved(self, entry: Hosts, place: Place) -> tuple[str, ...]:
        """Return the hosts in reserve, each once."""
        found: dict[str, None] = {}
        for pattern in entry.reserved_hosts:
            try:
                found |= dict.fromkeys(named.host for named in expand(pattern))
            except ValueError as error:
                place.note(("reserved_hosts",), f"found {pattern!r}; {error}")
        return tuple(found)


def _manual_before_others(entry: Hosts) -> Iterator[int]:
    for number, level in enumerate(entry.levels[:-1]):
        if not level:
            yield number


def _repeated(entry: Hosts) -> Iterator[int]:
    """Yield the levels that use a name which a device before has."""
    seen: set[str] = set()
    for number, level in enumerate(device_names(entry)):
        if len(set(level)) < len(level) or seen.intersection(level):
            yield number
        seen.update(level)
