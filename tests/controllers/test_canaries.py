"""Servers that are made and deleted for a drill: each answer is judged, and nothing is asked twice.

The table of errors is that of every call (see `faults`): no cell of it is "it raised".
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from doctor_daemon.controllers.canaries import asked_for, judged, read_server
from doctor_daemon.controllers.compute import SMALL_MAX
from doctor_daemon.controllers.http import Answer as HttpAnswer
from doctor_daemon.controllers.microversions import Version
from doctor_daemon.controllers.nova import Nova
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, LateError, Permanent
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.servers import FLAVOR, IMAGE_ID
from doctor_daemon.lab.world import Timing
from doctor_daemon.ports.canaries import Canaries, Canary
from tests.controllers.faults import Asked, Fault, Row, asked, counter, row_of, struck
from tests.controllers.rigs import HOST, SMALL, FastClock, nova
from tests.controllers.test_nova_faults import ANSWERS, ENDS, ONCE
from tests.fakes.peer import (
    Answer,
    Peer,
    Request,
    answering,
    closing,
    dripping,
    hanging,
    raw,
    telling,
)

QUICK = replace(SMALL, timing=Timing(boot_s=0.0))
OLD = replace(QUICK, nova=NovaOptions(highest=(2, 52)))
NOVAS: Mapping[str, LabOptions] = {"new": QUICK, "old": OLD}
WORDS = {"image": IMAGE_ID, "flavor": FLAVOR, "network": "none"}
CANARY = Canary(name="a-canary", host=HOST.name, metadata={"key": "text"}, **WORDS)
ID = ServerId("8d723104-f773-43c1-b458-a748e9bb17bc")
PASSWORD = "lab-password-of-a-server"

BOOT: Row = {**ENDS, "401": "unsent after 2, not done"}
"""As ENDS; a second 401 is no answer of Nova's to the request."""
DELETE: Row = {**BOOT, "404": "accepted after 1, not done"}
"""As BOOT; but that there is none is all that is wanted."""
SHOW: Row = {**ANSWERS, "404": "it is not there"}
SHOW_ONCE: Row = {**ONCE, "404": "it is not there"}


def test_every_call_of_the_port_has_its_table() -> None:
    calls = {name for name, _ in inspect.getmembers(Canaries, inspect.isfunction)}
    assert {name for name in calls if not name.startswith("_")} == {"boot", "show", "delete"}


@pytest.mark.parametrize("age", NOVAS)
async def test_a_server_is_booted_on_the_host_shown_and_deleted(age: str) -> None:
    clock = FastClock()
    async with Lab(NOVAS[age]) as lab, nova(lab, clock) as adapter:
        canaries = adapter.canaries
        booting = await canaries.boot(CANARY, clock.permit())
        assert booting.outcome is Outcome.ACCEPTED, booting
        assert booting.id is not None
        assert PASSWORD not in repr(booting)
        server = lab.world.servers[booting.id]
        while server.vm_state == "building":
            await clock.sleep_until(clock.now().plus(0.01))
        seen = await canaries.show(booting.id)
        assert seen is not None
        assert (seen.server.name, seen.server.status, seen.host) == (
            "a-canary",
            "ACTIVE",
            HOST.name,
        )
        assert server.metadata == {"key": "text"}
        outcome, _ = await canaries.delete(booting.id, clock.permit())
        assert outcome is Outcome.ACCEPTED
        assert await canaries.show(booting.id) is None
        outcome, text = await canaries.delete(booting.id, clock.permit())
        assert (outcome, text[:15]) == (Outcome.ACCEPTED, "it is not there")


@pytest.mark.parametrize(
    ("version", "where"),
    [
        (Version(2, 90), {"host": "compute-1"}),
        (Version(2, 74), {"host": "compute-1"}),
        (Version(2, 73), {"availability_zone": ":compute-1"}),
        (Version(2, 37), {"availability_zone": ":compute-1"}),
    ],
)
@pytest.mark.parametrize(
    ("network", "listed"), [("none", "none"), ("auto", "auto"), ("n1", [{"uuid": "n1"}])]
)
def test_what_is_asked_for(
    version: Version, where: Mapping[str, str], network: str, listed: object
) -> None:
    assert asked_for(replace(CANARY, network=network), version) == {
        "name": "a-canary",
        "imageRef": IMAGE_ID,
        "flavorRef": FLAVOR,
        "metadata": {"key": "text"},
        "networks": listed,
        **where,
    }


