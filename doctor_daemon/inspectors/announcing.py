"""Planned maintenance as OPNFV Doctor's inspector is told of it: `POST /maintenance`.

The body is an alarm of Aodh's whose traits are `state` (IN_MAINTENANCE or MAINTENANCE_COMPLETE) and
`host`. It becomes a maintenance like an operator's, owned by the source (D1): it is on disk before
it is answered, the daemon's hands are off the host at once, and it ends when the source says so, or
when its time is up. Where somebody else's maintenance stands it is refused (409), and is left as it
is: neither may a monitor end an operator's, nor be told that its own began.

Other states than these two (the steps of a maintenance in between) are accepted, and lead to
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.inspectors.delivery import found_host
from doctor_daemon.inspectors.wire import Found
from doctor_daemon.ports import Intake
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.windows import Windows

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BEGUN = "IN_MAINTENANCE"
COMPLETE = "MAINTENANCE_COMPLETE"
TRAIT = 3
"""A trait is a list of its name, the number of its type, and its value."""


async def announce(
    body: Found, source: str, seconds: float, intake: Intake, windows: Windows | None
) -> None:
    """Begin or end the maintenance that an alarm announces. Raise Refusal or Temporary."""
    if windows is None:
        msg = "maintenance cannot be noted yet"
        raise Temporary(msg)
    traits = _traits(body)
    state = _trait(traits, "state", f"{BEGUN} or {COMPLETE}").word()
    if state not in (BEGUN, COMPLETE):
        log.info("maintenance ignored", source=source, state=state)
        return
    host = _host(_trait(traits, "host", "the name of a host"), intake)
    by = f"source {source}"
    try:
        if state == BEGUN:
            await windows.begin(host, by, "announced as planned maintenance", seconds)
        else:
            await windows.end(host, by)
    except Permanent as error:
        raise Refusal(409, "conflict", str(error), field="body") from None


def _traits(body: Found) -> Mapping[str, Found]:
    """Return the traits of an alarm's event by their names. Raise Refusal (400)."""
    event = body.must("reason_data", "an alarm's reason_data").must("event", "the alarm's event")
    found = {}
    for item in event.must("traits", "a list of traits").items("traits"):
        if not isinstance(item.value, list) or len(item.value) != TRAIT:
            raise item.wrong("a trait: [name, type, value]")
        name = Found(item.value[0], f"{item.field}[0]").word()
        if name in found:
            raise item.wrong("each name once", "wrong_value")
        found[name] = Found(item.value[2], f"{item.field}[2]")
    return found


def _trait(traits: Mapping[str, Found], name: str, expected: str) -> Found:
    found = traits.get(name)
    if found is None:
        field = "reason_data.event.traits"
        raise Refusal(400, "missing", f"there is no trait {name}", field=field, expected=expected)
    return found


def _host(found: Found, intake: Intake) -> HostId:
    host = found_host(found.word(), found.field, intake)
    if isinstance(host, Refusal):
        raise host
    return host
