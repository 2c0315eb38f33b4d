"""`doctor-daemon watchdog`: feeds the host's watchdog while the daemon acknowledges, and no longer.

It asks every few seconds, and each answer extends the lease by which it feeds (`lease`). Without a
lease it does nothing at all, and the hardware resets the host: there is no last act of software's
that could be trusted. Whoever kills or stops it does the same.

It opens the watchdog only when it has been acknowledged in this run. So one that is started over
and over does not feed it by opening it, and a host that has come back is not reset again while the
daemon keeps its acknowledgements to itself. Until the daemon has heard that it is armed, nobody
counts on it.

A watchdog that is not fit is not counted on, and then it is fed unasked: it may not be possible to
stop it. In its loop no file is read: a disk that hangs is no reason to reset a host.
"""

from __future__ import annotations

import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.alone import PLACE, PlaceError, alone
from doctor_daemon.heartbeat.dog import Dog, KernelNode, Node
from doctor_daemon.heartbeat.keys import Key, read_key
from doctor_daemon.heartbeat.lease import ASK_EVERY_S, LOST, Lease
from doctor_daemon.heartbeat.lifeline import (
    ARMED,
    DISARM,
    FED,
    HARDWARE_BYTES,
    RELEASED,
    Ask,
    answer_of,
    is_genuine,
    packed,
)
from doctor_daemon.heartbeat.settings import WatchdogSettings, load_settings, own_uuid
from doctor_daemon.heartbeat.systemd import tell_systemd
from doctor_daemon.heartbeat.takeover import taken_over
from doctor_daemon.heartbeat.wire import boot_number, first_sequence

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
AGAIN, UNUSABLE = 1, 2
"""Exit statuses. systemd begins again after the first, and not after the second."""
TICK_S = 0.5
OPEN_AGAIN_S = 10.0
FEEDS = 5
"""Feedings in a time-out."""
FAREWELL_S, FAREWELLS = 0.5, 10
"""How often, and how many times, leave is asked for before the watchdog is switched off."""
BUFFER_BYTES = 1024
ANSWERS_MAX = 64
"""Datagrams that are looked at before the watchdog is."""


