"""The doctor consumer: a POST for each server, every one of them taken, none of them lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import Notice
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.consumer import Verdict
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.notifiers.doctor import AT_ONCE, PROGRESS_MAX, Doctor
from doctor_daemon.ports import NoticeRow
from tests.fakes import peer
from tests.fakes.peer import Answer, Peer, Request, in_turn
from tests.fakes.tls import Tls
from tests.notifiers import aodh
from tests.notifiers.notices import doctor, notice, row, secret, server, webhook

OK = peer.answering(200, b"OK")
SERVERS = tuple(server(number, f"web-{number}") for number in range(30))
OUTCOME: dict[str, Any] = {"kind": NoticeKind.OUTCOME, "outcome": "moved"}


def told(found: Doctor, id_: str = "msg_1", **changes: Any) -> NoticeRow:  # noqa: ANN401 - any field
    """Return a confirmed notice as it lies in the outbox."""
    fields: dict[str, Any] = {"kind": NoticeKind.CONFIRMED, "servers": SERVERS[:1], **changes}
    made: Notice = notice(**fields)
    return row(found.render(made, id_, 3), id=id_, kind=made.kind)


def instance(request: Request) -> str:
    alarm = json.loads(request.body)
    aodh.check(alarm)
    return str(aodh.traits(alarm)["instance_id"])


def by_server(answers: Mapping[ServerId, Answer]) -> Answer:
    """Answer the alarms of some servers in a way of their own, and take all others."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await answers.get(ServerId(instance(request)), OK)(request, writer)

    return answer


async def test_an_alarm_is_posted_as_aodh_posts_it() -> None:
    async with Peer(OK) as vnfm, doctor(vnfm.origin + "/failure") as consumer:
        await consumer.deliver(told(consumer))
    (request,) = vnfm.requests
    assert (request.method, request.path) == ("POST", "/failure")
    assert request.headers["content-type"] == "application/json"
    assert aodh.REQUEST_ID.fullmatch(request.headers["x-openstack-request-id"])
    assert request.headers.keys().isdisjoint({"authorization", "webhook-gap-before"})
    assert aodh.fires(json.loads(request.body), SERVERS[0].id)


async def test_each_server_is_told_of_once_and_a_few_at_a_time() -> None:
    async with Peer(OK) as vnfm, doctor(vnfm.origin) as consumer:
        await consumer.deliver(told(consumer, servers=SERVERS))
    assert sorted(map(instance, vnfm.requests)) == [one.id for one in SERVERS]
    assert vnfm.at_once_max <= AT_ONCE
    assert len({request.headers["x-openstack-request-id"] for request in vnfm.requests}) == 30


async def test_a_repetition_has_the_same_id_and_body() -> None:
    answers = in_turn(peer.answering(503), peer.resetting, OK)
    async with Peer(answers) as vnfm, doctor(vnfm.origin) as consumer:
        for _ in range(2):
            with pytest.raises(Temporary):
                await consumer.deliver(told(consumer))
        await consumer.deliver(told(consumer))
    said = {(r.headers["x-openstack-request-id"], r.body) for r in vnfm.requests}
    assert (len(said), len(vnfm.requests)) == (1, 3)


async def test_after_a_failure_only_the_rest_is_told_again() -> None:
    trouble = {SERVERS[11].id: in_turn(peer.answering(503, b"", {"Retry-After": "7"}), OK)}
    async with Peer(by_server(trouble)) as vnfm, doctor(vnfm.origin) as consumer:
        found = told(consumer, servers=SERVERS)
        with pytest.raises(Temporary, match=r"of 30 alarms are through: .* answers 503") as caught:
            await consumer.deliver(found)
        assert caught.value.retry_after_s == 7
        await consumer.deliver(found)
    counted = Counter(map(instance, vnfm.requests))
    assert counted == {one.id: 1 for one in SERVERS} | {SERVERS[11].id: 2}


async def test_a_consumer_in_trouble_is_not_asked_for_every_server() -> None:
    async with Peer(peer.answering(503)) as vnfm, doctor(vnfm.origin) as consumer:
        with pytest.raises(Temporary, match="0 of 30 alarms are through"):
            await consumer.deliver(told(consumer, servers=SERVERS))
    assert 1 <= len(vnfm.requests) <= AT_ONCE


