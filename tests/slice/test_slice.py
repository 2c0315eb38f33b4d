"""The slice, end to end: an alert goes in; power, Nova and consumers show what came of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from doctor_daemon.lab.world import Failure
from tests.slice.site import daemon, site


async def test_an_alert_ends_in_a_forced_down_host_and_verified_notices(tmp_path: Path) -> None:
    async with site(tmp_path) as place, daemon(place):
        lab = place.lab
        await place.arm()
        lab.world.fail("compute-1", Failure.COMPUTE)
        await place.accuse("compute-1")
        incident = await place.until("compute-1", "down")
        service = lab.world.hosts["compute-1"].service
        assert service.forced_down
        assert incident["id"] in (service.disabled_reason or "")
        assert not lab.world.hosts["compute-1"].power
        assert lab.violations() == []
        await asyncio.sleep(0.5)
        kinds = [event["data"]["kind"] for event in place.heard("operators")]
        assert kinds == ["suspected", "confirmed"]
        tenant = place.heard("project-1")
        assert [event["data"]["kind"] for event in tenant] == ["suspected", "confirmed"]
        assert "compute-1" not in str(tenant)
        text = await place.metrics()
        assert 'doctor_notice_seconds_count{consumer="operators",kind="suspected"' in text
        assert "doctor_forced_down_seconds_count 1.0" in text
