"""Each command that is followed: what it does, and what it says. In the order of a night's work."""

from __future__ import annotations

import json
import re

import pytest

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.cli.terminal import Terminal
from tests.slice.colleague import Colleague
from tests.slice.site import ME

pytestmark = pytest.mark.asyncio(loop_scope="module")

WELL, REFUSING, SPARED = "compute-1", "compute-2", "compute-3"


def lines(text: str) -> list[str]:
    """Return the lines of a text, with each run of spaces made one."""
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]


async def test_status_of_a_daemon_that_is_not_armed(terminal: Terminal) -> None:
    said = lines(await terminal.well("status"))
    assert said[:3] == [
        "ready, mode fence, disarmed: never armed",
        "no power is cut until `doctor-daemon arm --why REASON`",
        "budget 0 of 100 hosts fenced in 900 s (at most 2 of one failure domain)",
    ]
    assert re.fullmatch(r"hosts 3; servers as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", said[3])
    assert said[4:] == ["incidents none open"]


async def test_incidents_of_a_quiet_cloud(terminal: Terminal) -> None:
    assert await terminal.well("incidents") == "no incidents\n"


async def test_explain_a_host_to_which_nothing_has_happened(terminal: Terminal) -> None:
    assert lines(await terminal.well("explain", WELL)) == [
        "compute-1: no incident on record",
        "host mode fence, failure domain compute-1, 2 servers on it",
        "fencing redfish, then manual (a human makes sure)",
        "daemon disarmed: never armed",
    ]


async def test_arm_and_disarm(terminal: Terminal) -> None:
    assert lines(await terminal.well("arm", "--why", "tested"))[0] == (
        f"ready, mode fence, ARMED by {ME}: tested"
    )
    said = lines(await terminal.well("disarm", "--why", "a storm"))
    assert said[0] == f"ready, mode fence, disarmed by {ME}: a storm"
    armed = json.loads(await terminal.well("arm", "--json", "--why", "it is over"))["armed"]
    assert armed == {"on": True, "by": ME, "why": "it is over"}


async def test_a4_hosts_are_let_through_for_a_while(terminal: Terminal) -> None:
    said = lines(await terminal.well("release-hosts", "3", "--why", "the rack has no power"))
    assert f"released 3 more hosts, by {ME}: the rack has no power" in said
    assert "released" in await terminal.well("status")
    words = ("--for", "5h", "--why", "for long")
    told = await terminal.refused("release-hosts", "1", *words)
    assert told == "for: expected up to 4 hours, found 18000 s"


async def test_maintenance_begins_is_shown_and_ends(terminal: Terminal) -> None:
    words = ("--for", "90m", "--why", "a new disk")
    window = f"in maintenance by {ME}, 1 h 30 min left: a new disk"
    assert f"maintenance {SPARED} {window}" in lines(
        await terminal.well("maintenance", SPARED, *words)
    )
    assert f"maintenance {window}" in lines(await terminal.well("explain", SPARED))
    assert "maintenance" not in await terminal.well("explain", WELL)
    assert "maintenance" not in await terminal.well("maintenance", SPARED, "--end")
    assert await terminal.refused("maintenance", SPARED, "--end") == (
        "compute-3 is not under maintenance"
    )


async def test_a_suspicion_is_dismissed(terminal: Terminal) -> None:
    window = ("--for", "1h", "--why", "a drill")
    await terminal.well("maintenance", SPARED, *window)
    await terminal.well("fence", SPARED, "--why", "it looks dead")
    await terminal.place.until(SPARED, "held")
    said = lines(await terminal.well("explain", SPARED))
    assert said[:3] == [
        "compute-3: HELD: a human is needed",
        f"why compute-3 is in maintenance by {ME}: a drill (gate maintenance)",
        "what frees end the maintenance; then `doctor-daemon fence compute-3` takes it up again",
    ]
    assert f"power cut shut, maintenance: compute-3 is in maintenance by {ME}: a drill" in said
    assert "now nothing until a human acts" in said
    assert "HELD: `doctor-daemon explain HOST`" in await terminal.well("status")
    said = lines(await terminal.well("dismiss", SPARED, "--why", "it was the drill"))
    assert said[0] == "compute-3: no open incident; the last one was called off"
    assert f"dismissed dismiss by {ME}: it was the drill" in "\n".join(said)
    await terminal.well("maintenance", SPARED, "--end")


