"""Load the configuration: read, check everything, and only then make settings of it.

Loading changes nothing and can be repeated, so that a running daemon may load a changed file and
keep its own when the new one is faulty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from doctor_daemon.config.concerns import concerns
from doctor_daemon.config.document import read_document
from doctor_daemon.config.drill import strangers
from doctor_daemon.config.hosts import HostReader
from doctor_daemon.config.lifelines import unfit, unshared
from doctor_daemon.config.mass import Mass
from doctor_daemon.config.models import (
    Budget,
    Cloud,
    Consumer,
    Evacuation,
    File,
    State,
    Timing,
)
from doctor_daemon.config.network import Network
from doctor_daemon.config.problems import Document, Loc, Problems
from doctor_daemon.config.release import Release
from doctor_daemon.config.sections import Chooser, Model, rooted, salvaged, validated
from doctor_daemon.config.settings import Choice, Settings, SourceChoice
from doctor_daemon.config.sources import SourceReader
from doctor_daemon.config.storage import Storage
from doctor_daemon.config.timing import Numbers, broken, call_s
from doctor_daemon.core.host import Mode
from doctor_daemon.core.port_tasks import PortPolicy
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.errors import ConfigError
from doctor_daemon.plugins import CONTROLLERS, NETWORKS, NOTIFIERS, STORAGE, STORES


def load(path: Path) -> Settings:
    """Return the settings of a file. Raise ConfigError, which names every fault that was found."""
    problems = Problems()
    document = read_document(path.absolute(), problems)
    settings = _Loading(document, problems).settings() if document else None
    problems.raise_any()
    if settings is None:
        msg = f"{path}: no settings came of it"
        raise ConfigError(msg)
    return settings


class _Loading:
    """One load of one file."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self._document = document
        self._problems = problems
        self._chooser = Chooser(document, problems)
        self._hosts = HostReader(document, problems, self._chooser)
        self._sources = SourceReader(document, problems, self._chooser)
        self._faulty: set[str] = set()

    def settings(self) -> Settings | None:
        """Check all; return the settings unless something is wrong."""
        raw, timing = self._document.value, self._part("timing", Timing)
        file = self._file()
        cloud = self._chooser.choose(CONTROLLERS, Cloud, ("cloud",), raw.get("cloud", {}))
        store = self._chooser.choose(STORES, State, ("state",), raw.get("state", {}))
        storage = self._storage(raw.get("storage"))
        network = self._network(raw.get("network"))
        sources = tuple(self._sources.read(timing.evidence_age_s))
        consumers = tuple(self._consumers())
        self._repeated("sources")
        self._repeated("consumers")
        self._hosts.read(cloud.name if cloud else Cloud.model_fields["name"].default, sources)
        self._together(file, sources, store)
        found = self._numbers(timing, self._part("budget", Budget), cloud)
        numbers = replace(found, moves=file is None or file.mode is Mode.EVACUATE)
        self._fit(numbers, file)
        secrets = self._chooser.secrets()
        if self._problems or file is None or cloud is None or store is None:
            return None
        return Settings(
            file=self._document.file,
            mode=file.mode,
            policy=replace(numbers.policy, own_age_s=file.own_side.age_s),
            own_side=file.own_side,
            plans=self._hosts.plans,
            aliases=self._hosts.labels.aliases,
            addresses=self._hosts.addresses,
            listen=file.listen,
            tls=rooted(file.tls, self._chooser.folder) if file.tls else None,
            metrics_listen=file.metrics_listen,
            operators=rooted(file.operators, self._chooser.folder),
            log=file.log,
            store=store,
            cloud=cloud,
            storage=storage,
            network=network,
            ports=file.network.policy() if file.network else PortPolicy(),
            volumes=file.storage.policy() if file.storage else VolumePolicy(),
            programs=file.programs,
            watchdogs=rooted(file.watchdogs, self._chooser.folder) if file.watchdogs else None,
            probing=file.probes.probing(),
            drill=file.drill,
            sources=sources,
            consumers=consumers,
            devices=tuple(self._hosts.devices.choices),
            secrets=secrets,
            warnings=tuple(concerns(file, numbers, sources, self._hosts)),
        )

    def _note(self, loc: Loc, text: str) -> None:
        self._problems.add(self._document, loc, text)

    def _file(self) -> File | None:
        """Check the file's own options, everywhere in it."""
        try:
            file = validated(File, self._document.value, self._chooser.folder)
        except ValidationError as error:
            self._problems.check(self._document, (), error, File)
            self._faulty = {str(details["loc"][0]) for details in error.errors()}
            return None
        if file.listen == file.metrics_listen and file.listen.port:
            self._note(("metrics_listen",), f"found {file.listen} again; expected another address")
        return file

    def _part(self, option: str, model: type[Model]) -> Model:
        """Return a section whose options all have defaults, as far as it is right."""
        value = self._document.value.get(option, {})
        return salvaged(model, value, self._chooser.folder) or model()

    def _storage(self, value: object) -> Choice | None:
        """Return what the block storage is reached by, where the file has any."""
        if value is None:
            return None
        return self._chooser.choose(STORAGE, Storage, ("storage",), value)

    def _network(self, value: object) -> Choice | None:
        """Return what the network is reached by, where the file has any."""
        if value is None:
            return None
        return self._chooser.choose(NETWORKS, Network, ("network",), value)

    def _together(
        self, file: File | None, sources: Sequence[SourceChoice], store: Choice | None
    ) -> None:
        """Check what is named in one part against what another part has."""
        self._backends(file)
        self._drilled(file)
        self._certified(file, sources)
        for loc, text in unshared(file, store) if file and store else ():
            self._note(loc, text)
        for option, text in file.own_side.wrong() if file else ():
            self._note(("own_side", option), text)
        if file is not None and file.watchdogs is not None:
            self._chooser.keep(file.watchdogs, ("watchdogs",))

    def _backends(self, file: File | None) -> None:
        """Check the backends of the block storage against the hosts."""
        hosts = [host.name for host in self._hosts.plans]
        for number, option, text in file.storage.wrong(hosts) if file and file.storage else ():
            self._note(("storage", "backends", number, option), text)

    def _certified(self, file: File | None, sources: Sequence[SourceChoice]) -> None:
        """See that whoever is to show a certificate is asked for one."""
        if file is not None and file.tls is not None:
            self._chooser.keep(file.tls, ("tls",))
        asked = file is None or (file.tls is not None and file.tls.client_ca_file is not None)
        for source in sources:
            if source.auth.certificates and not asked:
                text = f"missing; {source.name} shows a certificate, and nobody asks for one"
                self._note(("tls", "client_ca_file"), text)

    def _drilled(self, file: File | None) -> None:
        """See that each host that may be drilled is one of ours."""
        known = [host.name for host in self._hosts.plans]
        for text in strangers(file.drill, known) if file and file.drill else ():
            self._note(("drill", "hosts"), text)

    def _consumers(self) -> Iterator[Choice]:
        for loc, item in self._document.items("consumers"):
            choice = self._chooser.choose(NOTIFIERS, Consumer, loc, item)
            if choice is not None:
                yield choice

    def _repeated(self, option: str) -> None:
        seen: set[str] = set()
        for loc, item in self._document.items(option):
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str) and name in seen:
                self._note((*loc, "name"), f"found {name!r} twice; expected each name once")
            elif isinstance(name, str):
                seen.add(name)

    def _numbers(self, timing: Timing, budget: Budget, cloud: Choice | None) -> Numbers:
        clouds = [cloud.config] if cloud else []
        holds_s = [
            device.hold_s
            for plan in self._hosts.plans.values()
            for level in plan.levels
            for device in level.devices
        ]
        return Numbers(
            timing=timing,
            budget=budget,
            evacuation=self._part("evacuation", Evacuation),
            release=self._part("release", Release),
            mass=self._part("mass", Mass),
            device_s=call_s((d.config for d in self._hosts.devices.choices), "timeout_s"),
            list_s=call_s(clouds, "read_timeout_s", "timeout_s"),
            put_s=call_s(clouds, "force_down_timeout_s", "timeout_s"),
            hold_s=max([timing.off_hold_s, *holds_s]),
        )

    def _fit(self, numbers: Numbers, file: File | None) -> None:
        """Check numbers against each other, unless some of them are no numbers."""
        if self._faulty & {"timing", "budget", "evacuation", "release", "mass"}:
            return
        for section, option, text in broken(numbers):
            self._note((section, option), text)
        plans, choices = self._hosts.plans.values(), self._hosts.devices.choices
        for loc, text in unfit(file, numbers, plans, choices) if file else ():
            self._note(loc, text)
