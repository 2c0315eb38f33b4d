"""The lab as the cloud: in this process, in the namespace between the controllers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.consumer import Receipt
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.listeners import Spot
from doctor_daemon.lab.redfish import USER, RedfishOptions
from doctor_daemon.lab.world import Failure, Timing
from tests.chaos.configuration import PATIENCE, machine, webhook
from tests.chaos.estate import Estate, running
from tests.chaos.judgement import Place
from tests.chaos.net import CLOUD, Net
from tests.chaos.plan import DEATHS_MAX, LOST, Fault, Trouble
from tests.chaos.world import Felt, Json, Truth, effect

WORLD = Timing(report_interval_s=1.0, service_down_s=5.0)
SURVIVORS = 4
ENDLESS = ("accepted", "pre-migrating")


@dataclass
class LabWorld:
    """The lab, and what is true of it."""

    lab: Lab
    suite: str = "tests.chaos"
    dead: dict[str, float] = field(default_factory=dict)
    stranded: set[str] = field(default_factory=set)
    felt: list[str] = field(default_factory=list)
    _rules: list[Rule] = field(default_factory=list)
    """The faults of the cloud that last."""

    @property
    def living(self) -> list[str]:
        return [name for name in self.lab.world.hosts if name not in self.dead]

    def options(self, folder: Path) -> Json:
        """Return what a configuration says of the lab; its secrets are in files of its own."""
        del folder
        found = self.lab.describe()
        cloud = {"clouds_file": found["clouds"], "cloud": found["cloud"]}
        return {
            "cloud": {"type": "nova", **cloud, **PATIENCE},
            "consumers": [_consumer(name, hook) for name, hook in found["consumers"].items()],
            "hosts": [_host(name, one, found) for name, one in found["hosts"].items()],
        }

    async def die(self, host: str) -> None:
        """Let a host fail; its power and its guests go on."""
        self.lab.world.fail(host, Failure.HOST)
        self.dead[host] = time.monotonic()

    @contextmanager
    def suffering(self, trouble: Trouble) -> Iterator[Felt]:
        """Have the lab act by a rule for as long as the trouble lasts."""
        made = rule(trouble)

        def befell() -> list[str]:
            return [one.method for one in self.lab.faults.applied if one.rule is made]

        self._rules.append(made)
        self._ruled()
        try:
            yield lambda: bool(befell())
        finally:
            self._rules.remove(made)
            self._ruled()
            self.felt.append(effect(trouble, befell()))

    def _ruled(self) -> None:
        """Have the lab act by the rules that last, and by no other."""
        self.lab.faults.clear()
        self.lab.faults.add(*self._rules)

    def receipts(self) -> Sequence[Receipt]:
        return self.lab.consumer.receipts

    async def endless(self, host: str, victims: Sequence[str]) -> set[str]:
        """Name the servers left on a host, if all are on their way to one that died, too."""
        left = {one.id for one in self.lab.world.servers.values() if one.host == host}
        rows = [row for victim in victims for row in self.lab.evacuations.of(victim)]
        endless = {row.server for row in rows if row.status in ENDLESS}
        return left if left <= endless else set()

    async def truth(self) -> Truth:
        """Return the lab's record, and how its hosts and servers stand."""
        world, hosts = self.lab.world, self.lab.world.hosts
        servers = [one for one in world.servers.values() if one.id not in self.stranded]
        return Truth(
            entries=self.lab.record.entries,
            down={k for k, one in hosts.items() if one.service.forced_down and not one.power},
            places=[Place(one.name, one.host, world.runs_on(one.id)) for one in servers],
        )


def rule(trouble: Trouble) -> Rule:
    """Return what the lab is to do for as long as a fault of the cloud lasts."""
    seconds = trouble.slow_s
    if trouble.fault is Fault.BMC:
        return Rule(service=Service.BMC, do=Do.SLOW, times=None, seconds=seconds)
    if trouble.way == "lost-reply":
        return Rule(service=Service.NOVA, do=Do.LOST_REPLY, times=LOST)
    if trouble.way == "503":
        return Rule(service=Service.NOVA, do=Do.STATUS, times=None)
    return Rule(service=Service.NOVA, do=Do.SLOW, times=None, seconds=seconds)


def _consumer(name: str, hook: Json) -> Json:
    project = hook["project_id"]
    audience = {"projects": [project]} if project else {"operators": True}
    return webhook(name, hook["url"], hook["secret_file"], audience)


def _host(name: str, one: Json, found: Json) -> Json:
    return machine(
        name,
        url=one["system"],
        i_accept_plain_http=True,
        username=USER,
        password_file=found["bmc"]["password_file"],
        uuid=one["uuid"],
    )


@asynccontextmanager
async def estate(net: Net, folder: Path, rounds: int) -> AsyncIterator[Estate]:
    """Run a lab with enough hosts for so many rounds, and three controllers before it."""
    options = LabOptions(
        hosts=rounds * DEATHS_MAX + SURVIVORS,
        servers_per_host=2,
        zones=1,
        timing=WORLD,
        redfish=RedfishOptions(power_s=0.2),
        folder=folder,
        cloud=Spot(CLOUD, CLOUD),
        bmcs=Spot(CLOUD, CLOUD),
    )
    async with Lab(options) as lab, running(net, folder, LabWorld(lab)) as made:
        yield made
