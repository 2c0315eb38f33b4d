"""The control of a running lab over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.world import Timing
from tests.lab.caller import Caller, Reply, caller


@dataclass(frozen=True, slots=True)
class Panel:
    """The control, and the lab behind it."""

    lab: Lab
    caller: Caller

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        reply = await self.caller.ask("GET", self.lab.control_url + path)
        assert reply.status == 200
        return reply.body

    async def send(self, path: str, body: object = None, method: str = "POST") -> Reply:
        return await self.caller.ask(method, self.lab.control_url + path, body=body)

    async def host(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(h for h in await self.get("/hosts") if h["name"] == name)
        return found


@pytest.fixture
async def panel() -> AsyncIterator[Panel]:
    options = LabOptions(hosts=2, servers_per_host=2, timing=Timing(compute_start_s=0.05))
    async with Lab(options) as lab, caller() as asks:
        yield Panel(lab, asks)


async def test_it_describes_the_lab(panel: Panel) -> None:
    told = await panel.get("/")
    assert told == panel.lab.describe()
    assert told["hosts"].keys() == {"compute-1", "compute-2"}
    assert told["consumers"].keys() == {"operators", "project-1", "project-2"}


async def test_fail_and_recover(panel: Panel) -> None:
    assert (await panel.send("/hosts/compute-1/fail", {"how": "compute"})).status == 204
    failed = await panel.host("compute-1")
    assert (failed["power"], failed["answers"], failed["compute"]) == ("on", True, False)
    assert (await panel.send("/hosts/compute-1/fail")).status == 204
    assert (await panel.host("compute-1"))["answers"] is False
    assert (await panel.send("/hosts/compute-1/recover")).status == 204
    well = await panel.host("compute-1")
    assert (well["answers"], well["compute"], well["guests"]) == (True, True, 2)


async def test_power(panel: Panel) -> None:
    assert (await panel.send("/hosts/compute-1/power", {"power": "off"})).status == 204
    off = await panel.host("compute-1")
    assert (off["power"], off["guests"]) == ("off", 0)
    assert (await panel.send("/hosts/compute-1/power", {"power": "on"})).status == 204
    await asyncio.sleep(0.1)
    on = await panel.host("compute-1")
    assert (on["power"], on["compute"], on["state"]) == ("on", True, "up")


async def test_servers(panel: Panel) -> None:
    body = {"host": "compute-2", "project": "project-1"}
    made = (await panel.send("/servers", body)).body
    assert (made["host"], made["runs_on"]) == ("compute-2", ["compute-2"])
    assert made in await panel.get("/servers")
    assert (await panel.send(f"/servers/{made['id']}", method="DELETE")).status == 204
    (gone,) = [found for found in await panel.get("/servers") if found["id"] == made["id"]]
    assert (gone["vm_state"], gone["runs_on"]) == ("deleted", [])


async def test_the_operators_force_down_is_no_violation(panel: Panel) -> None:
    assert (await panel.send("/hosts/compute-1/service", {"forced_down": True})).status == 204
    assert (await panel.host("compute-1"))["forced_down"] is True
    assert await panel.get("/violations") == []
    service = panel.lab.world.hosts["compute-2"].service
    panel.lab.world.force_down(service, forced_down=True, by="doctor")
    (found,) = await panel.get("/violations")
    assert found["host"] == "compute-2"


async def test_a_service_replaced_or_in_a_cell_that_is_down(panel: Panel) -> None:
    before = panel.lab.world.hosts["compute-1"].service.uuid
    assert (await panel.send("/hosts/compute-1/service", {"replaced": True})).status == 204
    assert panel.lab.world.hosts["compute-1"].service.uuid != before
    assert (await panel.send("/hosts/compute-1/service", {"cell_down": True})).status == 204
    assert panel.lab.world.hosts["compute-1"].cell_down


async def test_a_servers_state(panel: Panel) -> None:
    server = (await panel.get("/servers"))[0]
    path = f"/servers/{server['id']}"
    for state, runs in (("paused", True), ("stopped", False), ("error", False)):
        assert (await panel.send(path, {"vm_state": state})).status == 204
        (shown,) = [one for one in await panel.get("/servers") if one["id"] == server["id"]]
        assert (shown["vm_state"], shown["task_state"]) == (state, None)
        assert bool(shown["runs_on"]) == runs


async def test_evacuations_and_how_long_they_take(panel: Panel) -> None:
    assert (await panel.send("/timing", {"evacuate_s": 0.02})).status == 204
    assert panel.lab.world.timing == Timing(compute_start_s=0.05, evacuate_s=0.02)
    body = {"disabled": True, "spawn_error": "no disk"}
    assert (await panel.send("/hosts/compute-2/service", body)).status == 204
    host = panel.lab.world.hosts["compute-2"]
    assert (host.service.disabled, host.spawn_error) == (True, "no disk")
    server = next(iter(panel.lab.world.servers.values()))
    panel.lab.evacuations.accept(server, "operator")
    await asyncio.sleep(0.1)
    (row,) = await panel.get("/evacuations")
    assert (row["server"], row["source"], row["status"]) == (server.id, "compute-1", "error")
    await panel.send("/hosts/compute-2/service", {"disabled": False})
    panel.lab.evacuations.accept(server, "operator")
    await asyncio.sleep(0.1)
    assert (await panel.get("/evacuations"))[1]["status"] == "failed"
    assert server.fault is not None
    assert server.fault[0] == "no disk"


async def test_the_record(panel: Panel) -> None:
    whole = await panel.get("/record")
    assert [entry["kind"] for entry in whole][:2] == ["power-on", "compute-start"]
    await panel.send("/hosts/compute-1/power", {"power": "off"})
    news = await panel.get(f"/record?since={len(whole)}")
    assert [entry["kind"] for entry in news] == [
        "compute-stop",
        "guest-stop",
        "guest-stop",
        "power-off",
    ]


async def test_faults(panel: Panel) -> None:
    rule = {"service": "nova", "do": "status", "status": 502, "times": None}
    assert (await panel.send("/faults", [rule])).status == 204
    assert (await panel.caller.ask("GET", f"{panel.lab.nova.root}/v2.1/")).status == 502
    told = await panel.get("/faults")
    assert rule.items() <= told["pending"][0].items()
    assert (told["applied"][0]["method"], told["applied"][0]["path"]) == ("GET", "/v2.1/")
    assert (await panel.send("/faults", method="DELETE")).status == 204
    assert (await panel.caller.ask("GET", f"{panel.lab.nova.root}/v2.1/")).status == 200


async def test_revoked_tokens_and_receipts(panel: Panel) -> None:
    token = panel.lab.identity.issue(panel.lab.admin, panel.lab.admin.project, "password")
    assert (await panel.send("/tokens/revoke")).status == 204
    assert panel.lab.identity.token(token.text) is None
    assert await panel.get("/receipts") == []


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        ("/hosts/nobody/fail", {}, 404, "no host is named 'nobody'"),
        ("/hosts/compute-1/fail", {"how": "badly"}, 400, "how is 'badly', which is not one of"),
        ("/hosts/compute-1/fail", {"why": "x"}, 400, "why is not known; expected some of ['how']"),
        ("/hosts/compute-1/fail", [], 400, "[] is not an object"),
        ("/hosts/compute-1/power", {}, 400, "power is None, expected on or off"),
        ("/hosts/compute-1/service", {"forced_down": "yes"}, 400, "forced_down is 'yes', which is"),
        ("/servers", {"host": "compute-1", "project": "x"}, 400, "project is 'x', expected one of"),
        ("/servers", {"host": "x", "project": "project-1"}, 400, "host is 'x', expected a host"),
        ("/timing", {"evacuate_s": "1"}, 400, "evacuate_s is '1', which is of the wrong type"),
        ("/timing", {"x_s": 1}, 400, "x_s is not known; expected some of ['report_interval_s'"),
        ("/timing", {"evacuate_s": -1}, 400, "evacuate_s is -1, expected at least 0"),
        ("/servers/nobody", {"vm_state": "paused"}, 404, "no server has the id 'nobody'"),
        ("/servers/nobody", {"vm_state": "deleted"}, 400, "vm_state is 'deleted', expected one"),
        ("/faults", {}, 400, "the body is not a list of rules"),
        ("/faults", [{"do": "slow"}], 400, "service is missing"),
        ("/faults", [{"service": "nova"}], 400, "do is missing"),
        ("/faults", [{"service": "nova", "do": "x"}], 400, "do is 'x', which is not one of those"),
        ("/faults", [{"service": "nova", "do": "slow", "times": 0}], 400, "times is 0, expected"),
        ("/faults", [{"service": "nova", "do": "slow", "path": 1}], 400, "path is 1, which is of"),
    ],
)
async def test_wrong_requests(panel: Panel, path: str, body: object, status: int, why: str) -> None:
    reply = await panel.send(path, body)
    assert reply.status == status
    assert why in reply.text


async def test_wrong_requests_without_a_body(panel: Panel) -> None:
    malformed = await panel.caller.ask(
        "POST", f"{panel.lab.control_url}/hosts/compute-1/fail", raw=b"{nope"
    )
    assert (malformed.status, malformed.text) == (400, "the body is not JSON")
    assert (await panel.send("/record?since=x", method="GET")).status == 400
    assert (await panel.send("/servers/nobody", method="DELETE")).status == 404


async def test_what_is_written_on_servers_and_hosts(panel: Panel) -> None:
    server = (await panel.get("/servers"))[0]
    row, path = panel.lab.world.servers[server["id"]], f"/servers/{server['id']}"
    body = {"metadata": {"HA_Enabled": "True"}, "specs": {"evacuable": "true"}}
    assert (await panel.send(path, {**body, "volume": True, "locked": True})).status == 204
    assert (row.metadata, row.specs) == (body["metadata"], body["specs"])
    assert (row.volume, row.locked, row.vm_state) == (True, True, "active")
    assert (await panel.send(path, {"locked": False})).status == 204
    assert (row.volume, row.locked) == (True, False)
    tagged = {"metadata": {"evacuable": "true"}}
    assert (await panel.send("/hosts/compute-1/aggregates", tagged)).status == 204
    (made,) = panel.lab.world.aggregates
    assert (made.hosts, made.metadata) == (["compute-1"], {"evacuable": "true"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/servers/{}", {}),
        ("/servers/{}", {"metadata": {"HA_Enabled": True}}),
        ("/servers/{}", {"specs": []}),
        ("/servers/{}", {"volume": "yes"}),
        ("/hosts/compute-1/aggregates", {"metadata": {"rack": 7}}),
        ("/hosts/compute-1/aggregates", {"name": "x"}),
    ],
)
async def test_what_cannot_be_written_is_refused(
    panel: Panel, path: str, body: dict[str, object]
) -> None:
    server = (await panel.get("/servers"))[0]["id"]
    assert (await panel.send(path.format(server), body)).status == 400
