"""Nova's notifications over RabbitMQ: they keep the host map fresh between two lists.

A source of this type says nothing of hosts, and no evidence comes of it. What it hears are hints
(`core.hints`): late, doubled or stale ones do no harm, and when the broker is gone everything is as
it was without them, for the daemon goes on reading its lists. Of services it believes nothing: that
somebody has written to one has Nova asked a little earlier how it stands, and only of hosts that
have an open incident.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import structlog
from aiohttp import web
from typing_extensions import override

from doctor_daemon.core.hints import Hint
from doctor_daemon.errors import ConfigError, DoctorError
from doctor_daemon.inspectors.nova_messages import read_message
from doctor_daemon.inspectors.rabbitmq import Broker
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.hints import Hints
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.surroundings import Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AGAIN_S, AGAIN_MAX_S = 1.0, 30.0
SERVICES_MAX = 1_000
"""Hosts whose service waits to be looked at."""
REST_S = 1.0
"""The pause between two looks that notifications have asked for."""


class NovaNotifications(Inspector):
    """Listens to Nova's notifications."""

    api: ClassVar[int] = 1
    served: ClassVar[bool] = False
    Config: ClassVar[type[Broker]] = Broker

    def __init__(self, config: Broker, terms: SourceTerms) -> None:
        """Connect to nothing yet. Raise ConfigError when the CA file cannot be used."""
        from doctor_daemon.inspectors.amqp import (  # noqa: PLC0415 - its client is an extra
            Subscription,
        )

        self.name = terms.name
        self._log = log.bind(source=terms.name)
        self._metrics = Metrics()
        self._around = Surroundings()
        self._subscription = Subscription(config, self._take, self._looked)
        self._services: dict[str, None] = {}
        """Hosts whose service somebody has written to, in the order in which that was heard."""
        self._written = asyncio.Event()
        self.trouble = ""
        """Why nothing is heard; empty: nothing keeps it from that."""

    def place(self, around: Surroundings) -> None:
        """Learn where hints go."""
        self._around = around

    def measure(self, metrics: Metrics) -> None:
        """Count there from now on."""
        self._metrics = metrics

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return none: nothing is told to it by HTTP."""
        return ()

    @override
    async def run(self, intake: Intake) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._look())

    async def _listen(self) -> None:
        """Listen again and again, after longer and longer pauses."""
        clock = asyncio.get_running_loop().time
        pause_s = AGAIN_S
        while True:
            began_s = clock()
            try:
                await self._subscription.listen()
            except (DoctorError, ConfigError) as error:
                if str(error) != self.trouble:
                    self._log.warning("notifications are not heard", reason=str(error))
                self.trouble = str(error)
            if clock() - began_s > AGAIN_MAX_S:
                pause_s = AGAIN_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_MAX_S)

    def _looked(self) -> None:
        """Note that the queue is there."""
        if self.trouble:
            self._log.info("notifications are heard again")
        self.trouble = ""
        self._around.looked(self.name)

    def _take(self, body: bytes) -> None:
        """Take one message, and count what became of it."""
        hints = self._around.hints
        outcome = "ignored" if hints is None else self._became(body, hints)
        self._metrics.notifications.labels(self.name, outcome).inc()

    def _became(self, body: bytes, hints: Hints) -> str:
        try:
            said = read_message(body)
        except Refusal as refusal:
            self._log.debug("a notification cannot be read", field=refusal.field)
            return "refused"
        if said is None:
            return "ignored"
        if isinstance(said, Hint):
            return hints.server(said).value
        if len(self._services) < SERVICES_MAX:
            self._services[said.host] = None
            self._written.set()
        return "service"

    async def _look(self) -> None:
        """Have one service after another looked at."""
        while True:
            await self._written.wait()
            hints = self._around.hints
            while self._services and hints is not None:
                host = next(iter(self._services))
                del self._services[host]
                try:
                    asked = await hints.service(host)
                except DoctorError as error:
                    self._log.info("a service is not looked at", host=host, reason=str(error))
                    asked = True
                if asked:
                    await asyncio.sleep(REST_S)
            self._written.clear()
