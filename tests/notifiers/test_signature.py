"""Signatures as Standard Webhooks have them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.errors import ConfigError
from doctor_daemon.ports.signature import key_of, signatures
from tests.notifiers.notices import OLD_SECRET, SECRET
from tests.notifiers.verifier import verified


def test_the_example_of_the_specification() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    header = signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    st.binary(min_size=24, max_size=64),
    st.text("abcdefghij_0123456789", min_size=1),
    st.integers(0, 2**33),
    st.binary(),
)
def test_an_independent_verifier_agrees(key: bytes, id_: str, stamp_s: int, body: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(stamp_s),
        "webhook-signature": signatures([key_of(secret)], id_, stamp_s, body),
    }
    assert verified(secret, headers, body, stamp_s + 299)
    assert not verified(secret, headers, body, stamp_s + 301)
    assert not verified(secret, headers, body + b" ", stamp_s)
    assert not verified(secret, {**headers, "webhook-id": id_ + "x"}, body, stamp_s)
    assert not verified(secret, {**headers, "webhook-timestamp": str(stamp_s + 1)}, body, stamp_s)


def test_while_the_secret_changes_each_of_the_two_verifies() -> None:
    keys = [key_of(SECRET), key_of(OLD_SECRET)]
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1000",
        "webhook-signature": signatures(keys, "msg_1", 1000, b"{}"),
    }
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    assert [verified(secret, headers, b"{}", 1000) for secret in (SECRET, OLD_SECRET, other)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        base64.b64encode(b"x" * 32).decode(),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + base64.b64encode(b"x" * 32).decode() + "!",
        "whsec_ünïcödé",
        "whsk_" + base64.b64encode(b"x" * 32).decode(),
    ],
)
def test_a_secret_of_another_form_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ConfigError, match="expected whsec_ and the base64 of 24 to 64") as caught:
        key_of(secret)
    assert len(secret) < 10 or secret not in str(caught.value)
