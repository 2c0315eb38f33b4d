"""Somebody else who works on the same cloud, with credentials of their own."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from doctor_daemon.lab.cloud import Lab

Json = dict[str, Any]
CLOUD = "operator"
VERSION = "compute 2.53"


@dataclass(frozen=True, slots=True)
class Colleague:
    """An operator of the cloud, by the entry `operator` of the lab's clouds.yaml."""

    lab: Lab

    async def put(self, host: str, **change: object) -> None:
        """Change a host's compute service, as `openstack compute service set` does."""
        service = self.lab.world.hosts[host].service.uuid
        url = f"{self.lab.describe()['nova']}/os-services/{service}"
        tls = ssl.create_default_context(cafile=self.lab.ca)
        limit, connector = ClientTimeout(total=10), TCPConnector(ssl=tls)
        async with ClientSession(timeout=limit, connector=connector) as session:
            headers = {"X-Auth-Token": await self._token(session), "OpenStack-API-Version": VERSION}
            async with session.put(url, json=change, headers=headers) as answer:
                assert answer.status == 200, await answer.text()

    async def _token(self, session: ClientSession) -> str:
        found = self.lab.describe()
        with open(found["clouds"]) as file:  # noqa: ASYNC230, PTH123 - a small file of a test
            auth: Json = json.load(file)["clouds"][CLOUD]["auth"]
        user = {"name": auth["username"], "password": auth["password"], "domain": {"id": "default"}}
        project = {"name": auth["project_name"], "domain": {"id": "default"}}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": project},
            }
        }
        async with session.post(f"{found['keystone']}/auth/tokens", json=body) as answer:
            assert answer.status == 201, await answer.text()
            return answer.headers["X-Subject-Token"]
