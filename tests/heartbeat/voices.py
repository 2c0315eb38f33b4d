"""Hosts that beat, in the test's own process."""

from __future__ import annotations

import socket
import time
from threading import Event, Thread
from typing import Self

from doctor_daemon.heartbeat.keys import Key
from tests.heartbeat.beats import OF_ALL, beat, datagram

NAMES = ("cmp-1", "cmp-2", "cmp-3")


class Voices:
    """Hosts that beat every 100 ms, from a thread, until they are silenced."""

    def __init__(self, port: int, names: tuple[str, ...] = NAMES, of_all: Key = OF_ALL) -> None:
        self.silenced: set[str] = set()
        self._port, self._names, self._of_all = port, names, of_all
        self._stop = Event()
        self._thread = Thread(target=self._speak)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _speak(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by:
            while not self._stop.wait(0.1):
                now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
                for name in self._names:
                    if name not in self.silenced:
                        said = beat(int(now_s * 100), sent_s=now_s, wall_s=time.time())
                        by.sendto(datagram(said, name, self._of_all), ("127.0.0.1", self._port))
