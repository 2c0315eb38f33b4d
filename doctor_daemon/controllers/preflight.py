"""What can be found out before an emergency: whether this account may do all that is needed.

Nothing is changed. Whether the role may force a host down is asked of a service that cannot exist:
Nova looks at the role first (403) and for the service then (404).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from doctor_daemon.controllers.compute import Compute
from doctor_daemon.controllers.evacuations import whole_list
from doctor_daemon.controllers.microversions import SERVERS, SERVICES
from doctor_daemon.controllers.servers import read_page
from doctor_daemon.controllers.services import BINARY, all_services, read_services
from doctor_daemon.controllers.tokens import Tokens
from doctor_daemon.controllers.updates import fencing, puts
from doctor_daemon.errors import DoctorError

NO_SERVICE = "00000000-0000-0000-0000-000000000000"
NO_HOST = "doctor-daemon.no-such-host.invalid"
NAMED_MAX = 5


async def preflight(tokens: Tokens, compute: Compute) -> list[str]:
    """Return what is wrong, in words; empty: all that can be checked beforehand is well."""
    try:
        grant = (await tokens.current()).grant
    except DoctorError as error:
        return [str(error)]
    if grant.system:
        return ["the token is of the system scope, which Nova forbids: give a project in its place"]
    if not grant.project:
        return ["the token is of no project: add project_name and project_domain_name"]
    wrong = []
    for check in (_versions, _services, _servers, _filter, _migrations, _update):
        wrong += await _words(check, compute)
    return list(dict.fromkeys(wrong))  # one microversion may be missing for several


async def _words(check: Callable[[Compute], Awaitable[list[str]]], compute: Compute) -> list[str]:
    try:
        return await check(compute)
    except DoctorError as error:
        return [str(error)]


async def _versions(compute: Compute) -> list[str]:
    return (await compute.offer()).missing()


async def _services(compute: Compute) -> list[str]:
    got = await compute.get("os-services", {"binary": BINARY}, SERVICES, read_services)
    fleet = all_services(got.value, got.asked_at, got.version)
    wrong = []
    if not fleet.services and not fleet.unknown:
        wrong.append(f"Nova lists no {BINARY} at all: is this the right cloud and region?")
    if fleet.unknown:
        some = ", ".join(sorted(fleet.unknown)[:NAMED_MAX])
        wrong.append(f"Nova cannot tell how {len(fleet.unknown)} hosts stand, among them {some}")
    return wrong


async def _servers(compute: Compute) -> list[str]:
    """See that servers of all projects are listed, with their hosts."""
    await compute.get("servers/detail", {"all_tenants": "1", "limit": "1"}, SERVERS, read_page)
    return []


async def _filter(compute: Compute) -> list[str]:
    """See that the filter by host is not dropped: a host that does not exist has no servers."""
    query = {"all_tenants": "1", "limit": "1", "host": NO_HOST}
    got = await compute.get("servers/detail", query, SERVERS, read_page)
    if got.value.placed:
        return ["Nova ignores the filter of servers by host: the role does not suffice"]
    return []


async def _migrations(compute: Compute) -> list[str]:
    """See that evacuations of all projects are listed: a host that does not exist has none."""
    if await whole_list(compute, {"source_compute": NO_HOST}):
        return ["Nova ignores the filter of migrations by their source"]
    return []


async def _update(compute: Compute) -> list[str]:
    offer = await compute.offer()
    offer.choose(SERVICES)
    service = f"0@{NO_HOST}" if offer.by_name else NO_SERVICE
    (put,) = puts(service, fencing("", disable=False))
    answer = await compute.put(put.path, put.body, put.span, None)
    if answer.status == HTTPStatus.NOT_FOUND:
        return []
    if answer.status == HTTPStatus.FORBIDDEN:
        return [f"the role may not force hosts down: Nova answered {answer.words()}"]
    return [f"whether the role may force hosts down is not known: Nova answered {answer.words()}"]
