"""Deleting a compute service: by its id, once a call, and each end told apart."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.compute import SMALL_MAX
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule
from doctor_daemon.lab.nova import NovaOptions
from tests.controllers.releasing import DIALECTS, dialects
from tests.controllers.rigs import HOST, SMALL, FastClock, calls, nova, rule, service_id
from tests.fakes.peer import (
    Answer,
    Peer,
    answering,
    closing,
    dripping,
    hanging,
    raw,
    resetting,
    telling,
)
from tests.lab.nova_deletions import HOSTING

GONE = "Nova answered that it is deleted"


def emptied(lab: Lab) -> str:
    """Take everything from the first host; the id of its service."""
    for server in list(lab.world.servers.values()):
        if server.host == HOST.name:
            lab.world.delete(server.id)
    return service_id(lab)


def there(lab: Lab) -> bool:
    return any(one.host == HOST.name for one in lab.world.services.values())


def delete(do: Do, status: int = 503, *, times: int | None = 1) -> Rule:
    return rule(do, method="DELETE", status=status, times=times)


async def against(answer: Answer, dialect: str = "by UUID") -> tuple[Outcome, str, Peer]:
    """Do it once, at a peer in Nova's place."""
    clock = FastClock()
    async with (
        Lab(DIALECTS[dialect]) as lab,
        nova(lab, clock, force_down_timeout_s=0.5) as adapter,
        Peer(answer) as peer,
    ):
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        outcome, text = await adapter.delete_service(service_id(lab), clock.permit())
        return outcome, text, peer


@dialects
async def test_a_service_is_deleted_and_then_it_is_not_there(dialect: str) -> None:
    clock = FastClock()
    async with Lab(DIALECTS[dialect]) as lab, nova(lab, clock) as adapter:
        await adapter.look(HOST)
        id_ = emptied(lab)
        assert await adapter.delete_service(id_, clock.permit()) == (Outcome.ACCEPTED, GONE)
        assert HOST.name not in (await adapter.fleet()).services
        outcome, text = await adapter.delete_service(id_, clock.permit())
        assert outcome is Outcome.ACCEPTED
        assert text.startswith("it is not there: Nova answered 404 Service")


@pytest.mark.parametrize(
    ("dialect", "path", "version"),
    [("by UUID", "{uuid}", "2.53"), ("by name", "{number}", "2.1")],
)
async def test_it_is_named_by_an_id_that_is_never_anothers(
    dialect: str, path: str, version: str
) -> None:
    async with Lab(DIALECTS[dialect]) as lab:
        service = lab.world.hosts[HOST.name].service
        named = path.format(uuid=service.uuid, number=service.id)
    _, _, peer = await against(answering(204), dialect)
    (sent,) = peer.requests
    assert (sent.method, sent.path, sent.body) == ("DELETE", f"/v2.1/os-services/{named}", b"")
    assert sent.headers["openstack-api-version"] == f"compute {version}"


@dialects
async def test_a_409_is_told_in_novas_words(dialect: str) -> None:
    clock = FastClock()
    async with Lab(DIALECTS[dialect]) as lab, nova(lab, clock) as adapter:
        await adapter.look(HOST)
        outcome, text = await adapter.delete_service(service_id(lab), clock.permit())
        assert (outcome, text) == (Outcome.REFUSED, f"Nova answered 409 {HOSTING}")
        assert there(lab)


