"""A source of Nova's notifications that listens to a real RabbitMQ, and what it was told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from doctor_daemon.core.hints import Hint, Taken
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.nova_notifications import NovaNotifications
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports.hints import Hints
from tests.inspectors.broker import DOCTOR, PASSWORD, RabbitMq, exchange, notify
from tests.inspectors.looking import Scene, configured, secret
from tests.inspectors.rig import DATA, Ledger, terms
from tests.inspectors.servers import until

REAL: list[dict[str, str]] = json.loads((DATA / "nova-notifications.json").read_text())


def bodies(event: str) -> list[bytes]:
    """What a real Nova has sent of an event."""
    sent = [json.dumps(one).encode() for one in REAL]
    return [body for body in sent if f'\\"event_type\\": \\"{event}\\"'.encode() in body]


class Told(Hints):
    """Keeps what it is told, as the engine's own does not."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.services: list[str] = []
        self.error: Exception | None = None

    def server(self, hint: Hint) -> Taken:
        if self.error is not None and not isinstance(self.error, Temporary):
            raise self.error
        self.hints.append(hint)
        return Taken.TAKEN

    async def service(self, host: str) -> bool:
        self.services.append(host)
        if self.error is not None:
            raise self.error
        return False


class Stage:
    """A source, and what it was told; its broker is real."""

    def __init__(self, rabbitmq: RabbitMq, folder: Path, **options: Any) -> None:  # noqa: ANN401 - options
        self.scene, self.told, self.metrics = Scene(), Told(), Metrics()
        given = {
            "addresses": [f"127.0.0.1:{rabbitmq.tls_port}"],
            "username": DOCTOR,
            "password_file": secret(folder / "password", PASSWORD),
            "ca_file": str(rabbitmq.ca_file),
            **options,
        }
        self.options = configured(NovaNotifications.Config, folder, **given)
        self.source = NovaNotifications(self.options, terms("novas"))
        self.source.place(self.scene.around(hints=self.told))
        self.source.measure(self.metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.source.run(Ledger()))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def listening(self, times: int = 1) -> None:
        async def looked() -> bool:
            return len(self.scene.looked) >= times

        await until(f"the queue is there {times} times", looked)

    async def heard(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.told.hints) >= count

        await until(f"{count} hints have come", enough)

    def counted(self, outcome: str) -> float:
        labels = {"source": "novas", "outcome": outcome}
        value = self.metrics.registry.get_sample_value("doctor_notifications_total", labels)
        return value or 0.0

    async def counts(self, outcome: str, count: float) -> None:
        async def enough() -> bool:
            return self.counted(outcome) >= count

        await until(f"{count} are {outcome}", enough)


async def told(rabbitmq: RabbitMq, *sent: bytes) -> None:
    """Have Nova send these, in this order."""
    async with rabbitmq.as_nova() as channel:
        there = await exchange(channel)
        for body in sent:
            await notify(there, body)


async def made(rabbitmq: RabbitMq) -> None:
    """Have Nova declare its exchange."""
    async with rabbitmq.as_nova() as channel:
        await exchange(channel)


class Relay:
    """Leads to the broker, until its cable is cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._ends: list[asyncio.StreamWriter] = []
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        for end in self._ends:
            end.close()
        self._ends.clear()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends += [writer, back]
        with suppress(OSError):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._carry(reader, back))
                tasks.create_task(self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()
