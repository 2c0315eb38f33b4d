"""B10, B11, A12, I-5: of the daemons that share a state in etcd one leads, as long as its lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.errors import Conflict, LateError, Permanent, Temporary
from doctor_daemon.ports import Change
from doctor_daemon.ports.leading import Role
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster, running
from tests.stores.etcd_leases import lapse, leader
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened, put
from tests.stores.test_etcd_network import GIVEN_UP_S, by
from tests.stores.values import opening

SHORT_S = 5
WAIT_S = 30.0


def short(config: EtcdConfig, name: str = "", **more: object) -> EtcdConfig:
    """Return options with a lease that runs out while a test can wait for it."""
    return config.model_copy(update={"lease_s": SHORT_S, "name": name, **more})


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110 - a store has no event for it
            await asyncio.sleep(0.01)


def role(store: EtcdStore) -> Role:
    return store.leadership.standing().role


@asynccontextmanager
async def standing_by(config: EtcdConfig) -> AsyncIterator[tuple[EtcdStore, asyncio.Task[int]]]:
    """Open a store while another leads; yield it, and the opening."""
    store = EtcdStore(config)
    begun = asyncio.create_task(store.open())
    try:
        await until(lambda: store.leadership.standing().leader != "" or begun.done())
        yield store, begun
    finally:
        begun.cancel()
        await asyncio.gather(begun, return_exceptions=True)
        await store.close()


async def test_whoever_comes_later_stands_by_until_the_first_has_closed(config: EtcdConfig) -> None:
    async with opened(short(config, "one")) as (first, term):
        assert role(first) is Role.LEADING
        assert 3 < first.leadership.left_s() <= SHORT_S - 1
        await first.leadership.confirm()
        async with standing_by(short(config, "two")) as (second, begun):
            assert (role(second), second.leadership.left_s()) == (Role.STANDING_BY, 0)
            assert second.leadership.standing().leader == "one"
            with pytest.raises(LateError, match="does not lead"):
                await second.leadership.confirm()
            await first.commit(opening(), term=term)
            await first.close()
            async with asyncio.timeout(SHORT_S / 2):  # and not when the lease has run out
                assert await begun == term + 1
            assert role(second) is Role.LEADING
            await second.leadership.confirm()
            assert len((await second.load()).incidents) == 1


async def test_b10_what_was_released_another_has_at_once_and_nothing_is_written(
    config: EtcdConfig,
) -> None:
    async with opened(config) as (first, term), standing_by(config) as (second, begun):
        over = asyncio.create_task(first.leadership.over())
        commits = [
            asyncio.create_task(first.commit(opening(f"i{n}", f"cmp-{n}"), term=term))
            for n in range(200)
        ]
        await asyncio.wait(commits, return_when=asyncio.FIRST_COMPLETED)
        await first.leadership.release()
        ends = await asyncio.gather(*commits, return_exceptions=True)
        said = {f"i{n}" for n, end in enumerate(ends) if end is None}
        assert {type(end) for end in ends} == {type(None), Conflict}
        assert "given up" in await over
        with pytest.raises(Conflict, match="given up"):
            await first.commit(Change(), term=term)
        with pytest.raises(LateError):
            await first.leadership.confirm()
        assert (role(first), first.leadership.left_s()) == (Role.OVER, 0)
        async with asyncio.timeout(SHORT_S):
            await begun
        assert {str(one.id) for one in (await second.load()).incidents} == said
        await first.leadership.release()  # once more: the new leader's key is not ours
        await second.leadership.confirm()


async def test_b10_a_lease_that_ended_is_noticed_though_nobody_has_claimed(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(short(config)) as (store, term):
        await store.commit(opening(), term=term)
        lapse(etcd, config.prefix)
        with pytest.raises(Conflict, match="our lease has run out"):
            await store.commit(Change(), term=term)
        assert role(store) is Role.OVER
    async with opened(short(config)) as (store, term):
        lapse(etcd, config.prefix)
        with pytest.raises(LateError, match="our lease has run out"):
            await store.leadership.confirm()
        assert "our lease has run out" in await store.leadership.over()
    async with opened(short(config)) as (store, term):
        lapse(etcd, config.prefix)
        async with asyncio.timeout(SHORT_S):  # nothing is asked of it
            assert "our lease has run out" in await store.leadership.over()
        with pytest.raises(Conflict, match="our lease has run out"):
            await store.commit(Change(), term=term)


async def test_b10_a_leader_that_does_not_hang_on_our_lease_is_over(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(short(config)) as (store, _):
        put(etcd, f"{config.prefix}leader", "mine")
        async with asyncio.timeout(SHORT_S):
            assert "somebody else has written" in await store.leadership.over()
    assert leader(etcd, config.prefix) == {}


async def test_b11_cut_off_it_is_unsure_and_leads_again_if_nobody_has_led(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(short(config, lease_s=10), relay.url), GIVEN_UP_S) as (store, term),
    ):
        leadership = store.leadership
        relay.shut = True
        relay.cut()
        with pytest.raises(Temporary):
            await store.commit(opening(), term=term)
        await until(lambda: leadership.left_s() <= 0)
        assert role(store) is Role.UNSURE
        assert "could not be renewed" in leadership.standing().text
        with pytest.raises(LateError, match="not certain"):
            await leadership.confirm()
        relay.shut = False  # the margin is left until the lease has run out in etcd too
        await until(lambda: leadership.left_s() > 0)
        assert role(store) is Role.LEADING
        await leadership.confirm()
        await store.commit(opening("two", "cmp-2"), term=term)


async def test_b11_cut_off_it_is_over_if_another_has_led_meanwhile(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(short(config, "cut off"), relay.url), GIVEN_UP_S) as (store, term),
        standing_by(short(config, "next")) as (other, begun),
    ):
        relay.shut = True
        relay.cut()
        async with asyncio.timeout(WAIT_S):
            newer = await begun
        assert store.leadership.left_s() < 0  # it had stopped before the other began
        assert role(store) is Role.UNSURE
        await other.commit(opening(), term=newer)
        relay.shut = False
        async with asyncio.timeout(WAIT_S):
            assert f"term {newer} has been claimed, and next leads" in await store.leadership.over()
        with pytest.raises(Conflict, match="next leads"):
            await store.commit(Change(), term=term)


async def test_b11_without_a_quorum_the_lease_runs_out_and_what_is_known_can_be_asked_for(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "three", members=3) as cluster:
        config = EtcdConfig(endpoints=cluster.urls, timeout_s=1.0, lease_s=SHORT_S)
        async with opened(config, GIVEN_UP_S) as (store, term):
            await store.commit(opening(), term=term)
            for member in cluster.members[:2]:
                member.kill()
            await until(lambda: role(store) is Role.UNSURE)
            assert len((await store.load()).incidents) == 1
            with pytest.raises(LateError, match="not certain"):
                await store.leadership.confirm()
            with pytest.raises(Temporary):
                await store.commit(Change(), term=term)
            cluster.start(cluster.members[0])
            await until(lambda: role(store) is not Role.UNSURE)
            assert role(store) is Role.LEADING  # the lease waits while etcd has no quorum
            await store.leadership.confirm()


async def test_b10_of_two_that_claim_at_the_same_time_one_leads(
    etcd: Cluster, config: EtcdConfig
) -> None:
    waiting: dict[asyncio.Task[int], EtcdStore] = {}
    used: list[EtcdStore] = []
    try:
        for number in range(1, 51):
            while len(waiting) < 2:
                store = EtcdStore(config)
                used.append(store)
                waiting[asyncio.create_task(store.open())] = store
            async with asyncio.timeout(WAIT_S):
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert [one.result() for one in done] == [number]
            first = waiting.pop(done.pop())
            await first.commit(Change(), term=number)
            lapse(etcd, config.prefix)
            with pytest.raises(Conflict):
                await first.commit(Change(), term=number)
            await first.close()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for store in used:
            await store.close()


async def test_d8_one_that_stands_by_does_not_claim_what_is_not_whole(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, _), standing_by(config) as (_, begun):
        put(etcd, f"{config.prefix}schema", "import")
        with pytest.raises(Permanent, match="not whole: give `doctor-daemon store import`"):
            await begun
        await store.leadership.confirm()


async def test_one_that_is_stopped_while_it_stands_by_leaves_nothing(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config), standing_by(config) as (second, begun):
        await second.leadership.release()
        with pytest.raises(Conflict, match="given up"):
            await begun
