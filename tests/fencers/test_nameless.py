"""Devices of every kind whose name leads nowhere: they were not asked, and say so.

The names are none that anybody could be asked for: no question leaves the machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.errors import Nameless, Permanent, Temporary
from doctor_daemon.fencers.ipmi import Ipmi
from doctor_daemon.ports import PowerDevice
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
async def test_a2_a_device_whose_name_leads_nowhere_was_not_asked(
    tmp_path: Path, made: Made
) -> None:
    async with made(LOST, tmp_path) as device:
        with pytest.raises(Nameless, match=f"the name {LOST} cannot be resolved: "):
            await device.identify()


@KINDS
async def test_a_device_that_is_found_and_silent_has_failed_itself(
    tmp_path: Path, made: Made
) -> None:
    async with made("127.0.0.1", tmp_path) as device:
        for question in (device.identify, device.read):
            with pytest.raises((Temporary, Permanent)) as caught:
                await question()
            assert not isinstance(caught.value, Nameless)


async def test_b18_a_refused_login_is_never_taken_for_a_lost_name(tmp_path: Path) -> None:
    script = 'echo "Failed: Unable to login. Login failed" >&2; exit 1'
    agent = str(scripted(tmp_path, script))
    device = fence_agent(agent, BootClock(), parameters={"ip": LOST, "plug": 7})
    with pytest.raises(Permanent, match="Unable to login"):
        await device.identify()
