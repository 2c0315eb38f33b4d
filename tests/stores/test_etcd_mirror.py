"""B10, D7: a daemon that stands by knows what the leader has written, and takes over with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from operator import eq

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change, Snapshot, Wanted
from doctor_daemon.ports.leading import Role
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_mirror import Mirror
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from tests.contracts.store_disk import first
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened, put
from tests.stores.test_etcd_leading import SHORT_S, WAIT_S, standing_by, until
from tests.stores.test_etcd_network import by
from tests.stores.test_etcd_walk import CLOSED_MAX, Walk
from tests.stores.values import closing, head_of, opening


def mirror_of(store: EtcdStore) -> Mirror:
    found = store._mirror  # noqa: SLF001 - how often it has read is not told otherwise
    assert found is not None
    return found


def read_anew(store: EtcdStore) -> bool:
    return store._reading is not None  # noqa: SLF001 - as above


async def knows(
    store: EtcdStore, true: Callable[[Snapshot], bool], within_s: float = WAIT_S
) -> Snapshot:
    """Wait until what the store answers is as it is to be."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                found = await store.load()
                if true(found):
                    return found
            except Temporary:
                pass
            await asyncio.sleep(0.01)


@asynccontextmanager
async def following(config: EtcdConfig) -> AsyncIterator[tuple[EtcdStore, asyncio.Task[int]]]:
    """Stand by, with everything known."""
    async with standing_by(config) as (store, begun):
        await until(lambda: mirror_of(store).whole)
        yield store, begun


async def test_what_the_leader_commits_is_known_within_a_second(config: EtcdConfig) -> None:
    async with opened(config) as (leader, term), following(config) as (store, _):
        await leader.commit(first("carol"), term=term)
        found = await knows(store, lambda one: bool(one.incidents), within_s=1)
        assert found == await leader.load()
        assert await store.find(IncidentId("one")) == await leader.find(IncidentId("one"))
        assert await store.headings(None, 9) == await leader.headings(None, 9)
        assert await store.notices(Wanted(), 9) == await leader.notices(Wanted(), 9)
        assert await store.said("am", 9) == await leader.said("am", 9) != ()
        assert await store.given_up() == {}
        with pytest.raises(Permanent, match="not open"):
            await store.commit(Change(), term=term)


@pytest.mark.parametrize("seed", range(5))
async def test_d7_whatever_is_done_is_known_and_taken_over_without_reading_it_again(
    config: EtcdConfig, seed: int
) -> None:
    config = config.model_copy(update={"closed_max": CLOSED_MAX})
    memory = MemoryStore(MemoryConfig(closed_max=CLOSED_MAX))
    async with opened(config) as (leader, term):
        walk = Walk(seed, ((memory, await memory.open()), (leader, term)))
        await walk.go()
        async with following(config) as (store, begun):
            answers = list[object]()
            for _ in range(3):
                await walk.go()
                answers = await walk.answers(memory)
                await eventually(partial(agree, walk, store, answers))
            mirror = mirror_of(store)
            await leader.leadership.release()
            newer = await begun
            assert mirror.reads == 1
            assert not read_anew(store)
            assert await walk.answers(store) == answers
            walk.stores = (walk.stores[0], (store, newer))
            await walk.go()
            answers = await walk.answers(memory)
            assert await walk.answers(store) == answers
    async with opened(config) as (fresh, _):
        assert await walk.answers(fresh) == answers


async def test_a_connection_that_was_cut_is_gone_on_with(etcd: Cluster, config: EtcdConfig) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(config) as (leader, term),
        following(by(config, relay.url)) as (store, _),
    ):
        for number in range(4):
            relay.shut = bool(number % 2)
            relay.cut()
            await leader.commit(opening(f"i{number}", f"cmp-{number}"), term=term)
            relay.shut = False
            expected = await leader.load()
            await knows(store, partial(eq, expected))
        assert mirror_of(store).reads == 1


async def test_what_was_compacted_meanwhile_is_read_anew(etcd: Cluster, config: EtcdConfig) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(config) as (leader, term),
        following(by(config, relay.url)) as (store, _),
    ):
        relay.shut = True
        relay.cut()
        for number in range(3):
            await leader.commit(opening(f"i{number}", f"cmp-{number}"), term=term)
        await leader.commit(closing(head_of(opening("i0", "cmp-0")), 1), term=term)
        newest = call(etcd.members[0].port, "kv/range", {"key": code("none")})["header"]["revision"]
        call(etcd.members[0].port, "kv/compaction", {"revision": newest})
        relay.shut = False
        assert await knows(store, lambda one: len(one.incidents) == 2) == await leader.load()
        assert mirror_of(store).reads == 2


