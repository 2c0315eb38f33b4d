"""What an Ironic does, as far as the daemon meets it: a node, and its power as Ironic remembers it.

The lab passes this, and so does a real Ironic whose redfish driver drives a BMC of the lab
(tests/ironic).
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from typing import Any, Protocol

from tests.lab.caller import Caller, Reply

Json = dict[str, Any]
OFF, ON = "power off", "power on"
NOBODY = "00000000-0000-4000-8000-000000000000"
FIELDS = (
    "uuid,name,driver,driver_info,power_state,target_power_state,provision_state,maintenance,"
    "reservation,last_error"
)
PATIENCE_S = 20.0


class IronicTarget(Protocol):
    """An Ironic with one node, whose machine is on, and which compares the two now and then."""

    @property
    def node(self) -> str:
        """The node's UUID; its name is `compute-1`, its driver `redfish`."""

    @property
    def root(self) -> str:
        """The endpoint up to its `/v1`."""

    @property
    def caller(self) -> Caller: ...

    @property
    def headers(self) -> dict[str, str]:
        """What shows who asks."""

    @property
    @abstractmethod
    def power(self) -> bool:
        """The truth."""

    @abstractmethod
    def switch(self, *, on: bool) -> None:
        """Switch the machine behind Ironic's back."""


async def ask(
    target: IronicTarget, method: str, path: str, version: str = "1.95", body: object = None
) -> Reply:
    headers = {**target.headers, "X-OpenStack-Ironic-API-Version": version}
    return await target.caller.ask(method, f"{target.root}/{path}", headers=headers, body=body)


async def shown(target: IronicTarget) -> Json:
    reply = await ask(target, "GET", f"nodes/{target.node}?fields={FIELDS}")
    assert reply.status == 200, reply.text
    row: Json = reply.body
    return row


async def order(target: IronicTarget, wanted: str) -> Reply:
    path = f"nodes/{target.node}/states/power"
    return await ask(target, "PUT", path, body={"target": wanted})


async def settled(target: IronicTarget, power: str, *, really: bool) -> Json:
    """Wait until Ironic is done, shows a power, and the machine has one."""
    row, until_s = await shown(target), time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        idle = row["target_power_state"] is None and row["reservation"] is None
        if idle and row["power_state"] == power and target.power is really:
            return row
        await asyncio.sleep(0.1)
        row = await shown(target)
    raise AssertionError(row)


class IronicContract:
    """All of it."""

    async def test_discovery(self, target: IronicTarget) -> None:
        reply = await ask(target, "GET", "", "1.1")
        about = reply.body["version"]
        assert (reply.status, about["id"], about["min_version"]) == (200, "v1", "1.1")
        assert about["version"].startswith("1.")

    async def test_a_node(self, target: IronicTarget) -> None:
        row = await shown(target)
        assert row["uuid"] == target.node
        assert (row["name"], row["driver"]) == ("compute-1", "redfish")
        assert row["driver_info"]["redfish_address"].startswith("http")
        assert (row["power_state"], row["target_power_state"]) == (ON, None)
        assert (row["maintenance"], row["reservation"], row["last_error"]) == (False, None, None)

    async def test_a_version_that_is_not_offered(self, target: IronicTarget) -> None:
        assert (await ask(target, "GET", f"nodes/{target.node}", "1.999")).status == 406

    async def test_the_flag_that_keeps_a_node_on_is_shown_from_1_95_on(
        self, target: IronicTarget
    ) -> None:
        path = f"nodes/{target.node}?fields=disable_power_off"
        assert (await ask(target, "GET", path)).body["disable_power_off"] is False
        assert (await ask(target, "GET", path, "1.94")).status in {400, 406}

    async def test_an_unknown_node(self, target: IronicTarget) -> None:
        reply = await ask(target, "GET", f"nodes/{NOBODY}")
        assert reply.status == 404
        assert "could not be found" in reply.text

    async def test_wrong_targets(self, target: IronicTarget) -> None:
        assert (await order(target, "power cycle")).status == 400
        assert (await shown(target))["power_state"] == ON

    async def test_off_takes_a_while(self, target: IronicTarget) -> None:
        assert (await order(target, OFF)).status == 202
        row = await shown(target)
        assert row["target_power_state"] == OFF
        assert row["reservation"]
        reply = await order(target, OFF)
        assert reply.status == 409
        assert "is locked by host" in reply.text
        assert (await settled(target, OFF, really=False))["last_error"] is None

    async def test_off_again_is_accepted(self, target: IronicTarget) -> None:
        await order(target, OFF)
        await settled(target, OFF, really=False)
        assert (await order(target, OFF)).status == 202
        await settled(target, OFF, really=False)

    async def test_what_is_remembered_is_not_what_is(self, target: IronicTarget) -> None:
        """Why nothing that Ironic says proves a host off (ADR 19)."""
        await order(target, OFF)
        await settled(target, OFF, really=False)
        target.switch(on=True)
        assert target.power
        assert (await shown(target))["power_state"] == OFF

    async def test_what_was_done_behind_its_back_is_undone(self, target: IronicTarget) -> None:
        """Why a host that Ironic knows is to be cut by Ironic, too (ADR 19)."""
        target.switch(on=False)
        assert not target.power
        assert (await shown(target))["power_state"] == ON
        await settled(target, ON, really=True)
