"""Delivery: signed, at least once, the same bytes each time, and never anywhere else."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.consumer import Verdict
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.notifiers.posting import RETRY_AFTER_MAX_S
from doctor_daemon.ports.secrets import SecretFile
from tests.fakes import peer
from tests.fakes.peer import Answer, Peer, in_turn
from tests.fakes.tls import Tls
from tests.notifiers.notices import (
    OLD_SECRET,
    SECRET,
    for_operators,
    notice,
    row,
    secret,
    webhook,
)
from tests.notifiers.verifier import verified


async def test_a_notice_is_posted_and_its_signature_holds(tmp_path: Path) -> None:
    async with (
        Peer(peer.answering(204)) as consumer,
        webhook(consumer.origin + "/in?x=1", tmp_path) as hook,
    ):
        body = hook.render(notice(), "msg_1", 3)
        await hook.deliver(row(body, id="msg_1"))
    (request,) = consumer.requests
    assert (request.method, request.path) == ("POST", "/in?x=1")
    assert request.body == body.encode()
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.headers["webhook-id"] == json.loads(body)["id"] == "msg_1"
    assert "webhook-gap-before" not in request.headers
    assert verified(SECRET, request.headers, request.body, time.time())
    assert not verified(OLD_SECRET, request.headers, request.body, time.time())


async def test_a_repetition_has_the_same_id_and_body(tmp_path: Path) -> None:
    answers = in_turn(peer.answering(503), peer.closing, peer.answering(200))
    async with Peer(answers) as consumer, webhook(consumer.origin, tmp_path) as hook:
        for _ in range(2):
            with pytest.raises(Temporary):
                await hook.deliver(row())
        await hook.deliver(row())
    assert {request.headers["webhook-id"] for request in consumer.requests} == {row().id}
    assert {request.body for request in consumer.requests} == {row().body.encode()}
    assert len(consumer.requests) == 3


async def test_a_gap_is_told_in_a_header(tmp_path: Path) -> None:
    async with (
        Peer(peer.answering(204)) as consumer,
        webhook(consumer.origin, tmp_path) as hook,
    ):
        await hook.deliver(row(gap_before=True))
    assert consumer.requests[0].headers["webhook-gap-before"] == "true"


async def test_while_the_secret_changes_both_sign(tmp_path: Path) -> None:
    old = secret(tmp_path, OLD_SECRET, "old")
    async with (
        Peer(peer.answering(204)) as consumer,
        webhook(consumer.origin, tmp_path, previous_secret_file=old) as hook,
    ):
        await hook.deliver(row())
    (request,) = consumer.requests
    for known in (SECRET, OLD_SECRET):
        assert verified(known, request.headers, request.body, time.time())


async def test_a_changed_secret_is_used_at_once(tmp_path: Path) -> None:
    async with (
        Peer(peer.answering(204)) as consumer,
        webhook(consumer.origin, tmp_path) as hook,
    ):
        secret(tmp_path, OLD_SECRET)
        await hook.deliver(row())
    (request,) = consumer.requests
    assert verified(OLD_SECRET, request.headers, request.body, time.time())


@pytest.mark.parametrize("text", ["whsec_", "a password of another kind"])
async def test_a_useless_secret_can_be_mended_while_the_notice_waits(
    tmp_path: Path, text: str
) -> None:
    async with (
        Peer(peer.answering(204)) as consumer,
        webhook(consumer.origin, tmp_path) as hook,
    ):
        secret(tmp_path, text)
        with pytest.raises(Temporary, match="expected whsec_") as caught:
            await hook.deliver(row())
        assert text not in str(caught.value).replace("expected whsec_", "")
        assert consumer.connections == 0
        secret(tmp_path, SECRET)
        await hook.deliver(row())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_delivered(tmp_path: Path, status: int) -> None:
    async with (
        Peer(peer.answering(status)) as consumer,
        webhook(consumer.origin, tmp_path) as hook,
    ):
        await hook.deliver(row())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
async def test_4xx_is_given_up(tmp_path: Path, status: int) -> None:
    async with (
        Peer(peer.telling("\x1b[2J any words of theirs", status)) as consumer,
        webhook(consumer.origin, tmp_path) as hook,
    ):
        with pytest.raises(Permanent) as caught:
            await hook.deliver(row())
    assert str(caught.value) == f"the consumer refuses it: {status}"
    assert len(consumer.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 301, 302, 307, 308])
async def test_e6_others_are_tried_again_later_and_no_redirect_is_followed(
    tmp_path: Path, status: int
) -> None:
    async with Peer(peer.answering(204)) as other:
        answer = peer.answering(status, b"", {"Location": other.origin, "Retry-After": "7"})
        async with Peer(answer) as consumer, webhook(consumer.origin, tmp_path) as hook:
            with pytest.raises(Temporary) as caught:
                await hook.deliver(row())
    assert str(caught.value) == f"the consumer answers {status}"
    assert caught.value.retry_after_s == 7.0
    assert len(consumer.requests) == 1
    assert other.connections == 0


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0", 0, 0),
        ("120", 120, 120),
        ("999999999999", RETRY_AFTER_MAX_S, RETRY_AFTER_MAX_S),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0, 0),
    ],
)
async def test_when_to_come_again_is_understood(
    tmp_path: Path, text: str, low: float, high: float
) -> None:
    answer = peer.answering(503, b"", {"Retry-After": text})
    async with Peer(answer) as consumer, webhook(consumer.origin, tmp_path) as hook:
        with pytest.raises(Temporary) as caught:
            await hook.deliver(row())
    assert caught.value.retry_after_s is not None
    assert low <= caught.value.retry_after_s <= high


async def test_when_to_come_again_may_be_a_date(tmp_path: Path) -> None:
    text = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    answer = peer.answering(503, b"", {"Retry-After": text})
    async with Peer(answer) as consumer, webhook(consumer.origin, tmp_path) as hook:
        with pytest.raises(Temporary) as caught:
            await hook.deliver(row())
    assert caught.value.retry_after_s is not None
    assert 500 <= caught.value.retry_after_s <= 600


@pytest.mark.parametrize("text", ["", "soon", "-5", "1e3", "²", "Wed, 99 Foo 2015 07:28:00 GMT"])
async def test_when_to_come_again_may_be_nonsense(tmp_path: Path, text: str) -> None:
    answer = peer.sending(
        f"HTTP/1.1 503 X\r\nContent-Length: 0\r\nRetry-After: {text}\r\n\r\n".encode()
    )
    async with Peer(answer) as consumer, webhook(consumer.origin, tmp_path) as hook:
        with pytest.raises(Temporary) as caught:
            await hook.deliver(row())
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize(
    "answer",
    [
        peer.hanging,
        peer.closing,
        peer.resetting,
        peer.dripping(peer.raw(204), 0.1),
        peer.sending(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        peer.sending(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
    ],
    ids=["silent", "closed", "reset", "slow", "no http", "long header"],
)
async def test_no_answer_is_tried_again_later(tmp_path: Path, answer: Answer) -> None:
    loop = asyncio.get_running_loop()
    async with Peer(answer) as consumer, webhook(consumer.origin, tmp_path) as hook:
        began_s = loop.time()
        with pytest.raises(Temporary) as caught:
            await hook.deliver(row())
        assert loop.time() - began_s < 1.5
    assert "OpenSSH" not in str(caught.value)
    assert len(consumer.requests) == 1


async def test_an_answer_without_an_end_is_an_answer(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def endless(request: peer.Request, writer: asyncio.StreamWriter) -> None:
        await peer.sending(head)(request, writer)
        await peer.dripping(b"5\r\nhello\r\n" * 1000, 0.001)(request, writer)

    async with Peer(endless) as consumer, webhook(consumer.origin, tmp_path) as hook:
        await hook.deliver(row())
        await hook.deliver(row())
    assert len(consumer.requests) == 2


async def test_nobody_there_is_tried_again_later(tmp_path: Path) -> None:
    async with Peer(peer.hanging) as consumer:
        url = consumer.origin
    async with webhook(url, tmp_path) as hook:
        with pytest.raises(Temporary, match="no connection"):
            await hook.deliver(row())


async def test_a_certificate_of_nobody_is_told_nothing(tmp_path: Path, tls: Tls) -> None:
    ca, context = tls
    async with Peer(peer.answering(204), context) as consumer:
        async with webhook(consumer.origin, tmp_path, timeout_s=5.0) as hook:
            with pytest.raises(Temporary, match="certificate verify failed"):
                await hook.deliver(row())
        assert consumer.requests == []
        async with webhook(consumer.origin, tmp_path, timeout_s=5.0, ca_file=ca) as hook:
            await hook.deliver(row())
    assert len(consumer.requests) == 1


async def test_deliveries_may_be_cancelled_and_go_side_by_side(tmp_path: Path) -> None:
    async with Peer(peer.hanging) as consumer, webhook(consumer.origin, tmp_path) as hook:
        cancelled = asyncio.create_task(hook.deliver(row()))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        consumer.answer = peer.answering(204)
        await asyncio.gather(*(hook.deliver(row()) for _ in range(40)))
    assert len(consumer.requests) == 41


async def test_a_closed_webhook_opens_nothing(tmp_path: Path) -> None:
    async with (
        Peer(peer.answering(204)) as consumer,
        webhook(consumer.origin, tmp_path) as hook,
    ):
        await hook.deliver(row())
        await hook.close()
        with pytest.raises(Temporary, match="was closed"):
            await hook.deliver(row())
    assert len(consumer.requests) == 1


async def test_the_labs_consumer_who_shares_no_code_takes_it(tmp_path: Path) -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        found = lab.describe()["consumers"]["operators"]
        file = SecretFile(found["secret_file"])
        async with webhook(found["url"], tmp_path, secret_file=file, timeout_s=5.0) as hook:
            told = [
                row(hook.render(for_operators(kind=kind), f"msg_{kind}", 1), id=f"msg_{kind}")
                for kind in NoticeKind
            ]
            lab.faults.add(Rule(service=Service.CONSUMER, do=Do.LOST_REPLY))
            with pytest.raises(Temporary):
                await hook.deliver(told[0])
            for one in told:
                await hook.deliver(one)
            changed = replace(told[0], body=told[0].body.replace("pending", "no"))
            await hook.deliver(changed)
    verdicts = [receipt.verdict for receipt in lab.consumer.receipts]
    new = [Verdict.NEW] * (len(told) - 1)
    assert verdicts == [Verdict.NEW, Verdict.REPEATED, *new, Verdict.CHANGED]
