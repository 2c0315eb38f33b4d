"""The clients' environment, made once a machine, and a daemon's source that they speak to."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.api.keystone_gate import KeystoneGate
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.outlook import Outlook
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.credentials import REGION
from doctor_daemon.lab.identity import User
from tests.controllers.rigs import nova
from tests.engine.rig import Rig
from tests.fakes.clock import BootClock
from tests.inspectors.notifications import inspector
from tests.inspectors.rig import listening, source

LIMIT_S = 600
HERE = Path(__file__).resolve().parent
CLIENT_S = 60.0
WANTS = HERE / "requirements.txt"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave time for the first test of a fresh machine, during which the clients are installed."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.fixture(scope="session")
def python() -> Path:
    """Return the interpreter of the clients' environment."""
    override = os.environ.get("DOCTOR_MASAKARI_HOME")
    home = Path(override) if override else Path.home() / ".cache" / "doctor-daemon" / "masakari"
    venv, want = home / "venv", hashlib.sha256(WANTS.read_bytes()).hexdigest()
    stamp, interpreter = venv / "installed", venv / "bin" / "python"
    if stamp.exists() and stamp.read_text() == want:
        return interpreter
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True, timeout=120)
    install: list[str | Path] = [
        interpreter,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "-r",
        WANTS,
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    stamp.write_text(want)
    return interpreter


@dataclass
class Stage:
    """A cloud, a daemon with a source of type masakari, and the clients' environment."""

    lab: Lab
    rig: Rig
    engine: Engine
    python: Path
    folder: Path

    async def _run(self, *words: str, told: str = "") -> tuple[str, str]:
        pipe = asyncio.subprocess.PIPE
        argv = (str(self.python), str(HERE / "clients.py"), *words)
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=self.folder, env={"PATH": "/usr/bin"}
        )
        try:
            async with asyncio.timeout(CLIENT_S):
                out, log = await process.communicate(told.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, log.decode()
        return out.decode(), log.decode()

    async def monitor(self, host: str, status: str, user: User | None = None) -> str:
        """Have the host monitor tell that a host is online or offline; return its log."""
        who = user or self.lab.admin
        config = self.folder / "masakarimonitors.conf"
        config.write_text(
            "[host]\ndisable_ipmi_check = true\napi_retry_max = 1\napi_retry_interval = 1\n"
            f"[api]\nregion = {REGION}\nauth_url = {self.lab.keystone.root}/v3\n"
            f"username = {who.name}\npassword = {who.password}\n"
            f"project_name = {who.project.name}\n"
            "user_domain_id = default\nproject_domain_id = default\n"
        )
        return (await self._run("monitor", str(config), host, status))[1]

    async def sdk(self, *calls: tuple[str, dict[str, Any]], user: User | None = None) -> list[Any]:
        """Have openstacksdk make calls; return what each came to."""
        who = user or self.lab.admin
        auth = {
            "auth_url": f"{self.lab.keystone.root}/v3",
            "username": who.name,
            "password": who.password,
            "project_name": who.project.name,
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        asked = {"connect": {"auth": auth, "region_name": REGION}, "calls": calls}
        found = json.loads((await self._run("sdk", told=json.dumps(asked)))[0])
        assert isinstance(found, list)
        return found


@pytest.fixture
async def stage(python: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    """Serve a source whose senders Keystone vouches for."""
    rig, made = Rig(), inspector()
    rig.clock.wall_offset_s = time.time() - rig.clock.now().wall_s  # the clients have no bench's
    async with Lab(LabOptions(hosts=1)) as lab, nova(lab) as controller, rig.running() as engine:
        Outlook(engine).show({}, [made])
        gate = KeystoneGate(("admin",), controller, BootClock())
        async with listening(engine.desk, source(made, gate)) as client:
            lab.keystone.endpoints["instance-ha"] = client.url("/v1")
            yield Stage(lab, rig, engine, python, tmp_path)
    assert rig.bugs == []
