"""The faults of the way, as a table that every call of the program is held against.

A fault is a rule of the lab's script, put between at one request of a call: at its first, its
second ... as the call makes them when nothing is wrong. Nobody has to write down which those are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule, Service

SHORT_S = 0.4
"""How long a call may take that is met by a fault which takes its time."""
LONG_S = 10.0
PATIENCE = (1.0, 5.0, 25.0)
"""How many times as long, where it has come to something else: on a busy machine a request that
meets no fault may take its time, too, and so may a huge body. What is wrong with a call is so
however long it may take."""
AT_ONCE = 12
"""Labs that run at a time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `slow`: only a time-out ends it; `lost`: the request took effect all the same."""

    do: Do
    status: int = 503
    retry_after_s: int | None = None
    slow: bool = False
    lost: bool = False
    patience: float = 1.0

    @property
    def limit_s(self) -> float:
        """The time-out of a call that meets it."""
        return self.patience * (SHORT_S if self.slow else LONG_S)


FAULTS: Mapping[str, Fault] = {
    "time-out before effect": Fault(Do.TIMEOUT_BEFORE, slow=True),
    "time-out after effect": Fault(Do.TIMEOUT_AFTER, slow=True, lost=True),
    "reset": Fault(Do.LOST_REPLY, lost=True),
    "400": Fault(Do.STATUS, 400),
    "401": Fault(Do.STATUS, 401),
    "403": Fault(Do.STATUS, 403),
    "404": Fault(Do.STATUS, 404),
    "409": Fault(Do.STATUS, 409),
    "413": Fault(Do.STATUS, 413),
    "429 with Retry-After": Fault(Do.STATUS, 429, 1),
    "500": Fault(Do.STATUS, 500),
    "503": Fault(Do.STATUS, 503),
    "bad JSON": Fault(Do.GARBAGE),
    "huge body": Fault(Do.FLOOD),
    "slow drip": Fault(Do.DRIP, slow=True),
}
Row = Mapping[str, str]
"""What comes of each fault, in words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a call, and how many like it came before."""

    service: Service
    method: str
    path: str
    before: int

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" ({self.before + 1})" if self.before else "")

    def rule(self, fault: Fault, times: int | None) -> Rule:
        """Return the fault at this request."""
        return Rule(
            service=self.service,
            do=fault.do,
            method=self.method,
            path=self.path,
            status=fault.status,
            retry_after_s=fault.retry_after_s,
            times=times,
            after=self.before,
        )


def counter(service: Service) -> Rule:
    """Return a rule that harms nothing, to see with what is asked."""
    return Rule(service=service, do=Do.SLOW, seconds=0.0, times=None)


def asked(lab: Lab, service: Service) -> tuple[Asked, ...]:
    """Return what has met the counter, in order."""
    seen = [(one.method, one.path) for one in lab.faults.applied if one.rule.service is service]
    return tuple(
        Asked(service, method, path, seen[:number].count((method, path)))
        for number, (method, path) in enumerate(seen)
    )


def struck(lab: Lab, rule: Rule) -> int:
    """Count how often a rule was applied."""
    return sum(one.rule == rule for one in lab.faults.applied)


async def row_of(
    requests: Iterable[Asked],
    told: Callable[[Asked, Fault], Awaitable[str]],
    expected: Mapping[str, Row],
) -> Mapping[str, Row]:
    """Meet each request with each fault, many at a time; return what came of it, by request."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def cell(request: Asked, name: str) -> str:
        fault, text = FAULTS[name], ""
        for patience in PATIENCE:
            async with turns:
                text = await told(request, replace(fault, patience=patience))
            if text == expected[str(request)][name]:
                break
        return text

    cells = {(str(one), name): cell(one, name) for one in requests for name in FAULTS}
    found = dict(zip(cells, await asyncio.gather(*cells.values()), strict=True))
    rows: dict[str, dict[str, str]] = {}
    for (request, name), text in found.items():
        rows.setdefault(request, {})[name] = text
    return rows
