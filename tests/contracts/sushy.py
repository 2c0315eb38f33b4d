"""sushy-tools' Redfish emulator in a process of its own, on a port that the kernel chose.

It is imported by no test: its libraries warn, and warnings are errors in tests.

It speaks TLS if the folder has a certificate.

usage: python -m tests.contracts.sushy FOLDER UUID
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sushy_tools.emulator import main as emulator  # type: ignore[import-untyped] # has no types
from sushy_tools.emulator.resources.systems import fakedriver  # type: ignore[import-untyped] # nor it
from werkzeug.serving import make_server

from tests.contracts.switch import DELAY_S, PASSWORD, SLOW_S, Switch, set_password

Start = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Driver(fakedriver.FakeDriver):  # type: ignore[misc] # its parent has no types
    """The emulator's driver, with our switch behind it."""

    switch: Switch

    def get_power_state(self, identity: str) -> str | None:
        self._get(identity)
        said = {"mute": None, "lies-off": "Off"}
        return said.get(self.switch.fault, self.switch.power)

    def set_power_state(self, identity: str, state: str) -> None:
        self._get(identity)
        if state not in {"On", "ForceOff"}:
            msg = f"Power state {state} is not supported"
            raise fakedriver.error.NotSupportedError(msg)
        if self.switch.fault != "stuck":
            threading.Thread(target=self._later, args=(state,), daemon=True).start()

    def _later(self, asked: str) -> None:
        time.sleep(DELAY_S)
        self.switch.power = "On" if asked == "On" else "Off"


def faulty(inner: Application, switch: Switch) -> Application:
    def application(request: dict[str, Any], start: Start) -> Iterable[bytes]:
        fault = switch.fault
        if fault == "silent":
            time.sleep(SLOW_S)
            start("503 Service Unavailable", [])  # too late for anybody, and nothing was done
            return []
        if fault == "refuses" and request["REQUEST_METHOD"] == "POST":
            start("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"error": {"message": "it refuses"}}']
        return inner(request, start)

    return application


def main(folder: Path, uuid: str) -> None:
    login = set_password(folder, PASSWORD)
    Driver.switch = Switch(folder)
    # The emulator offers no other place for a driver of one's own.
    fakedriver.FakeDriver = Driver
    system = {"uuid": uuid, "name": "compute-1", "power_state": "On", "nics": []}
    emulator.app.configure(
        extra_config={
            "SUSHY_EMULATOR_FAKE_DRIVER": True,
            "SUSHY_EMULATOR_STATE_DIR": str(folder),
            "SUSHY_EMULATOR_FAKE_SYSTEMS": [system],
            "SUSHY_EMULATOR_AUTH_FILE": str(login),
        }
    )
    certificate, key = folder / "server.pem", folder / "server.key"
    server = make_server(
        "127.0.0.1",
        0,
        faulty(emulator.app.wsgi_app, Driver.switch),
        threaded=True,
        ssl_context=(str(certificate), str(key)) if certificate.exists() else None,
    )
    print(json.dumps({"port": server.port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
