"""The lab from outside: its control, and its Nova as an operator of the cloud uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientSession

from benchmarks.plan import Json

VERSION = "compute 2.90"
OPERATOR = "operator"
AT_ONCE = 16
"""Orders to the lab that are under way at a time while it is prepared."""


@dataclass
class Cloud:
    """A running lab. `about` is what it said of itself at its start."""

    session: ClientSession
    about: Any
    services: dict[str, str] = field(default_factory=dict)
    """Host -> the id of its nova-compute's service."""
    _token: str = ""

    @property
    def hosts(self) -> list[str]:
        """The names of all hosts."""
        return [*self.about["hosts"]]

    async def login(self) -> None:
        """Get a token as the operator, and learn the services' ids."""
        clouds = json.loads(await asyncio.to_thread(Path(self.about["clouds"]).read_text))
        auth = clouds["clouds"][OPERATOR]["auth"]
        domain = {"id": "default"}
        user = {"name": auth["username"], "password": auth["password"], "domain": domain}
        scope = {"project": {"name": auth["project_name"], "domain": domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        url = f"{self.about['keystone']}/auth/tokens"
        async with self.session.post(url, json=body, raise_for_status=True) as answer:
            self._token = answer.headers["X-Subject-Token"]
        rows = (await self.nova("GET", "os-services?binary=nova-compute"))["services"]
        self.services = {row["host"]: row["id"] for row in rows}

    async def nova(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask Nova; return what it answers, None where that is nothing."""
        headers = {"X-Auth-Token": self._token, "OpenStack-API-Version": VERSION}
        url = f"{self.about['nova']}/{path}"
        async with self.session.request(
            method, url, json=body, headers=headers, raise_for_status=True
        ) as answer:
            content = await answer.read()
        return json.loads(content) if content else None

    async def control(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the lab's control."""
        url = f"{self.about['control']}/{path}"
        async with self.session.request(method, url, json=body, raise_for_status=True) as answer:
            content = await answer.read()
        return json.loads(content) if content else None

    async def boot(self, host: str, servers: int, projects: int) -> list[str]:
        """Boot servers on a host, of one project after the other; return their ids."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> str:
            body: Json = {"host": host, "project": f"project-{number % projects + 1}"}
            async with limit:
                return cast("str", (await self.control("POST", "servers", body))["id"])

        return await asyncio.gather(*(one(number) for number in range(servers)))

    async def fail(self, host: str) -> None:
        """Let a host die: nothing of it answers any more, and its guests run on."""
        await self.control("POST", f"hosts/{host}/fail", {"how": "host"})

    async def mend(self, hosts: Sequence[str]) -> None:
        """Bring hosts back as an operator does: power, and the service enabled again."""
        body: Json = {"forced_down": False, "status": "enabled"}
        for host in hosts:
            await self.control("POST", f"hosts/{host}/power", {"power": "on"})
            await self.nova("PUT", f"os-services/{self.services[host]}", body)

    async def violations(self) -> int:
        """Return how often the lab has seen a promise broken."""
        return len(await self.control("GET", "violations"))
