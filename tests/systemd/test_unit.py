"""The unit beside what the code and the documentation say: numbers, places and names that agree."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from pathlib import Path

import pytest

from doctor_daemon.cli.arguments import CONFIG, SOCKET
from doctor_daemon.config.process import Operators
from doctor_daemon.engine.engine import STOP_S
from doctor_daemon.heartbeat.agent import UNUSABLE as AGENT_UNUSABLE
from doctor_daemon.heartbeat.agent import WATCHDOG_EVERY_S
from doctor_daemon.heartbeat.alone import PLACE
from doctor_daemon.heartbeat.feeder import FAREWELL_S, FAREWELLS
from doctor_daemon.heartbeat.feeder import UNUSABLE as FEEDER_UNUSABLE
from doctor_daemon.heartbeat.lease import ASK_EVERY_S, TIMEOUT_MIN_S
from doctor_daemon.heartbeat.settings import CONFIG as HEARTBEAT
from doctor_daemon.heartbeat.takeover import KEXEC, REBOOT, RUNTIME
from doctor_daemon.heartbeat.wire import INTERVAL_MAX_S
from doctor_daemon.main import UNUSABLE
from doctor_daemon.stores.sqlite import SqliteConfig
from doctor_daemon.stores.writer import OPEN_S, WRITE_S
from tests.house.source import ROOT, texts
from tests.systemd.typed import PAGE, commands, headings

FOLDER = ROOT / "systemd"
UNIT = FOLDER / "doctor-daemon.service"
WATCHDOG = FOLDER / "doctor-daemon-watchdog.service"
AGENT = FOLDER / "doctor-daemon-heartbeat.service"
EXPOSURE_MAX = 2.0
UNITS_S = {"s": 1.0, "min": 60.0}


def lines(file: Path) -> dict[str, str]:
    """The last value of each option of a unit file."""
    read = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    read.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser tells one to
    read.read_string(file.read_text())
    return {name: value for part in read.sections() for name, value in read[part].items()}


@pytest.fixture(scope="module")
def unit() -> dict[str, str]:
    return lines(UNIT)


def seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(s|min)", text)
    assert found, text
    return int(found[1]) * UNITS_S[found[2]]


def test_it_is_hardened() -> None:
    limit = f"--threshold={EXPOSURE_MAX * 10:g}"
    words = ("systemd-analyze", "security", "--offline=yes", "--no-pager", limit)
    done = subprocess.run(
        [*words, str(UNIT)], capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r"exposure level for doctor-daemon.service: ([\d.]+) ", done.stdout)
    assert found
    assert f"scores it {found[1]}" in PAGE.read_text().replace("\n", " ")


def test_the_agents_unit_is_hardened_too() -> None:
    limit = f"--threshold={EXPOSURE_MAX * 10:g}"
    words = ("systemd-analyze", "security", "--offline=yes", "--no-pager", limit, str(AGENT))
    subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    verify = ("systemd-analyze", "verify", "--recursive-errors=no", str(AGENT))
    verified = subprocess.run(verify, capture_output=True, text=True, check=False, timeout=60)
    told = [line for line in verified.stderr.splitlines() if AGENT.name in line]
    assert [line for line in told if "is not executable" not in line] == []


def test_the_agents_unit_fits_the_agent() -> None:
    found = lines(AGENT)
    assert found["ExecStart"].split() == ["/opt/doctor-daemon/bin/doctor-daemon", "heartbeat"]
    assert found["LoadCredential"] == f"heartbeat.key:{HEARTBEAT.parent}/heartbeat.key"
    assert found["RestartPreventExitStatus"] == str(AGENT_UNUSABLE)
    assert WATCHDOG_EVERY_S < INTERVAL_MAX_S
    assert seconds(found["WatchdogSec"]) > INTERVAL_MAX_S, "it is fed between two beats"


def test_the_watchdogs_unit_is_hardened_and_reaches_one_device() -> None:
    limit = f"--threshold={EXPOSURE_MAX * 10:g}"
    words = ("systemd-analyze", "security", "--offline=yes", "--no-pager", limit, str(WATCHDOG))
    subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    verify = ("systemd-analyze", "verify", "--recursive-errors=no", str(WATCHDOG))
    verified = subprocess.run(verify, capture_output=True, text=True, check=False, timeout=60)
    told = [line for line in verified.stderr.splitlines() if WATCHDOG.name in line]
    assert [line for line in told if "is not executable" not in line] == []
    devices = re.findall(r"^DeviceAllow=(.*)$", WATCHDOG.read_text(), re.MULTILINE)
    assert devices == ["char-watchdog rw", "/dev/watchdog rw"]


def test_the_watchdogs_unit_fits_its_agent() -> None:
    found = lines(WATCHDOG)
    assert found["ExecStart"].split() == ["/opt/doctor-daemon/bin/doctor-daemon", "watchdog"]
    assert found["LoadCredential"] == f"heartbeat.key:{HEARTBEAT.parent}/heartbeat.key"
    assert found["RestartPreventExitStatus"] == str(FEEDER_UNUSABLE)
    assert Path("/run", found["RuntimeDirectory"]) == PLACE
    assert found["RuntimeDirectoryPreserve"] == "yes"
    assert seconds(found["WatchdogSec"]) > 2 * ASK_EVERY_S
    assert seconds(found["TimeoutStopSec"]) > FAREWELLS * FAREWELL_S
    assert seconds(found["RestartSec"]) < TIMEOUT_MIN_S / 2, "it is back before the hardware fires"
    assert {"libvirtd.service", "nova-compute.service"} <= set(found["Before"].split())


def test_systemd_is_told_to_leave_the_watchdog_alone() -> None:
    found = lines(FOLDER / "doctor-daemon-watchdog.conf")
    assert set(found.values()) == {"off"}
    assert {f"{name.removesuffix('USec')}Sec" for name in (RUNTIME, REBOOT, KEXEC)} == set(found)


def test_the_network_and_its_own_socket_are_left_to_it() -> None:
    words = ("systemd-analyze", "security", "--offline=yes", "--json=short", str(UNIT))
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    found = {one["json_field"]: one["set"] for one in json.loads(done.stdout)}
    assert not found["PrivateNetwork"]
    assert not found["PrivateUsers"], "the uid of who calls would be lost"
    assert not found["ProcSubset"], "the boot id would be lost"


def test_stopping_has_longer_than_the_engine_takes(unit: dict[str, str]) -> None:
    assert seconds(unit["TimeoutStopSec"]) >= STOP_S + 3 * WRITE_S
    assert unit["KillMode"] == "mixed"


def test_starting_has_longer_than_the_store_takes(unit: dict[str, str]) -> None:
    assert seconds(unit["TimeoutStartSec"]) > OPEN_S


def test_what_only_a_human_can_mend_is_not_tried_again(unit: dict[str, str]) -> None:
    assert unit["RestartPreventExitStatus"] == str(UNUSABLE)
    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == ("on-failure", "0")


def test_its_places_are_those_of_the_program(unit: dict[str, str]) -> None:
    assert CONFIG.parent == Path("/etc", unit["ConfigurationDirectory"])
    assert SqliteConfig().path.parent == Path("/var/lib", unit["StateDirectory"])
    assert Operators().socket == SOCKET
    assert SOCKET.parent == Path("/run", unit["RuntimeDirectory"])
    installed = next(iter(one for one in commands("Install") if one[:3:2] == ("python3", "venv")))
    assert unit["ExecStart"] == f"{installed[3]}/bin/doctor-daemon run"


def test_its_user_is_the_one_that_is_made(unit: dict[str, str]) -> None:
    made = (FOLDER / "doctor-daemon.sysusers.conf").read_text()
    assert re.search(rf"^u {unit['User']} ", made, re.MULTILINE)
    assert unit["User"] == unit["Group"] == Operators().group


def test_the_credentials_are_the_secrets_of_the_first_configuration() -> None:
    loaded = re.findall(
        r"^LoadCredential=(.*):(.*)$", (FOLDER / "credentials.conf").read_text(), re.MULTILINE
    )
    shown = re.findall(r"_file: ([\w.-]+)", (ROOT / "config" / "minimal.yaml").read_text())
    assert {name for name, _ in loaded} == set(shown) - {"inventory.yaml"}
    assert all(path == str(CONFIG.parent / name) for name, path in loaded)


@pytest.mark.parametrize("name", ["TimeoutStartSec", "MemoryMax", "WatchdogSec"])
def test_what_the_page_quotes_is_what_is_shipped(unit: dict[str, str], name: str) -> None:
    assert f"`{name}={unit[name]}`" in PAGE.read_text()


def test_every_command_of_the_page_is_typed() -> None:
    """`test_running.py` types whole sections, each of which it names."""
    here = [text for path, text in texts().items() if path.parent == Path("tests/systemd")]
    for heading in headings():
        assert any(f'"{heading}"' in text for text in here), heading
