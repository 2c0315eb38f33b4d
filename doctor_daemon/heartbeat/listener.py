"""The listener: a process of its own, that takes in beats and tells the daemon of changes alone.

Thousands of datagrams a second must not keep the daemon from what it does, nor the other way round.
So it does nothing else, and one loop of it is all there is: take what has come, see who is late,
tell. The daemon starts it, and gives it its orders on standard input, a JSON object a line: the
first is the configuration (`Orders`), later ones ask for signs of life, or bring other keys. It
answers on standard output in the same form, and ends when its input ends, so it never outlives the
daemon.

What it could not tell yet, since the daemon does not read, is kept by host: the last counts.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from doctor_daemon.heartbeat.hearing import Hearing
from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.heartbeat.memory import keep, recall
from doctor_daemon.heartbeat.patience import Patience, deviations
from doctor_daemon.heartbeat.reception import Reception, opened
from doctor_daemon.heartbeat.roll import Roll
from doctor_daemon.heartbeat.watch import Watch, by_name

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TICK_S = 0.05
REST_S = 0.002
"""What has come is taken so often at most: a pass for each datagram would cost twice the time."""
STATS_EVERY_S = 1.0
KEEP_EVERY_S = 10.0
LINE_MAX = 1_048_576
OUT_MAX = 65_536
"""Bytes that wait to be read by the daemon; beyond, changes wait by host."""
CHANGES_MAX = 200
"""Changes in a line."""
IN, OUT = 0, 1
BROKEN = 1


@dataclass(frozen=True, slots=True)
class Orders:
    """What the daemon wants of this process."""

    listen: tuple[tuple[str, int], ...]
    keys: Mapping[int, Key]
    hbv2_keys: tuple[bytes, ...]
    hbv2_interval_s: float
    patience: Patience
    warm_up_s: float
    buffer_bytes: int
    memory: Path | None

    @classmethod
    def read(cls, text: bytes) -> Orders:
        """Read them as `inspectors.heartbeat` writes them."""
        found: dict[str, Any] = json.loads(text)
        patience = Patience(
            misses=found["misses"],
            deviations=deviations(found["phi"]),
            longest_s=found["longest_s"],
            leaving_s=found["leaving_s"],
        )
        return cls(
            listen=tuple((host, port) for host, port in found["listen"]),
            keys=_keys(found),
            hbv2_keys=_hbv2_keys(found),
            hbv2_interval_s=found["hbv2_interval_s"],
            patience=patience,
            warm_up_s=found["warm_up_s"],
            buffer_bytes=found["buffer_bytes"],
            memory=Path(found["memory"]) if found["memory"] else None,
        )


def _keys(found: Mapping[str, Any]) -> Mapping[int, Key]:
    return {
        one["number"]: Key(one["number"], Algorithm(one["algorithm"]), bytes.fromhex(one["secret"]))
        for one in found["keys"]
    }


def _hbv2_keys(found: Mapping[str, Any]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(one) for one in found["hbv2_keys"])


class Listener:
    """The one loop."""

    def __init__(self, orders: Orders) -> None:
        """Remember, and bind. Raise OSError."""
        self._orders = orders
        self._boot_id = BOOT_ID.read_text(encoding="ascii").strip()
        now_s = _now_s()
        self._roll = Roll()
        self._complaint = recall(orders.memory, self._roll, self._boot_id, now_s)
        self._watch = Watch(self._roll, orders.patience, now_s, orders.warm_up_s)
        self._hearing = Hearing(
            self._roll,
            orders.keys,
            self._watch.settle,
            hbv2_keys=orders.hbv2_keys,
            hbv2_interval_s=orders.hbv2_interval_s,
        )
        self._receptions: list[Reception] = opened(orders.listen, orders.buffer_bytes)
        self._drops = 0
        self._out = bytearray()
        self._in = bytearray()
        self._stats_s = self._keep_s = now_s
        self._poll = select.poll()
        for one in self._receptions:
            self._poll.register(one.socket, select.POLLIN)
        self._poll.register(IN, select.POLLIN)

    def run(self) -> None:
        """Listen until the input ends."""
        os.set_blocking(OUT, False)
        ports = [one.socket.getsockname()[1] for one in self._receptions]
        kept = min(one.buffer_bytes for one in self._receptions)
        self._say({"ready": ports, "buffer_bytes": kept, "remembered": len(self._roll)})
        asked_s = 0.0
        while True:
            ready = {fd for fd, _ in self._poll.poll(asked_s * 1000)}
            if IN in ready and not self._obey():
                break
            now_s = _now_s()
            if self._pass(now_s, asked_s):
                asked_s = 0.0
                continue
            time.sleep(REST_S)
            until_s = min(self._watch.next_s(), self._stats_s, now_s + TICK_S)
            asked_s = max(until_s - _now_s(), 0.0)
        keep(self._orders.memory, self._roll, self._boot_id, _now_s())

    def _pass(self, now_s: float, asked_s: float) -> bool:
        """Take what has come, accuse, tell; tell whether more may be waiting."""
        hearing, watch = self._hearing, self._watch
        hearing.tick(now_s, time.time())
        before, drops, more = hearing.beats, 0, False
        for one in self._receptions:
            more |= one.drain(hearing.buffer, hearing.take)
            drops += one.drops()
        self._drops += drops
        watch.passed(now_s, asked_s, drops, heard=hearing.beats - before)
        watch.expire(now_s)
        if now_s >= self._keep_s:
            self._keep_s = now_s + KEEP_EVERY_S
            self._complaint = (
                keep(self._orders.memory, self._roll, self._boot_id, now_s) or self._complaint
            )
        self._report(now_s)
        return more

    def _report(self, now_s: float) -> None:
        """Tell changes, and every second how it stands; no more than is being read."""
        changes = self._watch.changes
        while changes and len(self._out) < OUT_MAX:
            some = [changes.pop(key) for key in list(changes)[:CHANGES_MAX]]
            self._say({"changes": [astuple(one) for one in some]})
        if now_s >= self._stats_s:
            self._stats_s = now_s + STATS_EVERY_S
            if not self._out:
                self._say(self._stats())
        if self._out:
            self._flush()

    def _stats(self) -> dict[str, object]:
        watch, complaint = self._watch, self._complaint
        self._complaint = ""
        return {
            "beats": self._hearing.beats,
            "keys": self._hearing.numbers,
            "rejected": dict(self._hearing.rejected),
            "drops": self._drops,
            "hosts": len(self._roll),
            "suspects": watch.suspects,
            "silent": watch.silent,
            "strain": watch.strain,
            "troubles": dict(watch.troubles),
            "lag_s": watch.taken_lag_s(),
            "complaint": complaint,
        }

    def _say(self, what: Mapping[str, object]) -> None:
        self._out += json.dumps(what, separators=(",", ":")).encode() + b"\n"

    def _flush(self) -> None:
        try:
            del self._out[: os.write(OUT, self._out)]
        except BlockingIOError:
            return

    def _obey(self) -> bool:
        """Read what the daemon says; tell whether it is still there."""
        some = os.read(IN, OUT_MAX)
        self._in += some
        *lines, rest = self._in.split(b"\n")
        self._in = bytearray(rest)
        for line in lines:
            told = json.loads(line)
            self._want(told.get("want", ()))
            if "keys" in told:
                self._hearing.become(_keys(told), _hbv2_keys(told))
        return bool(some) and len(self._in) < LINE_MAX

    def _want(self, names: Iterable[tuple[str, str]]) -> None:
        self._watch.want(by_name(self._roll, names))


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def main() -> int:
    """Read the orders and listen; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the daemon ends us
    line = _first_line()
    if not line:
        return 0
    try:
        listener = Listener(Orders.read(line))
    except OSError as error:
        sys.stdout.write(json.dumps({"failed": error.strerror or str(error)}) + "\n")
        return BROKEN
    gc.collect()
    gc.freeze()
    gc.disable()  # nothing here is circular, and a pause would be taken for lost beats
    with contextlib.suppress(BrokenPipeError):  # the daemon is gone
        listener.run()
    return 0


def _first_line() -> bytes:
    """Read one line and not a byte more: what follows is read by the loop."""
    found = bytearray()
    while not found.endswith(b"\n") and len(found) < LINE_MAX:
        byte = os.read(IN, 1)
        if not byte:
            return b""
        found += byte
    return bytes(found)


if __name__ == "__main__":
    sys.exit(main())
