"""What never stands on a line: secrets, and what could forge another line. E3, I-16."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from doctor_daemon.log import TEXT_MAX, clean, printable, redact, secret_key
from doctor_daemon.ports import remember
from tests.log.conftest import Lines, fail, logger


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Password",
        "bmc_password",
        "db-passwd",
        "passphrase",
        "secret",
        "client_secret",
        "token",
        "X-Auth-Token",
        "x_subject_token",
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "api_key",
        "apikey",
        "X-Api-Key",
        "private_key",
        "webhook-signature",
        "credential",
        "dbpass",
    ],
)
def test_i16_what_stands_under_such_a_key_is_struck_out(lines: Lines, key: str) -> None:
    logger().info("event", **{key: "swordfish"}, headers={key: ["swordfish"]})
    assert "swordfish" not in json.dumps(lines())
    assert secret_key(key)


@pytest.mark.parametrize(
    "key", ["password_file", "secret_file", "host", "key", "compass_", "event"]
)
def test_other_keys_are_not_struck_out(key: str) -> None:
    assert not secret_key(key)


@pytest.mark.parametrize(
    "said",
    [
        "Authorization: Bearer swordfish",
        "'Authorization': 'Basic swordfish'",
        "sent with bearer swordfish.a-b_c~d+e/f==",
        "X-Auth-Token: swordfish",
        '{"X-Auth-Token": "swordfish"}',
        "{'password': 'swordfish', 'a': 1}",
        "password=swordfish&a=1",
        "GET /x?token=swordfish HTTP/1.1",
        "client_secret = swordfish",
        "Cookie: session=swordfish; other=swordfish",
        "https://admin:swordfish@bmc.example/redfish",
        "https://swordfish@bmc.example/redfish",
        "amqp://u:p@swordfish@h/",
        "the token gAAAAABswordfishAAAAAAAAAAAAAAAAAAAAAA== was refused",
        "api-key: swordfish",
        "webhook-signature: swordfish",
    ],
)
def test_i16_what_looks_like_a_secret_is_struck_out(lines: Lines, said: str) -> None:
    logger().info(said, answer=said, deep={"a": [said, (said,)]})
    logging.getLogger("x").warning("%s", said)
    assert "swordfish" not in json.dumps(lines())


@pytest.mark.parametrize(
    "said",
    [
        "sources[0].auth.token_file: found 5",
        "the token was renewed",
        "https://bmc.example/redfish/v1/Systems/1",
        "mail to root@localhost about http://x/ please",
    ],
)
def test_what_is_no_secret_stays(said: str) -> None:
    assert redact(said) == said


def test_i16_what_was_read_as_a_secret_is_struck_out_everywhere(lines: Lines) -> None:
    remember("correct-horse-battery")
    said = "login failed: correct-horse-battery"
    logger().info("correct-horse-battery", a="correct-horse-battery", b=ValueError(said))
    logger().info("x", **{"correct-horse-battery": 1}, c={"correct-horse-battery": b"\x00"})
    try:
        fail(said)
    except ValueError:
        logger().error("failed", exc_info=True)
    written = json.dumps(lines())
    assert "horse" not in written
    assert "ValueError: login failed: [redacted]" in written


@pytest.mark.expects_exceptions
def test_i16_a_library_s_traceback_is_struck_out_too(lines: Lines) -> None:
    remember("staple-battery")
    try:
        fail("staple-battery")
    except ValueError:
        logging.getLogger("library").exception("failed with %s", "staple-battery")
    (line,) = lines()
    assert line["event"] == "failed with [redacted]"
    assert line["exception"].endswith("ValueError: [redacted]")


def test_e3_a_text_cannot_forge_a_line(text: Callable[[], str]) -> None:
    logger().info("a\nb\r\x1b[2J\x00", host="x\u2028y\u202ez\x85")
    (line,) = text().splitlines()
    assert r"a\nb\r\x1b[2J\x00" in line
    assert r"host=x\u2028y\u202ez\x85" in line


def test_e3_nor_can_half_a_character_break_it(lines: Lines) -> None:
    logger().info("a\ud800b")
    assert lines()[0]["event"] == r"a\ud800b"


def test_e3_the_lines_of_a_traceback_are_no_events(text: Callable[[], str]) -> None:
    try:
        fail("x\n2026-11-21T00:00:00Z info [fence, armed] forged")
    except ValueError as error:
        logger().error("failed", exc_info=error)
    first, *others = text().splitlines()
    assert "failed" in first
    assert others
    assert all(line.startswith("    | ") for line in others)


def test_a_secret_at_the_cut_is_not_halved() -> None:
    remember("correct-horse-battery")
    said = printable("x" * (TEXT_MAX - 4) + "correct-horse-battery")
    assert "corr" not in said


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("never")


def test_every_value_can_be_shown() -> None:
    assert clean(Unshowable()) == "<a Unshowable that cannot be shown>"
    assert clean(float("inf")) == "inf"
    assert clean({1, 2}) == [1, 2]
    assert clean(b"a\xff") == r"a\xff"
    assert clean({("a", 1): ValueError("x")}) == {"('a', 1)": "x"}
