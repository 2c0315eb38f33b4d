"""A project that has a server of its own wait, and says what is to become of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.lab.record import Kind
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.world import Failure
from tests.slice.process import daemon
from tests.slice.site import LAB, Site, secret, site, story

HOST = "compute-1"
OWN, OTHERS = "the-key-of-project-1", "the-key-of-project-2"
HELD = {"doctor-daemon:hold": "60"}


def sources(folder: Path) -> list[dict[str, Any]]:
    """The monitor, and a source for the answers of each of two projects."""
    alerts = {"name": "alerts", "type": "alertmanager", "trust": "alone"}
    found = [{**alerts, "auth": {"bearer_file": "bearer"}}]
    for name, key in (("own", OWN), ("others", OTHERS)):
        secret(folder / name, key)
        auth, path = {"bearer_file": name}, f"/v1/sources/{name}"
        entry = {"name": name, "type": "answers", "auth": auth, "path": path}
        found.append({**entry, "projects": [f"not known yet: {name}"]})
    return found


async def say(place: Site, source: str, key: str, server: str, word: str) -> tuple[int, Any]:
    """Answer as a project; the status, and what became of it."""
    url = f"http://127.0.0.1:{place.evidence_port}/v1/sources/{source}"
    body = {"answers": [{"server": server, "answer": word}]}
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        ClientSession(timeout=ClientTimeout(total=10)) as session,
        session.post(url, json=body, headers=headers) as answer,
    ):
        found = await answer.json()
        return answer.status, found["receipts"][0]["outcome"] if answer.status == 200 else found


def held(place: Site) -> list[Server]:
    """Have every server of the host wait; those of the first project come first."""
    project = place.lab.members["project-1"].project.id
    rows = place.lab.world.servers
    there = sorted(
        (one for one in rows.values() if one.host == HOST),
        key=lambda one: (one.project_id != project, one.number),
    )
    for one in there:
        rows[one.id] = replace(one, metadata=HELD)
    return there


def judge(place: Site, stayed: Server) -> None:
    """See that all were moved but one, and that its owner was told why."""
    entries = place.lab.record.entries
    asked = {entry.server for entry in entries if entry.kind is Kind.EVACUATE}
    assert len(asked) == 3
    assert stayed.id not in asked
    assert place.lab.world.servers[stayed.id].host == HOST
    told = place.heard("project-1")
    skipped = [data for data in told if data.get("outcome") == "skipped"]
    assert [one["id"] for data in skipped for one in data["servers"]] == [stayed.id]
    said = [data["text"] for data in place.heard("operators") if data["outcome"] == "skipped"]
    assert ["its project takes care of it itself" in text for text in said] == [True]


async def test_a_project_answers_for_its_own_servers_with_its_own_key_even_to_a_new_daemon(
    tmp_path: Path,
) -> None:
    size, changes = replace(LAB, servers_per_host=4), {"sources": sources(tmp_path)}
    hosts = {HOST: {"hold_max_s": 60}}
    async with site(tmp_path, size, mode="evacuate", hosts=hosts, changes=changes) as place:
        for source, name in zip(changes["sources"][1:], ("project-1", "project-2"), strict=True):
            source["projects"] = [place.lab.members[name].project.id]
        first, second, foreign, _ = held(place)
        async with daemon(place):
            await place.arm()
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            incident = await place.until(HOST, "evacuating", "waiting for a word")
            whys = {one["why"] for one in incident["evacuations"]}
            assert whys == {"it waits for a word of its project"}
            assert (await say(place, "own", OTHERS, first.id, "go"))[0] == 401
            assert await say(place, "own", OWN, foreign.id, "go") == (200, "not waiting")
            assert await say(place, "own", OWN, first.id, "handled") == (200, "taken")
        async with daemon(place):
            await place.until(HOST, "evacuating", "taken up again")
            assert await say(place, "own", OWN, first.id, "handled") == (200, "taken")
            assert await say(place, "own", OWN, second.id, "go") == (200, "taken")
            for one in place.lab.world.servers.values():
                if one.host == HOST and one.project_id == foreign.project_id:
                    assert await say(place, "others", OTHERS, one.id, "go") == (200, "taken")
            incident = await place.until(HOST, "down")
        assert "own says go for" in story(incident)
        judge(place, first)
