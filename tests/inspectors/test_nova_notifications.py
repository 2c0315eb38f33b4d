"""Nova's notifications over a real RabbitMQ: what is heard, and what becomes of trouble."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aio_pika import Message

from doctor_daemon.errors import Temporary
from tests.inspectors.broker import RabbitMq, exchange, notify
from tests.inspectors.hearing import Relay, Stage, bodies, made, told
from tests.inspectors.rig import Ledger
from tests.inspectors.servers import until
from tests.slice.site import free_port


async def test_what_nova_says_of_servers_and_services_is_heard(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    stage = Stage(rabbitmq, tmp_path)
    created, written = bodies("instance.create.end"), bodies("service.update")
    async with stage.running():
        await stage.listening()
        await told(rabbitmq, created[0], written[0], b"{}", b'{"oslo.version": "2.0"}')
        await stage.heard(1)
        await stage.counts("refused", 2)

        async def asked() -> bool:
            return bool(stage.told.services)

        await until("the service is asked for", asked)
    assert stage.told.hints[0].host == "compute-1"
    assert stage.told.services == ["compute-2"]
    assert (stage.counted("taken"), stage.counted("service")) == (1, 1)


async def test_messages_of_every_priority_are_heard_and_other_topics_are_not(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    stage = Stage(rabbitmq, tmp_path)
    (body, *_) = bodies("instance.create.end")
    async with stage.running():
        await stage.listening()
        async with rabbitmq.as_nova() as channel:
            there = await exchange(channel)
            await there.publish(Message(body), "notifications.info")
            await notify(there, body, "error")
            await notify(there, body)
            await notify(there, b"{}")
        await stage.counts("refused", 1)
    assert len(stage.told.hints) == 2


async def test_e5_an_unread_queue_is_bounded_and_goes_with_us(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    stage = Stage(rabbitmq, tmp_path)

    def queues() -> list[str]:
        shown = rabbitmq.ctl("list_queues", "--no-table-headers", "name", "arguments", "exclusive")
        return [line for line in shown.splitlines() if line.startswith("doctor-daemon.")]

    async with stage.running():
        await stage.listening()
        [queue] = await asyncio.to_thread(queues)
        for bound in ('"x-max-length",10000', '"x-max-length-bytes"', '"x-message-ttl",60000'):
            assert bound in queue.replace(" ", "")
        assert queue.endswith("true"), "nobody else reads it, and it goes with its connection"
    assert await asyncio.to_thread(queues) == []


async def test_an_exchange_that_is_not_there_yet_is_waited_for(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    stage = Stage(rabbitmq, tmp_path)
    async with rabbitmq.as_nova() as channel:
        await channel.exchange_delete("nova")
    async with stage.running():

        async def troubled() -> bool:
            return bool(stage.source.trouble)

        await until("it is told", troubled)
        assert "nova" in stage.source.trouble
        await made(rabbitmq)
        await stage.listening()
        await told(rabbitmq, *bodies("instance.create.end")[:1])
        await stage.heard(1)
        assert stage.source.trouble == ""


async def test_a_connection_that_breaks_is_told_and_made_again(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    async with Relay(rabbitmq.port) as relay:
        stage = Stage(rabbitmq, tmp_path, addresses=[relay.address], tls=False)
        async with stage.running():
            await stage.listening()
            relay.cut()
            await stage.listening(2)
            await told(rabbitmq, *bodies("instance.create.end")[:1])
            await stage.heard(1)
        assert relay.connections == 2


async def test_the_next_node_is_tried_when_one_does_not_answer(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    nobody, there = f"127.0.0.1:{free_port()}", f"127.0.0.1:{rabbitmq.tls_port}"
    stage = Stage(rabbitmq, tmp_path, addresses=[nobody, there])
    async with stage.running():
        await stage.listening()
    assert stage.source.trouble == ""


async def test_a_bug_of_ours_is_not_taken_for_the_brokers(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    stage = Stage(rabbitmq, tmp_path)
    stage.told.error = RuntimeError("as the test wants it")
    with pytest.raises(ExceptionGroup) as met:  # noqa: PT012 - the source is what raises
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.source.run(Ledger()))
            await stage.listening()
            await told(rabbitmq, *bodies("instance.create.end")[:1])
            await asyncio.Event().wait()
    assert met.group_contains(RuntimeError, match="as the test wants it")


async def test_a_service_that_nova_does_not_show_stops_nothing(
    rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    await made(rabbitmq)
    stage = Stage(rabbitmq, tmp_path)
    stage.told.error = Temporary("no answer")
    async with stage.running():
        await stage.listening()
        await told(rabbitmq, *bodies("service.update")[:1], *bodies("instance.create.end")[:1])
        await stage.heard(1)

        async def asked() -> bool:
            return stage.told.services == ["compute-2"]

        await until("the service is asked for", asked)
