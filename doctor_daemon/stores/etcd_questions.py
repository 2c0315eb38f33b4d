"""Questions whose answers stand in two places: among what is at hand, and what is over."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import merge
from itertools import islice

from doctor_daemon.core.host import HostId
from doctor_daemon.ports import Heading, NoticeRow, Wanted
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.retention import HEADINGS_MAX, NOTICES_MAX


def headings(held: Loaded, host: HostId | None, limit: int) -> Sequence[Heading]:
    """Return the newest incidents first."""
    orders = held.books.incidents
    here = ((orders[one.id].order, one) for one in held.contents.newest(host))
    both = merge(here, held.past.newest(host), key=lambda one: one[0], reverse=True)
    return tuple(one for _, one in islice(both, max(0, min(limit, HEADINGS_MAX))))


async def notices(held: Loaded, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
    """Return notices, the newest first, without their bodies."""
    most = max(0, min(limit, NOTICES_MAX))
    orders = held.books.packs["n"].where
    here = [(orders[row.id], row) for row in held.contents.letters.wanted(wanted, most)]
    return tuple(row for _, row in await held.past.told(wanted, most, here))
