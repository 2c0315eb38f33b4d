"""Test rigs for power devices: a device, the truth behind it, and a way to make it misbehave."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from doctor_daemon.controllers.ironic import Ironic
from doctor_daemon.core.proof import Identity, Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.fencers.redfish import Redfish
from doctor_daemon.lab.cloud import ADMIN, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import BMC_CUTS, Do, Rule, Service
from doctor_daemon.lab.ironic import IronicOptions
from doctor_daemon.lab.redfish import USER, RedfishOptions
from doctor_daemon.ports import PowerDevice
from doctor_daemon.ports.secrets import SecretFile
from tests.contracts import switch
from tests.fakes.clock import BootClock
from tests.fakes.power import FakePower, Fault, Machine

TIMEOUT_S = 1.0
OFF_S = 0.2
START_S = 30.0
UUID = "abcdef00-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Manner:
    """In what devices may differ: how much they can know of what became of an order."""

    timeout_s: float = TIMEOUT_S
    name: str = "compute-1"
    refused: Outcome = Outcome.REFUSED
    stuck: Outcome = Outcome.ACCEPTED
    unanswered: Outcome = Outcome.UNKNOWN
    tells_login: bool = True
    """Whether it can tell that a login was refused."""
    doubted: Power = Power.OFF
    """What it says of a machine that is off once an order has failed."""


class Rig(Protocol):
    """One machine that is on, and its device, which waits `manner.timeout_s` for an answer."""

    clock: BootClock
    manner: Manner
    uuid: str
    """What the machine says it is, in lower case."""

    @property
    @abstractmethod
    def device(self) -> PowerDevice: ...

    @property
    @abstractmethod
    def power(self) -> Power:
        """The truth."""

    @abstractmethod
    def misbehave(self, fault: Fault) -> None:
        """Have the device do wrong from now on; `Fault.NONE` ends it."""


class FakeRig:
    """The device in memory."""

    manner = Manner()

    def __init__(self) -> None:
        self.clock = BootClock()
        self.uuid = UUID
        machine = Machine(Identity(UUID, "serial", "compute-1", "model"))
        self.device = FakePower("fake", machine, self.clock, timeout_s=TIMEOUT_S, off_s=OFF_S)

    @property
    def power(self) -> Power:
        return self.device.true_power()

    def misbehave(self, fault: Fault) -> None:
        self.device.fault = fault


@dataclass(slots=True)
class Login:
    """A password's file, as an operator would change it."""

    file: Path
    password: str

    def put(self, password: str) -> None:
        self.file.write_text(password, encoding="utf-8")
        self.file.chmod(0o600)

    def device(self, url: str, user: str, clock: BootClock) -> Redfish:
        self.put(self.password)
        config = Redfish.Config(
            url=url, username=user, password_file=SecretFile(self.file), timeout_s=TIMEOUT_S
        )
        return Redfish(config, "redfish", clock)


class LabRig:
    """Redfish, against the lab's BMC."""

    manner = Manner()
    rules = {  # noqa: RUF012 - read only
        Fault.SILENT: Do.HANG,
        Fault.MUTE: Do.NO_POWER,
        Fault.REFUSES: Do.REFUSE,
        Fault.STUCK: Do.STUCK,
        Fault.LIES_OFF: Do.LIE_OFF,
    }

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.clock = BootClock()
        self._lab = lab
        (self._name,) = lab.world.hosts
        self.uuid = lab.world.hosts[self._name].system_uuid
        self._login = Login(folder / "password", lab.redfish.password)
        self.device = self._login.device(lab.system_url(self._name), USER, self.clock)

    @property
    def power(self) -> Power:
        return Power.ON if self._lab.world.hosts[self._name].power else Power.OFF

    def misbehave(self, fault: Fault) -> None:
        self._lab.faults.clear()
        self._login.put("wrong" if fault is Fault.LOCKED_OUT else self._login.password)
        if fault in self.rules:
            self._lab.faults.add(Rule(service=Service.BMC, do=self.rules[fault], times=None))


class IronicRig:
    """Ironic, against the lab's."""

    manner = Manner(doubted=Power.UNKNOWN)
    rules = {  # noqa: RUF012 - read only
        Fault.SILENT: Do.HANG,
        Fault.MUTE: Do.NO_POWER,
        Fault.REFUSES: Do.REFUSE,
        Fault.STUCK: Do.STUCK,
        Fault.LIES_OFF: Do.LIE_OFF,
        Fault.LOCKED_OUT: Do.STATUS,
    }

    def __init__(self, lab: Lab) -> None:
        self.clock = BootClock()
        self.uuid = UUID
        self._lab = lab
        (self._name,) = lab.world.hosts
        config = Ironic.Config(
            clouds_file=SecretFile(lab.folder / CLOUDS),
            cloud=ADMIN,
            node=lab.ironic.nodes[self._name].uuid,
            node_name=self._name,
            timeout_s=TIMEOUT_S,
        )
        self.device = Ironic(config, "ironic", self.clock)
        self.device.expects = UUID

    @property
    def power(self) -> Power:
        return Power.ON if self._lab.world.hosts[self._name].power else Power.OFF

    def misbehave(self, fault: Fault) -> None:
        self._lab.faults.clear()
        if fault in self.rules:
            do = self.rules[fault]
            method = "PUT" if do in BMC_CUTS else "*"
            path = "*/nodes/*"
            rule = Rule(
                service=Service.IRONIC, do=do, method=method, path=path, times=None, status=403
            )
            self._lab.faults.add(rule)


class SushyRig:
    """Redfish, against sushy-tools' emulator."""

    manner = Manner()

    def __init__(self, port: int, folder: Path) -> None:
        self.clock = BootClock()
        self.uuid = UUID
        self._switch = switch.Switch(folder)
        self._switch.power = "On"
        self._switch.fault = "none"
        self._login = Login(folder / "password", switch.PASSWORD)
        url = f"http://127.0.0.1:{port}/redfish/v1/Systems/{UUID.upper()}"
        self.device = self._login.device(url, switch.USER, self.clock)

    @property
    def power(self) -> Power:
        return Power(self._switch.power.lower())

    def misbehave(self, fault: Fault) -> None:
        self._login.put("wrong" if fault is Fault.LOCKED_OUT else self._login.password)
        self._switch.fault = fault.name.lower().replace("_", "-")


@asynccontextmanager
async def fake_rig() -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def lab_rig(folder: Path) -> AsyncIterator[Rig]:
    options = LabOptions(hosts=1, redfish=RedfishOptions(power_s=OFF_S))
    async with Lab(options) as lab:
        yield LabRig(lab, folder)


@asynccontextmanager
async def ironic_rig() -> AsyncIterator[Rig]:
    async with Lab(LabOptions(hosts=1, ironic=IronicOptions(power_s=OFF_S))) as lab:
        yield IronicRig(lab)


@contextmanager
def emulator(folder: Path) -> Iterator[int]:
    """Run sushy-tools' emulator; yield its port."""
    found = switch.Switch(folder)
    found.power, found.fault = "On", "none"
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.contracts.sushy", str(folder), UUID.upper()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    with process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], START_S)
            line = process.stdout.readline() if ready else b""
            assert line, (folder / "emulator.log").read_text(encoding="utf-8", errors="replace")
            yield int(json.loads(line)["port"])
        finally:
            process.kill()
