"""What a Redfish service does, as far as the daemon meets it. The lab passes this, and sushy-tools.

To run it on a real one, subclass `RedfishContract` in a test module and give it a fixture `target`
that returns a RedfishTarget: a system that is on. The tests cut its power and do not restore it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from tests.lab.caller import Caller, Reply, basic

ROOT = "/redfish/v1"
POLL_S = 0.05


class RedfishTarget(Protocol):
    """A Redfish service over HTTP, with one system that is on and that this test alone uses."""

    @property
    def url(self) -> str: ...

    @property
    def caller(self) -> Caller: ...

    @property
    def uuid(self) -> str:
        """The system's UUID, which is its Id as well."""

    @property
    def name(self) -> str: ...

    @property
    def login(self) -> tuple[str, str]:
        """User and password."""

    @property
    def settle_s(self) -> float:
        """How long a change of power takes at most."""


async def _ask(target: RedfishTarget, method: str, path: str, body: object = None) -> Reply:
    url = target.url + ROOT + path
    return await target.caller.ask(method, url, headers=basic(*target.login), body=body)


async def _power(target: RedfishTarget) -> str:
    return str((await _ask(target, "GET", f"/Systems/{target.uuid}")).body["PowerState"])


async def _reset(target: RedfishTarget, body: object) -> Reply:
    path = f"/Systems/{target.uuid}/Actions/ComputerSystem.Reset"
    return await _ask(target, "POST", path, body)


async def _until(target: RedfishTarget, power: str) -> None:
    until_s = time.monotonic() + target.settle_s
    while await _power(target) != power:
        assert time.monotonic() < until_s, f"not {power} within {target.settle_s} s"
        await asyncio.sleep(POLL_S)


class RedfishContract:
    async def test_service_root(self, target: RedfishTarget) -> None:
        for path in (ROOT, f"{ROOT}/"):
            reply = await target.caller.ask("GET", target.url + path)
            assert reply.status == 200
            assert reply.body["Systems"] == {"@odata.id": f"{ROOT}/Systems"}
            assert reply.body["RedfishVersion"]

    async def test_login(self, target: RedfishTarget) -> None:
        user, password = target.login
        system = f"{target.url}{ROOT}/Systems/{target.uuid}"
        reset = f"{system}/Actions/ComputerSystem.Reset"
        for headers in ({}, basic(user, password + "x"), basic("nobody", password)):
            for method, url in (("GET", system), ("POST", reset)):
                body = {"ResetType": "ForceOff"} if method == "POST" else None
                reply = await target.caller.ask(method, url, headers=headers, body=body)
                assert reply.status == 401
                assert reply.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert await _power(target) == "On"

    async def test_systems(self, target: RedfishTarget) -> None:
        for path in ("/Systems", "/Systems/"):
            reply = await _ask(target, "GET", path)
            members = [member["@odata.id"] for member in reply.body["Members"]]
            assert reply.status == 200
            assert f"{ROOT}/Systems/{target.uuid}" in members
            assert reply.body["Members@odata.count"] == len(members)

    async def test_system(self, target: RedfishTarget) -> None:
        reply = await _ask(target, "GET", f"/Systems/{target.uuid}")
        system = reply.body
        assert reply.status == 200
        assert (system["Id"], system["UUID"]) == (target.uuid, target.uuid)
        assert system["Name"] == target.name
        assert system["PowerState"] == "On"
        assert system["Manufacturer"]
        action = system["Actions"]["#ComputerSystem.Reset"]
        path = f"{ROOT}/Systems/{target.uuid}/Actions/ComputerSystem.Reset"
        assert action["target"] == path
        assert {"On", "ForceOff"} <= set(action["ResetType@Redfish.AllowableValues"])

    async def test_unknown_system(self, target: RedfishTarget) -> None:
        for method, path in (
            ("GET", "/Systems/nope"),
            ("POST", "/Systems/nope/Actions/ComputerSystem.Reset"),
        ):
            body = {"ResetType": "ForceOff"} if method == "POST" else None
            assert (await _ask(target, method, path, body)).status == 404

    async def test_a_name_redirects(self, target: RedfishTarget) -> None:
        reply = await _ask(target, "GET", f"/Systems/{target.name}")
        assert reply.status == 307
        assert reply.headers["Location"] == f"{ROOT}/Systems/{target.uuid}"

    async def test_error_body(self, target: RedfishTarget) -> None:
        for reply in (
            await _ask(target, "GET", "/Systems/nope"),
            await _ask(target, "GET", "/nothing"),
            await _ask(target, "PUT", f"/Systems/{target.uuid}"),
            await target.caller.ask("GET", f"{target.url}{ROOT}/Systems"),
        ):
            error = reply.body["error"]
            assert error["code"] == "Base.1.0.GeneralError"
            assert error["message"]
            assert error["@Message.ExtendedInfo"][0]["MessageId"] == "Base.1.0.GeneralError"

    async def test_wrong_methods(self, target: RedfishTarget) -> None:
        reset = f"/Systems/{target.uuid}/Actions/ComputerSystem.Reset"
        assert (await _ask(target, "PUT", f"/Systems/{target.uuid}")).status == 405
        assert (await _ask(target, "GET", reset)).status == 405

    async def test_force_off_takes_effect_later(self, target: RedfishTarget) -> None:
        reply = await _reset(target, {"ResetType": "ForceOff"})
        assert (reply.status, reply.body) == (204, None)
        await _until(target, "Off")

    async def test_off_again(self, target: RedfishTarget) -> None:
        for _ in range(2):
            assert (await _reset(target, {"ResetType": "ForceOff"})).status == 204
            await _until(target, "Off")

    async def test_on_again(self, target: RedfishTarget) -> None:
        for asked, power in (("ForceOff", "Off"), ("On", "On")):
            assert (await _reset(target, {"ResetType": asked})).status == 204
            await _until(target, power)

    async def test_restart_ends_on(self, target: RedfishTarget) -> None:
        assert (await _reset(target, {"ResetType": "ForceRestart"})).status == 204
        assert await _power(target) == "Off"
        await _until(target, "On")

    async def test_wrong_resets(self, target: RedfishTarget) -> None:
        assert (await _reset(target, {"ResetType": "Bogus"})).status == 501
        assert (await _reset(target, {"ResetType": "Nmi"})).status == 501
        assert (await _reset(target, {"ResetType": "PowerCycle"})).status == 501
        assert (await _reset(target, {})).status >= 400
        assert (await _reset(target, [])).status >= 400
        assert (await _reset(target, None)).status == 415
        assert await _power(target) == "On"
