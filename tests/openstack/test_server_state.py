"""Server state on the real thing: what operators and owners are shown of a server's host."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from doctor_daemon.lab.servers import OwnerSees
from tests.openstack.daemon import Daemon, running
from tests.openstack.estate import Estate
from tests.openstack.policy import policy_lines, policy_of_owners
from tests.openstack.testbed.processes import wait_for

HOST, OTHER = "compute-1", "compute-2"
POLL_S = 12.0
"""In which the daemon has certainly read the services once."""
BLIND = "warning: cloud: servers' owners are shown no host_status: "
SEEN = "ok: cloud: servers' owners are shown host_status"
ADVICE = ("to let them, add to Nova's policy.yaml: ", "or, to show them UNKNOWN and nothing else: ")


def states(daemon: Daemon, *words: str) -> dict[str, Any]:
    found = json.loads(daemon.tell("server-state", "--json", *words))
    assert isinstance(found, dict)
    return found


def shown(daemon: Daemon, *words: str) -> dict[str, str | None]:
    return {row["id"]: row["host_status"] for row in states(daemon, *words)["servers"]}


def test_trap_20_the_order_in_which_nova_asks(estate: Estate) -> None:
    (server,) = estate.boot(HOST, 1)
    (stranger,) = estate.boot(OTHER, 1)
    service = estate.services[HOST]
    with running(estate) as daemon:
        assert shown(daemon) == {server: "UP", stranger: "UP"}
        for change, status in (
            ({"status": "disabled", "disabled_reason": "new memory"}, "MAINTENANCE"),
            ({"forced_down": True}, "DOWN"),
            ({"status": "enabled"}, "DOWN"),
            ({"forced_down": False}, "UP"),
        ):
            estate.admin.mark(service, **change)
            found = states(daemon, "--host", HOST)
            assert [row["host_status"] for row in found["servers"]] == [status]
            assert found["host"]["host_status"] == status
            assert estate.host_status(server) == status, "the owner sees the same"
        project = states(daemon, "--host", HOST)["servers"][0]["project"]
        assert set(shown(daemon, "--project", project)) == {server, stranger}
        first = states(daemon, "--limit", "1")
        rest = states(daemon, "--limit", "1", "--marker", first["marker"])["servers"]
        assert {first["servers"][0]["id"], rest[0]["id"]} == {server, stranger}


def test_trap_20_a_dead_host_is_unknown_only_while_it_is_enabled(estate: Estate) -> None:
    (server,) = estate.boot(HOST, 1)
    with running(estate) as daemon:
        empty = states(daemon, "--host", OTHER)
        assert (empty["servers"], empty["host"]["host_status"]) == ([], "UP")
        estate.hosts[HOST].processes.end([HOST])
        wait_for("UNKNOWN", lambda: shown(daemon, "--host", HOST)[server] == "UNKNOWN", 60)
        estate.admin.mark(estate.services[HOST], status="disabled")
        assert shown(daemon, "--host", HOST) == {server: "MAINTENANCE"}


@contextmanager
def checking(estate: Estate, owner: str) -> Iterator[Path]:
    """A configuration with an owner's account."""
    with running(estate) as daemon:
        config = yaml.safe_load((daemon.folder / "doctor-daemon.yaml").read_text())
        config["cloud"]["owner_cloud"] = owner
        path = daemon.folder / "owner.yaml"
        path.write_text(yaml.safe_dump(config))
        yield path


def check(path: Path) -> list[str]:
    """What `check-config --online` says of the cloud."""
    program = Path(sys.executable).with_name("doctor-daemon")
    argv = [str(program), "check-config", "--online", "--config", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": cloud: " in line]


def line_after(said: list[str], lead: str) -> str:
    (found,) = [line.partition(lead)[2] for line in said if lead in line]
    return f"{found}\n"


def test_what_owners_are_shown_is_told_and_the_advice_helps(estate: Estate) -> None:
    estate.boot(HOST, 1)
    with checking(estate, "tenant") as path:
        assert SEEN in check(path), "as the testbed has it"
        with policy_of_owners(estate, OwnerSees.NOTHING):
            blind = check(path)
            assert [line for line in blind if line.startswith(BLIND)]
        full, unknown_only = (line_after(blind, lead) for lead in ADVICE)
        with policy_lines(estate, full):
            assert SEEN in check(path), "the very line that was printed"
        with policy_lines(estate, unknown_only):
            assert [line for line in check(path) if line.startswith(BLIND)]
        with policy_lines(estate, full.replace("project_reader_or_admin", "admin_or_owner")):
            assert SEEN in check(path), "the words of an older Nova"


@pytest.mark.parametrize(
    ("owner", "words"), [("admin", "has the role admin"), ("", "an admin cannot")]
)
def test_an_admin_cannot_tell_what_owners_are_shown(estate: Estate, owner: str, words: str) -> None:
    with checking(estate, owner) as path:
        (warning,) = [line for line in check(path) if line.startswith("warning: ")]
        assert words in warning
