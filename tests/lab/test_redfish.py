"""The lab's BMCs pass the contract that sushy-tools' emulator passes, in the same run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.redfish import USER, RedfishOptions
from tests.lab import emulator
from tests.lab.caller import Caller, caller
from tests.lab.redfish_contract import RedfishContract

SYSTEMS = 30
Machines = tuple[str, Iterator[int]]
"""The emulator's URL, and the machines that no test has used yet."""


@dataclass(frozen=True, slots=True)
class System:
    """One system that is on, of the lab or of the emulator."""

    url: str
    caller: Caller
    uuid: str
    name: str
    login: tuple[str, str]
    settle_s: float


class TestLabContract(RedfishContract):
    @pytest.fixture(params=[False, True], ids=["each", "shared"])
    async def target(self, request: pytest.FixtureRequest) -> AsyncIterator[System]:
        options = LabOptions(
            hosts=3, shared_bmc=request.param, redfish=RedfishOptions(power_s=0.05)
        )
        async with Lab(options) as lab, caller() as asks:
            host = lab.world.hosts["compute-2"]
            login = (USER, lab.redfish.password)
            yield System(lab.bmc_urls[host.name], asks, host.system_uuid, host.name, login, 2.0)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with emulator.emulator(tmp_path_factory.mktemp("emulator"), SYSTEMS) as url:
        yield url, iter(range(SYSTEMS))


class TestEmulatorContract(RedfishContract):
    @pytest.fixture
    async def target(self, machines: Machines) -> AsyncIterator[System]:
        """A machine for each test: they are slow to change power, so none is restored."""
        url, numbers = machines
        number = next(numbers)
        named = (emulator.system_uuid(number), emulator.system_name(number))
        login = (emulator.USER, emulator.PASSWORD)
        async with caller() as asks:
            yield System(url, asks, *named, login, emulator.SETTLE_S)
