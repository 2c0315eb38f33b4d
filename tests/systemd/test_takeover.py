"""B2: a real systemd takes the watchdog over at a reboot unless told not to, and says so."""

from __future__ import annotations

import re
from pathlib import Path

from doctor_daemon.heartbeat.takeover import ASK, against
from tests.systemd.box import booted
from tests.systemd.test_unit import FOLDER, WATCHDOG

DROP_IN = "doctor-daemon-watchdog.conf"


def asking() -> str:
    """The agent's unit, with what it asks of systemd in the place of the agent."""
    begun, text = f"ExecStart={' '.join(ASK)}", WATCHDOG.read_text()
    text = re.sub(r"(?m)^ExecStart=.*$", begun, text)
    text = re.sub(r"(?m)^(LoadCredential|WatchdogSec|Restart\w*)=.*\n", "", text)
    return text.replace("Type=notify", "Type=oneshot")


def test_b2_what_the_agent_is_told_in_its_own_unit(tmp_path: Path) -> None:
    with booted(tmp_path) as box:
        box.path("/etc/systemd/system/asking.service").write_text(asking())

        def told() -> str:
            box.run("systemctl", "daemon-reload")
            box.run("systemctl", "start", "asking")
            box.run("journalctl", "--sync")
            return box.ask("journalctl", "--no-pager", "--output=cat", "--unit=asking")

        assert "RebootWatchdogUSec=10min" in against(told())
        folder = box.path("/etc/systemd/system.conf.d")
        folder.mkdir(exist_ok=True)
        (folder / DROP_IN).write_text((FOLDER / DROP_IN).read_text())
        assert against(told()) == ""
