"""Every call of Cinder's under every fault: what the caller is told, and whether it took effect.

A new call without its row fails here. What is told is only how the request ended: ACCEPTED beside
"nothing has changed" is right, and is why whoever gives an order reads back.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import astuple, replace
from typing import Any

import pytest

from doctor_daemon.controllers.again import BusyError
from doctor_daemon.controllers.cinder import Cinder
from doctor_daemon.controllers.compute import RefusedError
from doctor_daemon.controllers.http import NoAnswerError
from doctor_daemon.core.log_levels import LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.volume_services import CinderOptions
from doctor_daemon.ports import Permit, Storage
from tests.controllers.rigs import SMALL, FastClock, calls, cinder
from tests.fakes.peer import Answer, Peer, dripping, raw, sending
from tests.lab.cinder_target import ALPHA, VOLUME

SHORT_S = 0.4
LAB = replace(SMALL, cinder=CinderOptions(release=27, clustered=True, failover_s=0.01))
"""A Cinder in which every call does what it says."""
A = Target(ALPHA)
FLOCK = Target(cluster="gamma")
SCOPE = LogScope(VOLUME, ALPHA, "cinder")

Write = Callable[[Cinder, Permit], Awaitable[tuple[Outcome, str]]]
WRITES: dict[str, Write] = {
    "disable": lambda c, p: c.disable(A, "", p),
    "disable_log_reason": lambda c, p: c.disable(A, "why", p),
    "enable": lambda c, p: c.enable(A, p),
    "freeze": lambda c, p: c.freeze(A, p),
    "thaw": lambda c, p: c.thaw(A, p),
    "fail_over": lambda c, p: c.fail_over(A, "spare", p),
    "fail_over_cluster": lambda c, p: c.fail_over(FLOCK, "spare", p),
    "set_log_level": lambda c, p: c.set_log_level(SCOPE, "DEBUG", p),
}
READS: dict[str, Callable[[Cinder], Awaitable[Any]]] = {
    "services": lambda c: c.services(ALPHA, VOLUME),
    "log_levels": lambda c: c.log_levels(SCOPE),
}
NO_REQUESTS = {"check", "run", "close"}


def rule(do: Do, status: int = 503, retry_after_s: int | None = None) -> Rule:
    return Rule(
        service=Service.CINDER,
        do=do,
        path="*/os-services*",
        status=status,
        retry_after_s=retry_after_s,
        seconds=5.0,
        times=None,
    )


FAULTS: dict[str, tuple[Rule | Answer, type[DoctorError], Outcome]] = {
    "time-out before effect": (rule(Do.TIMEOUT_BEFORE), NoAnswerError, Outcome.UNKNOWN),
    "time-out after effect": (rule(Do.TIMEOUT_AFTER), NoAnswerError, Outcome.UNKNOWN),
    "reset": (rule(Do.LOST_REPLY), NoAnswerError, Outcome.UNKNOWN),
    "400": (rule(Do.STATUS, 400), RefusedError, Outcome.REFUSED),
    "401": (rule(Do.STATUS, 401), Permanent, Outcome.REFUSED),
    "403": (rule(Do.STATUS, 403), RefusedError, Outcome.REFUSED),
    "404": (rule(Do.STATUS, 404), RefusedError, Outcome.REFUSED),
    "409": (rule(Do.STATUS, 409), RefusedError, Outcome.REFUSED),
    "413": (rule(Do.STATUS, 413), RefusedError, Outcome.REFUSED),
    "429 with Retry-After": (rule(Do.STATUS, 429, 1), BusyError, Outcome.REFUSED),
    "500": (rule(Do.STATUS, 500), BusyError, Outcome.UNKNOWN),
    "503": (rule(Do.STATUS, 503), BusyError, Outcome.UNKNOWN),
    "bad JSON": (rule(Do.GARBAGE), Temporary, Outcome.ACCEPTED),
    "huge body": (
        sending(raw(200, b" " * (64 * 1024 * 1024 + 1))),
        NoAnswerError,
        Outcome.UNKNOWN,
    ),
    "slow drip": (dripping(raw(200, b"{" + b" " * 1000), 0.01), NoAnswerError, Outcome.UNKNOWN),
}
TAKES_EFFECT = {"time-out after effect", "reset"}


def test_every_call_of_the_port_has_its_row() -> None:
    asking = {name for name, _ in inspect.getmembers(Storage, inspect.isfunction)}
    covered = {"disable" if name.startswith("disable") else name for name in (*WRITES, *READS)}
    covered = {"fail_over" if name.startswith("fail_over") else name for name in covered}
    assert covered | NO_REQUESTS == {name for name in asking if not name.startswith("_")}


def stored(lab: Lab) -> list[object]:
    """What Cinder has stored, but for the times of its writes."""
    rows = [replace(row, written_at_s=0.0, beats_from_s=0.0) for row in lab.cinder.volumes.rows]
    return [astuple(row) for row in rows]


def prepared(lab: Lab, call: str) -> None:
    """Bring it about that a call changes something."""
    row = lab.cinder.volumes.row(ALPHA)
    row.disabled = call in ("enable", "thaw")
    row.frozen = call == "thaw"


async def faulty(lab: Lab, fault: Rule | Answer, peer: Peer) -> None:
    """Put a fault between, by the lab's script or by a Cinder that is none."""
    if isinstance(fault, Rule):
        lab.faults.add(fault)
    else:
        peer.answer = fault
        lab.keystone.endpoints["block-storage"] = f"{peer.origin}/v3"


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("call", WRITES)
async def test_a_change(call: str, name: str) -> None:
    fault, _, expected = FAULTS[name]
    clock = FastClock()
    async with Lab(LAB) as lab, Peer(sending(b"")) as peer:
        await faulty(lab, fault, peer)
        prepared(lab, call)
        before = stored(lab)
        async with cinder(lab, clock, write_timeout_s=SHORT_S) as adapter:
            outcome, text = await WRITES[call](adapter, clock.permit())
        assert outcome is expected, text
        assert text
        assert (stored(lab) != before) is (name in TAKES_EFFECT)
        sent = {"401": 2}.get(name, 1)
        if (call, name) == ("fail_over_cluster", "404"):
            sent = 2  # `failover` has no route: `failover_host` is asked
        assert calls(adapter).count("token") == (2 if name == "401" else 1)
        assert len(lab.faults.applied) + len(peer.requests) == sent


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("call", READS)
async def test_a_question(call: str, name: str) -> None:
    fault, expected, _ = FAULTS[name]
    async with Lab(LAB) as lab, Peer(sending(b"")) as peer:
        await faulty(lab, fault, peer)
        before = stored(lab)
        async with cinder(lab, read_timeout_s=SHORT_S, write_timeout_s=SHORT_S) as adapter:
            # Which microversion to ask in is known before, as it is after the first question.
            with pytest.raises(DoctorError) as caught:
                await READS[call](adapter)
        assert isinstance(caught.value, expected), caught.value
        assert stored(lab) == before
