"""A queue at a real RabbitMQ: bounded, looked at, and given up when it is of no use."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.amqp import Subscription
from doctor_daemon.inspectors.nova_notifications import NovaNotifications
from tests.inspectors.broker import PASSWORD, RabbitMq
from tests.inspectors.hearing import Stage, made, told
from tests.inspectors.looking import configured, secret
from tests.inspectors.servers import until


async def test_a_queue_that_is_there_and_bound_no_more_is_noticed(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    """An exchange that was deleted and made again has forgotten its bindings."""
    await made(rabbitmq)
    stage, heard, looks = Stage(rabbitmq, tmp_path), list[bytes](), list[None]()
    subscription = Subscription(
        stage.options, heard.append, lambda: looks.append(None), look_s=0.05
    )
    task = asyncio.create_task(subscription.listen())

    async def looked() -> bool:
        return len(looks) > 1

    await until("the queue is looked at", looked)
    async with rabbitmq.as_nova() as channel:
        await channel.exchange_delete("nova")
        with pytest.raises(Temporary, match="nova"):
            await task
    await made(rabbitmq)
    task = asyncio.create_task(subscription.listen())
    looks.clear()
    await until("the queue is looked at", looked)
    await told(rabbitmq, b"after")

    async def came() -> bool:
        return heard == [b"after"]

    await until("it is heard", came)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_i16_a_wrong_password_is_told_without_it(
    rabbitmq: RabbitMq, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = secret(tmp_path / "wrong", "not-the-password-of-doctor")
    for options in ({"password_file": wrong}, {"username": "nobody"}):
        stage = Stage(rabbitmq, tmp_path, **options)
        with pytest.raises(Temporary) as told_:
            await Subscription(stage.options, list[bytes]().append, lambda: None).listen()
        assert "ACCESS_REFUSED" in str(told_.value)
        for text in ("not-the-password-of-doctor", PASSWORD):
            assert text not in str(told_.value)
            assert text not in caplog.text


async def test_tls_is_verified(rabbitmq: RabbitMq, tmp_path: Path) -> None:
    stage = Stage(rabbitmq, tmp_path, ca_file=None)
    with pytest.raises(Temporary, match=r"(?i)certificate.verify.failed"):
        await Subscription(stage.options, list[bytes]().append, lambda: None).listen()


async def test_a_broker_that_says_nothing_is_given_up(tmp_path: Path, rabbitmq: RabbitMq) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        stage = Stage(rabbitmq, tmp_path, addresses=[f"127.0.0.1:{port}"], tls=False, timeout_s=0.3)
        with pytest.raises(Temporary, match="does not answer within"):
            await Subscription(stage.options, list[bytes]().append, lambda: None).listen()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("addresses", ["user:word@broker"], "expected HOST or HOST:PORT"),
        ("addresses", ["broker/vhost"], "expected HOST or HOST:PORT"),
        ("addresses", ["broker:0x1"], "expected HOST or HOST:PORT"),
        ("addresses", [], "at least 1 item"),
        ("topic", "versioned_notifications.#", "should match pattern"),
        ("timeout_s", 0, "greater than 0"),
    ],
)
def test_options_that_cannot_be_meant(
    tmp_path: Path, option: str, value: object, words: str
) -> None:
    given = {"addresses": ["broker"], "username": "doctor", "password_file": "password"}
    with pytest.raises(ValidationError, match=words) as told_:
        configured(NovaNotifications.Config, tmp_path, **{**given, option: value})
    assert "user:word" not in str(told_.value.errors(include_input=False))


def test_plain_amqp_to_another_machine_needs_the_operators_word(tmp_path: Path) -> None:
    given = {"addresses": ["broker"], "username": "doctor", "password_file": "password"}
    with pytest.raises(ValidationError, match="i_accept_plain_amqp"):
        configured(NovaNotifications.Config, tmp_path, **given, tls=False)
    options = configured(
        NovaNotifications.Config, tmp_path, **given, tls=False, i_accept_plain_amqp=True
    )
    assert options.context() is None
    here = {**given, "addresses": ["127.0.0.1", "[::1]:5672", "localhost"]}
    assert not configured(NovaNotifications.Config, tmp_path, **here, tls=False).tls
