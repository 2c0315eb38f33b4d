"""How servers and their hosts stand, by one page of Nova's list, for operators.

The same list as behind the host map, at the same microversions, with one field more: `host_status`,
which is in the list and in the answer about a single server, from 2.16 on. What is believed of it
is what is believed of the list: see `servers` for filters that Nova drops, and `listing` for cells
that it leaves out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

from doctor_daemon.controllers.compute import Compute, RefusedError
from doctor_daemon.controllers.microversions import SERVERS
from doctor_daemon.controllers.rows import Row, decode, optional, rows
from doctor_daemon.controllers.servers import HOST, next_marker, server_of
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.server_state import HostStatus, ServerState
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Fleet
from doctor_daemon.ports.states import StatesPage, StatesWanted

KEY = "host_status"


async def list_states(
    compute: Compute,
    wanted: StatesWanted,
    look: Callable[[HostId], Awaitable[Sighting]],
    fleet: Callable[[], Awaitable[Fleet]],
) -> StatesPage:
    """List one page: of a host between two looks, else with a look at all hosts behind it.

    Nova leaves the servers of a cell that is down out without a word. `look` raises then; the fleet
    names the hosts of such a cell, or says that it cannot.
    """
    if wanted.host is None:
        page = await states_page(compute, wanted)
        hosts = await fleet()
        return replace(page, silent=hosts.unknown, blind=hosts.blind)
    await look(wanted.host)
    page = await states_page(compute, wanted)
    return replace(page, service=await look(wanted.host))


async def states_page(compute: Compute, wanted: StatesWanted) -> StatesPage:
    """Read one page. Raise Permanent when Nova listed others than were asked for."""
    query = {"all_tenants": "1", "limit": str(wanted.limit)}
    if wanted.host is not None:
        query["host"] = wanted.host.name
    if wanted.project:
        query["project_id"] = wanted.project
    if wanted.marker:
        query["marker"] = wanted.marker
    try:
        got = await compute.get("servers/detail", query, SERVERS, read_states)
    except RefusedError as error:
        if error.status == HTTPStatus.BAD_REQUEST and wanted.marker:
            msg = f"Nova does not know the server {wanted.marker:.60} to go on from: begin anew"
            raise Permanent(msg) from None
        raise
    check_wanted(wanted, got.value.states)
    return replace(got.value, asked_wall_s=got.asked_at.wall_s)


def read_states(body: bytes) -> StatesPage:
    """Read one page, as of no time yet. Raise Permanent for a row that is not as documented."""
    document = decode(body)
    states = tuple(_state(row) for row in rows(document, "servers"))
    return StatesPage(states, 0.0, next_marker(document, states[-1].server.id if states else ""))


def _state(row: Row) -> ServerState:
    server = server_of(row)
    if (
        HOST not in row and server.status != "UNKNOWN"
    ):  # which is all that a cell that is down shows
        msg = f"Nova does not show {HOST}: the daemon's role does not suffice (admin is expected)"
        raise Permanent(msg)
    return ServerState(server, optional(row, HOST), host_status(row))


def host_status(row: Row) -> HostStatus | None:
    """Return how the host stands; None: it is not shown. Raise Permanent for an unknown word."""
    if KEY not in row:
        return None
    for status in HostStatus:
        if row[KEY] == status.value:
            return status
    known = ", ".join(status or '""' for status in HostStatus)
    msg = f"Nova's row has {KEY} = {row[KEY]!r:.60}, expected one of {known}"
    raise Permanent(msg)


def check_wanted(wanted: StatesWanted, states: tuple[ServerState, ...]) -> None:
    """Raise Permanent when a filter was dropped: a stranger's servers must not pass for theirs."""
    for one in states:
        host, project = one.host, one.server.project
        if wanted.host is not None and host != wanted.host.name:
            asked, found = f"of host {wanted.host.name!r}", f"of {host!r}"
        elif wanted.project and project != wanted.project:
            asked, found = f"of project {wanted.project!r}", f"of {project!r}"
        else:
            continue
        msg = (
            f"asked for the servers {asked}, Nova also listed {one.server.id} {found}: "
            "it ignores the filter (does the role suffice?)"
        )
        raise Permanent(msg)
