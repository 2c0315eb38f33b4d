"""The operators' socket before an engine with a Cinder of the lab's behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from doctor_daemon.api.cinder import CinderApi
from doctor_daemon.api.operators import OperatorsApi
from doctor_daemon.api.serving import on_socket, served
from doctor_daemon.api.unix import bound
from doctor_daemon.controllers.cinder import Cinder, CinderConfig
from doctor_daemon.engine.errand import Patience
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.lab.cloud import ADMIN, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.volume_services import CinderOptions
from tests.api.desk import MEMBERS, NAMES, Desk, Json, public_folder
from tests.engine.rig import Rig

OPTIONS = CinderOptions(rpc_timeout_s=0.5, failover_s=0.05)
QUICK = Patience(pauses_s=(0.0, 0.1, 0.3), failover_every_s=0.05, quieting_every_s=0.1)


@dataclass
class VolumeDesk:
    """A served socket, and what is behind it."""

    desk: Desk
    lab: Lab
    orders: VolumeOrders

    async def arm(self) -> None:
        await self.desk.ask("POST", "/v1/arm", {"why": "go"})

    async def order(self, order: str, why: str = "a test", **more: Any) -> tuple[int, Json]:  # noqa: ANN401 - a test's own words
        status, said = await self.desk.ask(
            "POST", "/v1/cinder/orders", {"order": order, "why": why, **more}
        )
        return status, said["order"] if "order" in said else said["error"]


@asynccontextmanager
async def volume_desk(
    rig: Rig | None = None,
    *,
    wait_s: float = 8.0,
    patience: Patience = QUICK,
    kind: type[Cinder] | None = Cinder,
) -> AsyncIterator[VolumeDesk]:
    """Serve orders about the Cinder of a lab of their own, or about none."""
    async with Lab(LabOptions(hosts=1, cinder=OPTIONS)) as lab:
        served_ = served_orders(lab, rig or Rig(), wait_s=wait_s, patience=patience, kind=kind)
        async with served_ as at:
            yield at


@asynccontextmanager
async def served_orders(
    lab: Lab,
    rig: Rig,
    *,
    wait_s: float = 8.0,
    patience: Patience = QUICK,
    kind: type[Cinder] | None = Cinder,
) -> AsyncIterator[VolumeDesk]:
    """Serve orders about a lab's Cinder by one daemon; the rig's disk outlives it."""
    values = {"clouds_file": lab.folder / CLOUDS, "cloud": ADMIN}
    adapter = kind(CinderConfig.model_validate(values), rig.clock) if kind else None
    with public_folder() as folder:
        async with rig.running() as engine:
            orders = VolumeOrders(engine, adapter, patience)
            orders.resume()
            more = CinderApi(orders, wait_s).routes()
            api = OperatorsApi(Operators(engine), engine.desk.host, MEMBERS, NAMES, more)
            path = folder / "run" / "operators.sock"
            with bound(path, MEMBERS) as made:
                async with served(api.app(), on_socket(made)):
                    yield VolumeDesk(Desk(engine, path), lab, orders)
            await orders.close()
    if adapter:
        await adapter.close()
