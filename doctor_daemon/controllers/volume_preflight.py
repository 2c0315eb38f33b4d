"""What can be found out before an emergency: whether this account may do all that Cinder is asked.

Nothing is changed: each change is asked of a service that cannot exist. Cinder looks at the role
first (403) and for the service then (404, or 400 of freeze, thaw and failover).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from doctor_daemon.controllers.compute import Endpoint
from doctor_daemon.controllers.preflight import NO_HOST
from doctor_daemon.controllers.tokens import Tokens
from doctor_daemon.controllers.volumes import (
    CINDER,
    LOGS,
    SERVICES,
    UPDATE,
    read_services,
)
from doctor_daemon.core.volumes import VOLUME
from doctor_daemon.errors import DoctorError, Permanent

_HOST: Mapping[str, object] = {"host": NO_HOST}
_REASONED = {**_HOST, "binary": VOLUME, "disabled_reason": "a check"}
_CHANGES: Mapping[str, Mapping[str, object]] = {
    "disable-log-reason": _REASONED,
    "freeze": _HOST,
    "thaw": _HOST,
    "failover_host": _HOST,
}
_NOT_THERE = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST)


async def preflight(tokens: Tokens, endpoint: Endpoint) -> list[str]:
    """Return what is wrong, in words; empty: all that can be checked beforehand is well."""
    try:
        grant = (await tokens.current()).grant
        if not grant.project:
            return ["the token is of no project: add project_name and project_domain_name"]
        services = await endpoint.get("os-services", {}, SERVICES, read_services)
        wrong = await _versions(endpoint)
        if not any(row.binary == VOLUME for row in services.value):
            wrong.append(f"{CINDER} lists no {VOLUME} at all: is this the right cloud and region?")
        for word, body in _CHANGES.items():
            wrong += await _may(endpoint, word, body)
    except DoctorError as error:
        return [str(error)]
    return wrong


async def _versions(endpoint: Endpoint) -> list[str]:
    try:
        (await endpoint.offer()).choose(LOGS)
    except Permanent as error:
        return [str(error)]
    return []


async def _may(endpoint: Endpoint, word: str, body: Mapping[str, object]) -> list[str]:
    answer = await endpoint.put(f"os-services/{word}", body, UPDATE, None)
    if answer.status in _NOT_THERE:
        return []
    said = f"{CINDER} answered {answer.words()}"
    if answer.status == HTTPStatus.FORBIDDEN:
        return [f"the role may not {word}: {said}"]
    return [f"whether the role may {word} is not known: {said}"]
