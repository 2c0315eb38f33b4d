"""`server-state`: what it prints, of answers that are given and of a daemon that runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from doctor_daemon.cli import states
from doctor_daemon.lab.world import Failure
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]
AS_OF_S = 1_795_000_000.0
ROW = {
    "id": "0a8c",
    "name": "web-1",
    "project": "red",
    "status": "ACTIVE",
    "task": None,
    "host": "cmp-1",
    "host_status": "UP",
    "incident": None,
}
INCIDENT = {"id": "cafe", "host": "cmp-1", "phase": "down", "stage": None, "to": "", "why": ""}


def answer(*rows: Json, **more: Any) -> Json:  # noqa: ANN401 - fields of an answer
    found = {
        "as_of_wall_s": AS_OF_S,
        "host": None,
        "servers": list(rows),
        "marker": None,
        "silent": {"count": 0, "hosts": []},
        "blind": False,
    }
    return found | more


def shown(found: Json) -> list[str]:
    return list(states.states(found))


def said(**more: Any) -> str:  # noqa: ANN401 - fields of a row
    """Return the line of one server."""
    return shown(answer(ROW | more))[1]


async def test_a_page_is_told_with_its_moment_and_what_comes_after_it() -> None:
    other = ROW | {"id": "0a8c2f", "name": "db", "status": "SHUTOFF", "host_status": "MAINTENANCE"}
    assert shown(answer(ROW, other, marker="0a8c2f")) == [
        "2 servers as of 2026-11-18 11:06:40Z, asked of Nova",
        "  0a8c    web-1  ACTIVE   cmp-1  UP           no open incident",
        "  0a8c2f  db     SHUTOFF  cmp-1  MAINTENANCE  no open incident",
        "there may be more: give the command again with --marker 0a8c2f",
    ]
    assert shown(answer()) == ["0 servers as of 2026-11-18 11:06:40Z, asked of Nova"]
    assert shown(answer(ROW))[0].startswith("1 server as of")


async def test_what_is_not_shown_is_told_apart_from_no_host_and_from_unknown() -> None:
    words = [said(host_status=word).split("cmp-1")[1] for word in (None, "", "UNKNOWN")]
    assert [word.split("  ")[1] for word in words] == ["(not shown)", "(no host)", "UNKNOWN"]
    assert "  -  " in said(host=None, host_status="")


async def test_what_nova_does_with_it_is_told() -> None:
    assert "  REBUILD (rebuilding)  " in said(status="REBUILD", task="rebuilding")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "incident cafe: cmp-1 is down"),
        (
            {"stage": "moved", "to": "cmp-2"},
            "incident cafe: cmp-1 is down, this server moved to cmp-2",
        ),
        (
            {"phase": "held", "stage": "skipped", "why": "it is paused"},
            "incident cafe: cmp-1 is held, this server skipped: it is paused",
        ),
    ],
)
async def test_what_the_incident_says_is_told(more: Json, words: str) -> None:
    assert said(incident=INCIDENT | more).endswith(f"  UP  {words}")


async def test_a_host_is_told_by_its_service() -> None:
    host = {
        "name": "cmp-1",
        "host_status": "DOWN",
        "state": "down",
        "status": "disabled",
        "forced_down": True,
        "reason": "doctor-daemon:cafe: it failed",
    }
    service = "nova-compute is down, forced down, disabled: doctor-daemon:cafe: it failed"
    assert shown(answer(host=host))[1:] == [f"  host          cmp-1 is DOWN: {service}"]
    well = {"host_status": "UP", "state": "up", "status": "enabled", "reason": ""}
    assert shown(answer(host=host | well | {"forced_down": False}))[1:] == [
        "  host          cmp-1 is UP: nova-compute is up, enabled"
    ]


async def test_a_list_with_a_gap_says_so() -> None:
    silent = {"count": 2, "hosts": ["cmp-7", "cmp-8"]}
    assert shown(answer(silent=silent))[1:] == [
        "  INCOMPLETE    Nova cannot tell how 2 hosts stand, and",
        "                leaves their servers out: cmp-7, cmp-8",
    ]


async def test_a_list_that_may_have_a_gap_says_so() -> None:
    assert shown(answer(blind=True))[1:] == [
        "  UNCERTAIN     cannot tell whether servers are missing (Nova before 2.69)"
    ]


async def test_a_running_daemon_is_asked(terminal: Terminal) -> None:
    lab = terminal.place.lab
    lines = (await terminal.well("server-state", "--host", "compute-1")).splitlines()
    assert lines[0].startswith("2 servers as of ")
    assert lines[1] == "  host          compute-1 is UP: nova-compute is up, enabled"
    assert all(line.endswith("compute-1  UP  no open incident") for line in lines[2:])
    project = lab.members["project-1"].project.id
    own = {server.id for server in lab.world.servers.values() if server.project_id == project}
    found = json.loads(await terminal.well("server-state", "--json", "--project", project))
    assert {row["id"] for row in found["servers"]} == own
    first = json.loads(await terminal.well("server-state", "--json", "--limit", "1"))
    words = ("--json", "--limit", "200", "--marker", first["marker"])
    others = json.loads(await terminal.well("server-state", *words))
    assert len(others["servers"]) == len(lab.world.servers) - 1


async def test_a_host_that_fails_is_seen_to_fail(terminal: Terminal) -> None:
    place = terminal.place
    await place.arm()
    place.lab.world.fail("compute-3", Failure.COMPUTE)
    await place.monitor.insist("compute-3")
    await place.until("compute-3", "down")
    lines = (await terminal.well("server-state", "--host", "compute-3")).splitlines()
    assert (
        "compute-3 is DOWN: nova-compute is down, forced down, disabled: doctor-daemon:" in lines[1]
    )
    incident = await place.incident("compute-3")
    assert incident is not None
    assert len(lines) > 2
    for line in lines[2:]:
        assert line.endswith(f"compute-3  DOWN  incident {incident['id']}: compute-3 is down")
    place.lab.world.hosts["compute-1"].cell_down = True
    try:
        told = await terminal.refused("server-state", "--host", "compute-1")
        assert told.endswith("the database of its cell does not answer")
        assert "INCOMPLETE    Nova cannot tell how 1 hosts stand" in await terminal.well(
            "server-state"
        )
    finally:
        place.lab.world.hosts["compute-1"].cell_down = False
