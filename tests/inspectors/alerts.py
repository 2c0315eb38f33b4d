"""What a real Alertmanager 0.25 sent, and variations of it."""

from __future__ import annotations

import copy
import json

from doctor_daemon.core.evidence import Trust
from doctor_daemon.inspectors.alertmanager import Alertmanager
from tests.inspectors.rig import DATA, Json, terms

PATH = "/v1/alertmanager"
CAPTURED: list[Json] = json.loads((DATA / "alertmanager-webhook.json").read_text("utf-8"))
STARTS_S = 1795238083.267
"""startsAt of what was captured."""


def inspector(trust: Trust = Trust.ALONE, /, **options: object) -> Alertmanager:
    config = Alertmanager.Config.model_validate_json(json.dumps(options), strict=True)
    return Alertmanager(config, terms("am", trust))


def body(number: int = 0, /, **labels: str | None) -> Json:
    """Return what was captured (0 firing, 1 resolved), its labels changed; None takes one out."""
    found = copy.deepcopy(CAPTURED[number]["body"])
    of_first = found["alerts"][0]["labels"]
    for name, value in {"host": "cmp-1", **labels}.items():
        of_first.pop(name, None)
        if value is not None:
            of_first[name] = value
    assert isinstance(found, dict)
    return found


def several(*bodies: Json) -> Json:
    """Return one delivery with the alerts of several."""
    alerts = [alert for one in bodies for alert in one["alerts"]]
    return {**bodies[0], "alerts": alerts}
