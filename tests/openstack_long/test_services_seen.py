"""A source of type `nova` sees a real Nova's services: a host that dies, and a Nova in trouble."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from doctor_daemon.controllers.nova import Nova, NovaConfig
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.nova import NovaServices
from doctor_daemon.ports.surroundings import Surroundings
from tests.fakes.clock import BootClock
from tests.inspectors.looking import configured, told
from tests.inspectors.rig import Ledger, terms
from tests.openstack.estate import Estate
from tests.openstack.testbed.configuration import REPORT_INTERVAL_S, SERVICE_DOWN_TIME_S
from tests.openstack.testbed.processes import Processes
from tests.openstack.testbed.site import HOSTS

HOST = HOSTS[0]
LIMIT_S = 90.0


class Watch:
    """The source, and the daemon's own client of Nova, which reads a list each two seconds."""

    def __init__(self, nova: Nova) -> None:
        self.nova = nova
        self.ledger = Ledger()
        self.trouble = ""
        self.source = NovaServices(configured(NovaServices.Config, Path()), terms("nova"))
        hosts = tuple(HostId("default", name) for name in HOSTS)
        self.source.place(Surroundings(hosts=hosts))

    async def look(self) -> None:
        await asyncio.sleep(REPORT_INTERVAL_S)
        self.ledger.clock.move(REPORT_INTERVAL_S)
        fleet = await self.nova.fleet()
        assert fleet.asked_there_s is not None
        self.source.show(fleet)
        self.trouble = ""
        try:
            await self.source.look(self.ledger)
        except Temporary as error:
            self.trouble = str(error)

    async def works(self) -> None:
        """Look until services are seen to report in."""
        async with asyncio.timeout(LIMIT_S):
            await self.look()
            await self.look()
            while self.trouble:
                await self.look()

    async def told(self, count: int) -> list[tuple[str, str]]:
        """Look until so much has been told."""
        async with asyncio.timeout(LIMIT_S):
            while len(self.ledger.taken) < count:
                await self.look()
        return [(host, verdict) for host, _, verdict in told(self.ledger.taken)]


@asynccontextmanager
async def watching(estate: Estate) -> AsyncIterator[Watch]:
    values = {"clouds_file": estate.site.run / "clouds.yaml", "cloud": "admin"}
    nova = Nova(NovaConfig.model_validate(values), "default", BootClock())
    try:
        watch = Watch(nova)
        await watch.works()
        yield watch
    finally:
        await nova.close()


async def test_a_host_that_dies_is_accused_and_cleared_when_it_is_back(estate: Estate) -> None:
    async with watching(estate) as watch:
        assert watch.ledger.taken == []
        await asyncio.to_thread(estate.crash, HOST)
        assert await watch.told(1) == [(HOST, "down")]
        await asyncio.to_thread(estate.restore)
        assert await watch.told(2) == [(HOST, "down"), (HOST, "up")]


async def test_a1_when_the_conductor_hangs_nobody_is_accused(estate: Estate) -> None:
    """Then no service can report in, and Nova calls every one of them down."""
    pid = Processes(estate.site.run).pid("nova-conductor")
    assert pid
    async with watching(estate) as watch:
        os.killpg(pid, signal.SIGSTOP)
        try:
            for _ in range(2 * SERVICE_DOWN_TIME_S):
                await watch.look()
            fleet = await watch.nova.fleet()
        finally:
            os.killpg(pid, signal.SIGCONT)
        assert {fleet.services[name].state for name in HOSTS} == {"down"}
        assert watch.ledger.taken == []
