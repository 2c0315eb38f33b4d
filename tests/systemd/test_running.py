"""A real systemd starts, watches, restarts and stops the daemon, which is hardened and works."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import closing

import pytest
from aiohttp import ClientConnectorError

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.systemd.installed import ETC, UNIT, Installed
from tests.systemd.typed import copied

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def fails_for_good(place: Installed) -> str:
    """See that a start fails and is not tried again; return the last words."""
    await place.run("systemctl", "stop", UNIT)
    assert "failed" in await place.run("systemctl", "start", UNIT, check=False)
    await asyncio.sleep(2)  # longer than the pause before a restart
    assert await place.shown("ActiveState") == "failed"
    assert await place.shown("ExecMainStatus") == "2"
    assert await place.shown("NRestarts") == "0"
    return await place.run("journalctl", "--unit", UNIT, "--lines", "20")


async def starts(place: Installed) -> None:
    """See that it starts, as it is configured at first."""
    place.configure()
    await place.run("systemctl", "start", UNIT)
    assert (await place.get("/readyz"))[0] == 200


async def test_start_returns_when_it_is_ready(place: Installed) -> None:
    assert place.was_ready == 200
    (line,) = re.findall(r'Status: "(.*)"', place.said["Start"])
    assert line in ("starting", "mode fence, disarmed; 0 open incidents, 0 held")
    await place.until_shown("StatusText", "mode fence, disarmed; 0 open incidents, 0 held")
    assert await place.shown("UnitFileState") == "enabled"


async def test_the_configuration_was_checked_with_every_device(place: Installed) -> None:
    said = place.said["Configure"]
    assert "ok: cloud: login, roles and versions" in said
    assert said.count("power on") == len(place.lab.world.hosts)


async def test_the_unit_is_sound_as_installed(place: Installed) -> None:
    unit = f"/etc/systemd/system/{UNIT}.service"
    said = await place.run("systemd-analyze", "verify", "--recursive-errors=no", unit)
    assert said == ""


async def test_it_has_no_rights(place: Installed) -> None:
    pid = await place.shown("MainPID")
    status = await place.run("cat", f"/proc/{pid}/status")
    found = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    user = await place.run("id", "--user", "doctor-daemon")
    assert found["Uid"].split() == [user] * 4
    assert int(found["CapBnd"], 16) == 0
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert "Permission denied" in await place.run(
        "cat", f"{ETC}/bmc-password", user="doctor-daemon", check=False
    )
    assert await place.run("stat", "--format", "%U %a", "/var/lib/doctor-daemon") == (
        "doctor-daemon 700"
    )


async def test_operators_are_known_by_their_login(place: Installed) -> None:
    refused = await place.run("doctor-daemon", "arm", "--why", "no", user="bob", check=False)
    assert "may not be used by you" in refused
    await place.run("doctor-daemon", "arm", "--why", "CHG-1", user="alice")
    assert "ARMED by alice: CHG-1" in await place.run("doctor-daemon", "status", user="alice")
    await place.until_shown("StatusText", "mode fence, ARMED; 0 open incidents, 0 held")


async def test_it_does_its_work(place: Installed) -> None:
    """Nova, BMCs and consumers are reached, with the secrets that systemd has handed over."""
    await place.arm()
    place.lab.world.fail("compute-1", Failure.COMPUTE)
    await place.monitor.insist("compute-1")
    await place.until("compute-1", "down")
    assert place.host("compute-1").service.forced_down
    await place.told("operators", "compute-1", "suspected", "confirmed")


async def test_a_hung_daemon_is_restarted_and_takes_up_its_incident(place: Installed) -> None:
    await place.arm()
    before = await place.shown("MainPID")
    place.lab.faults.add(Rule(service=Service.BMC, do=Do.STUCK, host="compute-2", times=None))
    place.lab.world.fail("compute-2", Failure.COMPUTE)
    await place.monitor.insist("compute-2")
    await place.until("compute-2", "fencing", "cut accepted")
    await place.run("systemctl", "kill", "--kill-whom", "main", "--signal", "STOP", UNIT)
    await place.until_shown("NRestarts", "1")
    await place.until("compute-2", "held", "taken up again after a restart")
    assert "taken up again after a restart" in await place.run(
        "doctor-daemon", "explain", "compute-2"
    )
    assert await place.shown("MainPID") != before
    journal = await place.run("journalctl", "--unit", UNIT)
    assert "Failed with result 'watchdog'" in journal
    assert "Fatal Python error: Aborted" in journal
    assert not place.host("compute-2").service.forced_down


async def test_a_killed_daemon_is_restarted(place: Installed) -> None:
    before = await place.shown("NRestarts")
    await place.run("systemctl", "kill", "--kill-whom", "main", "--signal", "KILL", UNIT)
    await place.until_shown("NRestarts", str(int(before) + 1))
    await place.until_shown("ActiveState", "active")
    assert (await place.get("/readyz"))[0] == 200


async def test_a_healthy_daemon_is_left_alone(place: Installed) -> None:
    """Three times the watchdog's patience with a Nova that answers nothing."""
    before = await place.shown("MainPID")
    place.lab.faults.add(Rule(service=Service.NOVA, do=Do.HANG, times=None))
    await asyncio.sleep(9)
    place.lab.faults.clear()
    assert await place.shown("MainPID") == before


async def test_what_is_kept_can_be_backed_up_and_restored(place: Installed) -> None:
    kept = await place.run("doctor-daemon", "incidents")
    await place.type("Back up")
    assert await place.shown("ActiveState") == "active"
    assert await place.run("doctor-daemon", "incidents") == kept
    assert await place.run("stat", "--format", "%U %a", "/var/backups/doctor-daemon") == "root 700"


async def test_it_can_be_upgraded_and_restarted(place: Installed) -> None:
    for heading in ("Upgrade", "Stop, restart, change"):
        before = await place.shown("MainPID")
        assert "valid" in await place.type(heading)
        assert await place.shown("MainPID") != before
        assert (await place.get("/readyz"))[0] == 200


async def test_the_journal_has_what_it_said(place: Installed) -> None:
    assert "doors open" in await place.type("Logs")


async def test_a_configuration_that_cannot_be_used_is_not_tried_again(place: Installed) -> None:
    copied(place.box, f"{ETC}/doctor-daemon.yaml", "mode: sometimes\n")
    assert "sometimes" in await fails_for_good(place)
    await starts(place)


async def test_a_port_that_is_taken_fails_the_start(place: Installed) -> None:
    await place.run("systemctl", "stop", UNIT)
    with closing(socket.create_server(("127.0.0.1", place.evidence_port))):
        assert "address already in use" in await fails_for_good(place)
    await starts(place)


async def test_stop_ends_it_well(place: Installed) -> None:
    await place.run("systemctl", "stop", UNIT)
    assert await place.shown("Result") == "success"
    assert await place.shown("ExecMainStatus") == "0"
    assert not place.socket.exists()
    with pytest.raises(ClientConnectorError):
        await place.get("/readyz")
    await starts(place)
