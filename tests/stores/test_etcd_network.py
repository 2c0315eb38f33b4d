"""C5, D9: answers that are lost, members that are gone, and a quorum that is lost."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Conflict, Permanent, Temporary
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_writer import WRITE_S
from tests.slice.site import free_port
from tests.stores.etcd_cluster import Cluster, call, code, running
from tests.stores.etcd_leases import lapse
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import keys, opened, read_whole
from tests.stores.values import at, closing, head_of, opening

GIVEN_UP_S = 1.2
"""How long a write is tried, where nobody is to answer."""


def by(config: EtcdConfig, *urls: str, timeout_s: float = 0.5) -> EtcdConfig:
    """Return options for other endpoints, of which some do not answer."""
    return config.model_copy(update={"endpoints": urls, "timeout_s": timeout_s})


async def test_c5_a_lost_answer_is_found_by_another_endpoint(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url, etcd.urls[0])) as (store, term),
    ):
        relay.answers.clear()
        await store.commit(Change(charges=(Charge("one", 1, "rack", at(0)),)), term=term)
        assert keys(etcd, config, "c") == 1
        await store.commit(opening(), term=term)
    async with opened(config) as (store, _):
        loaded = await store.load()
        assert (len(loaded.charges), len(loaded.incidents)) == (1, 1)


async def test_c5_a_lost_answer_leaves_the_store_unsure_until_it_is_found(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await store.commit(opening("zero", "cmp-0"), term=term)
        await read_whole(store)
        relay.answers.clear()
        with pytest.raises(Temporary, match="not known yet"):
            await store.commit(opening(), term=term)
        assert await store.find(IncidentId("one")) is None  # nothing counts that is not known
        with pytest.raises(Temporary):
            await store.commit(Change(), term=term)
        relay.answers.set()
        await until_known(store, term)
        # It was written, so it is not written again; and it can be found then.
        with pytest.raises(Conflict, match="not saved at version 0"):
            await store.commit(opening(), term=term)
        assert await store.find(IncidentId("one")) == head_of(opening())
        await store.commit(closing(head_of(opening()), 1), term=term)
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected


async def test_c5_what_is_held_back_on_the_way_is_not_written_later(
    etcd: Cluster, config: EtcdConfig
) -> None:
    port = etcd.members[0].port
    async with relayed(port) as slow, relayed(port) as other:
        async with opened(by(config, slow.url, other.url), GIVEN_UP_S) as (store, term):
            await store.commit(opening(), term=term)
            slow.asked.clear()
            other.shut, slow.heard = True, b""
            other.cut()
            with pytest.raises(Temporary, match="not known yet"):
                await store.commit(Change(armed=Armed(on=True, why="long ago")), term=term)
            other.shut = False
            await until_known(store, term)
            await store.commit(Change(armed=Armed(on=False, why="now")), term=term)
            slow.asked.set()
            await slow.hears(b'"kvs"')  # a transaction was refused, and told what stands
            await store.commit(closing(head_of(opening()), 1), term=term)
            expected = await store.load()
        async with opened(config) as (store, _):
            assert await store.load() == expected
            assert expected.armed.why == "now"


async def test_where_nobody_listens_the_next_endpoint_is_asked(
    etcd: Cluster, config: EtcdConfig
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, nobody, relay.url, etcd.urls[0])) as (store, term),
    ):
        await store.commit(opening(), term=term)
        assert len((await store.load()).incidents) == 1


async def test_b10_endpoints_of_two_clusters_are_refused(
    etcd: Cluster, other: Cluster, config: EtcdConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        relayed(etcd.members[0].port) as one,
        relayed(etcd.members[0].port) as two,
        opened(by(config, one.url, two.url), 4 * GIVEN_UP_S) as (store, term),
    ):
        await store.commit(opening(), term=term)
        await read_whole(store)
        two.lead(other.members[0].port)
        one.asked.clear()
        with pytest.raises(Temporary, match="another cluster than the others"):
            await store.commit(Change(armed=Armed(why="held back on its way")), term=term)
        one.asked.set()
        await until_known(store, term)  # one that is wrong ends nothing
        one.lead(other.members[0].port)
        with pytest.raises(Permanent, match="another cluster"):
            await until_known(store, term)
        said = capsys.readouterr().out.splitlines()
        refused = [line for line in said if "endpoint of etcd refuses" in line]
        assert [two.url in line for line in refused] == [True, False]  # once each
    assert keys(other, config, "l") == 0


async def test_b11_an_endpoint_that_refuses_stops_nobody_where_another_does_not(
    etcd: Cluster, other: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url, etcd.urls[0], timeout_s=3.0)) as (store, term),
    ):
        await store.commit(opening(), term=term)
        await read_whole(store)
        relay.lead(other.members[0].port)
        await store.commit(opening("two", "cmp-2"), term=term)
        await store.commit(opening("three", "cmp-3"), term=term)
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected


async def test_b11_with_one_member_of_three_gone_it_goes_on_and_with_two_it_only_reads(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "three", members=3) as cluster:
        config = EtcdConfig(endpoints=cluster.urls, timeout_s=1.0)
        one, two, _ = cluster.members
        async with opened(config, WRITE_S) as (store, term):
            await store.commit(opening("a", "a"), term=term)
            assert [one.id for one in await store.headings(None, 5)] == ["a"]
            one.kill()
            await until_written(store, opening("b", "b"), term)
            two.kill()
            with pytest.raises(Temporary, match="not known yet"):
                await store.commit(opening("c", "c"), term=term)
            with pytest.raises(Temporary):
                await store.prune(term=term)
            assert [i.id for i in (await store.load()).incidents] == ["a", "b"]
            assert await store.find(IncidentId("a")) == head_of(opening("a", "a"))
            assert [one.id for one in await store.headings(None, 5)] == ["b", "a"]
            cluster.start(two)
            await until_written(store, opening("d", "d"), term)
            expected = await store.load()
        async with opened(config) as (store, _):
            assert await store.load() == expected
            assert {i.id for i in expected.incidents} - {"c"} == {"a", "b", "d"}


async def until_written(store: object, change: Change, term: int) -> None:
    """Commit as a case does: again while it is not known, and done once it is found."""
    assert isinstance(store, EtcdStore)
    while True:
        try:
            await store.commit(change, term=term)
            return
        except Temporary:
            continue
        except Conflict:
            assert await store.find(head_of(change).id) == head_of(change)
            return


async def until_known(store: EtcdStore, term: int) -> None:
    """Write nothing, again until it is known: so what was lost is found, or never comes."""
    while True:
        try:
            await store.commit(Change(), term=term)
            return
        except Temporary:
            continue


async def test_a12_a_member_that_hangs_holds_up_nothing_for_long(tmp_path: Path) -> None:
    with running(tmp_path / "three", members=3) as cluster:
        config = EtcdConfig(endpoints=cluster.urls, timeout_s=0.5)
        async with opened(config) as (store, term):
            cluster.members[0].send(signal.SIGSTOP)
            try:
                await until_written(store, opening("a", "a"), term)
            finally:
                cluster.members[0].send(signal.SIGCONT)
            await until_written(store, opening("b", "b"), term)
        async with opened(config) as (store, _):
            assert [i.id for i in (await store.load()).incidents] == ["a", "b"]


async def test_all_who_wait_are_told_that_nobody_answers(etcd: Cluster, config: EtcdConfig) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, term),
    ):
        relay.answers.clear()
        commits = [store.commit(opening(f"i{n}", f"cmp-{n}"), term=term) for n in range(30)]
        ends = await asyncio.gather(*commits, return_exceptions=True)
        assert {type(end) for end in ends} == {Temporary}
        assert store.waiting == 0
        relay.answers.set()
        await until_known(store, term)
        # One transaction had been on its way, so all of it was written, or nothing.
        found = {one.id for one in (await store.load()).incidents}
        assert found == {f"i{n}" for n in range(30)}
    async with opened(config) as (store, _):
        assert {one.id for one in (await store.load()).incidents} == found


async def test_c5_a_term_whose_answer_was_lost_is_known_again(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with relayed(etcd.members[0].port) as relay:
        relay.left = 4  # whose cluster it is, what keys there are, a lease, what stands; no more
        async with opened(by(config, relay.url, etcd.urls[0])) as (store, term):
            assert (term, relay.left) == (1, 0)
            await store.commit(opening(), term=term)
    async with opened(config) as (_, term):
        assert term == 2


async def test_b10_no_two_that_open_at_once_have_one_term(
    etcd: Cluster, config: EtcdConfig
) -> None:
    stores = [EtcdStore(config) for _ in range(8)]
    opening = {asyncio.create_task(store.open()): store for store in stores}
    terms: list[int] = []
    try:
        while opening:
            done, _ = await asyncio.wait(opening, return_when=asyncio.FIRST_COMPLETED)
            (one,) = done  # whoever else opens it stands by
            terms.append(await one)
            store = opening.pop(one)
            await store.commit(Change(), term=terms[-1])
            if opening:
                lapse(etcd, config.prefix)
                with pytest.raises(Conflict, match=f"term {terms[-1]} is over"):
                    await store.commit(Change(), term=terms[-1])
        assert terms == list(range(1, 9))
    finally:
        for store in stores:
            await store.close()


async def test_b10_a_mark_of_somebody_else_s_is_not_taken_for_one_s_own(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await read_whole(store)
        relay.asked.clear()
        with pytest.raises(Temporary, match="not known yet"):
            await store.commit(opening(), term=term)
        # As if an older state had been restored: terms and marks are counted from there once more.
        everything = {"key": code(config.prefix), "range_end": code(f"{config.prefix[:-1]}0")}
        call(etcd.members[0].port, "kv/deleterange", everything)
        async with opened(config) as (other, same):
            assert same == term
            await other.commit(opening("two", "cmp-2"), term=same)
            relay.asked.set()
            with pytest.raises(Conflict):
                await until_known(store, term)
            assert await store.find(IncidentId("one")) is None
            await other.commit(Change(), term=same)
