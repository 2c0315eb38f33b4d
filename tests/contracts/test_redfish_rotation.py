"""B18: the password of a BMC is changed, against sushy-tools' emulator."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.redfish import Redfish
from doctor_daemon.ports import Permit
from tests.contracts import rigs, switch
from tests.contracts.fence_rigs import put_secret
from tests.fakes.clock import BootClock

NEXT = "battery staple"


async def test_b18_a_bmc_changes_over_at_its_own_moment(tmp_path: Path) -> None:
    clock = BootClock()
    old = put_secret(tmp_path / "old", switch.PASSWORD)
    new = put_secret(tmp_path / "new", NEXT)
    with rigs.emulator(tmp_path) as port:
        config = Redfish.Config(
            url=f"http://127.0.0.1:{port}/redfish/v1/Systems/{rigs.UUID.upper()}",
            username=switch.USER,
            password_file=old,
            next_password_file=new,
            timeout_s=rigs.TIMEOUT_S,
        )
        device = Redfish(config, "redfish", clock)
        assert (await device.read()).power is Power.ON
        switch.set_password(tmp_path, NEXT)
        outcome, text = await device.cut(Permit(7, clock.now().plus(rigs.TIMEOUT_S)))
        assert outcome is Outcome.ACCEPTED, text
        async with asyncio.timeout(5.0):
            while (await device.read()).power is not Power.OFF:  # noqa: ASYNC110 - a peer
                await asyncio.sleep(0.02)
        switch.set_password(tmp_path, "neither of them")
        with pytest.raises(Permanent, match=r"refuses username and password_file \(401\)"):
            await device.read()
        await device.close()
