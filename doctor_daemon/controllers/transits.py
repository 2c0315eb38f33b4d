"""Nova's migrations of any kind, to and from one host.

Source: Nova API reference, "List Migrations". The filter `host` is for either end, and takes the
place of the one for the source. Rows of a cell that is down are left out without a word, so whoever
must have all of them looks at the host before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doctor_daemon.controllers.compute import Compute
from doctor_daemon.controllers.evacuations import PAGE, PAGES_MAX, PATH
from doctor_daemon.controllers.microversions import MIGRATIONS, PAGED
from doctor_daemon.controllers.rows import Row, decode, optional, rows, text
from doctor_daemon.core.retirement import Transit
from doctor_daemon.errors import Permanent


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list, each with its two ends, and the marker of the next; empty: none."""

    found: tuple[tuple[Transit, frozenset[str]], ...]
    marker: str


async def whole_transits(compute: Compute, host: str) -> Sequence[Transit]:
    """List them to the end, each once. Raise unless the list is whole, and of this host alone."""
    version = await compute.version(MIGRATIONS)
    query = {"host": host} | ({"limit": str(PAGE)} if version >= PAGED else {})
    found: dict[int, Transit] = {}
    for _ in range(PAGES_MAX):
        page = (await compute.get(PATH, query, MIGRATIONS, read_page)).value
        for one, ends in page.found:
            if host not in ends:
                msg = f"asked for migrations of {host!r}, Nova also listed {one}"
                raise Permanent(msg)
            found[one.id] = one
        if not page.marker:
            return tuple(found.values())
        query["marker"] = page.marker
    msg = f"Nova's list of migrations has no end after {PAGES_MAX} pages of {PAGE}"
    raise Permanent(msg)


def read_page(body: bytes) -> Page:
    """Read one page. Raise Permanent when it is not as documented. Links are not followed."""
    document = decode(body)
    found = rows(document, "migrations")
    links = rows(document, "migrations_links") if "migrations_links" in document else ()
    more = any(link.get("rel") == "next" for link in links)
    marker = text(found[-1], "uuid") if more and found else ""
    return Page(tuple(_transit(row) for row in found), marker)


def _transit(row: Row) -> tuple[Transit, frozenset[str]]:
    number = row.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        msg = f"Nova's migration has id = {number!r:.60}, expected a number"
        raise Permanent(msg)
    kind = text(row, "migration_type") if "migration_type" in row else ""
    one = Transit(number, text(row, "instance_uuid"), kind, text(row, "status"))
    ends = (optional(row, "source_compute"), optional(row, "dest_compute"))
    return one, frozenset(end for end in ends if end)
