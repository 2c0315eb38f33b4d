"""A VNFM that listens to Aodh's alarms, as OPNFV Doctor's own programs read them.

Written from what those programs do with a body, and not from the daemon's code: Doctor's consumer
takes any JSON; its sample inspector and application manager read the traits; Aodh itself looks up
the project and compares the traits with an alarm's rule. Sources: doctor_tests/consumer/sample.py,
doctor_tests/inspector/sample.py, aodh/notifier/rest.py, aodh/evaluator/event.py.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.openstack.listener import Asked, Listener, Reply

# What Aodh's REST notifier sends, no more and no less.
FIELDS = {
    "alarm_name",
    "alarm_id",
    "severity",
    "previous",
    "current",
    "reason",
    "reason_data",
}
_TYPES: Mapping[int, Callable[[str], object]] = {
    1: str,
    2: int,
    3: float,
    4: datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One POST; ``mono`` is its arrival in seconds of CLOCK_MONOTONIC."""

    mono: float
    path: str
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @property
    def event(self) -> dict[str, Any]:
        """The event that set the alarm off, as Aodh hands it on."""
        reason = self.body["reason_data"]
        assert reason["type"] == "event"
        return dict(reason["event"])

    @property
    def traits(self) -> dict[str, object]:
        """Trait by name, as Aodh's evaluator converts them: name, number of the type, value."""
        return {name: _TYPES[kind](value) for name, kind, value in self.event["traits"]}

    @property
    def server(self) -> str:
        return str(self.traits["instance_id"])

    def fires(self, project: str, server: str) -> bool:
        """Whether the event meets the rule that Doctor's tests set up in Aodh for a server."""
        event, traits = self.event, self.traits
        owner = traits.get("tenant_id", traits.get("project_id"))
        rule = {"instance_id": server, "state": "error"}
        met = all(traits.get(name) == wanted for name, wanted in rule.items())
        known = bool(event["message_id"]) and event["event_type"] == "compute.instance.update"
        return met and known and owner == project


class Vnfm:
    """Keeps the alarms in the order of their arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alarms: list[Alarm] = []
        self._listener = Listener(self._receive)

    @property
    def failure_url(self) -> str:
        return self._listener.url + "/failure"

    @property
    def ok_url(self) -> str:
        return self._listener.url + "/ok"

    def close(self) -> None:
        self._listener.close()

    def clear(self) -> None:
        with self._lock:
            self._alarms.clear()

    def alarms(self, path: str) -> list[Alarm]:
        with self._lock:
            return [alarm for alarm in self._alarms if alarm.path == path]

    def _receive(self, asked: Asked) -> Reply:
        alarm = Alarm(asked.mono, asked.path, asked.headers, asked.body.decode())
        with self._lock:
            self._alarms.append(alarm)
        return Reply(200, b"OK")