class Feeder:
    """One host's watchdog agent."""

    def __init__(
        self, settings: WatchdogSettings, host: str, key: Key, uuid: str, opened: Callable[[], Dog]
    ) -> None:
        """Open a socket; the watchdog is `opened` later."""
        self._settings = settings
        self._name = host.encode()
        self._key = key
        self._mac = key.mac()
        self._uuid = UUID(uuid).bytes
        self._opened = opened
        self._boot = boot_number(BOOT_ID.read_text(encoding="ascii").strip())
        self._sequence = first_sequence(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        self._lease = Lease(settings.lease_s)
        self._challenge = 0
        self._dog: Dog | None = None
        self._armed = False
        self._stopping = False
        self._parting = 0
        self._released = False
        self._complaint = ""
        self._every_s = min(ASK_EVERY_S, settings.lease_s / (2 * LOST))
        self._ask_s = self._feed_s = self._open_s = -math.inf
        ipv6 = ":" in settings.daemon[0]
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def run(self) -> None:
        """Feed until told to stop."""
        woken, waker = socket.socketpair()
        with woken, waker, self._socket:
            os.set_blocking(waker.fileno(), False)
            signal.set_wakeup_fd(waker.fileno())
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)
            poll = select.poll()
            poll.register(woken, select.POLLIN)
            poll.register(self._socket, select.POLLIN)
            tell_systemd("READY=1")
            tick_s = min(TICK_S, self._every_s, self._settings.timeout_s / (2 * FEEDS))
            while not self._stopping:
                self._pass()
                poll.poll(tick_s * 1000)
            tell_systemd("STOPPING=1")
            self._part()
            signal.set_wakeup_fd(-1)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _pass(self) -> None:
        """Take what has come; then feed, and ask, when it is time."""
        for _ in range(ANSWERS_MAX):
            try:
                self._take(self._socket.recv(BUFFER_BYTES))
            except BlockingIOError:
                break
            except OSError:
                continue  # of what was sent before: nobody listens there
        if self._dog is None and self._lease.stands(_now_s()) and _now_s() >= self._open_s:
            self._open()
        self._feed()
        if _now_s() >= self._ask_s:
            self._ask()
            self._ask_s = _now_s() + self._every_s
            tell_systemd("WATCHDOG=1")

    def _take(self, datagram: bytes) -> None:
        """Take an answer, if it is one to what was asked."""
        found = answer_of(datagram)
        if found is None or found[1] != self._name or not is_genuine(datagram, self._mac):
            return
        said = found[0]
        if said.boot != self._boot:
            return
        if not self._lease.answered(said.sequence, fed=bool(said.flags & FED)):
            return
        self._released |= bool(said.flags & RELEASED)
        if said.challenge != self._challenge:
            self._challenge = said.challenge
            self._ask_s = -math.inf  # what was asked was not understood, and is asked at once

    def _open(self) -> None:
        """Have the watchdog run, and look whether it can be counted on."""
        self._open_s = _now_s() + OPEN_AGAIN_S
        try:
            self._dog = dog = self._opened()
        except OSError as error:
            self._complain(f"{self._settings.device}: cannot be armed: {error.strerror}")
            return
        self._armed = not dog.fault
        if dog.fault:
            self._complain(f"not armed: {dog.fault}; it is fed, and nobody counts on it")
        else:
            _say(f"armed: {dog.support.identity}, {dog.timeout_s} s")
        self._ask_s = -math.inf

    def _feed(self) -> None:
        """Feed the watchdog while that is allowed. Nothing stands between the look and the act."""
        dog = self._dog
        if dog is None or _now_s() < self._feed_s:
            return
        if self._armed and not self._lease.stands(_now_s()):
            self._complain("not acknowledged for too long: not fed any more, the host is reset")
            return
        try:
            dog.feed()
        except OSError as error:
            self._complain(f"{self._settings.device}: cannot be fed: {error.strerror}")
            return
        self._complaint = self._complaint if dog.fault else ""
        self._feed_s = _now_s() + dog.timeout_s / FEEDS

    def _ask(self) -> None:
        """Say how it stands. Once leave was asked for, nothing is said any more without that."""
        self._sequence += 1
        settings, dog = self._settings, self._dog
        said = Ask(
            self._key.number,
            (ARMED if self._armed else 0) | self._parting,
            self._boot,
            self._sequence,
            self._challenge,
            round(settings.lease_s * 1000),
            (dog.timeout_s if dog else settings.timeout_s) * 1000,
            self._uuid,
            dog.support.identity.encode()[:HARDWARE_BYTES] if dog else b"",
        )
        self._lease.asked(self._sequence, _now_s())
        try:
            self._socket.sendto(packed(said, self._name, self._mac), settings.daemon)
        except OSError as error:
            self._complain(f"{settings.daemon[0]}: cannot be asked: {error.strerror}")

    def _part(self) -> None:
        """Switch the watchdog off where that is wanted and the daemon has said yes; or leave it."""
        dog = self._dog
        if dog is None:
            return
        if self._armed and self._settings.disarm_on_stop:
            self._parting = DISARM
            for _ in range(FAREWELLS):
                self._ask()
                time.sleep(FAREWELL_S)
                self._pass()
                if self._released:
                    break
        if self._released or not self._armed:
            dog.stop()
            _say("disarmed")
            return
        dog.leave()
        _say(f"left armed: the host is reset in {dog.timeout_s} s unless it is fed again by then")

    def _complain(self, text: str) -> None:
        """Say what is wrong, once."""
        if text != self._complaint:
            _say(text)
        self._complaint = text


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _say(text: str) -> None:
    """Tell standard error, which is the journal."""
    sys.stderr.write(f"doctor-daemon watchdog: {text}\n")
    sys.stderr.flush()


def run(config: Path, place: Path = PLACE) -> int:
    """Run the agent, the only one in that place; return the exit status."""
    try:
        with alone(place):
            made(config, KernelNode).run()
    except ConfigError as error:
        _say(str(error))
        return UNUSABLE
    except PlaceError as error:
        _say(str(error))
        # The unit's tries again: when the other one ends, the host is reset a time-out later.
        return AGAIN if os.environ.get("NOTIFY_SOCKET") else UNUSABLE
    return 0


def made(config: Path, node: Callable[[Path], Node]) -> Feeder:
    """Make an agent by its file; `node` opens the device. Raise ConfigError."""
    settings = load_settings(config)
    wanted = settings.watchdog
    if wanted is None:
        msg = f"{config}: watchdog: missing; expected this table on a host that has one"
        raise ConfigError(msg)
    key, uuid = read_key(settings.key_file), own_uuid(wanted)
    return Feeder(wanted, settings.host, key, uuid, partial(_opened, wanted, node, taken_over()))


def _opened(settings: WatchdogSettings, node: Callable[[Path], Node], against: str) -> Dog:
    return Dog(node(settings.device), settings.timeout_s, against)
