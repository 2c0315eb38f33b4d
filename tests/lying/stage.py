"""What the scenes share: devices by short names, liars, and how a scene may end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from doctor_daemon.lab.faults import Do, Service
from doctor_daemon.lab.redfish import ROOT, USER
from doctor_daemon.lab.world import Timing
from tests.slice.script import Act
from tests.slice.site import LAB, LIMIT_S, LOOK_S, QUICK, Json, Site, story

LIVELY = replace(LAB, chassis=True, timing=Timing(report_interval_s=0.5, compute_start_s=0.1))
"""Each host has a BMC and a chassis, which has faults of its own; nova-compute reports often."""
CHANGES = {"timing": {**QUICK, "off_timeout_s": 9}}
"""The proof is the shipped one: three readings over two seconds."""
BMC_S = 2.0
AGENT_S = 4.0


def redfish(place: Site, host: str, word: str) -> Json:
    """Return the device of a host's BMC or of its chassis."""
    lab = place.lab
    uuid = lab.world.hosts[host].system_uuid
    root = (lab.bmc_urls if word == "bmc" else lab.chassis_urls)[host]
    return {
        "name": word,
        "type": "redfish",
        "url": f"{root}{ROOT}/Systems/{uuid}",
        "username": USER,
        "password_file": lab.describe()["bmc"]["password_file"],
        "ca_file": str(lab.ca),
        "uuid": uuid,
        "timeout_s": BMC_S,
    }


def fence_redfish(place: Site, host: str) -> Json:
    """Return ClusterLabs' agent before the host's BMC."""
    lab = place.lab
    address, _, port = lab.bmc_urls[host].removeprefix("https://").rpartition(":")
    uuid = lab.world.hosts[host].system_uuid
    return agent("fence_redfish", uuid) | {
        "parameters": {
            "ip": address,
            "ipport": int(port),
            "username": USER,
            "ssl_insecure": True,
            "systems_uri": f"{ROOT}/Systems/{uuid}",
            "power_wait": 0,
            "power_timeout": 2,
        },
        "secrets": {"password": lab.describe()["bmc"]["password_file"]},
    }


def ironic(place: Site, host: str) -> Json:
    """Return the host's node in Ironic."""
    found = place.lab.describe()
    return {
        "type": "ironic",
        "clouds_file": found["clouds"],
        "cloud": found["cloud"],
        "node": place.lab.ironic.nodes[host].uuid,
        "node_name": host,
        "uuid": found["hosts"][host]["uuid"],
        "timeout_s": BMC_S,
    }


def agent(name: str, uuid: str) -> Json:
    """Return what any agent's device has."""
    base = {"type": "fence_agent", "agent": name, "name": name, "uuid": uuid}
    return base | {"i_accept_no_identity": True, "timeout_s": AGENT_S}


def devices(place: Site, host: str, levels: list[Any]) -> list[Any]:
    """Write the levels of a host out: `bmc`, `chassis`, `fence_redfish`, `ironic`."""

    def written(word: object) -> object:
        if isinstance(word, str) and word in ("bmc", "chassis"):
            return redfish(place, host, word)
        if isinstance(word, dict) and "as" in word:
            return redfish(place, host, word["as"]) | {k: v for k, v in word.items() if k != "as"}
        made = {"fence_redfish": fence_redfish, "ironic": ironic}.get(str(word))
        return made(place, host) if made else word

    return [level if level == "manual" else [written(word) for word in level] for level in levels]


def prepare(place: Site) -> None:
    """Write out what the scenes have put down in words."""
    place.hosts = {
        host: {**entry, "levels": devices(place, host, entry["levels"])}
        for host, entry in place.hosts.items()
    }


def lie(act: Act, *does: Do, **more: Any) -> None:  # noqa: ANN401 - fields of Rule
    """Have the BMC of the scene's host lie, each time that it is asked."""
    for do in does:
        act.fault(Service.BMC, do, times=None, **more)


async def struck(act: Act, do: Do) -> None:
    """Wait until a lie has been told of the scene's host."""
    for _ in range(int(LIMIT_S / LOOK_S)):
        if any((one.host, one.rule.do) == (act.name, do) for one in act.lab.faults.applied):
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"{act.name} was never asked by what {do} answers")


async def proven(act: Act, *by: str) -> Json:
    """See that the host ends down by a proof of these devices, and had no power by then."""
    incident = await act.until("down")
    assert incident["proof"]["kind"] == "power"
    assert [part["device"] for part in incident["proof"]["devices"]] == list(by)
    assert all(len(part["reads"]) >= 3 for part in incident["proof"]["devices"])
    assert not act.host.power
    assert true_order(act) == ["power-off", "forced-down"], true_order(act)
    return incident


def true_order(act: Act) -> list[str]:
    """Return what truly happened to the host's power and flag, in this order, once it was there."""
    kinds = ("power-off", "power-on", "forced-down", "forced-up")
    entries = act.lab.record.entries
    found = [e.kind.value for e in entries if e.host == act.name and e.kind in kinds]
    return found[1:] if found[:1] == ["power-on"] else found


async def unproven(act: Act, *reasons: str) -> Json:
    """See that the host is held, Nova told nothing, and that it is said why."""
    incident = await act.until("held")
    assert incident["proof"] is None
    assert act.forced_down() == 0
    for reason in reasons:
        assert reason in story(incident) + incident["held"]["why"], story(incident)
    return incident
