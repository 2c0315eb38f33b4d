"""Consumers at their worst: told late, told again, or given up aloud; and nobody waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.lab.faults import Do, Rule, Service
from tests.slice.script import Act, Scenes, Script
from tests.slice.site import LAB, Site, story

DOWN, FORGETFUL, GONE = "project-1", "project-2", "project-3"
DOWN_TIMES = 2


def prepare(place: Site) -> None:
    """Have one consumer out of order for a while, one forget to answer, and one be gone."""
    rules = (
        Rule(service=Service.CONSUMER, do=Do.STATUS, host=DOWN, status=503, times=DOWN_TIMES),
        Rule(service=Service.CONSUMER, do=Do.LOST_REPLY, host=FORGETFUL, times=1),
        Rule(service=Service.CONSUMER, do=Do.STATUS, host=GONE, status=410, times=1),
    )
    place.lab.faults.add(*rules)


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


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
