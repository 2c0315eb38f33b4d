"""Consumers at their worst: told late, told again, or given up aloud; and nobody waits for them.

One of them is OPNFV Doctor's, which knows nothing but Aodh's alarms; and one is the log.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from doctor_daemon.lab.consumer import Receipt
from doctor_daemon.lab.faults import Do, Rule, Service
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import LAB, Site, story

DOWN, FORGETFUL, GONE = "project-1", "project-2", "project-3"
VNFM, WELL, JOURNAL = "failure", "ok", "journal"
DOWN_TIMES = 2


def prepare(place: Site) -> None:
    """Have one consumer out of order for a while, one forget to answer, and one be gone."""
    rules = (
        Rule(service=Service.CONSUMER, do=Do.STATUS, host=DOWN, status=503, times=DOWN_TIMES),
        Rule(service=Service.CONSUMER, do=Do.LOST_REPLY, host=FORGETFUL, times=1),
        Rule(service=Service.CONSUMER, do=Do.STATUS, host=GONE, status=410, times=1),
        Rule(service=Service.CONSUMER, do=Do.LOST_REPLY, host=VNFM, times=1),
    )
    place.lab.faults.add(*rules)
    written = yaml.safe_load(place.config.read_text())["consumers"]
    place.changes = {**place.changes, "consumers": [*written, *_others(place)]}


def _others(place: Site) -> list[dict[str, Any]]:
    """Have a VNFM hear of every project's servers, and the log of everything."""
    vnfm = {
        "name": "vnfm",
        "type": "doctor",
        "url": f"{place.lab.hooks_url}/{VNFM}",
        "ok_url": f"{place.lab.hooks_url}/{WELL}",
        "ca_file": str(place.lab.ca),
        "audience": {"projects": "all"},
    }
    return [vnfm, {"name": JOURNAL, "type": "log", "audience": {"operators": True}}]


SCRIPT = Script(lab=replace(LAB, projects=3, servers_per_host=3), prepare=prepare)


@SCRIPT.scene()
async def consumers_delay_neither_fencing_nor_each_other(act: Act) -> None:
    await act.fails()
    incident = await act.until("down")
    assert act.forced_down() == 1
    await act.told("suspected", "confirmed")
    await _told_late(act, incident["id"])
    await _told_again(act, incident["id"])
    await _given_up(act)
    await _heard_as_doctor_does(act)
    await act.place.logged(f"notice consumer={JOURNAL}")
    assert "internal" not in story(incident)


async def _told_late(act: Act, incident: str) -> None:
    """What could not be delivered comes later, in order, with the id that it always had."""
    for _ in range(200):
        if len(act.place.heard(DOWN)) == 2:
            break
        await asyncio.sleep(0.05)
    kinds = [data["kind"] for data in act.place.heard(DOWN) if data["incident"] == incident]
    assert kinds == ["suspected", "confirmed"]
    failed = f'doctor_deliveries_total{{consumer="{DOWN}",outcome="temporary"}}'
    assert await act.place.metric(failed) == DOWN_TIMES


async def _told_again(act: Act, incident: str) -> None:
    """What was answered into the void is sent once more: the same id, the same words."""
    mine = [r for r in act.lab.consumer.receipts if r.consumer == FORGETFUL]
    assert [receipt.verdict for receipt in mine] == ["new", "repeated", "new"]
    assert mine[0].id == mine[1].id != mine[2].id
    assert mine[0].event == mine[1].event
    assert mine[0].event["data"]["incident"] == incident


async def _given_up(act: Act) -> None:
    """What is refused for good is given up, and that is to be seen."""
    assert [data["kind"] for data in act.place.heard(GONE)] == ["confirmed"]
    assert await act.place.metric(f'doctor_notices_dead_total{{consumer="{GONE}"}}') == 1
    assert await act.place.metric(f'doctor_notices_pending{{consumer="{GONE}"}}') == 0
    await act.place.logged(f"notice given up consumer={GONE}")


async def _heard_as_doctor_does(act: Act) -> None:
    """Of each server comes an alarm, once its host is off; what was not answered comes again."""
    servers = {server.id for server in act.lab.world.servers.values() if server.host == act.name}
    for _ in range(200):
        if len(_alarms(act)) > len(servers):
            break
        await asyncio.sleep(0.05)
    alarms = _alarms(act)
    assert sorted(r.verdict for r in alarms) == [*["new"] * len(servers), "repeated"]
    assert {r.consumer for r in alarms} == {VNFM}
    told = [_traits(r.event) for r in alarms if r.verdict == "new"]
    assert {traits["instance_id"] for traits in told} == servers
    assert {(traits["kind"], traits["fenced"]) for traits in told} == {("confirmed", "confirmed")}
    projects = {user.project.id for user in act.lab.members.values()}
    assert {traits["project_id"] for traits in told} == projects
    assert act.name not in json.dumps([r.event for r in alarms])
    off_s = next(e.at_s for e in act.lab.record.entries if e.kind == "power-off")
    assert min(r.at_s for r in alarms) > off_s


def _alarms(act: Act) -> list[Receipt]:
    return [r for r in act.lab.consumer.receipts if r.consumer in (VNFM, WELL)]


def _traits(alarm: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, _, value in alarm["reason_data"]["event"]["traits"]}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
