"""Notifications as Masakari's monitors send them, and a daemon that takes them in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from doctor_daemon.api.gatekeepers import AddressGate
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.outlook import Outlook
from doctor_daemon.inspectors.masakari import Masakari
from tests.engine.rig import Rig
from tests.inspectors.rig import Client, Json, Reply, listening, source, terms

HOSTS = "COMPUTE_HOST"
DOWN = {"event": "STOPPED", "cluster_status": "OFFLINE", "host_status": "NORMAL"}
UP = {"event": "STARTED", "cluster_status": "ONLINE", "host_status": "NORMAL"}
SERVER = {
    "instance_uuid": "5f8a3d5c-1111-4222-8333-444455556666",
    "vir_domain_event": "STOPPED_FAILED",
    "event": "LIFECYCLE",
}
PROCESS = {"process_name": "nova-compute", "event": "stopped"}


def inspector(**options: object) -> Masakari:
    config = Masakari.Config.model_validate_json(json.dumps(options), strict=True)
    return Masakari(config, terms("masakari"))


def utc(wall_s: float) -> str:
    """Spell a time as the monitors do: UTC, without its zone."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=wall_s)
    return at.replace(tzinfo=None).isoformat()


def notification(
    wall_s: float, payload: Json | None = None, host: str = "cmp-1", type_: str = HOSTS
) -> Json:
    sent = {"type": type_, "hostname": host, "generated_time": utc(wall_s)}
    return {"notification": {**sent, "payload": DOWN if payload is None else payload}}


class Desk:
    """A client of a daemon that has a source of type masakari."""

    def __init__(self, client: Client, engine: Engine, rig: Rig) -> None:
        self.client = client
        self.engine = engine
        self.rig = rig

    @property
    def wall_s(self) -> float:
        return self.rig.clock.now().wall_s

    async def post(
        self, payload: Json | None = None, ago_s: float = 0.0, host: str = "cmp-1", **more: str
    ) -> Reply:
        body = notification(self.wall_s - ago_s, payload, host, more.pop("type_", HOSTS))
        return await self.client.send("/v1/notifications", body, **more)

    async def get(self, path: str, version: str = "") -> Reply:
        headers = {"OpenStack_API_Version": f"instance-ha {version}"} if version else {}
        return await self.client.send(path, method="GET", **headers)


@asynccontextmanager
async def served(rig: Rig | None = None) -> AsyncIterator[Desk]:
    """Serve a source of type masakari before the real engine."""
    rig, made = rig or Rig(), inspector()
    async with rig.running() as engine:
        Outlook(engine).show({}, [made])
        async with listening(engine.desk, source(made, AddressGate())) as client:
            yield Desk(client, engine, rig)
    assert rig.bugs == []
