"""A queue of our own at somebody else's RabbitMQ, and nothing that could be in its way.

Nothing is declared there but the queue, and nobody else's queue is read. It is exclusive: it goes
with our connection, so a daemon that has gone leaves nothing behind that would fill up. While it
is there it is bounded: by messages, by bytes and by age, and what is over is dropped from its head,
the oldest first. What is on its way to us at a time is bounded too.

That nothing comes may mean that nothing happens. So the queue is looked at now and then, and bound
anew: an exchange that was deleted and made again has forgotten who listened.

Source: AMQP 0-9-1, and RabbitMQ's "Queues", "Time-To-Live" and "Queue Length Limit". This is the
only module that knows the client, and nobody loads it but for a source that needs it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

from aio_pika import connect
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import AMQPError
from yarl import URL

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.rabbitmq import PORTS, Broker, node_url
from doctor_daemon.inspectors.wire import cleaned

PREFETCH = 64
"""Messages that are on their way to us at a time."""
QUEUE_MAX, QUEUE_BYTES_MAX, QUEUE_AGE_MS = 10_000, 64 * 1024 * 1024, 60_000
HEARTBEAT_S = 10
LOOK_S = 10.0
"""How often the queue is looked at, and bound anew."""


class Subscription:
    """Takes what a topic of the broker says. `take` gets each body; `seen` hears of each look."""

    def __init__(
        self,
        broker: Broker,
        take: Callable[[bytes], None],
        seen: Callable[[], None],
        look_s: float = LOOK_S,
    ) -> None:
        """Connect to nothing yet. Raise ConfigError when the CA file cannot be used."""
        # What the client logs of its troubles is said by our errors, and of its frames by nobody.
        for name in ("aio_pika", "aiormq"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._broker = broker
        self._tls = broker.context()
        self._take = take
        self._seen = seen
        self._look_s = look_s
        self._turn = 0
        self._lost = asyncio.Event()
        self._bug: Exception | None = None

    async def listen(self) -> None:
        """Listen to the next node until it is lost. Raise Temporary; what `take` raises, too."""
        address = self._broker.addresses[self._turn % len(self._broker.addresses)]
        self._turn += 1
        try:
            await self._listen(node_url(address))
        except TimeoutError:
            msg = f"{address} does not answer within {self._broker.timeout_s:g} s"
            raise Temporary(msg) from None
        except (AMQPError, OSError, RuntimeError) as error:
            why = cleaned(str(error)) or type(error).__name__
            msg = f"{address}: {why}"
            raise Temporary(msg) from None
        if self._bug is not None:
            raise self._bug
        msg = f"{address} has closed the connection, or its queue is gone"
        raise Temporary(msg)

    async def _listen(self, node: URL) -> None:
        limit_s = self._broker.timeout_s
        self._lost, self._bug = asyncio.Event(), None
        async with asyncio.timeout(limit_s):
            connection = await self._connected(node)
        try:
            connection.close_callbacks.add(self._gone)
            async with asyncio.timeout(limit_s):
                channel = await connection.channel()
                channel.close_callbacks.add(self._gone)
                await channel.set_qos(prefetch_count=PREFETCH)
                queue = await self._queue(channel)
                await self._bind(queue)
                await queue.consume(self._heard)
            while not self._lost.is_set():
                self._seen()
                await self._look(queue)
        finally:
            # It must not take the place of what has ended the listening: of a cancellation, say.
            with suppress(TimeoutError, AMQPError, OSError, RuntimeError):
                async with asyncio.timeout(limit_s):
                    await connection.close()

    async def _connected(self, node: URL) -> AbstractConnection:
        broker = self._broker
        return await connect(
            host=node.host or "",
            port=node.explicit_port or PORTS[broker.tls],
            login=broker.username,
            password=broker.password_file.read(),
            virtualhost=broker.vhost,
            ssl=broker.tls,
            ssl_context=self._tls,
            timeout=broker.timeout_s,
            heartbeat=HEARTBEAT_S,
            name="doctor-daemon",
        )

    async def _queue(self, channel: AbstractChannel) -> AbstractQueue:
        return await channel.declare_queue(
            f"doctor-daemon.{socket.gethostname()}.{secrets.token_hex(4)}",
            exclusive=True,
            auto_delete=True,
            arguments={
                "x-max-length": QUEUE_MAX,
                "x-max-length-bytes": QUEUE_BYTES_MAX,
                "x-message-ttl": QUEUE_AGE_MS,
                "x-overflow": "drop-head",
            },
        )

    async def _bind(self, queue: AbstractQueue) -> None:
        await queue.bind(self._broker.exchange, f"{self._broker.topic}.*")

    async def _look(self, queue: AbstractQueue) -> None:
        """Wait a while; then see that the queue is there, read by us, and bound."""
        try:
            async with asyncio.timeout(self._look_s):
                await self._lost.wait()
            return
        except TimeoutError:
            pass
        async with asyncio.timeout(self._broker.timeout_s):
            shown = await queue.channel.declare_queue(queue.name, passive=True)
            await self._bind(queue)
        if not shown.declaration_result.consumer_count:
            self._lost.set()

    def _gone(self, *_: object) -> None:
        self._lost.set()

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        """Hand on a message, and only then let the broker send another one."""
        try:
            self._take(message.body)
        except Exception as error:  # noqa: BLE001 - the client would swallow it: `listen` raises it
            self._bug = error
            self._lost.set()
            return
        try:
            await message.ack()
        except (AMQPError, OSError, RuntimeError):
            self._lost.set()
