"""The consumer that believes nothing: signatures, events, repetition."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from doctor_daemon.lab.cloud import OPERATORS_HOOK, Lab, LabOptions
from doctor_daemon.lab.consumer import Refused, Verdict, check_signature
from doctor_daemon.lab.faults import Do, Rule, Service
from tests.lab.caller import Caller, Reply, caller

EVENT = {"specversion": "1.0", "id": "1", "source": "/doctor", "type": "host.confirmed"}
CLOUDEVENT = "application/cloudevents+json"

# The example of the Standard Webhooks reference implementation.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'
NOW_S = 1614265330.0


def sign(secret: str, named: str, stamp: str, body: bytes) -> str:
    key = b64decode(secret.removeprefix("whsec_"))
    text = f"{named}.{stamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends signed events to the consumer of the operators."""

    lab: Lab
    caller: Caller

    async def send(self, named: str, event: Any = EVENT, **headers: str) -> Reply:  # noqa: ANN401 - JSON
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        stamp = str(int(time.time()))
        secret = self.lab.consumer.secrets[OPERATORS_HOOK]
        sent = {
            "Content-Type": CLOUDEVENT,
            "webhook-id": named,
            "webhook-timestamp": stamp,
            "webhook-signature": sign(secret, named, stamp, body),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.lab.hooks_url}/hooks/{OPERATORS_HOOK}"
        return await self.caller.ask("POST", url, headers=sent, raw=body)

    def verdicts(self) -> list[Verdict]:
        return [receipt.verdict for receipt in self.lab.consumer.receipts]


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Lab(LabOptions(hosts=1)) as lab, caller() as asks:
        yield Sender(lab, asks)


def test_the_specifications_own_example() -> None:
    check_signature(SECRET, EXAMPLE, BODY, NOW_S)


@pytest.mark.parametrize("age_s", [-301.0, 301.0])
def test_a_stale_example(age_s: float) -> None:
    with pytest.raises(Refused, match="webhook-timestamp"):
        check_signature(SECRET, EXAMPLE, BODY, NOW_S + age_s)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", EXAMPLE["webhook-signature"].replace("v1,", "v2,")),
        ("webhook-signature", "nonsense"),
        ("webhook-signature", "v1,naïve"),
        ("webhook-signature", ""),
        ("webhook-id", "msg_other"),
        ("webhook-id", ""),
        ("webhook-timestamp", "1614265331"),
        ("webhook-timestamp", "yesterday"),
    ],
)
def test_a_tampered_example(header: str, value: str) -> None:
    with pytest.raises(Refused):
        check_signature(SECRET, EXAMPLE | {header: value}, BODY, NOW_S)


def test_a_tampered_body_and_another_secret() -> None:
    with pytest.raises(Refused, match="no signature fits"):
        check_signature(SECRET, EXAMPLE, BODY + b" ", NOW_S)
    with pytest.raises(Refused, match="no signature fits"):
        check_signature("whsec_" + b64encode(b"x" * 24).decode(), EXAMPLE, BODY, NOW_S)


def test_one_of_several_signatures_is_enough() -> None:
    several = "v1,AAAA v2,BBBB " + EXAMPLE["webhook-signature"]
    check_signature(SECRET, EXAMPLE | {"webhook-signature": several}, BODY, NOW_S)


async def test_an_event_is_kept_with_its_time(sender: Sender) -> None:
    before_s = time.monotonic()
    assert (await sender.send("m1")).status == 204
    (receipt,) = await sender.lab.consumer.received(1, within_s=1)
    assert (receipt.id, receipt.consumer, receipt.event) == ("m1", OPERATORS_HOOK, EVENT)
    assert before_s <= receipt.at_s <= time.monotonic()


async def test_repeated_and_changed(sender: Sender) -> None:
    for event in (EVENT, EVENT, EVENT | {"type": "another"}, EVENT):
        assert (await sender.send("m1", event)).status == 204
    assert sender.verdicts() == [
        Verdict.NEW,
        Verdict.REPEATED,
        Verdict.CHANGED,
        Verdict.REPEATED,
    ]
    assert [receipt.id for receipt in sender.lab.consumer.of(Verdict.CHANGED)] == ["m1"]


async def test_waiting_for_events(sender: Sender) -> None:
    waiting = asyncio.create_task(sender.lab.consumer.received(2, within_s=5))
    await sender.send("m1")
    await sender.send("m1")
    assert not waiting.done()
    await sender.send("m2")
    assert [receipt.id for receipt in await waiting] == ["m1", "m2"]
    with pytest.raises(TimeoutError):
        await sender.lab.consumer.received(3, within_s=0.05)


@pytest.mark.parametrize(
    ("event", "headers", "status", "why"),
    [
        (EVENT, {"webhook_signature": "v1,AAAA"}, 401, "no signature fits"),
        (EVENT, {"webhook_timestamp": "1"}, 401, "webhook-timestamp is not within 300 s of now"),
        (EVENT, {"webhook_signature": ""}, 400, "the header webhook-signature is missing"),
        (EVENT, {"Content_Type": "text/plain"}, 415, f"text/plain is not {CLOUDEVENT}"),
        (b"{nope", {}, 400, "the body is not JSON"),
        ([], {}, 400, "the body is not an event of CloudEvents 1.0"),
        (EVENT | {"specversion": "0.3"}, {}, 400, "the body is not an event of CloudEvents 1.0"),
        (EVENT | {"type": ""}, {}, 400, "the event has no type"),
    ],
)
async def test_what_is_refused(
    sender: Sender,
    event: Any,  # noqa: ANN401 - JSON
    headers: dict[str, str],
    status: int,
    why: str,
) -> None:
    reply = await sender.send("m1", event, **headers)
    assert (reply.status, reply.body) == (status, {"error": why})
    (receipt,) = sender.lab.consumer.of(Verdict.REFUSED)
    assert (receipt.id, receipt.why) == ("m1", why)
    assert (await sender.send("m1")).status == 204
    assert sender.verdicts() == [Verdict.REFUSED, Verdict.NEW]


async def test_a_consumer_nobody_knows(sender: Sender) -> None:
    url = f"{sender.lab.hooks_url}/hooks/nobody"
    assert (await sender.caller.ask("POST", url, raw=b"{}")).status == 404


async def test_a_body_too_large(sender: Sender) -> None:
    assert (await sender.send("m1", b" " * (768 * 1024 + 1))).status == 413


async def test_a_consumer_out_of_order(sender: Sender) -> None:
    service = Service.CONSUMER
    sender.lab.faults.add(
        Rule(service=service, do=Do.STATUS, status=503, times=2),
        Rule(service=service, do=Do.STATUS, status=410, host=OPERATORS_HOOK),
        Rule(service=service, do=Do.SLOW, seconds=0.1),
    )
    assert [(await sender.send("m1")).status for _ in range(4)] == [503, 503, 410, 204]
    assert sender.verdicts() == [Verdict.NEW]
