"""Devices of every kind whose name leads nowhere: they were not asked, and say so.

The names are none that anybody could be asked for: no question leaves the machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.ipmi import Ipmi
from doctor_daemon.ports import Named, PowerDevice
from tests.contracts.fence_rigs import fence_agent, put_secret
from tests.fakes.clock import BootClock
from tests.fencers.agents import scripted
from tests.fencers.systems import PATH, redfish

LOST = "no..where"
FAILS = 'echo "Failed: Unable to connect" >&2; exit 1'

Made = Callable[[str, Path], AbstractAsyncContextManager[PowerDevice]]


@asynccontextmanager
async def by_redfish(place: str, folder: Path) -> AsyncIterator[PowerDevice]:
    async with redfish(f"https://{place}:1{PATH}", folder) as device:
        yield device


@asynccontextmanager
async def by_ipmi(place: str, folder: Path) -> AsyncIterator[PowerDevice]:
    file = put_secret(folder / "password", "hunter2-and-more")
    config = Ipmi.Config(
        address=place, port=1, username="doctor", password_file=file, timeout_s=1.0
    )
    yield Ipmi(config, "bmc", BootClock())


@asynccontextmanager
async def by_agent(place: str, folder: Path) -> AsyncIterator[PowerDevice]:
    agent = str(scripted(folder, FAILS))
    yield fence_agent(agent, BootClock(), parameters={"ip": place, "plug": 7})


KINDS = pytest.mark.parametrize("made", [by_redfish, by_ipmi, by_agent])


@KINDS
async def test_a2_a_device_whose_name_leads_nowhere_says_so(tmp_path: Path, made: Made) -> None:
    async with made(LOST, tmp_path) as device:
        with pytest.raises(Temporary):
            await device.identify()
        assert isinstance(device, Named)
        assert await device.lost() == LOST


@KINDS
async def test_a_device_that_is_found_and_silent_is_not_lost(tmp_path: Path, made: Made) -> None:
    async with made("127.0.0.1", tmp_path) as device:
        with pytest.raises((Temporary, Permanent)):
            await device.identify()
        assert isinstance(device, Named)
        assert await device.lost() == ""


async def test_of_what_is_no_name_an_agent_s_device_is_not_asked(tmp_path: Path) -> None:
    async with by_agent("[2001:db8::1]:443", tmp_path) as device:
        assert isinstance(device, Named)
        assert await device.lost() == ""
