"""The real OpenStack as the cloud: outside, on loopback, and reached by way of a forwarder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from doctor_daemon.lab.consumer import Receipt
from tests.chaos.configuration import MOVES, PATIENCE, machine, webhook
from tests.chaos.estate import Estate as Controllers
from tests.chaos.estate import LateError, running
from tests.chaos.judgement import Place
from tests.chaos.net import CLOUD, Net
from tests.chaos.plan import LOST, Fault, Trouble
from tests.chaos.world import Felt, Json, Truth, effect
from tests.openstack import proxy, rack
from tests.openstack.alerting import webhook as webhook_address
from tests.openstack.consumer import Consumer
from tests.openstack.daemon import clouds
from tests.openstack.estate import OPERATOR_KEY, TENANT_KEY, Estate
from tests.openstack.evacuations import moves, places, posts
from tests.openstack.guests import read_record
from tests.openstack.testbed.calls import Refused
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.site import HOSTS, listening
from tests.openstack_chaos.forwarder import forwarding
from tests.openstack_chaos.record import blind, evacuations, flags, guests, powers, receipts
from tests.slice.site import secret
from tools.netns import stepped_into

T = TypeVar("T")
SERVERS = 3
"""So many run on each host in the beginning."""
EVACUATION_TIMEOUT_S = 60
"""A real Nova on a busy machine takes longer than the lab."""
QUIET_S = 5.0
"""Before all is judged: time in which a request that nobody wants would have come."""
READS, WRITES = ("GET",), ("PUT", "POST")
UNDER_WAY = ("accepted", "pre-migrating")


@dataclass
class OpenStack:
    """The real cloud in one round, and what is true of it."""

    estate: Estate
    net: Net
    suite: str = "tests.openstack_chaos"
    dead: dict[str, float] = field(default_factory=dict)
    stranded: set[str] = field(default_factory=set)
    felt: list[str] = field(default_factory=list)
    _homes: dict[str, str] = field(default_factory=dict)
    """Server -> the host that it was booted on."""
    _slow: list[float] = field(default_factory=list)
    """How slow BMCs are, by the troubles that last."""
    _refused: dict[str, int] = field(default_factory=dict)
    """Consumer -> how many notices it had refused when the round began."""
    _began_s: float = 0.0

    async def begin(self) -> None:
        """Have all as at the start, with servers on every host. Raise LateError."""
        try:
            await self._outside(self._begin)
        except (AssertionError, OSError, Refused) as error:
            raise LateError(f"the cloud is not as at the start: {error}") from error

    def _begin(self) -> None:
        port, _ = webhook_address()
        wait_for(f"port {port} to be free", lambda: not listening(port))
        self.estate.restore()
        for host in HOSTS:
            self._homes |= dict.fromkeys(self.estate.boot(host, SERVERS), host)
        self._refused = {name: len(one.refused) for name, one in self._consumers.items()}
        self._began_s = time.monotonic()

    async def _outside(self, call: Callable[[], T]) -> T:
        """Do something where the cloud is, in a thread."""

        def done() -> T:
            with stepped_into(self.net.outside):
                return call()

        return await asyncio.to_thread(done)

    @property
    def _consumers(self) -> dict[str, Consumer]:
        return {"operators": self.estate.operator, "owner": self.estate.owner}

    @property
    def living(self) -> list[str]:
        return [name for name in HOSTS if name not in self.dead]

    @property
    def ports(self) -> list[int]:
        """What of it the daemons ask, or tell."""
        urls = [self.estate.site.auth_url, self.estate.proxy.url]
        urls += [bmc.url for bmc in self.estate.bmcs.values()]
        urls += [one.url for one in self._consumers.values()]
        return [port for url in urls if (port := urlsplit(url).port)]

    def options(self, folder: Path) -> Json:
        """Return what a configuration says of the cloud, with its secrets in a folder."""
        secret(folder / "bmc-password", rack.PASSWORD)
        secret(folder / "operators-key", OPERATOR_KEY)
        secret(folder / "owner-key", TENANT_KEY)
        secret(folder / "clouds.yaml", _seen(clouds(self.estate, self.estate.proxy.url)))
        audiences: Json = {"operators": {"operators": True}, "owner": {"projects": "all"}}
        return {
            "evacuation": {**MOVES, "evacuation_timeout_s": EVACUATION_TIMEOUT_S},
            "cloud": {"type": "nova", "clouds_file": "clouds.yaml", "cloud": "admin", **PATIENCE},
            "consumers": [
                webhook(name, _seen(one.url), f"{name}-key", audiences[name])
                for name, one in self._consumers.items()
            ],
            "hosts": [self._host(bmc) for bmc in self.estate.bmcs.values()],
        }

    def _host(self, bmc: rack.Bmc) -> Json:
        return machine(
            bmc.host,
            url=_seen(bmc.url + bmc.system_path),
            uuid=bmc.uuid,
            ca_file=str(bmc.tls.ca),
            username=rack.USER,
            password_file="bmc-password",
        )

    async def die(self, host: str) -> None:
        """Let a host's software die; its power and its guests go on."""
        self.dead[host] = await self._outside(lambda: self.estate.crash(host))

    # what goes wrong

    def suffering(self, trouble: Trouble) -> AbstractContextManager[Felt]:
        """Have the proxy before Nova, or every BMC, be in trouble.

        Answers that are lost are felt when one of them was that to a write.
        """
        bmcs = trouble.fault is Fault.BMC
        return self._bmcs_suffering(trouble) if bmcs else self._nova_suffering(trouble)

    @contextmanager
    def _nova_suffering(self, trouble: Trouble) -> Iterator[Felt]:
        made = faults(trouble)

        def befell() -> list[str]:
            return [asked.method for one in made for asked in one.befell]

        with ExitStack() as stack:
            for one in made:
                stack.enter_context(self.estate.proxy.suffering(one))
            yield lambda: bool(made[-1].befell)
        self.felt.append(effect(trouble, befell()))

    @contextmanager
    def _bmcs_suffering(self, trouble: Trouble) -> Iterator[Felt]:
        began_s = time.monotonic()

        def befell() -> list[str]:
            requests = [one for bmc in self.estate.bmcs.values() for one in bmc.requests()]
            return [one.method for one in requests if one.mono >= began_s]

        self._slow.append(trouble.slow_s)
        self._slowed()
        try:
            yield lambda: bool(befell())
        finally:
            self._slow.remove(trouble.slow_s)
            self._slowed()
        self.felt.append(effect(trouble, befell()))

    def _slowed(self) -> None:
        """Have every BMC be as slow as the trouble has it that came first, of those that last."""
        for bmc in self.estate.bmcs.values():
            bmc.set_fault(f"slow:{self._slow[0]}" if self._slow else "none")

    # what is true

    def receipts(self) -> list[Receipt]:
        """Return what consumers were told, and what they refused."""
        return [
            receipt
            for name, one in self._consumers.items()
            for receipt in receipts(name, one.deliveries(), one.refused[self._refused[name] :])
        ]

    async def endless(self, host: str, victims: Sequence[str]) -> set[str]:
        """Name the servers left on a host, if all are on their way to one that died, too."""

        def found() -> set[str]:
            left = {k for k, place in places(self.estate).items() if place.host == host}
            rows = [row for row in moves(self.estate) if row.to in ("", *victims)]
            endless = {row.server for row in rows if row.status in UNDER_WAY}
            return left if left <= endless else set()

        return await self._outside(found)

    async def truth(self) -> Truth:
        """Return what the records have, and how hosts and servers stand."""
        await asyncio.sleep(QUIET_S)
        return await self._outside(self._truth)

    def _truth(self) -> Truth:
        estate, asked, rows = self.estate, posts(self.estate), moves(self.estate)
        entries = [*guests(read_record(estate.site.guests_record)), *flags(estate.forced_down())]
        entries += evacuations(asked, rows, self._homes)
        for host, bmc in estate.bmcs.items():
            changes = [one for one in bmc.changes() if one.mono >= self._began_s]
            entries += powers(host, changes)
        services = estate.admin.compute_services()
        off = {host for host, bmc in estate.bmcs.items() if bmc.power() == "Off"}
        runs = {host: one.running_guests() for host, one in estate.hosts.items()}
        found = {k: one for k, one in places(estate).items() if k not in self.stranded}
        ill = [one for one in found.items() if one[1].status != "ACTIVE"]
        missing = self._homes.keys() - found.keys() - self.stranded
        return Truth(
            entries=sorted(entries, key=lambda entry: entry.at_s),
            down={host for host in off if services[host]["forced_down"]},
            places=[
                Place(server, one.host, [host for host in HOSTS if server in runs[host]])
                for server, one in found.items()
            ],
            wrong=[
                *estate.violations(),
                *blind(asked, rows),
                *(f"{server} is {one.status}: {one.fault}" for server, one in ill),
                *(f"{server} is no more" for server in missing),
            ],
        )


def _seen(text: str) -> str:
    """Return it as the controllers are to have it: with the forwarder's address."""
    return text.replace("127.0.0.1", CLOUD)


def faults(trouble: Trouble) -> list[proxy.Fault]:
    """Return what befalls requests to Nova. Of what is lost, some are answers to writes."""
    if trouble.way == "lost-reply":
        return [proxy.Fault(methods=some, loses=LOST) for some in (READS, WRITES)]
    if trouble.way == "503":
        return [proxy.Fault(status=503)]
    return [proxy.Fault(pause_s=trouble.slow_s)]


@asynccontextmanager
async def estate(cloud: Estate, net: Net, folder: Path, rounds: int) -> AsyncIterator[Controllers]:
    """Have the cloud be as at the start, and run three controllers before it, for one round."""
    assert rounds == 1
    world = OpenStack(cloud, net)
    await world.begin()
    async with forwarding(net, world.ports), running(net, folder, world) as made:
        yield made
