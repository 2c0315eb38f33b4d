"""Masakari's notifications: what they lead to, how they are answered, what can be read of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.masakari import Masakari, MasakariConfig
from doctor_daemon.plugins import INSPECTORS, find
from tests.engine.rig import HOST, Rig, incident_of
from tests.inspectors.notifications import (
    DOWN,
    PROCESS,
    SERVER,
    UP,
    inspector,
    notification,
    served,
    utc,
)
from tests.inspectors.rig import Json, Ledger, Reply, listening, source, terms

NEW = {
    *("id", "notification_uuid", "generated_time", "source_host_uuid", "type", "payload"),
    *("status", "failover_segment_uuid", "message"),
    *("created_at", "updated_at", "deleted_at", "deleted"),
}


def fault(reply: Reply) -> Json:
    """The refusal, in Masakari's form."""
    ((_, said),) = reply.json.items()
    assert set(said) == {"code", "message"}
    assert said["code"] == reply.status
    return dict(said)


def test_the_plugin_is_found_by_its_name() -> None:
    assert find(INSPECTORS, "masakari") is type(inspector())


async def test_a_stopped_host_is_accused_and_answered_as_by_masakari() -> None:
    async with served() as desk:
        reply = await desk.post()
        assert reply.status == 202
        assert reply.headers["OpenStack-API-Version"] == "instance-ha 1.0"
        said = reply.json["notification"]
        assert said.keys() == NEW
        assert (said["status"], said["type"], said["payload"]) == ("new", "COMPUTE_HOST", DOWN)
        (word,) = incident_of(desk.engine).words.values()
        assert (word.verdict, word.kind) == (Verdict.DOWN, "cluster")


@pytest.mark.parametrize("power", ["NORMAL", "UNKNOWN", None])
@pytest.mark.parametrize("cluster", ["OFFLINE", "ONLINE", None])
async def test_b1_normal_is_never_proof_of_anything(power: str | None, cluster: str | None) -> None:
    payload = {"event": "STOPPED", "host_status": power, "cluster_status": cluster}
    async with served() as desk:
        reply = await desk.post({name: word for name, word in payload.items() if word})
        assert reply.status == 202
        incident = incident_of(desk.engine)
        assert (incident.phase, incident.proof) == (Phase.SUSPECTED, None)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (UP, Verdict.UP),
        ({"event": "STARTED"}, Verdict.WITHDRAWN),
        ({"event": "STARTED", "cluster_status": "OFFLINE"}, Verdict.WITHDRAWN),
        ({"event": "started", "cluster_status": "ONLINE"}, Verdict.UP),
    ],
)
async def test_started_is_life_only_where_the_cluster_shows_it(
    payload: Json, expected: Verdict
) -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send("/v1/notifications", notification(ledger.now().wall_s, payload))
        assert reply.status == 202
    assert [one.verdict for one in ledger.taken] == [expected]


async def test_a6_the_same_again_is_a_conflict_and_refreshes_what_stands() -> None:
    async with served() as desk:
        first = await desk.post(ago_s=60.0)
        again, later = await desk.post(ago_s=60.0), await desk.post(ago_s=5.0)
        assert [first.status, again.status, later.status] == [202, 409, 409]
        assert "is duplicate" in fault(later)["message"]
        assert len((await desk.get("/v1/notifications")).json["notifications"]) == 1
        (word,) = incident_of(desk.engine).words.values()
        assert word.claimed_s == pytest.approx(desk.wall_s - 5.0, abs=1.0)


async def test_another_word_and_another_failure_are_no_duplicates() -> None:
    async with served() as desk:
        assert (await desk.post(ago_s=60.0)).status == 202
        assert (await desk.post({**DOWN, "host_status": "UNKNOWN"}, ago_s=50.0)).status == 202
        assert (await desk.post(UP, ago_s=40.0)).status == 202
        assert HOST not in desk.engine.desk.cases or incident_of(desk.engine).phase.final
        assert (await desk.post(ago_s=30.0)).status == 202
        assert not incident_of(desk.engine).phase.final


async def test_a7_a_word_that_was_taken_back_is_late() -> None:
    async with served() as desk:
        assert (await desk.post({"event": "STARTED"}, ago_s=5.0)).status == 202
        reply = await desk.post(ago_s=60.0)
        assert reply.status == 409
        assert "taken it back" in fault(reply)["message"]
        assert HOST not in desk.engine.desk.cases


async def test_a5_what_is_too_old_is_refused_for_good() -> None:
    async with served() as desk:
        reply = await desk.post(ago_s=400.0)
        assert (reply.status, list(reply.json)) == (400, ["badRequest"])
        assert "only news is acted on" in fault(reply)["message"]
        assert not desk.engine.desk.cases