async def test_after_a_restart_all_is_told_again_and_can_be_known_by_its_ids() -> None:
    trouble = {SERVERS[29].id: in_turn(peer.resetting, OK)}
    async with Peer(by_server(trouble)) as vnfm:
        async with doctor(vnfm.origin) as consumer:
            found = told(consumer, servers=SERVERS)
            with pytest.raises(Temporary):
                await consumer.deliver(found)
        async with doctor(vnfm.origin) as restarted:
            await restarted.deliver(found)
    assert set(map(instance, vnfm.requests)) == {one.id for one in SERVERS}
    assert len({request.body for request in vnfm.requests}) == 30


async def test_a_server_that_is_refused_keeps_no_other_from_being_told() -> None:
    trouble = {SERVERS[number].id: peer.answering(404) for number in (0, 15)}
    async with Peer(by_server(trouble)) as vnfm, doctor(vnfm.origin) as consumer:
        with pytest.raises(Permanent) as caught:
            await consumer.deliver(told(consumer, servers=SERVERS))
    assert str(caught.value) == "2 of 30 alarms: the consumer refuses it: 404"
    assert Counter(map(instance, vnfm.requests)) == {one.id: 1 for one in SERVERS}


async def test_what_was_refused_is_remembered_while_the_rest_is_told() -> None:
    trouble = {
        SERVERS[0].id: peer.answering(404),
        SERVERS[29].id: in_turn(peer.answering(500), OK),
    }
    async with Peer(by_server(trouble)) as vnfm, doctor(vnfm.origin) as consumer:
        found = told(consumer, servers=SERVERS)
        with pytest.raises(Temporary, match="answers 500"):
            await consumer.deliver(found)
        with pytest.raises(Permanent, match="1 of 30 alarms"):
            await consumer.deliver(found)
    assert Counter(map(instance, vnfm.requests))[SERVERS[0].id] == 1


async def test_what_is_remembered_has_a_bound() -> None:
    async with Peer(in_turn(peer.answering(503))) as vnfm, doctor(vnfm.origin) as consumer:
        first = told(consumer, servers=SERVERS[:2])
        vnfm.answer = by_server({SERVERS[1].id: peer.answering(503)})
        with pytest.raises(Temporary, match="1 of 2"):
            await consumer.deliver(first)
        vnfm.answer = peer.answering(503)
        for number in range(PROGRESS_MAX):
            with pytest.raises(Temporary):
                await consumer.deliver(told(consumer, f"msg_{number + 10}"))
        with pytest.raises(Temporary, match="0 of 2"):
            await consumer.deliver(first)


@pytest.mark.parametrize("changes", [{"kind": NoticeKind.WITHDRAWN}, OUTCOME])
async def test_the_end_of_an_alarm_goes_to_its_own_url(changes: dict[str, Any]) -> None:
    async with Peer(OK) as vnfm, doctor(vnfm.origin, ok_url=vnfm.origin + "/ok") as consumer:
        await consumer.deliver(told(consumer, **changes))
    (request,) = vnfm.requests
    assert request.path == "/ok"
    assert json.loads(request.body)["current"] == "ok"


async def test_an_end_that_has_no_url_any_more_is_given_up() -> None:
    async with Peer(OK) as vnfm, doctor(vnfm.origin) as consumer:
        with pytest.raises(Permanent, match="no ok_url any more"):
            await consumer.deliver(told(consumer, kind=NoticeKind.WITHDRAWN))
    assert vnfm.connections == 0


async def test_a_notice_for_another_type_of_consumer_is_given_up(tmp_path: Path) -> None:
    async with Peer(OK) as vnfm, doctor(vnfm.origin) as consumer:
        async with webhook(vnfm.origin, tmp_path) as hook:
            body = hook.render(notice(), "msg_1", 3)
        for text in (body, "no JSON", "[]", ""):
            with pytest.raises(Permanent, match="a consumer of another type"):
                await consumer.deliver(row(text))
    assert vnfm.connections == 0


async def test_a_gap_is_told_in_a_header() -> None:
    async with Peer(OK) as vnfm, doctor(vnfm.origin) as consumer:
        found = told(consumer)
        await consumer.deliver(row(found.body, kind=found.kind, gap_before=True))
    assert vnfm.requests[0].headers["webhook-gap-before"] == "true"


