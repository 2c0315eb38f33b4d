"""The BMC of one host: sushy-tools' Redfish emulator, with a real host behind the switch.

Off is told only after the host's processes and guests have stopped, and power on starts them, so
that the emulator's word can be checked against what happened. Its faults are those that operators
have met. One process per host:

usage: python -m tests.openstack.bmc HOME HOST
"""

from __future__ import annotations

import json
import queue
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sushy_tools.emulator import main as emulator  # type: ignore[import-untyped]  # has no types
from sushy_tools.emulator.resources.systems import (  # type: ignore[import-untyped]  # as above
    fakedriver,
)
from werkzeug.serving import run_simple

from tests.openstack.hosts import Host
from tests.openstack.rack import OTHER_UUID, Bmc
from tests.openstack.testbed.site import Site

# How long a real machine takes, roughly, between accepting a cut and being off.
DELAY_S = 0.5
_STATES = {
    "On": ("On",),
    "ForceOn": ("On",),
    "ForceOff": ("Off",),
    "GracefulShutdown": ("Off",),
    "ForceRestart": ("Off", "On"),
    "GracefulRestart": ("Off", "On"),
}
_STATUSES = {
    "401": "401 Unauthorized",
    "503": "503 Service Unavailable",
    "reject": "400 Bad Request",
}
# What a fault says about the power, whatever is true.
_LIES = {"lie-off": "Off", "always-off": "Off", "nopower": None}
# With these a reset is accepted, and nothing happens.
_IDLE = ("stuck", "always-off")

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Switch:
    """The power supply: one change at a time, in the order asked for."""

    def __init__(self, bmc: Bmc, host: Host) -> None:
        self._bmc = bmc
        self._host = host
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, state: str) -> None:
        self._wanted.put(state)

    def _work(self) -> None:
        while True:
            state = self._wanted.get()
            time.sleep(DELAY_S)
            if self._bmc.power() == state:
                continue
            if state == "Off":
                self._host.cut_power()
                self._bmc.set_power("Off")
            else:
                self._bmc.set_power("On")
                if self._bmc.fault() != "hang":
                    self._host.start()


class Driver(fakedriver.FakeDriver):  # type: ignore[misc]  # its base has no types
    """sushy-tools' driver with a true switch; faults come from the BMC's ``fault`` file."""

    bmc: Bmc
    switch: Switch

    def get_power_state(self, identity: str) -> str | None:
        self._get(identity)
        fault = self.bmc.fault()
        return _LIES[fault] if fault in _LIES else self.bmc.power()

    def set_power_state(self, identity: str, state: str) -> None:
        self._get(identity)
        if state not in _STATES:
            raise fakedriver.error.NotSupportedError(f"Power state {state} is not supported")
        if self.bmc.fault() not in _IDLE:
            for step in _STATES[state]:
                self.switch.ask(step)

    def uuid(self, identity: str) -> str:
        true = str(super().uuid(identity))
        return OTHER_UUID if self.bmc.fault() == "other-chassis" else true


def recorded(inner: Application, bmc: Bmc) -> Application:
    """The application with its faults, and with each request written down."""

    def application(request: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()

        def note(status: str, headers: list[tuple[str, str]], *more: object) -> object:
            bmc.note_request(began, request["REQUEST_METHOD"], request["PATH_INFO"], status)
            return start(status, headers)

        return _faulty(inner, bmc.fault(), request, note)

    return application


def _faulty(
    inner: Application, fault: str, request: dict[str, Any], start: StartResponse
) -> Iterable[bytes]:
    if fault.startswith("slow:"):
        time.sleep(float(fault.removeprefix("slow:")))
    status = _STATUSES.get(fault)
    if fault == "reject" and request["REQUEST_METHOD"] != "POST":
        status = None
    if status:
        start(status, [("Content-Type", "application/json")])
        return [b'{"error": {"code": "Base.1.0.GeneralError", "message": "injected"}}']
    if fault == "badjson":
        start("200 OK", [("Content-Type", "application/json")])
        return [b'{"PowerState": "O']
    return inner(request, start)


def main(home: str, name: str) -> None:
    site = Site.load(Path(home))
    bmc, host = Bmc(site, name), Host(site, name)
    Driver.bmc, Driver.switch = bmc, Switch(bmc, host)
    # The emulator offers no other place for a driver of one's own.
    fakedriver.FakeDriver = Driver
    system = {"uuid": bmc.uuid, "name": name, "power_state": "On", "nics": []}
    configuration = {
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_STATE_DIR": str(bmc.folder),
        "SUSHY_EMULATOR_FAKE_SYSTEMS": [system],
        "SUSHY_EMULATOR_AUTH_FILE": str(bmc.htpasswd),
    }
    emulator.app.configure(extra_config=configuration)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(bmc.tls.certificate, bmc.tls.key)
    application = recorded(emulator.app.wsgi_app, bmc)
    print(json.dumps({"host": name, "url": bmc.url}), flush=True)
    run_simple("127.0.0.1", site.port(f"bmc-{name}"), application, ssl_context=tls, threaded=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