async def test_a13_an_unknown_host_is_a_bad_request() -> None:
    async with served() as desk:
        reply = await desk.post(host="nobody")
        assert (reply.status, list(reply.json)) == (400, ["badRequest"])
        assert '"nobody" is no configured host' in fault(reply)["message"]


async def test_e1_a_host_that_the_source_may_not_speak_of_is_a_bad_request() -> None:
    ledger = Ledger()
    of = replace(terms("masakari"), hosts=frozenset({"cmp-2"}))
    made = Masakari(MasakariConfig(), of)
    async with listening(ledger, source(made, of=of)) as client:
        for type_, payload in (("COMPUTE_HOST", DOWN), ("PROCESS", PROCESS)):
            body = notification(ledger.now().wall_s, payload, type_=type_)
            reply = await client.send("/v1/notifications", body)
            assert (reply.status, list(reply.json)) == (400, ["badRequest"])
            assert "this source may not speak" in fault(reply)["message"]
    assert ledger.taken == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "HOST"}, "COMPUTE_HOST, VM or PROCESS"),
        ({"payload": {}}, "payload.event: it is missing"),
        ({"payload": {"event": "DIED"}}, "STARTED or STOPPED"),
        ({"payload": {**DOWN, "more": "x"}}, "there is no such field"),
        ({"payload": {**DOWN, "host_status": "OFF"}}, "NORMAL or UNKNOWN"),
        ({"generated_time": "yesterday"}, "a time (ISO 8601)"),
        ({"hostname": ""}, "text of 1 to 255 characters"),
        ({"more": 1}, "there is no such field"),
    ],
)
async def test_what_is_wrong_is_named(change: dict[str, Any], words: str) -> None:
    ledger = Ledger()
    body = notification(ledger.now().wall_s)
    body["notification"].update(change)
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send("/v1/notifications", body)
    assert reply.status == 400
    assert words in fault(reply)["message"]
    assert ledger.taken == []


async def test_our_own_trouble_is_a_503_and_the_monitor_comes_again() -> None:
    ledger = Ledger()
    ledger.error = Temporary("full")
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send("/v1/notifications", notification(ledger.now().wall_s))
    assert reply.status == 503
    assert reply.headers["Retry-After"]


@pytest.mark.parametrize(("type_", "payload"), [("VM", SERVER), ("PROCESS", PROCESS)])
async def test_servers_and_processes_are_noted_and_nothing_is_done(
    type_: str, payload: Json
) -> None:
    async with served() as desk:
        reply = await desk.post(payload, type_=type_)
        assert (reply.status, reply.json["notification"]["status"]) == (202, "new")
        assert not desk.engine.desk.cases
        assert (await desk.post(payload, type_=type_, ago_s=0.0)).status in (202, 409)
        found = (await desk.get("/v1/notifications")).json["notifications"]
        assert {one["type"] for one in found} == {type_}
        assert {one["status"] for one in found} == {"ignored"}
        id_ = found[0]["notification_uuid"]
        moves = await desk.get(f"/v1/notifications/{id_}/vmoves")
        assert moves.status == 400


async def test_the_same_note_twice_is_a_conflict() -> None:
    async with served() as desk:
        body = notification(desk.wall_s, PROCESS, type_="PROCESS")
        replies = [await desk.client.send("/v1/notifications", body) for _ in range(2)]
    assert [one.status for one in replies] == [202, 409]


async def test_d1_a_host_under_maintenance_is_taken_note_of() -> None:
    async with served() as desk:
        await Operators(desk.engine).maintain(HOST, "ann", "disks", 600.0)
        assert (await desk.post()).status == 202
        assert not incident_of(desk.engine).phase.final


async def test_notifications_outlive_a_restart() -> None:
    rig = Rig()
    async with served(rig) as desk:
        before = (await desk.post()).json["notification"]
    async with served(rig) as desk:
        (after,) = (await desk.get("/v1/notifications")).json["notifications"]
        one = await desk.get(f"/v1/notifications/{after['notification_uuid']}")
    assert after == before == one.json["notification"]


async def test_the_pages_example_is_taken() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    (found,) = re.findall(r"```json\n(\{\"notification\".*?)```", page, re.DOTALL)
    body = json.loads(found.replace("cmp-7", "cmp-1"))
    ledger = Ledger()
    body["notification"]["generated_time"] = utc(ledger.now().wall_s)
    async with listening(ledger, source(inspector())) as client:
        assert (await client.send("/v1/notifications", body)).status == 202
    assert [one.verdict for one in ledger.taken] == [Verdict.DOWN]
