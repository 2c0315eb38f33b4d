"""Liars drawn by seed: a BMC that lies in any way, before a chassis that may fail, but never lies.

Whatever is drawn, nobody is forced down who has power; and where the chassis is well, and the BMC
does not say On again and again, the host is proven off.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doctor_daemon.lab.faults import Do, Service
from tests.lying.stage import true_order
from tests.slice.script import Act, Scene, Script
from tests.slice.site import LIMIT_S, LOOK_S, Json, story

SEED = int(os.environ.get("LYING_SEED", "1"))
COUNT = int(os.environ.get("LYING_HOSTS", "10"))
TWO = [["bmc"], ["chassis"], "manual"]

Fault = Mapping[str, Any]
LIES: Mapping[str, tuple[Fault, ...]] = {
    "off at once but on": ({"do": Do.STUCK}, {"do": Do.LIE_OFF}),
    "flips": ({"do": Do.STUCK}, {"do": Do.FLIPS}),
    "off with an error": ({"do": Do.STUCK}, {"do": Do.OFF_ERROR, "after": 2}),
    "another chassis": ({"do": Do.STUCK}, {"do": Do.OTHER_CHASSIS, "after": 2}),
    "hangs": ({"do": Do.HANG, "method": "GET", "after": 2},),
    "dies with its host": ({"do": Do.DIES},),
    "409 when off": ({"do": Do.ALREADY_OFF},),
    "refuses and says off": ({"do": Do.REFUSE}, {"do": Do.LIE_OFF}),
    "off too early": ({"do": Do.EARLY_OFF, "seconds": 1.5},),
    "says no state": ({"do": Do.STUCK}, {"do": Do.NO_POWER, "after": 2}),
    "switching for ever": ({"do": Do.STUCK}, {"do": Do.POWERING_OFF}),
    "half an answer": ({"do": Do.GARBAGE, "method": "GET", "after": 2},),
    "its answer is lost": ({"do": Do.LOST_REPLY, "method": "POST"},),
}
FAILURES: Mapping[str, tuple[Fault, ...]] = {
    "well": (),
    "silent": ({"do": Do.HANG},),
    "stuck": ({"do": Do.STUCK},),
    "refusing": ({"do": Do.REFUSE},),
    "in error": ({"do": Do.STATUS},),
    "dying with its host": ({"do": Do.DIES},),
}


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn for one host."""

    lie: str
    failure: str

    async def play(self, act: Act) -> None:
        """Let the host fail before these two, and see that it ends rightly."""
        for service, faults in (
            (Service.BMC, LIES[self.lie]),
            (Service.CHASSIS, FAILURES[self.failure]),
        ):
            for fault in faults:
                more = {key: value for key, value in fault.items() if key != "do"}
                act.fault(service, fault["do"], times=None, **more)
        await act.fails()
        incident = await ended(act)
        order = true_order(act)
        said = f"{self}: {order}: {story(incident)}"
        if incident["phase"] == "down":
            assert not act.host.power, said
            assert order == ["power-off", "forced-down"], said
        else:
            assert "forced-down" not in order, said
            assert self.failure != "well" or self.lie == "flips", said


async def ended(act: Act) -> Json:
    """Wait until the host is down, or held."""
    found: Json | None = None
    for _ in range(int(LIMIT_S / LOOK_S)):
        found = await act.place.incident(act.name)
        if found is not None and found["phase"] in ("down", "held"):
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError(found)


def enter(script: Script) -> None:
    """Enter as many scenes as are wanted, each named after what was drawn for it."""
    drawing = random.Random(SEED)
    for number in range(COUNT):
        failure = "well" if number % 2 else drawing.choice([*FAILURES])
        draw = Draw(drawing.choice([*LIES]), failure)
        title = f"b1_seed_{SEED}_{number}: {draw.lie}, {draw.failure}"
        script.scenes[title] = Scene(draw.play, 1, {"levels": TWO})
