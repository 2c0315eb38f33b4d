"""The floor: the calls that nobody can do without, back to back, and nothing else.

A bare script: no record, no evidence, no second thoughts. It cuts, reads until OFF as fast as the
BMC answers, takes the same number of OFF reads over the same hold time, writes once and reads back.
What the daemon needs beyond it is the price of being safe, and of telling.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, encode_basic_auth

from benchmarks.cloud import Cloud
from doctor_daemon.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Floor:
    """A script that knows a cloud's BMCs and a token of its Nova."""

    cloud: Cloud
    login: Mapping[str, str]
    """The header that a BMC wants."""
    reads: int
    hold_s: float
    limit: AbstractAsyncContextManager[None] = field(default_factory=nullcontext)
    """What each call of a BMC is made within."""

    @classmethod
    async def of(cls, cloud: Cloud, policy: Policy, at_once: int = 0) -> Floor:
        """Make it with the reads and the hold time of the daemon.

        `at_once`: how many calls of BMCs are made at a time; 0: any number.
        """
        bmc = cloud.about["bmc"]
        password = await asyncio.to_thread(Path(bmc["password_file"]).read_text)
        login = {"Authorization": encode_basic_auth(bmc["user"], password)}
        limit = asyncio.Semaphore(at_once) if at_once else nullcontext()
        return cls(cloud, login, policy.off_reads, policy.off_hold_s, limit)

    @property
    def _session(self) -> ClientSession:
        return self.cloud.session

    async def force_down(self, host: str) -> None:
        """Go the whole way of one host."""
        system = self.cloud.about["hosts"][host]["system"]
        await self._cut(system)
        while await self._power(system) != "Off":
            pass
        off_s = time.monotonic()
        for number in range(1, self.reads):
            due_s = off_s + self.hold_s * number / (self.reads - 1)
            await asyncio.sleep(max(due_s - time.monotonic(), 0))
            if await self._power(system) != "Off":
                msg = f"{host} has power again"
                raise RuntimeError(msg)
        service = self.cloud.services[host]
        body = {"forced_down": True, "status": "disabled", "disabled_reason": "the floor"}
        await self.cloud.nova("PUT", f"os-services/{service}", body)
        query = f"os-services?host={host}&binary=nova-compute"
        (row,) = (await self.cloud.nova("GET", query))["services"]
        if not row["forced_down"]:
            msg = f"{host} is not forced down"
            raise RuntimeError(msg)

    async def evacuate(self, servers: Sequence[str], limits: Sequence[asyncio.Semaphore]) -> None:
        """Ask for the evacuation of a host's servers, as many at a time as the limits allow."""
        own, everyone = limits

        async def one(server: str) -> None:
            async with own, everyone:
                await self.cloud.nova("POST", f"servers/{server}/action", {"evacuate": {}})

        await asyncio.gather(*(one(server) for server in servers))

    async def _cut(self, system: str) -> None:
        url, body = f"{system}/Actions/ComputerSystem.Reset", {"ResetType": "ForceOff"}
        async with (
            self.limit,
            self._session.post(url, json=body, headers=self.login, raise_for_status=True) as answer,
        ):
            await answer.read()

    async def _power(self, system: str) -> str:
        async with (
            self.limit,
            self._session.get(system, headers=self.login, raise_for_status=True) as answer,
        ):
            return str((await answer.json())["PowerState"])