async def test_a_host_goes_down_and_its_incident_is_closed(terminal: Terminal) -> None:
    place = terminal.place
    place.lab.world.fail(WELL, Failure.COMPUTE)
    await place.monitor.insist(WELL)
    await place.until(WELL, "down", "Nova lists 2 servers")
    said = lines(await terminal.well("explain", WELL))
    assert said[0].startswith(
        "compute-1: DOWN: off, and forced down in Nova; `release` gives it back"
    )
    uuid = place.host(WELL).system_uuid
    assert any(line.startswith(f"proof redfish of {uuid} read Off, Off, Off, at ") for line in said)
    assert any(line.startswith("evidence alerts (prometheus) says down, ") for line in said)
    timeline = said[said.index("timeline, in milliseconds since the first evidence:") + 1 :]
    assert timeline[0].startswith("0 suspected alerts says down")
    assert re.match(r"\d,\d{3} down Nova has it forced down and disabled", timeline[-2])
    await terminal.well("close", WELL, "--why", "mended")
    await place.until(WELL, "down", "not ended: Nova still has the host forced down")
    await Colleague(place.lab).put(WELL, forced_down=False)
    await terminal.well("close", WELL, "--why", "mended")
    await place.until(WELL, "resolved")
    said = lines(await terminal.well("explain", WELL))
    assert said[0] == "compute-1: no open incident; the last one is resolved"


async def test_a_human_vouches_for_a_host(terminal: Terminal) -> None:
    place = terminal.place
    place.lab.faults.add(Rule(service=Service.BMC, do=Do.REFUSE, host=REFUSING, times=None))
    place.lab.world.fail(REFUSING, Failure.COMPUTE)
    await terminal.well("fence", REFUSING, "--why", "it is dead")
    await place.until(REFUSING, "held")
    place.lab.world.power_off(REFUSING)
    order = (REFUSING, "--why", "I pulled the plug")
    # As a script: the name is wrong, or nobody types it.
    for words, stdin, why in (
        (("--host-again", WELL), "", "host: found 'compute-1'; expected compute-2, typed out"),
        ((), "compute-22\n", "host: found 'compute-22'; expected compute-2, typed out"),
        ((), "", "nothing was typed, and nothing is confirmed"),
        ((), "\n", "nothing was typed, and nothing is confirmed"),
        (("--host-again", REFUSING, "--for", "2h"), "", "a confirmation may last 3600 s at most"),
    ):
        assert await terminal.refused("confirm-off", *order, *words, stdin=stdin) == why
    assert not place.host(REFUSING).service.forced_down
    # At a terminal: what is known comes first, then the warning, then the question.
    done = await terminal.type("confirm-off", "--json", *order, stdin=f"{REFUSING}\n")
    assert done.status == 0
    assert json.loads(done.out)["incident"]["proof"]["kind"] == "human"
    asked = lines(done.err)
    assert asked[0] == "compute-2: HELD: a human is needed"
    assert asked[-2:] == [
        "If this host is running, to confirm is to destroy its servers' disks.",
        "Type the host's name to confirm that its power is off:",
    ]
    await place.until(REFUSING, "down")
    assert place.host(REFUSING).service.forced_down
    said = "\n".join(lines(await terminal.well("explain", REFUSING)))
    assert re.search(rf"proof {ME} vouched at .*Z that it is off: I pulled the plug", said)


async def test_all_of_it_is_on_record(terminal: Terminal) -> None:
    rows = lines(await terminal.well("incidents"))
    assert [row.split()[3:5] for row in rows] == [
        [REFUSING, "down"],
        [WELL, "resolved"],
        [SPARED, "dismissed"],
    ]
    assert len(lines(await terminal.well("incidents", "--limit", "1"))) == 1
    only = lines(await terminal.well("incidents", "--host", WELL))
    assert [row.split()[3] for row in only] == [WELL]
    said = await terminal.well("incidents", "--json", "--limit", "2")
    assert [row["host"] for row in json.loads(said)["incidents"]] == [REFUSING, WELL]
    await terminal.place.logged("order=confirm-off")
    log = terminal.place.log.read_text()
    for order in ("arm", "disarm", "maintenance", "fence", "dismiss", "close", "confirm-off"):
        assert re.search(rf"an operator's order order={order} by={ME} .*why=", log)
    assert f'order="end of maintenance" by={ME}' in log


@pytest.mark.parametrize("command", ["status", "incidents", "explain"])
async def test_questions_answer_in_json(terminal: Terminal, command: str) -> None:
    words = (SPARED,) if command == "explain" else ()
    found = json.loads(await terminal.well(command, "--json", *words))
    assert set(found) >= {"status": {"ready"}, "incidents": {"incidents"}}.get(command, {"host"})
