"""A listener without sockets and processes, in a time of the test's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from doctor_daemon.heartbeat.hearing import Hearing
from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.patience import Patience
from doctor_daemon.heartbeat.roll import Roll
from doctor_daemon.heartbeat.watch import Change, Watch
from tests.heartbeat.beats import BOOT, OF_ALL, beat, datagram

START_S = 1000.0
WALL_S = 1_790_000_000.0
PASS_S = 0.01


@dataclass
class Fleet:
    """Hosts that beat every 100 ms, each a little later than the one before."""

    names: Sequence[str]
    interval_s: float = 0.1
    dead: set[str] = field(default_factory=set)
    due_s: dict[str, float] = field(default_factory=dict)
    every_s: dict[str, float] = field(default_factory=dict)
    """Host -> its interval."""

    def __post_init__(self) -> None:
        step_s = self.interval_s / len(self.names)
        self.due_s = {name: START_S + n * step_s for n, name in enumerate(self.names)}
        self.every_s = dict.fromkeys(self.names, self.interval_s)

    def join(self, other: Fleet) -> Fleet:
        """Have hosts of another interval beat, too."""
        self.due_s |= other.due_s
        self.every_s |= other.every_s
        return self


class Ear:
    """Roll, hearing and watch, as the listener puts them together."""

    def __init__(
        self,
        *,
        keys: Sequence[Key] = (OF_ALL,),
        roll: Roll | None = None,
        patience: Patience | None = None,
        hbv2_keys: Sequence[bytes] = (),
        warm_up_s: float = 0.0,
    ) -> None:
        self.now_s, self.step_s = START_S, 0.0
        """The time, and how far the wall clock was stepped."""
        self.roll = roll or Roll()
        self.watch = Watch(self.roll, patience or Patience(), START_S, warm_up_s)
        self.hearing = Hearing(
            self.roll, {key.number: key for key in keys}, self.watch.settle, hbv2_keys=hbv2_keys
        )
        self.told: list[tuple[float, Change]] = []
        self.tick()

    @property
    def wall_s(self) -> float:
        return WALL_S + self.now_s - START_S + self.step_s

    def tick(self, now_s: float | None = None) -> None:
        self.now_s = self.now_s if now_s is None else now_s
        self.hearing.tick(self.now_s, self.wall_s)

    def hear(self, sent: bytes) -> bool:
        """Take one datagram; tell whether it was believed."""
        before = self.hearing.beats
        self.hearing.buffer[: len(sent)] = sent
        self.hearing.take(len(sent))
        return self.hearing.beats > before

    def beat(self, sequence: int, name: str = "cmp-1", of_all: Key = OF_ALL, **more: float) -> bool:
        """Take one beat of now, or as said."""
        said: dict[str, float] = {"sent_s": self.now_s, "wall_s": self.wall_s, **more}
        made = beat(sequence, **said)  # type: ignore[arg-type]  # numbers all
        return self.hear(datagram(made, name, of_all))

    def passed(self, *, heard: int, asked_s: float = PASS_S, drops: int = 0) -> None:
        """End a pass of the loop."""
        self.watch.passed(self.now_s, asked_s, drops, heard=heard)
        self.watch.expire(self.now_s)
        self.told += [(self.now_s, one) for one in self.watch.changes.values()]
        self.watch.changes.clear()

    def run(self, fleet: Fleet, for_s: float, *, deaf: bool = False) -> None:
        """Let time go by in passes; with `deaf`, what the fleet sends does not arrive."""
        until_s = self.now_s + for_s
        while self.now_s < until_s:
            self.tick(self.now_s + PASS_S)
            before = self.hearing.beats
            for name, due_s in fleet.due_s.items():
                if due_s > self.now_s:
                    continue
                every_s = fleet.every_s[name]
                missed = int((self.now_s - due_s) / every_s)
                fleet.due_s[name] = due_s + (missed + 1) * every_s
                if name not in fleet.dead and not deaf:
                    sequence, every_ms = round(self.now_s * 100), round(every_s * 1000)
                    self.beat(sequence, name, sent_s=due_s, interval_ms=every_ms)
            self.passed(heard=self.hearing.beats - before)

    def pause(self, fleet: Fleet, for_s: float) -> None:
        """Stop this process: what is sent in that time is lost."""
        self.tick(self.now_s + for_s)
        for name, due_s in fleet.due_s.items():
            every_s = fleet.every_s[name]
            fleet.due_s[name] = due_s + round(for_s / every_s) * every_s
        self.passed(heard=0)

    def words(self, what: str) -> list[str]:
        """Return the hosts of whom that was told."""
        return [change.name for _, change in self.told if change.what == what]


def other_boot() -> int:
    return BOOT + 1