async def test_a_nova_that_cannot_boot_one_without_a_network_is_asked_for_nothing() -> None:
    clock = FastClock()
    options = replace(SMALL, nova=NovaOptions(highest=(2, 36)))
    async with Lab(options) as lab, nova(lab, clock) as adapter:
        booting = await adapter.canaries.boot(CANARY, clock.permit())
        assert booting.outcome is Outcome.UNSENT
        assert "2.37 to 2.90 is needed to boot a server for a drill" in booting.text
        assert lab.nova.boots.builds == []


async def test_a_no_is_told_in_novas_words() -> None:
    clock = FastClock()
    async with Lab(QUICK) as lab, nova(lab, clock) as adapter:
        booting = await adapter.canaries.boot(replace(CANARY, flavor="big"), clock.permit())
        assert booting.outcome is Outcome.REFUSED
        assert booting.text == "Nova answered 400 Flavor big could not be found."


async def test_a_permit_that_has_lapsed_sends_nothing() -> None:
    clock = FastClock()
    async with Lab(QUICK) as lab, nova(lab, clock) as adapter:
        server = next(iter(lab.world.servers))
        with pytest.raises(LateError):
            await adapter.canaries.boot(CANARY, clock.permit(-1.0))
        with pytest.raises(LateError):
            await adapter.canaries.delete(ServerId(server), clock.permit(-1.0))
        assert lab.nova.boots.builds == []
        assert lab.world.servers[server].deleted_at_s is None


# the table


async def ended(
    call: str, request: Asked | None = None, fault: Fault | None = None
) -> tuple[str, tuple[Asked, ...]]:
    """Boot or delete one; return what came of it, and each request of it."""
    clock, limit_s = FastClock(), fault.limit_s if fault else 5.0
    rules = [request.rule(fault, None)] if request and fault else []
    async with (
        Lab(QUICK) as lab,
        nova(lab, clock, force_down_timeout_s=limit_s, evacuate_timeout_s=limit_s) as adapter,
    ):
        await adapter.look(HOST)  # so much is known before anything is written
        server = ServerId(next(iter(lab.world.servers)))
        lab.faults.add(*rules, counter(Service.NOVA))
        if call == "boot":
            booting = await adapter.canaries.boot(CANARY, clock.permit())
            outcome, text = booting.outcome, booting.text
            assert (booting.id is None) is (outcome is not Outcome.ACCEPTED)
            done = len(lab.nova.boots.builds) == 1
        else:
            outcome, text = await adapter.canaries.delete(server, clock.permit())
            done = lab.world.servers[server].deleted_at_s is not None
        assert text
        assert PASSWORD not in text
        sent = len(lab.faults.applied)
        return f"{outcome} after {sent}, {'' if done else 'not '}done", asked(lab, Service.NOVA)


@pytest.mark.parametrize(("call", "row"), [("boot", BOOT), ("delete", DELETE)])
async def test_an_order_and_each_fault(call: str, row: Row) -> None:
    well, (one,) = await ended(call)
    assert well == "accepted after 1, done"

    async def told(request: Asked, fault: Fault) -> str:
        return (await ended(call, request, fault))[0]

    assert await row_of([one], told, {str(one): row}) == {str(one): row}


async def shown(adapter: Nova, server: ServerId) -> str:
    """Look at a server; say what came of it."""
    ended: DoctorError | None = None
    try:
        return "it is there" if await adapter.canaries.show(server) else "it is not there"
    except DoctorError as error:
        ended = error
    assert str(ended), "it is said in words"
    return type(ended).__name__


