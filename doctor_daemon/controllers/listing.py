"""Whole lists of servers, put together from pages that are not of one moment.

A server that moves while the pages are read may be in none of them, and one list alone cannot tell.
Two that agree can, for one host; for all hosts, the changes since the list began are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from doctor_daemon.controllers.compute import Compute, Got, RefusedError
from doctor_daemon.controllers.microversions import SERVERS
from doctor_daemon.controllers.servers import Page, Placed, only_on, read_page
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Clock

PAGE = 200
"""Servers a page: parsed in a few milliseconds, and Neutron is asked for no more at a time."""
CALM_PAGE, CALM, REST_MAX_S = 50, 9.0, 1.0
"""Where nobody waits: servers a page; then a rest, so many times as long as the page took, and no
longer than so many seconds."""
PAGES_MAX = 4_000
PASSES_MAX = 4
"""How often the servers of a host are listed until two lists in a row agree."""


async def whole_list(
    compute: Compute, filters: Mapping[str, str], calm: Clock | None = None, *, tagged: bool = False
) -> Got[tuple[Placed, ...]]:
    """Read a list of servers to its end, as of before its first page.

    `calm`: nobody waits for it. By this clock it rests between its pages, which are small.
    `tagged`: with what is written on each server.
    """
    size = CALM_PAGE if calm else PAGE
    query = {"all_tenants": "1", "limit": str(size), **filters}
    placed: list[Placed] = []
    first: Instant | None = None
    for _ in range(PAGES_MAX):
        got = await _page(compute, query, partial(read_page, tagged=tagged))
        first = first or got.asked_at
        placed += got.value.placed
        if not got.value.marker:
            return Got(tuple(placed), first)
        query["marker"] = got.value.marker
        if calm is not None:
            now = calm.now()
            await calm.sleep_until(now.plus(min(CALM * now.since(got.asked_at), REST_MAX_S)))
    msg = f"Nova's list of servers has no end after {PAGES_MAX} pages of {size}"
    raise Permanent(msg)


async def _page(
    compute: Compute, query: Mapping[str, str], read: Callable[[bytes], Page]
) -> Got[Page]:
    try:
        return await compute.get("servers/detail", query, SERVERS, read)
    except RefusedError as error:
        if error.status == HTTPStatus.BAD_REQUEST and "marker" in query:
            # The server that the marker names was deleted for good between two pages.
            msg = f"Nova's list of servers broke between two pages: {error}"
            raise Temporary(msg) from None
        raise


async def settled_list(compute: Compute, host: str) -> Got[Mapping[ServerId, Server]]:
    """List the servers of one host until two lists in a row agree, as of the earlier of the two."""
    last = await whole_list(compute, {"host": host}, tagged=True)
    for _ in range(PASSES_MAX - 1):
        before, last = last, await whole_list(compute, {"host": host}, tagged=True)
        found = only_on(host, last.value)
        if found.keys() == only_on(host, before.value).keys():
            return Got(found, before.asked_at)
    msg = f"the servers of {host} changed between each two of {PASSES_MAX} lists"
    raise Temporary(msg)
