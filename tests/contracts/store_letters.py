"""The contract of stores: notices that were given up, and what an operator can do about them."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.ports import Change, Delivery, Wanted
from tests.contracts.store_disk import Disk
from tests.stores.values import host, notice


class DeadLetters:
    """What was given up can be listed, and told once more."""

    async def test_notices_are_listed_the_newest_first_and_without_their_bodies(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        made = (notice(1), notice(2, "cmp-2"), notice(3, consumer="ops"), notice(4))
        await store.commit(Change(notices=made), term=term)
        await store.deliveries(
            [Delivery(made[0].id, "dead", 9, "410 Gone"), Delivery(made[1].id, "delivered", 1)],
            term=term,
        )
        dead = replace(made[0], state="dead", attempts=9, error="410 Gone")
        told = replace(made[1], state="delivered", attempts=1)
        rows = [replace(row, body="") for row in (made[3], made[2], told, dead)]
        wanted = {
            Wanted(): rows,
            Wanted("dead"): rows[3:],
            Wanted("pending"): rows[:2],
            Wanted("delivered"): rows[2:3],
            Wanted("asleep"): [],
            Wanted(consumer="ops"): rows[1:2],
            Wanted("pending", "vnfm"): rows[:1],
            Wanted("dead", "ops"): [],
            Wanted(ids=frozenset({made[0].id, made[2].id, "another"})): [rows[1], rows[3]],
            Wanted(ids=frozenset()): [],
        }
        for asked, expected in wanted.items():
            assert await store.notices(asked, 10) == tuple(expected), asked
        assert await store.notices(Wanted(), 2) == tuple(rows[:2])
        assert await store.notices(Wanted(), 0) == await store.notices(Wanted(), -1) == ()

    async def test_dead_notices_are_counted_by_consumer(self, disk: Disk) -> None:
        store, term = await disk.store()
        assert await store.given_up() == {}
        made = (notice(1), notice(2), notice(1, consumer="ops"), notice(3, consumer="third"))
        await store.commit(Change(notices=made), term=term)
        await store.deliveries([Delivery(row.id, "dead", 1) for row in made[:3]], term=term)
        assert await store.given_up() == {"vnfm": 2, "ops": 1}
        await store.replay([made[0].id, made[2].id], term=term)
        assert await store.given_up() == {"vnfm": 1}

    async def test_a_dead_notice_is_to_be_told_again_with_its_id_and_body(self, disk: Disk) -> None:
        store, term = await disk.store()
        made = tuple(notice(n) for n in (1, 2, 3))
        await store.commit(Change(notices=made), term=term)
        ended = [Delivery(row.id, "dead", 9, "410 Gone") for row in made[:2]]
        await store.deliveries([*ended, Delivery(made[2].id, "delivered", 1)], term=term)
        again = tuple(replace(row, late=True) for row in made[:2])
        assert await store.replay([made[1].id, made[0].id], term=term) == again
        reopened, newer = await disk.store()
        assert (await reopened.load()).pending == again
        # What is told late is delivered, or given up, as any other.
        await reopened.deliveries([Delivery(made[0].id, "dead", 1, "410 Gone")], term=newer)
        await reopened.deliveries([Delivery(made[1].id, "delivered", 1)], term=newer)
        states = [row.state for row in await reopened.notices(Wanted(), 10)]
        assert states == ["delivered", "delivered", "dead"]
        assert await reopened.replay([made[0].id], term=newer) == again[:1]

    async def test_only_what_is_dead_is_told_again(self, disk: Disk) -> None:
        store, term = await disk.store()
        made = tuple(notice(n) for n in (1, 2, 3))
        await store.commit(Change(notices=made), term=term)
        await store.deliveries(
            [Delivery(made[0].id, "delivered", 1), Delivery(made[1].id, "dead", 9)], term=term
        )
        ids = ["another", *(row.id for row in made)]
        again = (replace(made[1], late=True),)
        assert await store.replay(ids, term=term) == again
        assert await store.replay(ids, term=term) == again  # whoever asks twice hears of it twice
        assert await store.replay([], term=term) == ()
        assert (await store.load()).pending == (*again, made[2])

    async def test_a_lane_has_no_gap_while_what_was_given_up_last_is_told_again(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        made = tuple(notice(n) for n in (1, 2, 3))
        await store.commit(Change(notices=made), term=term)
        await store.deliveries([Delivery(row.id, "dead", 9) for row in made[:2]], term=term)
        await store.replay([made[0].id], term=term)
        assert (await store.load()).gaps == {("vnfm", host())}  # the second is still lost
        await store.replay([made[1].id], term=term)
        assert (await store.load()).gaps == frozenset()
