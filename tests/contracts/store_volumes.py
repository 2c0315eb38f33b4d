"""The contract of stores: orders and tasks about Cinder."""

from __future__ import annotations

import pytest

from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change
from doctor_daemon.stores.volumes import LOADED_MAX
from tests.contracts.store_disk import Disk
from tests.stores.values import volume_order, volume_task


class VolumeRecords:
    """What is not over is there again, and the last of what is."""

    async def test_a_record_is_written_over_by_its_next_state(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(
            Change(orders=(volume_order(1), volume_order(2)), tasks=(volume_task(1),)), term=term
        )
        after = Change(orders=(volume_order(1, over=True),), tasks=(volume_task(1, over=True),))
        await store.commit(after, term=term)
        again, _ = await disk.store()
        loaded = await again.load()
        assert loaded.orders == (volume_order(1, over=True), volume_order(2))
        assert loaded.tasks == (volume_task(1, over=True),)

    async def test_all_that_is_not_over_is_loaded_and_the_last_of_the_others(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        numbers = range(1, LOADED_MAX + 10)
        change = Change(
            orders=tuple(volume_order(n, over=n != 3) for n in reversed(numbers)),
            tasks=tuple(volume_task(n, over=n != 4) for n in numbers),
        )
        await store.commit(change, term=term)
        loaded = await store.load()
        for records, open_ in ((loaded.orders, 3), (loaded.tasks, 4)):
            assert [one.number for one in records] == [open_, *numbers[-LOADED_MAX:]]

    async def test_the_records_of_a_stale_term_are_refused(self, disk: Disk) -> None:
        store, term = await disk.store()
        again, _ = await disk.store()
        with pytest.raises(Conflict):
            await store.commit(Change(orders=(volume_order(1),)), term=term)
        assert (await again.load()).orders == ()
