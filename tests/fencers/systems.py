"""What a System looks like on the wire, and a device that asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from doctor_daemon.fencers.redfish import Redfish
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.secrets import SecretFile
from tests.fakes.clock import BootClock
from tests.fakes.peer import Answer, Peer, Request, telling

PATH = "/redfish/v1/Systems/1"
TARGET = f"{PATH}/Actions/ComputerSystem.Reset"
UUID = "3f6c1a52-9f0d-4f0e-8a36-7d1d0c5a9b11"
OTHER_UUID = "11111111-2222-4333-8444-555555555555"
PASSWORD = "hunter2-and-more"

Json = dict[str, Any]


def system(power: object = "On", **changes: object) -> Json:
    """Return a System as most BMCs show it."""
    return {
        "@odata.type": "#ComputerSystem.v1_13_0.ComputerSystem",
        "@odata.id": PATH,
        "Id": "1",
        "Name": "System",
        "UUID": UUID.upper(),
        "SerialNumber": "S-1234",
        "Model": "PowerThing 9000",
        "PowerState": power,
        "Actions": {"#ComputerSystem.Reset": reset()},
        **changes,
    }


def reset(**changes: object) -> Json:
    return {
        "target": f"{PATH}/Actions/ComputerSystem.Reset",
        "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "ForceRestart"],
        **changes,
    }


@asynccontextmanager
async def redfish(
    url: str,
    folder: Path,
    clock: Clock | None = None,
    **options: Any,  # noqa: ANN401 - any option
) -> AsyncIterator[Redfish]:
    """Open a device for a URL, with a time-out that a test can wait for."""
    file = folder / "password"
    file.write_text(PASSWORD + "\n", encoding="utf-8")
    file.chmod(0o600)
    config = Redfish.Config(
        url=url,
        username="admin",
        password_file=SecretFile(file),
        **{"timeout_s": 0.5, **options},
    )
    device = Redfish(config, "bmc", clock or BootClock())
    try:
        yield device
    finally:
        await device.close()


def permit(clock: Clock, seconds: float = 1.0) -> Permit:
    return Permit(7, clock.now().plus(seconds))


def cutting(answer: Answer, shown: object = None) -> Answer:
    """Show the system to a GET, and answer a POST otherwise."""
    show = telling(system() if shown is None else shown)

    async def choose(request: Request, writer: asyncio.StreamWriter) -> None:
        await (answer if request.method == "POST" else show)(request, writer)

    return choose


def posts(peer: Peer) -> list[Request]:
    return [request for request in peer.requests if request.method == "POST"]
