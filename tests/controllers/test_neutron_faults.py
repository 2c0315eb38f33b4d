"""Every call of Neutron's under every fault: what the caller is told, and whether it took effect.

A new call without its row fails here.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.controllers.again import BusyError
from doctor_daemon.controllers.compute import RefusedError
from doctor_daemon.controllers.http import NoAnswerError
from doctor_daemon.controllers.neutron import Neutron
from doctor_daemon.core.ports import Said
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.neutron import port_of
from doctor_daemon.ports import Network
from tests.controllers.faults import FAULTS, SHORT_S
from tests.controllers.rigs import SMALL, FastClock, calls, neutron

Asking = Callable[[Neutron, str], Awaitable[Any]]
READS: dict[str, Asking] = {
    "offered": lambda n, _: n.offered(),
    "bound": lambda n, _: n.bound("compute-1"),
    "ports": lambda n, port: n.ports([port]),
}
NO_REQUESTS = {"check", "run", "close"}
TOLD: dict[str, tuple[type[DoctorError], Said]] = {
    "time-out before effect": (NoAnswerError, Said.UNKNOWN),
    "time-out after effect": (NoAnswerError, Said.UNKNOWN),
    "reset": (NoAnswerError, Said.UNKNOWN),
    "400": (RefusedError, Said.REFUSED),
    "401": (Permanent, Said.REFUSED),
    "403": (RefusedError, Said.REFUSED),
    "404": (RefusedError, Said.GONE),
    "409": (RefusedError, Said.REFUSED),
    "413": (RefusedError, Said.REFUSED),
    "429 with Retry-After": (BusyError, Said.REFUSED),
    "500": (BusyError, Said.UNKNOWN),
    "503": (BusyError, Said.UNKNOWN),
    "bad JSON": (Temporary, Said.UNKNOWN),
    "huge body": (NoAnswerError, Said.UNKNOWN),
    "slow drip": (NoAnswerError, Said.UNKNOWN),
}


def rule(name: str) -> Rule:
    """Return a fault that every request meets."""
    fault = FAULTS[name]
    return Rule(
        service=Service.NEUTRON,
        do=fault.do,
        path="/v2.0/*",
        status=fault.status,
        retry_after_s=fault.retry_after_s,
        seconds=5.0,
        times=None,
    )


def test_every_call_of_the_port_has_its_row_and_every_fault_its_cell() -> None:
    asking = {name for name, _ in inspect.getmembers(Network, inspect.isfunction)}
    assert {*READS, "say", *NO_REQUESTS} == {one for one in asking if not one.startswith("_")}
    assert TOLD.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("down", [True, False])
async def test_a_change(name: str, *, down: bool) -> None:
    clock, fault = FastClock(), FAULTS[name]
    async with Lab(replace(SMALL, servers_per_host=1)) as lab:
        (port, *_) = lab.neutron.ports.values()
        port.status = None if down else "DOWN"
        lab.faults.add(rule(name))
        timeout_s = SHORT_S if fault.slow else 5.0
        async with neutron(lab, clock, write_timeout_s=timeout_s) as adapter:
            told, text = await adapter.say(port.id, down=down, permit=clock.permit())
        assert told is TOLD[name][1], text
        assert text
        assert (port.status == "DOWN") is (down is fault.lost)
        assert calls(adapter).count("token") == (2 if name == "401" else 1)
        assert len(lab.faults.applied) == (2 if name == "401" else 1)


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("call", READS)
async def test_a_question(call: str, name: str) -> None:
    fault = FAULTS[name]
    async with Lab(replace(SMALL, servers_per_host=1)) as lab:
        (server, *_) = lab.world.servers
        lab.faults.add(rule(name))
        timeout_s = SHORT_S if fault.slow else 5.0
        async with neutron(lab, read_timeout_s=timeout_s) as adapter:
            if (call, name) == ("offered", "404"):
                assert not await adapter.offered()
                return
            with pytest.raises(DoctorError) as caught:
                await READS[call](adapter, port_of(server))
        assert isinstance(caught.value, TOLD[name][0]), caught.value


async def test_a_server_error_may_come_after_the_deed() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, neutron(lab, clock) as adapter:
        (port, *_) = lab.neutron.ports.values()
        lab.faults.add(
            Rule(service=Service.NEUTRON, do=Do.STATUS_AFTER, status=500, method="PUT", times=1)
        )
        told, _ = await adapter.say(port.id, down=True, permit=clock.permit())
        assert (told, port.status) == (Said.UNKNOWN, "DOWN")
