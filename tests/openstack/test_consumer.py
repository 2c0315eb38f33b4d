"""The consumer trusts a notice only if its signature is right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest

from tests.openstack.consumer import TOLERANCE_S, Consumer, Unsigned, verify
from tests.openstack.listener import Asked
from tests.openstack.testbed.calls import ask

# The example of the specification's reference libraries.
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STAMP = 1614265330
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(STAMP),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def asked(body: bytes = BODY, **changes: str) -> Asked:
    headers = HEADERS | {f"webhook-{name}": value for name, value in changes.items()}
    return Asked(0.0, "POST", "/", headers, body)


def test_the_reference_example_is_accepted() -> None:
    assert verify(KEY, asked(), STAMP) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_one_right_signature_among_several_is_enough() -> None:
    both = "v1,AAAA " + HEADERS["webhook-signature"]
    assert verify(KEY, asked(signature=both), STAMP)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (asked(b'{"test": 2432232315}'), "not that of the body"),
        (asked(id="msg_another"), "not that of the body"),
        (asked(timestamp=str(STAMP + 1)), "not that of the body"),
        (asked(signature="v1,"), "not that of the body"),
        (asked(timestamp=str(STAMP - TOLERANCE_S - 1)), "is not within"),
        (asked(timestamp=str(STAMP + TOLERANCE_S + 1)), "is not within"),
        (asked(timestamp="now"), "is not within"),
        (Asked(0.0, "POST", "/", {}, BODY), "no header"),
    ],
)
def test_anything_else_is_not(request_: Asked, told: str) -> None:
    with pytest.raises(Unsigned, match=told):
        verify(KEY, request_, STAMP)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer(KEY)
    try:
        yield made
    finally:
        made.close()


def send(consumer: Consumer, identity: str, event: dict[str, object]) -> int:
    stamp = str(int(time.time()))
    message = f"{identity}.{stamp}.{json.dumps(event)}".encode()
    secret = base64.b64decode(KEY.removeprefix("whsec_"))
    word = base64.b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()
    signed = {"id": identity, "timestamp": stamp, "signature": f"v1,{word}"}
    headers = {f"webhook-{name}": value for name, value in signed.items()}
    return ask("POST", consumer.url, event, headers=headers).status


EVENT: dict[str, object] = {
    "specversion": "1.0",
    "id": "n1",
    "source": "/doctor",
    "type": "host.suspected",
    "data": {"host": "compute-1"},
}


def test_a_notice_sent_twice_counts_once(consumer: Consumer) -> None:
    assert send(consumer, "n1", EVENT) == 204
    assert send(consumer, "n1", EVENT) == 204
    assert send(consumer, "n2", {**EVENT, "id": "n2", "data": {"host": "compute-2"}}) == 204
    assert [notice.id for notice in consumer.notices()] == ["n1", "n2"]
    assert [notice.id for notice in consumer.notices("compute-2")] == ["n2"]
    assert consumer.await_notice("suspected", 1).id == "n1"


def test_a_signed_body_that_is_no_cloud_event_is_refused(consumer: Consumer) -> None:
    assert send(consumer, "n1", {"hello": 1}) == 400
    assert ask("POST", consumer.url, EVENT).status == 400
    assert consumer.notices() == []
    assert len(consumer.refused) == 2
