"""A hypervisor that remembers: Nova's fake driver with guests that outlive nova-compute.

Nova loads drivers only from its own package, so the installer copies this file there as
``nova.virt.testbed``. Nova's fake driver keeps its guests in memory, and killing nova-compute would
stop them, which is just what a failing nova-compute does not do. Here they are in ``guests.json``
in the host's state path, and every start and stop is one line of ``guests.jsonl``, the record that
the checker replays.

A start is written down before it happens and a stop after, so that a guest may seem to run for
longer than it did, never for less.

How a host's spawns go is read from ``behaviour.json`` beside ``guests.json``, if it is there:
``{"spawn_s": SECONDS, "spawn_error": TEXT}``.
"""
# mypy: ignore-errors
# Nova is installed in the testbed's environment, not in the project's own.

import contextlib
import fcntl
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nova.conf
from nova import exception
from nova.compute import power_state
from nova.virt import fake

CONF = nova.conf.CONF
_LOCK = threading.RLock()
_STATES = {
    "RUNNING": power_state.RUNNING,
    "SHUTDOWN": power_state.SHUTDOWN,
    "SUSPENDED": power_state.SUSPENDED,
}
_NAMES = {number: name for name, number in _STATES.items()}


class _Guests(dict):
    """uuid -> fake.FakeInstance, written to a file at every change."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / "guests.json"
        self._record = folder.parent / "guests.jsonl"
        self._why = "unknown"
        stored = json.loads(self._path.read_text()) if self._path.exists() else {}
        for uuid, guest in stored.items():
            instance = fake.FakeInstance(guest["name"], _STATES[guest["state"]], uuid)
            super().__setitem__(uuid, instance)
        self._running = self._now_running()

    def __setitem__(self, uuid: str, guest: object) -> None:
        with _LOCK:
            super().__setitem__(uuid, guest)
            self._save()

    def __delitem__(self, uuid: str) -> None:
        with _LOCK:
            super().__delitem__(uuid)
            self._save()

    @contextlib.contextmanager
    def because(self, why: str) -> Iterator[None]:
        """Changes within are recorded with this reason, those of a guest's state included."""
        with _LOCK:
            outer, self._why = self._why, why
            try:
                yield
            finally:
                self._save()
                self._why = outer

    def change(self, uuid: str, state: int) -> None:
        if uuid in self:
            self[uuid].state = state

    def _now_running(self) -> set[str]:
        return {uuid for uuid, guest in self.items() if guest.state == power_state.RUNNING}

    def _save(self) -> None:
        running = self._now_running()
        for uuid in sorted(running - self._running):
            self._append(uuid, "start")
        guests = {
            uuid: {"name": guest.name, "state": _NAMES[guest.state]} for uuid, guest in self.items()
        }
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(guests, indent=1))
        scratch.replace(self._path)
        for uuid in sorted(self._running - running):
            self._append(uuid, "stop")
        self._running = running

    def _append(self, uuid: str, event: str) -> None:
        with self._record.open("a") as record:
            # Held while the clock is read, so that the lines of all hosts are in order of time.
            fcntl.flock(record, fcntl.LOCK_EX)
            row = {"mono": time.monotonic(), "host": CONF.host, "server": uuid, "event": event}
            record.write(json.dumps({**row, "why": self._why}) + "\n")


class HypervisorDriver(fake.FakeDriverWithoutFakeNodes):
    """The fake driver that keeps its node's identity, and so can be started a second time.

    A paused guest counts as running: it still holds its disks.
    """

    def init_host(self, host: str) -> None:
        super().init_host(host)
        self.instances = _Guests(Path(CONF.state_path))

    def spawn(self, *args: object, **kwargs: object) -> None:
        behaviour = self._behaviour()
        time.sleep(behaviour.get("spawn_s", 0))
        if "spawn_error" in behaviour:
            raise exception.NovaException(behaviour["spawn_error"])
        with self.instances.because("spawn"):
            super().spawn(*args, **kwargs)

    def destroy(self, *args: object, **kwargs: object) -> None:
        with self.instances.because("destroy"):
            super().destroy(*args, **kwargs)

    def power_on(self, *args: object, **kwargs: object) -> None:
        with self.instances.because("power on"):
            super().power_on(*args, **kwargs)

    def power_off(self, *args: object, **kwargs: object) -> None:
        with self.instances.because("power off"):
            super().power_off(*args, **kwargs)

    def suspend(self, context: object, instance: object) -> None:
        with self.instances.because("suspend"):
            self.instances.change(instance.uuid, power_state.SUSPENDED)

    def resume(self, context: object, instance: object, *args: object, **kwargs: object) -> None:
        with self.instances.because("resume"):
            self.instances.change(instance.uuid, power_state.RUNNING)

    def _behaviour(self) -> dict[str, object]:
        try:
            return json.loads((Path(CONF.state_path) / "behaviour.json").read_text())
        except FileNotFoundError:
            return {}
