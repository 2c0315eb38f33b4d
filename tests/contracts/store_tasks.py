"""The contract of stores: what is done for a host beside its incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.core.masses import MassState, Passage
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change
from tests.contracts.store_disk import Disk
from tests.stores.values import mass_state, port_task, reserve_task


class HostTasks:
    """A host has one task of a kind, and it is there as it was saved last."""

    async def test_a_host_s_task_is_written_over_by_its_next_state(self, disk: Disk) -> None:
        store, term = await disk.store()
        ports = (port_task("cmp-2"), port_task("cmp-1"))
        lent = (reserve_task("cmp-3"), reserve_task("cmp-1"))
        await store.commit(Change(port_tasks=ports, reserves=lent), term=term)
        after, given = port_task("cmp-2", over=True), reserve_task("cmp-1", over=True)
        await store.commit(Change(port_tasks=(after,), reserves=(given,)), term=term)
        again, _ = await disk.store()
        loaded = await again.load()
        assert loaded.port_tasks == (port_task("cmp-1"), after)
        assert loaded.reserves == (given, reserve_task("cmp-3"))

    async def test_a2_what_is_known_of_the_fleet_is_there_as_it_was_saved_last(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        assert (await store.load()).masses == MassState()
        through = Passage(HostId("default", "cmp-1"), "p-1", 1)
        await store.commit(Change(masses=mass_state(), passages=(through,)), term=term)
        twice = replace(through, used=2)
        await store.commit(Change(passages=(twice,)), term=term)
        loaded = await (await disk.store())[0].load()
        assert (loaded.masses, loaded.passages) == (mass_state(), (twice,))
        assert not [*loaded.port_tasks, *loaded.reserves]

    async def test_the_tasks_of_a_stale_term_are_refused(self, disk: Disk) -> None:
        store, term = await disk.store()
        again, _ = await disk.store()
        with pytest.raises(Conflict):
            await store.commit(Change(port_tasks=(port_task("cmp-1"),)), term=term)
        assert (await again.load()).port_tasks == ()
