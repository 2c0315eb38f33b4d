"""The contract of stores: signed requests that have come."""

from __future__ import annotations

import pytest

from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change
from doctor_daemon.ports.replays import Floor, Spent
from tests.contracts.store_disk import Disk

FIRST, SECOND, OTHER = Spent("am", "b", 7), Spent("am", "a", 9), Spent("zabbix", "a", 8)


class SpentRequests:
    """What was spent is known until its source's floor passes it."""

    async def test_e2_what_was_spent_is_known_to_the_next_daemon(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(Change(spent=(SECOND, OTHER)), term=term)
        await store.commit(Change(spent=(FIRST, Spent("am", "a", 99))), term=term)
        again, _ = await disk.store()
        loaded = await again.load()
        assert (loaded.spent, loaded.floors) == ((FIRST, SECOND, OTHER), ())

    async def test_e2_a_floor_takes_the_place_of_what_it_has_passed(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(Change(spent=(FIRST, SECOND, OTHER)), term=term)
        await store.commit(Change(floors=(Floor("am", 7),)), term=term)
        await store.commit(Change(floors=(Floor("am", 3),)), term=term)
        again, _ = await disk.store()
        loaded = await again.load()
        assert (loaded.spent, loaded.floors) == ((SECOND, OTHER), (Floor("am", 7),))

    async def test_nothing_is_spent_in_a_stale_term(self, disk: Disk) -> None:
        store, term = await disk.store()
        again, _ = await disk.store()
        with pytest.raises(Conflict):
            await store.commit(Change(spent=(FIRST,)), term=term)
        assert (await again.load()).spent == ()
