"""What the audit of a bench says."""

from __future__ import annotations

import json
from typing import Any

from doctor_daemon.core.audit import Check
from tests.engine.rig import Rig

PAGE = 1000


async def records(rig: Rig) -> list[dict[str, Any]]:
    """Return all that the audit says, once its chain has been followed."""
    page = await rig.disk.audit(0, PAGE)
    check = Check(page.anchor)
    for row in page.rows:
        check.take(row)
    check.end(page.last)
    return [json.loads(row.body) for row in page.rows]


def brief(found: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return of each record its kind, what of it the line is, and how that ended."""
    return [(one["what"], one["part"], one.get("outcome", "")) for one in found]


def begun(rig: Rig) -> int:
    """Count the effects that were begun, by the metric."""
    names = ("Cut", "ForceDown", "Evacuate", "SwitchOn", "Lift", "Enable", "DeleteService")
    return sum(
        int(sample.value)
        for metric in rig.metrics.effects.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels["effect"] in names
    )
