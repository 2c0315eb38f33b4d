"""What systemd is told, and when its watchdog is fed: by progress alone.

A watchdog that is fed by a timer proves that the timer runs. Here a ping says more: the event loop
turns, the engine has ticked lately, none of its own loops has ended unseen, and the store gives
answers. Whether these answers, Nova's or a device's are good ones is no question of the watchdog's:
a full disk does not get emptier by a restart. docs/adr/0012-the-watchdog-is-fed-by-progress.md.

sd_notify(3), sd_watchdog_enabled(3). Without systemd the store alone is asked: a daemon that
must not save any more ends there too.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Self

import structlog

from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change

BEAT_S = 1.0
"""How often systemd is told how things stand, and fed; more often where the watchdog is tight."""
ANSWER_S = 5.0
"""How long one question to the store may take: less than the store's own limit, whose end is told
like any other trouble."""
UNANSWERED_MAX = 15
"""Questions to the store without an answer, one after the other, until it counts as hung: with the
shipped WatchdogSec that is five minutes."""
UNWATCHED_S = 60.0
"""Where there is no watchdog: the store is asked as often as one of that length would have it."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Socket:
    """Where systemd listens, a path or `@` and an abstract name; empty: nowhere."""

    address: str = ""

    def send(self, text: str) -> bool:
        """Send one message, without waiting; tell whether it was taken. unix(7)."""
        if not self.address:
            return True
        name = self.address
        if name.startswith("@"):
            name = f"\0{name[1:]}"
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
            made.settimeout(0)
            try:
                made.sendto(text.encode(), name)
            except OSError:  # full, or gone: what matters is sent again
                return False
        return True


class Pulse:
    """Judges whether the engine makes progress, by what is seen of it at each beat."""

    def __init__(self, patience_s: float) -> None:
        """Have the engine tick at least once in so many seconds."""
        self.unanswered = 0
        """Questions to the store since its last answer."""
        self.patience_s = patience_s
        self._ticked: object = None
        self._ticked_at_s: float | None = None

    def stuck(self, ticked: object, ended: tuple[str, ...], now_s: float) -> str:
        """Say what is stuck; empty: nothing is. `ticked` is another value after each tick.

        The time is that of CLOCK_MONOTONIC, as the watchdog's: while the machine sleeps neither
        goes on.
        """
        if self._ticked_at_s is None or ticked != self._ticked:
            self._ticked, self._ticked_at_s = ticked, now_s
        if now_s - self._ticked_at_s > self.patience_s:
            return f"the engine has not ticked for {now_s - self._ticked_at_s:.0f} s"
        if ended:
            return f"a loop of the engine has ended: {', '.join(ended)}"
        if self.unanswered >= UNANSWERED_MAX:
            return f"the store has not answered {self.unanswered} times in a row"
        return ""


class Supervisor:
    """Tells systemd how the daemon stands. `attend` runs from before the engine's start."""

    def __init__(self, engine: Engine, listener: Socket, watchdog_s: float | None = None) -> None:
        """Tell a listener of an engine; feed a watchdog that waits so long, if there is one."""
        self._engine = engine
        self._listener = listener
        self.watchdog_s = watchdog_s
        """How long the watchdog waits for a ping; None: there is none."""
        self._unsent: dict[str, str] = {}
        self._status = ""
        self._pulse = Pulse(watchdog_s or UNWATCHED_S)
        engine.beside.append(self._question)
        self._doing = "starting"
        self._stuck = ""

    @classmethod
    def found(cls, environ: Mapping[str, str], engine: Engine) -> Self:
        """Take the listener that systemd names in the environment, if it does."""
        limit_us, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        ours = limit_us.isdecimal() and int(limit_us) > 0 and pid in ("", str(os.getpid()))
        listener = Socket(environ.get("NOTIFY_SOCKET", ""))
        return cls(engine, listener, int(limit_us) / 1e6 if ours else None)

    # what the composition root says

    def ready(self) -> None:
        """Say that what was open has been taken up, and that evidence is let in."""
        self._doing = ""
        self._tell({"READY": "1"})

    def stopping(self) -> None:
        """Say that the daemon ends: what is under way may still take its time."""
        self._doing = "stopping: what changes the world runs to its end"
        self._tell({"STOPPING": "1"})

    # what is seen of the engine

    async def attend(self) -> None:
        """Tell systemd what the engine does, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if not self._listener.address:
                await asyncio.Event().wait()
            elif self.watchdog_s is None:
                tasks.create_task(self._beat(BEAT_S))
            else:
                tasks.create_task(self._beat(min(BEAT_S, self.watchdog_s / 4), self._pulse))

    async def _beat(self, every_s: float, pulse: Pulse | None = None) -> None:
        now_s = asyncio.get_running_loop().time
        while True:
            status = self._doing or self._engine.desk.aside or "; ".join(standing(self._engine))
            fields = {} if status == self._status else {"STATUS": status}
            self._status = status
            begun = self._engine.ready.is_set() or bool(self._engine.desk.aside)
            if pulse is not None and begun and self._fit(pulse, now_s()):
                fields["WATCHDOG"] = "1"
            self._tell(fields)
            await asyncio.sleep(every_s)

    def _fit(self, pulse: Pulse, now_s: float) -> bool:
        """Tell whether the watchdog may be fed; say in the log why not."""
        engine = self._engine
        if engine.desk.closed:
            return True  # its loops end one after the other, and systemd has a limit for that
        stuck = pulse.stuck(engine.ticked, engine.ended, now_s)
        if stuck and not self._stuck:
            log.critical("no progress: the watchdog is not fed any more", why=stuck)
        if self._stuck and not stuck:
            log.warning("progress again: the watchdog is fed")
        self._stuck = stuck
        return not stuck

    async def _question(self) -> None:
        """Ask the store now and then to save nothing: that must come to some end.

        A failure is counted: in a quiet cloud nobody else meets it. It is a loop of the engine's
        own. Raise Conflict where somebody newer leads, Permanent where the store must not be used
        any more: either ends a daemon that has nothing else to save.
        """
        await self._engine.ready.wait()
        ward, pulse, said = self._engine.ward, self._pulse, False
        while True:
            await asyncio.sleep(pulse.patience_s / 2)
            try:
                async with asyncio.timeout(min(pulse.patience_s / 6, ANSWER_S)):
                    await ward.tools.store.commit(Change(), term=ward.term)
            except TimeoutError:
                pulse.unanswered += 1
                continue
            except Temporary as error:
                ward.tools.metrics.store_faults.inc()
                if not said:  # once, until it can again
                    log.warning("the store cannot even save nothing", error=str(error))
                said = True
            else:
                said = False
            pulse.unanswered = 0

    def _tell(self, fields: Mapping[str, str]) -> None:
        """Send assignments, with those that were not taken before. A ping is never sent late."""
        self._unsent |= fields
        text = "\n".join(f"{key}={value}" for key, value in self._unsent.items())
        if text and self._listener.send(text):
            self._unsent.clear()
        self._unsent.pop("WATCHDOG", None)


def standing(engine: Engine) -> Iterator[str]:
    """Say how the daemon stands, for `systemctl status`."""
    ward = engine.ward
    phases = [case.incident.phase for case in engine.desk.cases.values()]
    yield f"mode {ward.rules.mode.name.lower()}, {'ARMED' if ward.armed.on else 'disarmed'}"
    yield f"{len(phases)} open incidents, {phases.count(Phase.HELD)} held"
