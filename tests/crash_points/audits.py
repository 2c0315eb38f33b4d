"""The audit of a telling: one chain, an intent before each effect, and a result of each intent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from doctor_daemon.core.audit import Broken, Check, Part
from tests.crash_points.skins import Crossing
from tests.engine.rig import SlowDisk

PAGE = 1000


async def judged(disk: SlowDisk, sent: Mapping[str, int]) -> list[str]:
    """Return what is wrong with the audit, beside the effects of incidents that were sent."""
    found, intents, check = list[str](), Counter[str](), Check((await disk.audit(0, 0)).anchor)
    page = await disk.audit(0, PAGE)
    try:
        for row in page.rows:
            check.take(row)
            record = json.loads(row.body)
            if record["part"] == Part.INTENT:
                intents[record["what"]] += 1
        check.end(page.last)
    except Broken as error:
        return [f"I-17: {error}"]
    if check.open:
        found.append(f"I-17: no results of {', '.join(check.open)}")
    for what, times in sent.items():
        if intents[what] < times:
            found.append(f"I-17: {what} was sent {times} times, and {intents[what]} are in it")
    return found


async def intended(disk: SlowDisk, crossing: Crossing) -> bool:
    """Tell whether a call that is sent beside the incidents has its intent saved, and open."""
    page = await disk.audit(0, PAGE)
    records = [json.loads(row.body) for row in page.rows]
    over = {one["id"] for one in records if one["part"] == Part.RESULT}
    what, target = _named(crossing)
    return any(
        one["what"].startswith(what) and target in f"{one['target']} "
        for one in records
        if one["part"] == Part.INTENT and one["id"] not in over
    )


def beside(crossing: Crossing) -> bool:
    """Tell whether a call changes the world for a task or an order, and not for an incident."""
    effect = crossing.name in ("Network.say", "Controller.enable", "Controller.disable")
    return effect or (crossing.port == "Storage" and crossing.changing)


def _named(crossing: Crossing) -> tuple[str, str]:
    """Return how the audit's words for a call begin, and what its target has in it."""
    match crossing.port:
        case "Network":
            return "", f"port {crossing.given[1]} "
        case "Controller":
            return crossing.call, f"service {crossing.given[1]} "
        case _:
            return "cinder ", ""
