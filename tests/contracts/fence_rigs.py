"""Rigs for the devices that are spoken to by other people's programs, against real peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.fencers.fence_agent import FenceAgent
from doctor_daemon.fencers.ipmi import Ipmi
from doctor_daemon.ports import Clock, PowerDevice
from doctor_daemon.ports.secrets import SecretFile
from tests.contracts import switch
from tests.contracts.ipmi import CIPHER, PASSWORD, USER, Bmc
from tests.contracts.rigs import UUID, Manner
from tests.fakes.clock import BootClock
from tests.fakes.power import Fault

TIMEOUT_S = 2.5
"""A program has to be started first, beside whatever else the machine does."""
AGENT_S = 4.0
"""An agent is a Python program, and waits a second between two looks at the power."""


def put_secret(file: Path, text: str) -> SecretFile:
    """Write a secret's file as an operator would."""
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return SecretFile(file)


def ipmi(bmc: Bmc, folder: Path, clock: Clock, **options: Any) -> Ipmi:  # noqa: ANN401 - any option
    """Return a device for the simulator."""
    config = Ipmi.Config(
        **{
            "address": "127.0.0.1",
            "port": bmc.port,
            "username": USER,
            "password_file": put_secret(folder / "password", PASSWORD),
            "cipher": CIPHER,
            "timeout_s": TIMEOUT_S,
            **options,
        }
    )
    return Ipmi(config, "ipmi", clock)


class IpmiRig:
    """IPMI, against ipmi_sim.

    It says `Unspecified error` to a refused order, which does not say that nothing was done; and
    whoever opens no session has sent no order.
    """

    manner = Manner(
        timeout_s=TIMEOUT_S, name="", refused=Outcome.UNKNOWN, unanswered=Outcome.UNSENT
    )

    def __init__(self, bmc: Bmc, folder: Path) -> None:
        self.clock = BootClock()
        self.uuid = UUID
        self._bmc, self._folder = bmc, folder
        bmc.thaw()
        bmc.power, bmc.fault = "on", "none"
        self.device: PowerDevice = ipmi(bmc, folder, self.clock, timeout_s=self.manner.timeout_s)

    @property
    def power(self) -> Power:
        return Power(self._bmc.power)

    def misbehave(self, fault: Fault) -> None:
        if fault is Fault.SILENT:
            self._bmc.freeze()
        else:
            self._bmc.thaw()
        wrong = fault is Fault.LOCKED_OUT
        put_secret(self._folder / "password", "wrong" if wrong else PASSWORD)
        self._bmc.fault = fault.name.lower().replace("_", "-")


def fence_agent(agent: str, clock: Clock, **options: Any) -> FenceAgent:  # noqa: ANN401 - any option
    """Return a device for an agent."""
    whole = {"i_accept_no_identity": True, "timeout_s": AGENT_S, **options}
    device = FenceAgent(FenceAgent.Config(agent=agent, **whole), "agent", clock)
    device.expects = UUID
    return device


AGENT = Manner(
    timeout_s=AGENT_S,
    name="",
    refused=Outcome.UNKNOWN,
    stuck=Outcome.UNKNOWN,
    tells_login=False,
)
"""An agent looks at the power itself before it says that it has cut, and all failures are one."""


class IpmilanRig(IpmiRig):
    """fence_ipmilan, against ipmi_sim."""

    manner = AGENT

    def __init__(self, bmc: Bmc, folder: Path) -> None:
        super().__init__(bmc, folder)
        self.device: PowerDevice = fence_agent(
            "fence_ipmilan",
            self.clock,
            parameters={
                "ip": "127.0.0.1",
                "ipport": bmc.port,
                "username": USER,
                "lanplus": True,
                "cipher": CIPHER,
                "power_wait": 0,
                "power_timeout": 1,
            },
            secrets={"password": put_secret(folder / "password", PASSWORD)},
        )


class FenceRedfishRig:
    """fence_redfish, against sushy-tools' emulator."""

    manner = AGENT

    def __init__(self, port: int, folder: Path) -> None:
        self.clock = BootClock()
        self.uuid = UUID
        self._folder = folder
        self._switch = switch.Switch(folder)
        self._switch.power, self._switch.fault = "On", "none"
        self.device: PowerDevice = fence_agent(
            "fence_redfish",
            self.clock,
            parameters={
                "ip": "127.0.0.1",
                "ipport": port,
                "username": switch.USER,
                "ssl_insecure": True,
                "systems_uri": f"/redfish/v1/Systems/{UUID.upper()}",
                "power_wait": 0,
                "power_timeout": 3,
            },
            secrets={"password": put_secret(folder / "password", switch.PASSWORD)},
        )

    @property
    def power(self) -> Power:
        return Power(self._switch.power.lower())

    def misbehave(self, fault: Fault) -> None:
        wrong = fault is Fault.LOCKED_OUT
        put_secret(self._folder / "password", "wrong" if wrong else switch.PASSWORD)
        self._switch.fault = fault.name.lower().replace("_", "-")
