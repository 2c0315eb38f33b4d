"""The judge of the audit: whatever was sent to the world has its record, and there is one chain.

What is compared is what passes by on its way out, and what is durable at that moment.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from doctor_daemon.core.audit import Broken, Check, Part
from doctor_daemon.core.gates import Act
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.messages import Order
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.ward import Instruments
from tests.simulation.clocks import present_s
from tests.simulation.disk import Disk
from tests.simulation.oracle import Oracle

ACTS: Mapping[str, Act] = {
    "cut": Act.CUT,
    "switch_on": Act.SWITCH_ON,
    "force_down": Act.FORCE_DOWN,
    "evacuate": Act.EVACUATE,
    "lift": Act.LIFT,
    "enable": Act.ENABLE,
    "delete_service": Act.DELETE,
}
"""The calls that change the world."""
ORDERED = re.compile(f"({'|'.join(Order)}) by ann(?:: | not followed: )")
"""What a timeline says of an order, whatever became of it."""
PAGE = 1000
BEGUN = ContextVar[float | None]("when the call began", default=None)
"""When something was begun, in the world's time: its gates had just been asked."""


class Watched:
    """An instrument whose calls that change the world are looked at as they are sent."""

    def __init__(self, inner: Any, audits: Audits, host: str) -> None:  # noqa: ANN401 - any port
        self._inner, self._audits, self._host = inner, audits, host

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of a port
        method, act = getattr(self._inner, name), ACTS.get(name)
        return method if act is None else self._looked_at(act, method)

    def _looked_at(
        self, act: Act, method: Callable[..., Awaitable[tuple[Outcome, str]]]
    ) -> Callable[..., Awaitable[tuple[Outcome, str]]]:
        async def call(*given: Any, **named: Any) -> tuple[Outcome, str]:  # noqa: ANN401 - as the port has them
            whom = f"{self._inner.name}," if self._host else f"{given[0]},"
            BEGUN.set(present_s())
            id_ = await self._audits.sent(act, whom, self._host)
            outcome, text = await method(*given, **named)
            self._audits.answers[id_] = outcome.value
            return outcome, text

        return call


class Audits:
    """Reads the chain as it grows."""

    def __init__(self, disk: Disk, oracle: Oracle) -> None:
        self._disk, self._oracle = disk, oracle
        self._open: dict[str, dict[str, Any]] = {}
        self._results: dict[str, str] = {}
        self._orders = Counter[tuple[IncidentId, str]]()
        self._check: Check | None = None
        self.answers: dict[str, str] = {}
        """What came back, by the id of the record."""

    def watched(self, tools: Instruments) -> Instruments:
        """Return instruments of which every call that changes the world is looked at."""
        devices: dict[str, Any] = {
            key: Watched(one, self, key.rpartition("/")[0]) for key, one in tools.devices.items()
        }
        nova: Any = Watched(tools.controller, self, "")
        return replace(tools, controller=nova, devices=devices)

    async def sent(self, act: Act, whom: str, host: str) -> str:
        """Check that the intent of a call is saved before it leaves the daemon."""
        await self._read()
        found = [id_ for id_, one in self._open.items() if _is_of(one, act, whom, host)]
        self._oracle.check("I-17", bool(found), f"{act} of {host} {whom} sent without an intent")
        return found[-1] if found else ""

    async def _read(self) -> None:
        """Follow the chain as far as it goes."""
        while True:
            check = self._check
            page = await self._disk.audit(check.at.number if check else 0, PAGE)
            check = self._check = check or Check(page.anchor)
            for row in page.rows:
                check.take(row)
                record = json.loads(row.body)
                if record["part"] == Part.INTENT:
                    self._open[record["id"]] = record
                elif record["part"] == Part.RESULT:
                    self._oracle.check("I-17", record["id"] in self._open, "a result of nothing")
                    self._open.pop(record["id"], None)
                    self._results[record["id"]] = record["outcome"]
                elif "incident" in record:
                    self._orders[record["incident"], record["what"]] += 1
            if not page.rows:
                check.end(page.last)
                return

    async def judge(self) -> None:
        """Check the whole: one chain, results as they came, and no intent that nobody knows of."""
        try:
            await self._read()
        except Broken as error:
            self._oracle.wrong(f"I-17: {error}")
        open_ = {
            f"{incident.id}/{intent.number}"
            for incident in self._disk.saved.values()
            for intent in incident.journal.open
        }
        self._oracle.check("I-17", open_ == set(self._open), "the journals and the audit differ")
        for id_, outcome in self._results.items():
            said = self.answers.get(id_, outcome)
            known = outcome in (said, Outcome.UNKNOWN)
            self._oracle.check("I-17", known, f"{id_} ended {said}, and {outcome} is recorded")
        self._oracle.check("I-17", self._told() <= self._orders, "an order has no line")

    def _told(self) -> Counter[tuple[IncidentId, str]]:
        """Count the orders that timelines tell of."""
        return Counter(
            (incident.id, found[1])
            for incident in self._disk.saved.values()
            for entry in incident.timeline
            if (found := ORDERED.match(entry.text))
        )


def _is_of(record: Mapping[str, Any], act: Act, whom: str, host: str) -> bool:
    """Tell whether an intent is of a call to a device of a host, or about somebody in Nova."""
    if record["what"] != act or (host and record["host"] != host):
        return False
    first, second = f"{record['target']},".split(" ")[:2]
    return whom == (first if host else second)