async def test_a_token_goes_along_and_is_read_anew(tmp_path: Path) -> None:
    file = secret(tmp_path, "swordfish")
    async with Peer(OK) as vnfm, doctor(vnfm.origin, bearer_file=file) as consumer:
        await consumer.deliver(told(consumer))
        secret(tmp_path, "marlin-2")
        await consumer.deliver(told(consumer))
    assert [request.headers["authorization"] for request in vnfm.requests] == [
        "Bearer swordfish",
        "Bearer marlin-2",
    ]


@pytest.mark.parametrize("text", ["sword fish", "swördfish", "sword\r\nX-Fish: 1", ""])
async def test_a_useless_token_can_be_mended_while_the_notice_waits(
    tmp_path: Path, text: str
) -> None:
    file = secret(tmp_path, text)
    async with Peer(OK) as vnfm, doctor(vnfm.origin, bearer_file=file) as consumer:
        with pytest.raises(Temporary, match="bearer_file") as caught:
            await consumer.deliver(told(consumer))
        assert not text or text not in str(caught.value)
        assert vnfm.connections == 0
        secret(tmp_path, "swordfish")
        await consumer.deliver(told(consumer))


@pytest.mark.parametrize("answer", [peer.hanging, peer.closing, peer.resetting])
async def test_no_answer_is_tried_again_later(answer: Answer) -> None:
    async with Peer(answer) as vnfm, doctor(vnfm.origin) as consumer:
        with pytest.raises(Temporary):
            await consumer.deliver(told(consumer, servers=SERVERS))
    assert len(vnfm.requests) <= AT_ONCE


async def test_e6_no_redirect_is_followed() -> None:
    async with Peer(OK) as other:
        answer = peer.answering(307, b"", {"Location": other.origin})
        async with Peer(answer) as vnfm, doctor(vnfm.origin) as consumer:
            with pytest.raises(Temporary, match="answers 307"):
                await consumer.deliver(told(consumer))
    assert other.connections == 0


async def test_tls_is_verified(tls: Tls) -> None:
    ca, context = tls
    async with Peer(OK, context) as vnfm:
        async with doctor(vnfm.origin, timeout_s=5.0) as consumer:
            with pytest.raises(Temporary, match="certificate verify failed"):
                await consumer.deliver(told(consumer))
        assert vnfm.requests == []
        async with doctor(vnfm.origin, timeout_s=5.0, ca_file=ca) as consumer:
            await consumer.deliver(told(consumer))


async def test_a_delivery_may_be_cancelled_and_taken_up_again() -> None:
    begun = asyncio.Event()

    async def hanging(request: Request, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await peer.hanging(request, writer)

    async with (
        Peer(by_server({SERVERS[29].id: hanging})) as vnfm,
        doctor(vnfm.origin, timeout_s=5.0) as consumer,
    ):
        found = told(consumer, servers=SERVERS)
        cancelled = asyncio.create_task(consumer.deliver(found))
        await begun.wait()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        vnfm.answer = OK
        await consumer.deliver(found)
    assert set(map(instance, vnfm.requests)) == {one.id for one in SERVERS}
    assert len({request.body for request in vnfm.requests}) == 30


async def test_the_labs_consumer_who_shares_no_code_takes_it() -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        url = lab.hooks_url
        async with doctor(f"{url}/failure", ok_url=f"{url}/ok", early=True) as consumer:
            lab.faults.add(Rule(service=Service.CONSUMER, do=Do.LOST_REPLY, host="failure"))
            first = told(consumer, "msg_0", kind=NoticeKind.SUSPECTED)
            with pytest.raises(Temporary):
                await consumer.deliver(first)
            await consumer.deliver(first)
            await consumer.deliver(told(consumer, "msg_1", servers=SERVERS[:2]))
            await consumer.deliver(told(consumer, "msg_2", kind=NoticeKind.WITHDRAWN))
            await consumer.deliver(told(consumer, "msg_3", **OUTCOME))
        receipts = lab.consumer.receipts
    new = Verdict.NEW
    assert [r.verdict for r in receipts] == [new, Verdict.REPEATED, new, new, new, new]
    assert [r.consumer for r in receipts] == ["failure"] * 4 + ["ok"] * 2
