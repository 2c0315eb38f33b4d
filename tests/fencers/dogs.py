"""The watchdog device, a host that says what it likes, and a disk that fails when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.lifelines import SETTLED_S, Lifelines
from doctor_daemon.engine.withheld import UnsureError, write
from doctor_daemon.fencers.watchdog import Watchdog
from doctor_daemon.heartbeat.lifeline import ARMED, FED, Ask, answer_of, packed
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Permit
from tests.fakes.clock import HandClock
from tests.heartbeat.beats import OF_ALL
from tests.heartbeat.lifelines import HOST, UUID, Incidents, lifelines, listening

CONFIG = Watchdog.Config(boots_guests="never")
OFF_S = CONFIG.off_after_s
MAC = OF_ALL.of(HOST.encode()).mac()


class Disk:
    """What the file is written by. `fails`: how each write does, and the last one all that follow.

    One that fails with UnsureError has been written nonetheless.
    """

    def __init__(self) -> None:
        self.fails: list[OSError] = []
        self.tried = self.written = 0

    def put(self, file: Path, text: str) -> None:
        self.tried += 1
        error = self.fails.pop(0) if len(self.fails) > 1 else next(iter(self.fails), None)
        if error is None or isinstance(error, UnsureError):
            write(file, text)
        if error is not None:
            raise error
        self.written += 1


class Rig:
    """A daemon's device, and a host that says what it likes."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.incidents = Incidents({HOST: "incident-1"})
        self.folder, self.disk, self.metrics = folder, Disk(), Metrics()
        self.boot, self._sequence, self._challenge = 7, 0, 0
        self.made = self.daemon()
        self.device = self.of(self.made)

    def daemon(self, put: Callable[[Path, str], None] | None = None) -> Lifelines:
        put = put or self.disk.put
        return lifelines(self.folder, self.incidents, self.clock, put, self.metrics)

    def of(self, made: Lifelines) -> Watchdog:
        device = Watchdog(CONFIG, "watchdog", self.clock)
        device.lifeline = made.of(HOST)
        return device

    def permit(self, seconds: float = 1.0) -> Permit:
        return Permit(1, self.clock.now().plus(seconds))

    def asks(
        self, flags: int = ARMED, *, lease_s: int = 300, sender: str = "", crowded: bool = False
    ) -> int | None:
        """Ask as the agent does; return what was answered."""
        self._sequence += 1
        uuid = bytes.fromhex(UUID.replace("-", ""))
        said = Ask(
            *(1, flags, self.boot, self._sequence, self._challenge),
            *(lease_s * 1000, 60_000, uuid, b"iron dog"),
        )
        answer = self.made.take(packed(said, HOST.encode(), MAC), sender, crowded=crowded)
        found = answer_of(answer) if answer else None
        if found is None:
            return None
        self._challenge = found[0].challenge
        return found[0].flags

    def says_again(self, ahead: int) -> None:
        """Be another agent of this boot, which has come so much further with its questions."""
        self._sequence += ahead

    def rejected(self, reason: str) -> float | None:
        """Return how many datagrams were not believed for that."""
        name = "doctor_watchdog_rejected_total"
        return self.metrics.registry.get_sample_value(name, {"reason": reason})

    def boots(self) -> None:
        """Begin another boot of the host."""
        self.boot, self._challenge = self.boot + 1, 0

    def misses_the_answer(self) -> None:
        """Not have heard what was answered: the way back is broken."""
        self._challenge = 0

    def alive(self) -> None:
        """Be heard, armed."""
        while self.asks() != FED:
            continue

    def restarts(self, put: Callable[[Path, str], None] | None = None) -> None:
        """Have another daemon in the place of the one that was killed."""
        self.made = self.daemon(put)
        self.device = self.of(self.made)

    async def power(self) -> Power:
        return (await self.device.read()).power


@asynccontextmanager
async def heard(folder: Path) -> AsyncIterator[Rig]:
    """Have a host be heard, armed, by a daemon that has listened for long enough."""
    made = Rig(folder)
    async with listening(made.made):
        made.clock.move(SETTLED_S)
        made.alive()
        yield made


async def cut(rig: Rig) -> None:
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.ACCEPTED
