"""Ironic's own environment, made once a machine, and Ironic as a process of it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from doctor_daemon.lab.cloud import Lab

HERE = Path(__file__).resolve().parent
WANTS = HERE / "requirements.txt"
LIMIT_S = 600
START_S = 90.0
SYNC_S = 3
"""Seconds between two looks of Ironic's at the machine; 60 as it is shipped."""

CONFIG = """
[DEFAULT]
auth_strategy = keystone
rpc_transport = none
host = conductor-1
state_path = {folder}
log_file = {folder}/ironic.log
enabled_hardware_types = redfish
enabled_power_interfaces = redfish
enabled_management_interfaces = redfish
enabled_boot_interfaces = redfish-virtual-media
enabled_deploy_interfaces = direct
enabled_network_interfaces = noop
default_network_interface = noop
enabled_inspect_interfaces = no-inspect
enabled_raid_interfaces = no-raid
enabled_vendor_interfaces = no-vendor
enabled_console_interfaces = no-console
enabled_storage_interfaces = noop
enabled_bios_interfaces = no-bios
enabled_rescue_interfaces = no-rescue
enabled_firmware_interfaces = no-firmware
[api]
host_ip = 127.0.0.1
port = {port}
[database]
connection = sqlite:///{folder}/ironic.sqlite
[conductor]
sync_power_state_interval = {sync_s}
node_locked_retry_attempts = 1
[keystone_authtoken]
auth_type = password
auth_url = {keystone}/v3
www_authenticate_uri = {keystone}/v3
username = {user}
password = {password}
project_name = {project}
user_domain_id = default
project_domain_id = default
[oslo_concurrency]
lock_path = {folder}/locks
"""


def environment() -> Path:
    """Return where the programs of Ironic's environment are; it is made if need be."""
    override = os.environ.get("DOCTOR_IRONIC_HOME")
    home = Path(override) if override else Path.home() / ".cache" / "doctor-daemon" / "ironic"
    venv, want = home / "venv", hashlib.sha256(WANTS.read_bytes()).hexdigest()
    stamp, programs = venv / "installed", venv / "bin"
    if stamp.exists() and stamp.read_text() == want:
        return programs
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True, timeout=120)
    pip = (str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "-r")
    done = subprocess.run(
        (*pip, str(WANTS)), capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stamp.write_text(want)
    return programs


@asynccontextmanager
async def ironic(programs: Path, lab: Lab, folder: Path, port: int) -> AsyncIterator[str]:
    """Run Ironic, API and conductor in one process; yield its root. The lab is its Keystone."""
    config = folder / "ironic.conf"
    config.touch(0o600)
    who = lab.admin
    config.write_text(
        CONFIG.format(
            folder=folder,
            port=port,
            sync_s=SYNC_S,
            keystone=lab.keystone.root,
            user=who.name,
            password=who.password,
            project=who.project.name,
        )
    )
    with (folder / "ironic.out").open("wb") as out:

        async def start(*words: str | Path) -> asyncio.subprocess.Process:
            argv = (str(word) for word in (programs / "python", *words))
            env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder)}
            return await asyncio.create_subprocess_exec(*argv, stdout=out, stderr=out, env=env)

        files = ("--config-file", config)
        made = await start(programs / "ironic-dbsync", *files, "create_schema")
        async with asyncio.timeout(START_S):
            assert await made.wait() == 0, (folder / "ironic.out").read_text()
        process = await start(programs / "ironic", *files)
        try:
            await _listening(process, port, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
    """Wait until it takes connections."""
    for _ in range(int(START_S / 0.1)):
        assert process.returncode is None, (folder / "ironic.out").read_text()[-4000:]
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise AssertionError((folder / "ironic.log").read_text()[-4000:])
