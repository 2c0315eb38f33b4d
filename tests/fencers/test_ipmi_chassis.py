"""Which machine a BMC answers for, by its GUID and by its serial number, said by a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.ipmi import Ipmi
from doctor_daemon.ports import Permit
from tests.contracts.fence_rigs import put_secret
from tests.fakes.clock import BootClock

UUID = "03020100-0504-0706-0809-0a0b0c0d0e0f"
OTHER_UUID = "03020100-0504-0706-0809-0a0b0c0d0eff"
GUID = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"
OTHER = f"{GUID[:-2]}ff"
SERIAL = "SN-0001"
SCRIPT = """#!/bin/bash
ask() {{ printf 'ipmitool> '; }}
ask
while read -r line; do
  case "$line" in
    raw*) cat {folder}/guid ;;
    fru*) echo ' Product Serial : SN-0001' ;;
    *status) echo 'Chassis Power is on' ;;
    *off) echo off >> {folder}/orders; echo 'Chassis Power Control: Down/Off' ;;
    exit) exit 0 ;;
  esac
  ask
done
"""


class Chassis:
    """A BMC's device, and what the BMC says."""

    def __init__(self, folder: Path, guid: str, serial: str) -> None:
        tool = folder / "ipmitool"
        tool.write_text(SCRIPT.format(folder=folder), "ascii")
        tool.chmod(0o755)
        self._folder, self._clock = folder, BootClock()
        config = Ipmi.Config(
            address="127.0.0.1",
            username="doctor",
            password_file=put_secret(folder / "password", "hunter2-and-more"),
            ipmitool=tool,
            serial=serial,
            timeout_s=30.0,
        )
        self.device = Ipmi(config, "bmc", self._clock)
        self.device.expects = UUID
        self.says(guid)

    def says(self, guid: str) -> None:
        """Have it say another GUID, or none."""
        (self._folder / "guid").write_text(f"{guid}\n", "ascii")

    async def read(self) -> Reading:
        return await self.device.read()

    async def cut(self) -> tuple[Outcome, str]:
        return await self.device.cut(Permit(7, self._clock.now().plus(30.0)))

    @property
    def cuts(self) -> int:
        orders = self._folder / "orders"
        return orders.read_text("ascii").count("off") if orders.exists() else 0


async def test_a14_where_the_bmc_says_no_guid_the_serial_number_is_enough(tmp_path: Path) -> None:
    bmc = Chassis(tmp_path, "", SERIAL)
    assert (await bmc.read()).power is Power.ON
    assert (await bmc.device.identify()).uuid == UUID
    assert (await bmc.read()).power is Power.ON
    assert (await bmc.cut())[0] is Outcome.ACCEPTED
    assert bmc.cuts == 1


@pytest.mark.parametrize("serial", ["", SERIAL])
async def test_a14_who_answers_by_another_guid_than_was_identified_is_not_cut(
    tmp_path: Path, serial: str
) -> None:
    bmc = Chassis(tmp_path, GUID, serial)
    assert (await bmc.device.identify()).uuid == UUID
    assert (await bmc.read()).power is Power.ON
    bmc.says(OTHER)
    said = f"it answers for {OTHER_UUID}, not for {UUID}"
    reading = await bmc.read()
    assert (reading.power, reading.raw) == (Power.UNKNOWN, said)
    assert await bmc.cut() == (Outcome.UNSENT, f"nothing was sent: {said}")
    assert bmc.cuts == 0


async def test_a14_without_a_serial_number_no_guid_is_nobody(tmp_path: Path) -> None:
    bmc = Chassis(tmp_path, "", "")
    said = "it says no GUID: nothing"
    with pytest.raises(Permanent, match=said):
        await bmc.device.identify()
    reading = await bmc.read()
    assert (reading.power, reading.raw) == (Power.UNKNOWN, said)
    assert await bmc.cut() == (Outcome.UNSENT, f"nothing was sent: {said}")
    assert bmc.cuts == 0
