"""What a daemon that stands by answers: it sends whoever wants something to the one that leads."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from doctor_daemon.engine.standing_by import STANDING_BY
from doctor_daemon.errors import LateError
from tests.api.desk import desk, refused
from tests.api.rig import EVENT, doctor, error
from tests.api.test_health import face
from tests.engine.rig import Rig
from tests.engine.sharing import Cluster, SharedDisk
from tests.inspectors.rig import Ledger, listening, source

HERE = f"{STANDING_BY}: ctl-1"


def aside() -> Rig:
    """Return a bench whose daemon stands by for ctl-1."""
    cluster = Cluster()
    cluster.lead(SharedDisk(cluster, "ctl-1"))
    return Rig(aside=True, disk=SharedDisk(cluster, "ctl-2"))


async def test_evidence_is_sent_back_and_nothing_of_it_is_looked_at() -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor()), aside=STANDING_BY) as client:
        for path in ("/events", "/nowhere"):
            reply = await client.send(path, [EVENT])
            assert reply.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert reply.headers["Retry-After"] == "5"
            expected = error("standing_by", "", STANDING_BY, "whoever leads, or try again")
            assert reply.error == expected
    assert ledger.taken == []
    assert {why for _, why in client.rejected} == {"standing_by"}


async def test_orders_are_refused_with_the_name_of_the_one_that_leads() -> None:
    async with desk(aside()) as at:
        for path, body in (
            ("/v1/arm", {"why": "x"}),
            ("/v1/step-down", {"why": "x"}),
            ("/v1/hosts/cmp-1/orders", {"order": "fence", "why": "x"}),
            ("/v1/release-hosts", {"count": 1, "for_s": 60, "why": "x"}),
        ):
            status, said = await refused(at, "POST", path, body)
            assert (status, said["code"], said["message"]) == (503, "standing_by", HERE)
            assert said["expected"] == "the order to be given there"


async def test_questions_are_answered() -> None:
    async with desk(aside()) as at:
        status, said = await at.ask("GET", "/v1/status")
        assert (status, said["ready"]) == (200, False)
        assert said["leadership"]["role"] == "standing by"
        assert said["leadership"]["leader"] == "ctl-1"
        assert (await at.ask("GET", "/v1/hosts/cmp-1"))[0] == HTTPStatus.OK
        assert (await at.ask("GET", "/v1/incidents"))[0] == HTTPStatus.OK


async def test_it_is_healthy_and_not_ready_and_the_metrics_say_who_leads() -> None:
    rig = aside()
    async with rig.running() as engine, face(engine) as at:
        async with asyncio.timeout(10):
            while engine.ticked is None:  # noqa: ASYNC110 - the ticker gives no event
                await asyncio.sleep(0.05)
        assert (await at.get("/healthz"))[0] == HTTPStatus.OK
        assert await at.get("/readyz") == (503, "standing by\n")
        found = await at.families()
        assert [one.value for one in found["doctor_leading"].samples] == [0.0]


async def test_who_leads_says_so_and_who_could_take_over() -> None:
    cluster = Cluster()
    disk = SharedDisk(cluster, "ctl-1")
    disk.ready = ("ctl-2", "ctl-3")
    rig = Rig(disk=disk)
    async with rig.running() as engine, face(engine) as at:
        found = await at.families()
        assert [one.value for one in found["doctor_leading"].samples] == [1.0]
        assert [one.value for one in found["doctor_stand_bys"].samples] == [2.0]
        disk.lasts_s = 0.0
        found = await at.families()
        assert [one.value for one in found["doctor_leading"].samples] == [0.0]


async def test_an_order_to_step_down_names_who_takes_over() -> None:
    disk = SharedDisk(Cluster(), "ctl-1")
    async with desk(Rig(disk=disk)) as at:
        status, said = await refused(at, "POST", "/v1/step-down", {"why": "new kernel"})
        assert (status, said["code"]) == (409, "refused")
        disk.ready = ("ctl-2",)
        status, _ = await at.ask("POST", "/v1/step-down", {"why": "new kernel"})
        assert status == HTTPStatus.OK
        assert at.engine.stepping_down.is_set()


def test_it_has_no_permit() -> None:
    with pytest.raises(LateError, match="whether this daemon leads"):
        aside().engine().ward.permit()
