"""A host with servers of every kind dies: each comes to the outcome that the documents say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.record import Kind
from doctor_daemon.lab.rows import Aggregate, Server
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon
from tests.slice.site import LAB, Site, site, story

HOST = "compute-1"
AMPHORA = "amphora-0a8c2f6e-1111-4222-8333-444455556666"
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("plain", {}),
    ("tagged", {"metadata": {"HA_Enabled": "True"}}),
    ("left", {"metadata": {"HA_Enabled": "False"}}),
    ("flavored", {"specs": {"evacuable": "true"}}),
    ("first", {"metadata": {"HA_Enabled": "True", "instanceha:restart_priority": "1000"}}),
    ("locked", {"metadata": {"evacuable": "yes"}, "locked": True}),
    ("tpm", {"metadata": {"HA_Enabled": "True"}, "specs": {"hw:tpm_version": "2.0"}}),
    (AMPHORA, {"specs": {"evacuable": "true"}}),
    ("local", {"metadata": {"HA_Enabled": "True"}, "volume": False}),
    ("paused", {"metadata": {"HA_Enabled": "True"}, "vm_state": "paused"}),
)


def servers(place: Site) -> dict[str, Server]:
    """Make the servers of the host one of each kind; by name."""
    rows = place.lab.world.servers
    found = [one for one in rows.values() if one.host == HOST]
    for server, (name, changes) in zip(found, KINDS, strict=True):
        rows[server.id] = replace(server, **{"name": name, "volume": True, **changes})
    return {rows[server.id].name: rows[server.id] for server in found}


def asked(place: Site, named: dict[str, Server]) -> list[str]:
    """Name the servers that were asked for, in order."""
    names = {server.id: name for name, server in named.items()}
    entries = place.lab.record.entries
    return [names[entry.server] for entry in entries if entry.kind is Kind.EVACUATE]


@pytest.mark.parametrize(
    ("options", "aggregated", "moved"),
    [
        ({}, False, {"plain", "tagged", "flavored", "first", "locked"}),
        ({"evacuate": "tagged"}, False, {"tagged", "flavored", "first", "locked"}),
        ({"evacuate": "tagged"}, True, {"plain", "tagged", "flavored", "first", "locked"}),
        ({"evacuate": "none"}, False, set()),
        (
            {"shared_storage": True, "amphorae": "move", "locked_servers": "leave"},
            False,
            {"plain", "tagged", "flavored", "first", "local", AMPHORA},
        ),
    ],
    ids=["all", "tagged", "aggregate", "none", "more"],
)
async def test_each_server_of_a_mixed_host_comes_to_its_documented_outcome(
    tmp_path: Path,
    options: dict[str, object],
    aggregated: bool,  # noqa: FBT001 - a column of the table
    moved: set[str],
) -> None:
    size = replace(LAB, hosts=3, servers_per_host=len(KINDS))
    hosts = {HOST: {"shared_storage": False, **options}}
    async with site(tmp_path, size, mode="evacuate", hosts=hosts) as place:
        named = servers(place)
        if aggregated:
            place.lab.world.aggregates.append(Aggregate("ha", [HOST], {"evacuable": "true"}))
        async with daemon(place):
            await place.arm()
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            incident = await place.until(HOST, "down")
        found = {one["name"]: one["stage"] for one in incident["evacuations"]}
        assert {name for name, stage in found.items() if stage == "moved"} == moved
        assert {stage for name, stage in found.items() if name not in moved} <= {"skipped"}
        assert all(one["why"] for one in incident["evacuations"] if one["stage"] == "skipped")
        assert {name for name, server in named.items() if server.host != HOST} == moved
        order = asked(place, named)
        assert sorted(order) == sorted(moved)
        assert order[:1] == (["first"] if moved else [])
        assert f"plan: {len(moved)} of {len(KINDS)} servers are to be moved" in story(incident)


async def test_while_the_tags_cannot_be_read_nothing_is_moved(tmp_path: Path) -> None:
    size, hosts = replace(LAB, hosts=2, servers_per_host=2), {HOST: {"evacuate": "tagged"}}
    fault = Rule(
        service=Service.NOVA, do=Do.STATUS, method="GET", path="*/os-aggregates", times=None
    )
    changes = {"timing": {"grace_s": 0, "warm_up_s": 0, "force_down_tries": 2, "backoff_s": 0.1}}
    async with site(tmp_path, size, mode="evacuate", hosts=hosts, changes=changes) as place:
        place.lab.world.aggregates.append(Aggregate("ha", [HOST], {"evacuable": "true"}))
        place.lab.faults.add(fault)
        async with daemon(place):
            await place.arm()
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            incident = await place.until(HOST, "held")
            assert incident["held"]["gate"] == "nova"
            assert "os-aggregates" in incident["held"]["why"]
            assert incident["evacuations"] == []
            place.lab.faults.clear()
            await place.order(HOST, "fence")
            incident = await place.until(HOST, "down")
        stages = {one["stage"] for one in incident["evacuations"]}
        assert stages == {"moved"}, json.dumps(incident, indent=1)