@pytest.mark.parametrize("id_", ["", "compute-1", "6", "6@", "-1@compute-1", "6@compute 1"])
async def test_what_is_no_id_of_a_service_is_not_sent(id_: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        outcome, text = await adapter.delete_service(id_, clock.permit())
        assert outcome is Outcome.REFUSED
        assert "is no id of a compute service" in text


async def test_a_permit_that_has_lapsed_sends_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        id_ = emptied(lab)
        with pytest.raises(LateError):
            await adapter.delete_service(id_, clock.permit(-1.0))
        assert there(lab)


async def test_a_nova_that_cannot_be_reached_was_sent_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.keystone.endpoints["compute"] = "http://127.0.0.1:1/v2.1"
        outcome, text = await adapter.delete_service(service_id(lab), clock.permit())
        assert outcome is Outcome.UNSENT, text


TABLE: list[tuple[str, Rule, Outcome, bool]] = [
    ("time-out before the effect", delete(Do.TIMEOUT_BEFORE), Outcome.UNKNOWN, False),
    ("time-out after the effect", delete(Do.TIMEOUT_AFTER), Outcome.UNKNOWN, True),
    ("reset", delete(Do.LOST_REPLY), Outcome.UNKNOWN, True),
    ("redirect", delete(Do.STATUS, 307), Outcome.REFUSED, False),
    ("400", delete(Do.STATUS, 400), Outcome.REFUSED, False),
    ("401", delete(Do.STATUS, 401), Outcome.ACCEPTED, True),
    ("401 twice", delete(Do.STATUS, 401, times=2), Outcome.UNSENT, False),
    ("403", delete(Do.STATUS, 403), Outcome.REFUSED, False),
    ("404", delete(Do.STATUS, 404), Outcome.ACCEPTED, False),
    ("406", delete(Do.STATUS, 406), Outcome.REFUSED, False),
    ("408", delete(Do.STATUS, 408), Outcome.UNKNOWN, False),
    ("409", delete(Do.STATUS, 409), Outcome.REFUSED, False),
    ("413", delete(Do.STATUS, 413), Outcome.REFUSED, False),
    ("429", delete(Do.STATUS, 429), Outcome.REFUSED, False),
    ("500", delete(Do.STATUS, 500), Outcome.UNKNOWN, False),
    ("500 after the effect", delete(Do.STATUS_AFTER, 500), Outcome.UNKNOWN, True),
    ("503", delete(Do.STATUS, 503), Outcome.UNKNOWN, False),
    ("503 after the effect", delete(Do.STATUS_AFTER, 503), Outcome.UNKNOWN, True),
    ("bad JSON", delete(Do.GARBAGE), Outcome.UNKNOWN, False),
]


@dialects
@pytest.mark.parametrize(
    ("fault", "outcome", "done"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
async def test_the_table_of_errors(
    dialect: str, fault: Rule, outcome: Outcome, *, done: bool
) -> None:
    """A 404 counts as deleted: only the list of services, asked for after it, is believed."""
    clock = FastClock()
    async with (
        Lab(DIALECTS[dialect]) as lab,
        nova(lab, clock, force_down_timeout_s=0.5) as adapter,
    ):
        await adapter.look(HOST)
        id_ = emptied(lab)
        lab.faults.add(fault, rule(Do.SLOW, "*", "DELETE", seconds=0.0, times=None))
        ended, text = await adapter.delete_service(id_, clock.permit())
        assert (ended, not there(lab)) == (outcome, done), text
        assert len(lab.faults.applied) == 1 + (fault.status == 401), "it is sent once"
        assert calls(adapter).seen[-1] == ("delete_service", outcome.value)


RUDE: Mapping[str, Answer] = {
    "a huge body": answering(204, b"x" * (SMALL_MAX + 1)),
    "a slow drip": dripping(raw(200, b"{" * 999), 0.02),
    "silence": hanging,
    "a reset before the effect": resetting,
    "a connection that is closed": closing,
    "half a body": answering(200, b'{"service": ', {"Content-Length": "999"}),
    "another success": answering(200),
    "taken on": answering(202),
    "an object": telling({"service": None}),
    "a gateway's page": answering(502, b"<html>"),
}


@dialects
@pytest.mark.parametrize("answer", RUDE.values(), ids=RUDE)
async def test_no_clear_answer_is_unknown_and_sent_once(dialect: str, answer: Answer) -> None:
    outcome, text, peer = await against(answer, dialect)
    expected = Outcome.ACCEPTED if text == GONE else Outcome.UNKNOWN  # a 204 has no body
    assert outcome is expected, text
    assert [request.method for request in peer.requests] == ["DELETE"]


async def test_a_cell_that_is_down_is_no_success() -> None:
    clock = FastClock()
    for highest in ((2, 96), (2, 60)):
        options = LabOptions(hosts=2, nova=NovaOptions(highest=highest))
        async with Lab(options) as lab, nova(lab, clock) as adapter:
            await adapter.fleet()
            id_ = emptied(lab)
            lab.world.hosts[HOST.name].cell_down = True
            outcome, _ = await adapter.delete_service(id_, clock.permit())
            assert outcome is Outcome.UNKNOWN
