"""The composition root: makes every part from the configuration, and runs them together.

The order matters on both ways. Up: the lock, then the engine with everything that was open, and
only then the doors. Down: the doors first, then the engine (no effect is cut in half), and last
what the effects needed. One that stands by opens its doors too, and sends whoever knocks to the one
that leads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import (
    AsyncIterator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog

from doctor_daemon import log
from doctor_daemon.api.cinder import CinderApi
from doctor_daemon.api.fleet import FleetApi
from doctor_daemon.api.health import health_app
from doctor_daemon.api.operators import OperatorsApi
from doctor_daemon.api.probes import ProbesApi
from doctor_daemon.api.serving import on_address, on_socket, served
from doctor_daemon.api.sources import Sources, inspector_of
from doctor_daemon.api.unix import bound, find_group
from doctor_daemon.config import (
    DeviceChoice,
    Settings,
    load,
)
from doctor_daemon.engine.configured import rules_of
from doctor_daemon.engine.engine import Engine, hosts_known
from doctor_daemon.engine.interpreter import settle_interpreter
from doctor_daemon.engine.keeping import Work, kept
from doctor_daemon.engine.making import instruments, power_devices
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.outlook import open_incident
from doctor_daemon.engine.own_probes import Answers, OwnProbes
from doctor_daemon.engine.reload import Reloader
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.engine.ward import Instruments
from doctor_daemon.errors import ConfigError, DoctorError
from doctor_daemon.locks.local import locked
from doctor_daemon.plugins import Faults
from doctor_daemon.ports import Inspector, PowerDevice
from doctor_daemon.supervisor import Supervisor

MAP_S = 10.0
"""How long the door for evidence stays shut for want of a host map."""
FAILED, UNUSABLE, BUG, STEPPED_DOWN = 1, 2, 70, 75
"""Exit statuses: trouble outside, a configuration that cannot be used, a bug (sysexits.h), and the
wish to be begun anew, as one that stands by."""
logger: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Daemon:
    """One daemon from one configuration."""

    def __init__(self, settings: Settings, tools: Instruments | None = None) -> None:
        """Make the parts, or take the instruments that are given. Raise ConfigError."""
        faults = Faults()
        inspectors: list[Inspector] = [
            faults.made(f"sources: {one.name}", inspector_of, one) for one in settings.sources
        ]
        self.tools: Instruments = tools or faults.made("", instruments, settings)
        faults.raise_any()
        self.settings = settings
        self.engine = Engine(rules_of(settings), self.tools)
        self._supervisor = Supervisor.found(os.environ, self.engine)
        self._sources = Sources(self.engine, settings, inspectors)
        self._reloader = Reloader(self.engine, settings, self._devices, self._sources)
        self._open = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, or until another daemon is to lead."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reloader.asked.set)
        for warning in self.settings.warnings:
            logger.warning(warning)
        async with AsyncExitStack() as stack:
            path = getattr(self.settings.store.config, "path", None)
            await stack.enter_async_context(locked(path))
            stack.push_async_callback(self._close)
            app, address = health_app(self.engine, self._open), self.settings.metrics_listen
            listen = on_address("metrics_listen", address.host, address.port)
            await stack.enter_async_context(served(app, listen))
            await stack.enter_async_context(self._kept("the cloud", self.tools.controller.run))
            for what, beside in self.tools.beside.items():
                await stack.enter_async_context(self._kept(what, beside.run))
            await stack.enter_async_context(self._kept("systemd", self._supervisor.attend))
            if self.tools.lifelines is not None:  # its cases ask at once whom we have cut
                await self.tools.lifelines.restore(partial(open_incident, self.engine))
            engine = asyncio.create_task(self.engine.run())
            try:
                await self._serve(engine)
            finally:
                self.engine.stop()
                await engine

    async def _serve(self, engine: asyncio.Task[None]) -> None:
        """Open the doors once the engine is ready, and close them when it is to stop.

        Where several daemons share a store they are open while this one stands by.
        """
        alone = self.engine.ward.leadership is None
        if alone and not await self._until(engine, self.engine.ready):
            return
        self._tell_standing()
        async with AsyncExitStack() as doors:
            orders = await doors.enter_async_context(self._operators())
            if self.tools.lifelines is not None:  # early: hosts live by it; but incidents are known
                work = self.tools.lifelines.run
                await doors.enter_async_context(self._kept("watchdogs", work))
            mapped = await self._until(engine, self.engine.poller.ready, MAP_S)
            if self._stop.is_set() or engine.done():
                return
            if not mapped:
                logger.warning("no list of servers yet: early notices name none until there is one")
            await doors.enter_async_context(self._sources.open())
            await doors.enter_async_context(self._kept("reload", self._reloader.run))
            settle_interpreter()
            self._supervisor.ready()
            if not await self._until(engine, self.engine.ready):
                return
            if not orders.known:
                orders.resume()
            self._tell_standing()
            self._open.set()
            logger.info("doors open", metrics=str(self.settings.metrics_listen))
            await self._until(engine, self.engine.stepping_down)
            logger.info("stopping")
            self._supervisor.stopping()
            self.engine.desk.closed = True

    def _tell_standing(self) -> None:
        armed = self.engine.ward.armed.on
        log.standing(mode=self.settings.mode.name.lower(), armed=armed)

    async def _until(
        self, engine: asyncio.Task[None], event: asyncio.Event, limit_s: float | None = None
    ) -> bool:
        """Wait for an event, the engine's end or the wish to stop; tell whether it may go on."""
        waits = [asyncio.ensure_future(one.wait()) for one in (event, self._stop)]
        try:
            some = asyncio.FIRST_COMPLETED
            await asyncio.wait((engine, *waits), timeout=limit_s, return_when=some)
        finally:
            for wait in waits:
                wait.cancel()
        return event.is_set() and not engine.done() and not self._stop.is_set()

    def _devices(self, choices: Sequence[DeviceChoice]) -> Mapping[str, PowerDevice]:
        """Make the power devices that a reload has brought. Raise ConfigError."""
        faults, own = Faults(), self.tools.own
        answers = own.answers if isinstance(own, OwnProbes) else Answers()
        tools = self.tools
        fed, clock = tools.lifelines, tools.clock
        made = power_devices(choices, tools.metrics, answers, faults, fed, clock=clock)
        faults.raise_any()
        return made

    @contextlib.asynccontextmanager
    async def _operators(self) -> AsyncIterator[VolumeOrders]:
        """Serve the operators' socket."""
        options, desk = self.settings.operators, self.engine.desk
        group = find_group(options.group)
        names = [host.name for host in hosts_known(self.engine)]
        orders = VolumeOrders(self.engine, self.tools.storage)
        if self.engine.ready.is_set():
            orders.resume()
        operators = Operators(self.engine)
        fleet = FleetApi(self.engine.masskeeper, operators)
        probes = ProbesApi(self.engine)
        more = (*CinderApi(orders).routes(), *fleet.routes(), *probes.routes())
        api = OperatorsApi(operators, desk.host, group, names, more)
        try:
            with bound(options.socket, group) as made:
                async with served(api.app(), on_socket(made)):
                    yield orders
        finally:
            await orders.close()

    def _kept(self, what: str, work: Work) -> contextlib.AbstractAsyncContextManager[None]:
        """Keep something running beside."""
        return kept(what, work, self.tools.metrics)

    async def _close(self) -> None:
        """Let go of every connection and of the store."""
        tools = self.tools
        ends = [one.close for one in tools.devices.values()]
        ends += [one.close for one in tools.notifiers.values()]
        ends += [self._reloader.close, tools.controller.close]
        ends += [one.close for one in tools.beside.values()]
        for end in ends:
            try:
                await end()
            except Exception:  # the store is closed all the same: another waits to lead
                logger.exception("internal error", what=getattr(end, "__qualname__", repr(end)))
        await tools.store.close()


def run(path: Path) -> int:
    """Run the daemon from a configuration file; return the exit status."""
    log.setup("text", "info")  # until the configuration says otherwise: nothing goes unredacted
    try:
        settings = load(path)
        log.setup(settings.log.format, settings.log.level)
        log.standing(mode=settings.mode.name.lower(), armed=False)
        daemon = Daemon(settings)
        asyncio.run(daemon.run())
        return STEPPED_DOWN if daemon.engine.stepping_down.is_set() else 0
    except Exception as error:  # noqa: BLE001 - the last place where it can be told in our words
        return ended(error)
    finally:
        log.close()


def ended(error: Exception) -> int:
    """Say what has ended this program, and never more than may be said; return the status."""
    found = list(_leaves(error))
    if not all(isinstance(one, DoctorError) for one in found):
        logger.critical("internal error: this is the end", exc_info=error)
        return BUG
    for line in (line for one in found for line in str(one).splitlines()):
        sys.stderr.write(f"doctor-daemon: {log.printable(line)}\n")
    return UNUSABLE if any(isinstance(one, ConfigError) for one in found) else FAILED


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield what a group of errors really holds."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for one in error.exceptions:
        yield from _leaves(one)
