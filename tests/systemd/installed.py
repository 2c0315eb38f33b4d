"""A daemon that is installed in a box as docs/operations.md says, and a lab that it watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from doctor_daemon.lab.cloud import Lab
from tests.slice.monitor import BEARER
from tests.slice.site import LAB, Site
from tests.systemd.box import Box, booted
from tests.systemd.typed import check_out, copied, typed

UNIT = "doctor-daemon"
ETC = "/etc/doctor-daemon"
DROP_IN = "/etc/systemd/system/doctor-daemon.service.d/quick.conf"
QUICK = "[Service]\nWatchdogSec=3s\nRestartSec=1s\n"
"""Sooner than shipped: a test does not wait for half a minute."""
WATCHED_S = 30.0
"""In which a daemon that hangs is to be found, killed and started again."""


@dataclass
class Installed(Site):
    """The site of a daemon that systemd runs in a box."""

    box: Box = field(kw_only=True)
    said: dict[str, str] = field(default_factory=dict)
    """Heading of the page -> what was printed when its commands were typed."""
    was_ready: int = 0
    """What /readyz answered when `systemctl start` returned."""

    @property
    @override
    def socket(self) -> Path:
        return self.box.path("/run/doctor-daemon/doctor-daemon.sock")

    async def run(self, *words: str, user: str = "", check: bool = True) -> str:
        """Run a command in the box; what it prints, errors first."""
        done = await asyncio.to_thread(self.box.run, *words, user=user, check=check)
        return f"{done.stderr}{done.stdout}".strip()

    async def shown(self, name: str) -> str:
        """Return a property of the unit."""
        return await self.run("systemctl", "show", "--value", "--property", name, UNIT)

    async def type(self, heading: str) -> str:
        """Type what the page has under a heading."""
        self.said[heading] = await asyncio.to_thread(typed, self.box, heading)
        return self.said[heading]

    async def until_shown(self, name: str, value: str) -> None:
        """Wait for a property of the unit."""
        async with asyncio.timeout(WATCHED_S):
            while await self.shown(name) != value:  # noqa: ASYNC110 - systemd gives no event
                await asyncio.sleep(0.2)

    def configure(self) -> None:
        """Write the configuration and the secrets, which are root's alone."""
        copied(self.box, f"{ETC}/doctor-daemon.yaml", yaml.safe_dump(self._configuration()))
        clouds, ca = Path(self.lab.describe()["clouds"]), str(self.lab.ca)
        copied(self.box, f"{ETC}/lab-ca.pem", Path(ca).read_text())
        secrets = {
            "clouds.yaml": clouds.read_text().replace(ca, f"{ETC}/lab-ca.pem"),
            "alertmanager-token": BEARER,
            "operators-key": self.lab.consumer.secrets["operators"],
            "bmc-password": self.lab.redfish.password,
        }
        for name, text in secrets.items():
            copied(self.box, f"{ETC}/{name}", text, mode=0o600)

    def _configuration(self) -> dict[str, Any]:
        """Take that of a site, with the shipped places, and names of secrets in place of paths."""
        found: dict[str, Any] = yaml.safe_load(self.config.read_text())
        del found["operators"], found["state"]
        found["cloud"]["clouds_file"] = "clouds.yaml"
        found["sources"][0]["auth"] = {"bearer_file": "alertmanager-token"}
        consumer = next(one for one in found["consumers"] if one["name"] == "operators")
        found["consumers"] = [
            {**consumer, "secret_file": "operators-key", "ca_file": f"{ETC}/lab-ca.pem"}
        ]
        for host in found["hosts"]:
            device = host["levels"][0][0]
            device |= {"password_file": "bmc-password", "ca_file": f"{ETC}/lab-ca.pem"}
        return found


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Installed]:
    """Install, configure and start a daemon by the book; judge all that it did at the end."""
    inside = folder / "lab"
    inside.mkdir()
    with booted(folder) as box:
        async with Lab(replace(LAB, folder=inside)) as lab:
            place = Installed(lab, inside, box=box)
            await asyncio.to_thread(check_out, box)
            copied(box, DROP_IN, QUICK)
            await place.run("useradd", "--create-home", "alice")
            await place.run("useradd", "--create-home", "bob")
            await place.type("Install")
            place.configure()
            await place.type("Configure")
            await place.type("Start")
            place.was_ready = (await place.get("/readyz"))[0]
            yield place
            await place.run("systemctl", "stop", UNIT)
            place.log.write_text(await place.run("journalctl", "--unit", UNIT, "--output", "cat"))
            place.judge()