@pytest.mark.parametrize(("times", "row"), [(None, SHOW), (1, SHOW_ONCE)])
async def test_a_look_and_each_fault(times: int | None, row: Row) -> None:
    async with Lab(QUICK) as lab, nova(lab) as adapter:
        await adapter.look(HOST)
        lab.faults.add(counter(Service.NOVA))
        assert await shown(adapter, ServerId(next(iter(lab.world.servers)))) == "it is there"
        requests = asked(lab, Service.NOVA)
    assert len(requests) == 1

    async def told(request: Asked, fault: Fault) -> str:
        rule = request.rule(fault, times)
        async with Lab(QUICK) as lab, nova(lab, read_timeout_s=fault.limit_s) as adapter:
            lab.faults.add(rule)
            said = await shown(adapter, ServerId(next(iter(lab.world.servers))))
            if said == "it is there":
                assert struck(lab, rule) == 1
                return "answered in the end"
            return said if said == "it is not there" else f"{said} after {struck(lab, rule)}"

    expected = {str(requests[0]): row}
    assert await row_of(requests, told, expected) == expected


# answers that no lab gives

RUDE: Mapping[str, Answer] = {
    "an answer without an id": telling({"server": {}}),
    "another success": telling({"server": {"id": ID}}),
    "a huge body": answering(202, b"x" * (SMALL_MAX + 1)),
    "a slow drip": dripping(raw(202, b"{" * 999), 0.02),
    "silence": hanging,
    "a connection that is closed": closing,
    "no JSON": answering(202, b"<html>"),
    "no object": answering(202, b"[1]"),
    "no id of a server": answering(202, b'{"server": {"id": "../admin"}}'),
    "a gateway's page": answering(502, b"<html>"),
}


def introduced(rude: Answer) -> Answer:
    """Tell which microversions there are, and be rude only from then on."""
    known = telling({"version": {"version": "2.90", "min_version": "2.1"}})

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await (known if request.method == "GET" else rude)(request, writer)

    return answer


@pytest.mark.parametrize("answer", RUDE.values(), ids=RUDE)
async def test_no_clear_answer_to_a_boot_is_unknown_and_sent_once(answer: Answer) -> None:
    clock = FastClock()
    async with (
        Lab(QUICK) as lab,
        nova(lab, clock, evacuate_timeout_s=0.5) as adapter,
        Peer(introduced(answer)) as peer,
    ):
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        booting = await adapter.canaries.boot(CANARY, clock.permit())
        assert (booting.outcome, booting.id) == (Outcome.UNKNOWN, None), booting.text
        assert [request.method for request in peer.requests] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.UNKNOWN),
        (202, Outcome.ACCEPTED),
        (204, Outcome.UNKNOWN),
        (307, Outcome.REFUSED),
        (406, Outcome.REFUSED),
        (408, Outcome.UNKNOWN),
    ],
)
def test_each_status_is_judged(status: int, outcome: Outcome) -> None:
    body = json.dumps({"server": {"id": ID, "adminPass": PASSWORD}}).encode()
    found = judged(HttpAnswer(status, {}, body, FastClock().now()))
    assert (found.outcome, found.id) == (outcome, ID if outcome is Outcome.ACCEPTED else None)
    if status < 300:
        assert PASSWORD not in found.text


def row(**more: object) -> bytes:
    return json.dumps({"server": {"id": ID, "tenant_id": "p", "status": "ACTIVE", **more}}).encode()


def test_what_was_deleted_is_not_there() -> None:
    assert read_server(row(status="DELETED")) is None
    assert read_server(row(status="SOFT_DELETED")) is None


def test_a_server_on_no_host_is_there() -> None:
    seen = read_server(row(**{"OS-EXT-SRV-ATTR:host": None, "fault": {"message": "no room"}}))
    assert seen is not None
    assert (seen.host, seen.server.fault) == ("", "no room")


@pytest.mark.parametrize("body", [b"{}", b'{"server": 1}', b'{"server": {}}'])
def test_a_server_that_is_not_as_documented_is_an_error(body: bytes) -> None:
    with pytest.raises(Permanent):
        read_server(body)
