"""`doctor-daemon heartbeat`: says at every interval, to every listener, that this host lives.

It sends and hears nothing. A listener that cannot be reached is no trouble of the host's: what
cannot be sent is dropped, and told once. Beats that are late are left out, not sent in a burst, for
their regularity is what is measured. The key's file is looked at every second, so that it can be
changed under a running agent; a bad one leaves the last good one in force.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.keys import Key, read_key
from doctor_daemon.heartbeat.settings import Address, AgentSettings, load_settings
from doctor_daemon.heartbeat.systemd import tell_systemd
from doctor_daemon.heartbeat.wire import (
    LEAVING,
    MAGIC,
    Beat,
    Mac,
    boot_number,
    first_sequence,
    packed,
)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
KEY_EVERY_S = 1.0
FAREWELLS = 3
"""Datagrams get lost: that an agent leaves is said so often."""
UNUSABLE = 2
WATCHDOG_EVERY_S = 1.0
STOPS = frozenset((signal.SIGTERM, signal.SIGINT))


class Agent:
    """One host's agent."""

    def __init__(self, settings: AgentSettings) -> None:
        """Read the key and open the sockets. Raise ConfigError."""
        self._settings = settings
        self._name = settings.host.encode()
        self._boot = boot_number(BOOT_ID.read_text(encoding="ascii").strip())
        self._sequence = first_sequence(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        self._stamp = _stamp(settings.key_file)
        self._key: Key = read_key(settings.key_file)
        self._mac: Mac = self._key.mac()
        self._sockets = {
            family: socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            for family in {_family(one) for one in settings.listeners}
        }
        self._silenced: set[Address] = set()

    def run(self) -> None:
        """Beat until told to stop."""
        # Blocked and waited for: a pause between two beats may be long, and a stop must not be.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        tell_systemd("READY=1")
        next_s = key_s = fed_s = now_s = time.monotonic()
        while signal.sigtimedwait(STOPS, max(next_s - now_s, 0)) is None:
            self.beat()
            now_s = time.monotonic()
            if now_s >= key_s:
                self._look_at_key()
                key_s = now_s + KEY_EVERY_S
            if now_s >= fed_s:
                tell_systemd("WATCHDOG=1")
                fed_s = now_s + WATCHDOG_EVERY_S
            # What was missed is missed: the listener measures regularity.
            next_s = max(next_s + self._settings.interval_s, now_s)
        tell_systemd("STOPPING=1")
        for _ in range(FAREWELLS):
            self.beat(LEAVING)
            time.sleep(0.02)

    def beat(self, flags: int = 0) -> None:
        """Send one beat to every listener."""
        self._sequence += 1
        said = Beat(
            MAGIC,
            self._key.number,
            flags,
            round(self._settings.interval_s * 1000),
            self._boot,
            self._sequence,
            time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000,
            time.time_ns() // 1_000_000,
        )
        datagram = packed(said, self._name, self._mac)
        for listener in self._settings.listeners:
            self._send(datagram, listener)

    def _send(self, datagram: bytes, listener: Address) -> None:
        try:
            self._sockets[_family(listener)].sendto(datagram, listener)
        except OSError as error:
            if listener not in self._silenced:
                _say(f"{listener[0]}: cannot be sent to: {error.strerror}")
            self._silenced.add(listener)
        else:
            self._silenced.discard(listener)

    def _look_at_key(self) -> None:
        """Take another key where its file has changed."""
        stamp = _stamp(self._settings.key_file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._key = read_key(self._settings.key_file)
        except ConfigError as error:
            _say(f"{error}; the last good key stays in force")
            return
        self._mac = self._key.mac()
        _say(f"key {self._key.number} is in force")


def _family(listener: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in listener[0] else socket.AF_INET


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes with a file."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _say(text: str) -> None:
    """Tell standard error, which is the journal."""
    sys.stderr.write(f"doctor-daemon heartbeat: {text}\n")
    sys.stderr.flush()


def run(config: Path) -> int:
    """Run the agent; return the exit status."""
    try:
        agent = Agent(load_settings(config))
    except ConfigError as error:
        _say(str(error))
        return UNUSABLE
    agent.run()
    return 0