async def test_a12_a_peer_that_says_nothing_any_more_is_left(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(config) as (leader, term),
        following(by(config, relay.url, etcd.urls[0])) as (store, begun),
    ):
        relay.answers.clear()  # what is connected stays so
        await leader.commit(opening(), term=term)
        await knows(store, lambda one: bool(one.incidents), within_s=10)
        assert mirror_of(store).reads == 1
        await leader.leadership.release()
        async with asyncio.timeout(SHORT_S):
            await begun


async def test_a12_a_peer_that_answers_and_tells_of_no_changes_is_left(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with relayed(etcd.members[0].port) as relay, opened(config) as (leader, term):
        relay.mute = b"/v3/watch"  # what lies between keeps back an answer that goes on
        async with following(by(config, relay.url, etcd.urls[0])) as (store, _):
            await leader.commit(opening(), term=term)
            await knows(store, lambda one: bool(one.incidents), within_s=8)
            assert mirror_of(store).reads == 1


async def test_what_somebody_else_writes_has_everything_read_anew(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (leader, term), following(config) as (store, _):
        await leader.commit(opening(), term=term)
        await knows(store, lambda one: bool(one.incidents))
        put(etcd, f"{config.prefix}returns", '{"value": {"returns": []}, "boots": []}')
        await until(lambda: mirror_of(store).reads == 2 and mirror_of(store).whole)
        assert await store.load() == await leader.load()
        put(etcd, f"{config.prefix}l/0000000000000001", "rubbish")
        await until(lambda: mirror_of(store).reads >= 3)
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(Permanent, match="cannot be read"):
                await knows(store, lambda _: False)


async def test_b10_a_change_that_was_missed_is_found_at_the_take_over(
    config: EtcdConfig,
) -> None:
    async with opened(config) as (leader, term), following(config) as (store, begun):
        await leader.commit(opening(), term=term)
        await knows(store, lambda one: bool(one.incidents))
        del mirror_of(store)._mirrored.rows["i/one"]  # noqa: SLF001 - as if etcd had not told of it
        await leader.leadership.release()
        await begun
        assert read_anew(store)
        assert [one.id for one in (await store.load()).incidents] == ["one"]


async def test_who_stands_by_and_is_ready_is_known_to_the_leader(config: EtcdConfig) -> None:
    short = config.model_copy(update={"lease_s": SHORT_S})
    named = [short.model_copy(update={"name": name}) for name in ("one", "two", "three")]
    async with opened(named[0]) as (leader, _):
        async with following(named[1]) as (second, _), following(named[2]) as (third, _):
            await until(lambda: leader.leadership.standing().ready == ("three", "two"))
            await until(lambda: second.leadership.standing().ready == ("three",))
            assert third.leadership.standing().role is Role.STANDING_BY
        await until(lambda: leader.leadership.standing().ready == ())


async def test_while_nothing_has_been_read_nothing_is_known(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with relayed(etcd.members[0].port) as relay, opened(config):
        store = EtcdStore(by(config, relay.url))
        with pytest.raises(Permanent, match="not open"):
            await store.load()
        relay.left = 5  # cluster, keys, lease, who leads, and the mark; and no row
        begun = asyncio.create_task(store.open())
        await until(lambda: store.leadership.standing().leader != "")
        with pytest.raises(Temporary):
            await store.load()
        relay.left = None
        await knows(store, lambda one: one.incidents == ())
        begun.cancel()
        await asyncio.gather(begun, return_exceptions=True)


async def test_what_is_over_is_followed_too(etcd: Cluster, config: EtcdConfig) -> None:
    async with opened(config) as (leader, term), following(config) as (store, begun):
        for number in range(3):
            change = opening(f"i{number}", f"cmp-{number}")
            await leader.commit(change, term=term)
            await leader.commit(closing(head_of(change), 1), term=term)
        late = opening("late", "late", 10_000)
        await leader.commit(late, term=term)
        await leader.prune(term=term)
        assert await leader.find(IncidentId("i0")) is not None
        expected = await leader.headings(None, 9)

        async def same() -> bool:
            return await store.headings(None, 9) == expected

        await eventually(same)
        assert await store.find(IncidentId("i0")) == await leader.find(IncidentId("i0"))
        await leader.leadership.release()
        await begun
        assert await store.headings(None, 9) == expected


async def agree(walk: Walk, store: EtcdStore, answers: list[object]) -> bool:
    return await walk.answers(store) == answers


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await true():  # noqa: ASYNC110 - a store has no event for it
            await asyncio.sleep(0.01)
