"""The witness sees what is asked of a lab, whether or not it is answered."""

from __future__ import annotations

import aiohttp
import pytest

from doctor_daemon.lab.cloud import LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.witness import WatchedLab


async def test_every_request_is_seen_and_how_it_was_answered() -> None:
    async with WatchedLab(LabOptions(hosts=1)) as lab, aiohttp.ClientSession() as session:
        async with session.get(lab.system_url("compute-1")) as answer:
            assert answer.status == 401
        (seen,) = lab.witness.requests
        found = (seen.service, seen.method, seen.host, seen.status)
        assert found == (Service.BMC, "GET", "compute-1", 401)
        assert seen.path in lab.system_url("compute-1")
        assert 0 < seen.at_s <= seen.done_s
        async with session.post(f"{lab.hooks_url}/hooks/operators", headers={"webhook-id": "7"}):
            pass
        assert (lab.witness.requests[1].service, lab.witness.requests[1].id) == ("consumer", "7")


async def test_a_request_is_seen_before_a_fault_takes_it() -> None:
    async with WatchedLab(LabOptions(hosts=1)) as lab, aiohttp.ClientSession() as session:
        lab.faults.add(Rule(service=Service.NOVA, do=Do.HANG))
        with pytest.raises(TimeoutError):
            await session.get(lab.nova.root, timeout=aiohttp.ClientTimeout(total=0.2))
        (seen,) = lab.witness.requests
        assert (seen.service, seen.status) == (Service.NOVA, 0)
        async with session.get(f"{lab.nova.root}/nowhere") as answer:
            assert lab.witness.requests[1].status == answer.status
