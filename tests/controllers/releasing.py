"""What the tests of lifting and enabling share: the two deeds, and a host that waits for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from doctor_daemon.controllers.nova import Nova
from doctor_daemon.core.tries import Outcome
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule
from doctor_daemon.lab.rows import Service
from doctor_daemon.ports import Permit
from tests.controllers.rigs import OLD, SMALL, FastClock, nova, rule, service_id
from tests.fakes.peer import Answer, Peer

Deed = Callable[[Nova, str, Permit], Awaitable[tuple[Outcome, str]]]
DEEDS: Mapping[str, Deed] = {"lift": Nova.lift, "enable": Nova.enable}
BODIES = {"lift": {"forced_down": False}, "enable": {"status": "enabled"}}
DONE = {"lift": "not forced down any more", "enable": "enabled"}
REASON = "doctor-daemon:i-1: the host failed and its power is proven off"
DIALECTS: Mapping[str, LabOptions] = {"by UUID": SMALL, "by name": OLD}
deeds = pytest.mark.parametrize("name", DEEDS)
dialects = pytest.mark.parametrize("dialect", DIALECTS)


def put(do: Do, status: int = 503, *, times: int | None = 1) -> Rule:
    return rule(do, method="PUT", status=status, times=times)


def fenced(lab: Lab) -> Service:
    """Let the first host be forced down and disabled by us, while it lives; its service."""
    service = lab.world.hosts["compute-1"].service
    service.disabled, service.disabled_reason = True, REASON
    lab.world.force_down(service, forced_down=True, by="doctor")
    return service


def is_done(name: str, service: Service) -> bool:
    return not (service.forced_down if name == "lift" else service.disabled)


async def against(name: str, answer: Answer, dialect: str = "by UUID") -> tuple[Outcome, str, Peer]:
    """Do it once, at a peer in Nova's place."""
    clock = FastClock()
    async with (
        Lab(DIALECTS[dialect]) as lab,
        nova(lab, clock, force_down_timeout_s=0.5) as adapter,
        Peer(answer) as peer,
    ):
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        fenced(lab)
        outcome, text = await DEEDS[name](adapter, service_id(lab), clock.permit())
        return outcome, text, peer
