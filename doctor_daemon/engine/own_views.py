"""How the daemon's own side is shown: to operators, and to whoever asks for its health."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doctor_daemon.engine.ward import Ward

REMEMBERED_S = 3600.0
"""How long a step of the clock or a pause is shown."""


def own_side(ward: Ward) -> dict[str, Any]:
    """Show what is known of our own side."""
    now = ward.tools.clock.now()
    own = ward.standpoint.seen(now)
    checks = [own.checks.get(sign) for sign in own.wanted]
    return {
        "checks": [
            {
                "sign": sign.value,
                "good": check.good if check else None,
                "why": check.why if check else "not asked yet",
                "age_s": now.since(check.asked_at) if check else None,
            }
            for sign, check in zip(own.wanted, checks, strict=True)
        ],
        "hosts": {str(host): how for host, how in own.self_.items()},
        "control_plane": None if own.control is None else dict(own.control),
        "remarks": list(remarks(ward)),
    }


def remarks(ward: Ward) -> Iterator[str]:
    """Say what was strange lately."""
    now, step = ward.tools.clock.now(), ward.standpoint.step
    if step is not None and now.since(step.at) < REMEMBERED_S:
        ago_s = now.since(step.at)
        yield f"the wall clock was stepped by {step.seconds:+.0f} s, {ago_s:.0f} s ago"
    if ward.standpoint.refused:
        yield f"the configuration on the disk is not in force: {ward.standpoint.refused}"
    awake_at = ward.standpoint.seen(now).awake_at
    if awake_at is not None and now.since(awake_at) < REMEMBERED_S:
        yield f"the daemon stood still until {now.since(awake_at):.0f} s ago"
