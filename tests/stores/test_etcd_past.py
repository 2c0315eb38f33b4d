"""Incidents that are over are kept apart in etcd: a daemon that starts need not wait for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Conflict, Temporary
from doctor_daemon.ports import Change, Delivery, Wanted
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_endings import SETTLED_S
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import keys, opened, put, read_whole
from tests.stores.test_etcd_network import GIVEN_UP_S, by, until_known, until_written
from tests.stores.values import (
    DAY_S,
    at,
    closing,
    evacuation,
    head_of,
    host,
    notice,
    opening,
    server,
    step,
)

LATER_S = SETTLED_S + 60


async def ended(
    store: EtcdStore, term: int, name: str, *states: str, returns: int = 0, seconds: float = 0
) -> Incident:
    """Have an incident come and go of which was told so often; return it as it is then."""
    before = opening(name, name, seconds)
    rows = tuple(notice(n, name, id_=name) for n, _ in enumerate(states, 1))
    await store.commit(replace(before, notices=rows), term=term)
    middle = replace(
        head_of(before),
        servers={one.id: one for one in (server("s1"), server("s2"))},
        evacuations={one.server.id: one for one in (evacuation("s1"),)},
        release=replace(head_of(before).release, returns=returns),
    )
    change = step(head_of(before), middle)
    await store.commit(change, term=term)
    last = closing(head_of(change), seconds + 1)
    await store.commit(last, term=term)
    known = zip(rows, states, strict=True)
    told = [Delivery(row.id, state, 1) for row, state in known if state != "pending"]
    await store.deliveries(told, term=term)
    return head_of(last)


async def pass_time(store: EtcdStore, term: int, seconds: float = LATER_S) -> None:
    await store.commit(opening("now", "now", seconds), term=term)


async def everything(store: EtcdStore, *ids: str) -> list[object]:
    """Return all that a store can be asked for."""
    return [
        await store.load(),
        await store.headings(None, 100),
        await store.headings(host("two"), 100),
        await store.notices(Wanted(), 100),
        await store.notices(Wanted(state="delivered"), 2),
        await store.notices(Wanted(ids=frozenset({notice(1, "two").id})), 5),
        await store.given_up(),
        *[await store.find(IncidentId(id_)) for id_ in ids],
    ]


async def test_what_is_over_for_an_hour_is_one_key_and_is_answered_as_before(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        one = await ended(store, term, "one", "delivered", "delivered")
        two = await ended(store, term, "two", "delivered", returns=1)
        await pass_time(store, term)
        before = await everything(store, "one", "two")
        assert before[-2:] == [one, two]
        await store.prune(term=term)
        assert [keys(etcd, config, kind) for kind in "xipnd"] == [2, 1, 1, 0, 0]
        assert await everything(store, "one", "two") == before
    async with opened(config) as (store, _):
        assert await everything(store, "one", "two") == before


@pytest.mark.parametrize("state", ["pending", "dead"])
async def test_what_was_not_delivered_keeps_its_incident_where_it_is(
    etcd: Cluster, config: EtcdConfig, state: str
) -> None:
    async with opened(config) as (store, term):
        await ended(store, term, "one", "delivered", state)
        await pass_time(store, term)
        before = await everything(store, "one")
        await store.prune(term=term)
        assert keys(etcd, config, "x") == 0
        assert await everything(store, "one") == before
        await store.deliveries([Delivery(notice(2, "one").id, "delivered", 2)], term=term)
        before = await everything(store, "one")
        await store.prune(term=term)
        assert keys(etcd, config, "x") == 1
    async with opened(config) as (store, _):
        assert await everything(store, "one") == before


async def test_what_has_just_ended_stays(etcd: Cluster, config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        await ended(store, term, "one", "delivered")
        await pass_time(store, term, SETTLED_S)
        await store.prune(term=term)
        assert keys(etcd, config, "x") == 0


async def test_a_gap_that_was_told_of_since_is_none_when_that_is_read_no_more(
    config: EtcdConfig,
) -> None:
    async with opened(config) as (store, term):
        await store.commit(Change(notices=(notice(1, "one", id_="older"),)), term=term)
        await store.deliveries([Delivery(notice(1, "one").id, "dead", 9)], term=term)
        await store.commit(opening("older", "other"), term=term)
        change = replace(opening("one", "one"), notices=(notice(2, "one"),))
        await store.commit(change, term=term)
        await store.commit(closing(head_of(change), 1), term=term)
        await store.deliveries([Delivery(notice(2, "one").id, "delivered", 1)], term=term)
        await pass_time(store, term)
        await store.prune(term=term)
        assert (await store.load()).gaps == frozenset()
    async with opened(config) as (store, term):
        assert (await store.load()).gaps == frozenset()
        await store.commit(Change(notices=(notice(3, "one"),)), term=term)
        await store.deliveries([Delivery(notice(3, "one").id, "dead", 9)], term=term)
        assert (await store.load()).gaps == {("vnfm", host("one"))}
        assert await store.given_up() == {"vnfm": 2}


async def test_what_is_over_is_not_begun_or_told_again(config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        one = await ended(store, term, "one", "delivered")
        await pass_time(store, term)
        await store.prune(term=term)
        for change in (
            opening("one", "one"),
            Change(head=replace(one, version=one.version + 1)),
            Change(notices=(notice(1, "one"),)),
        ):
            with pytest.raises(Conflict):
                await store.commit(change, term=term)
        assert await store.find(IncidentId("one")) == one


async def test_what_is_over_goes_with_its_notices_when_it_is_old(
    etcd: Cluster, config: EtcdConfig
) -> None:
    few = config.model_copy(update={"closed_max": 1})
    async with opened(few) as (store, term):
        for name in ("one", "two"):
            await ended(store, term, name, "delivered")
        await pass_time(store, term)
        await store.prune(term=term)
        assert keys(etcd, config, "x") == 1
        assert await store.find(IncidentId("one")) is None
        assert [row.incident for row in await store.notices(Wanted(), 9)] == ["two"]
        assert (await store.load()).sequences[("vnfm", host("one"))] == 1
    old = config.model_copy(update={"keep_days": 1})
    async with opened(old) as (store, term):
        await store.commit(closing(head_of(opening("now", "now", LATER_S)), LATER_S), term=term)
        await store.commit(opening("new", "new", 2 * DAY_S), term=term)
        await store.prune(term=term)
        assert [one.id for one in await store.headings(None, 9)] == ["new"]
        assert keys(etcd, config, "x") == 0


@pytest.mark.parametrize("answers", range(8))
async def test_c5_whatever_ends_a_prune_the_next_daemon_holds_what_this_one_does(
    etcd: Cluster, config: EtcdConfig, answers: int
) -> None:
    short = config.model_copy(update={"keep_days": 1, "closed_max": 2})
    mixed = (notice(1, "old"), replace(notice(2, "old"), made_at=None))
    new = replace(notice(1, "last"), made_at=at(2 * DAY_S))
    async with opened(config) as (store, term):
        await store.commit(Change(notices=mixed), term=term)
        for name, begun_s in (("one", 0.0), ("two", 1.0), ("three", 2 * DAY_S - LATER_S)):
            await ended(store, term, name, "delivered", returns=1, seconds=begun_s)
        await pass_time(store, term, 2 * DAY_S)
        last = replace(opening("last", "last", 2 * DAY_S), notices=(new,))
        await store.commit(last, term=term)
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(short, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await read_whole(store)
        relay.left = answers
        with pytest.raises(Temporary):
            await store.prune(term=term)
        relay.left = None
        await until_known(store, term)
        expected = await everything(store, "one", "two", "three")
    async with opened(short) as (store, term):
        assert await everything(store, "one", "two", "three") == expected
        await store.prune(term=term)
        assert [row.id for row in (await store.load()).pending] == [
            mixed[1].id,
            notice(1, "last").id,
        ]
        assert [one.id for one in await store.headings(None, 9)] == ["last", "now", "three"]
        assert keys(etcd, config, "x") == 1


async def test_a_daemon_works_before_it_has_read_what_is_over(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        one = await ended(store, term, "one", "delivered", returns=1)
        await pass_time(store, term)
        await store.prune(term=term)
        expected = await store.load()
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, term),
    ):
        relay.answers.clear()  # before the reading has begun
        assert await store.load() == expected
        assert (await store.find(IncidentId("now"))) == expected.incidents[0]
        for asked in (store.find(IncidentId("one")), store.headings(None, 9)):
            with pytest.raises(Temporary, match="not been read yet"):
                await asked
        relay.answers.set()
        await until_written(store, closing(expected.incidents[0], LATER_S), term)
        await found(store, one)


async def found(store: EtcdStore, expected: Incident) -> None:
    """Ask until what is over has been read."""
    while True:
        try:
            assert await store.find(expected.id) == expected
            return
        except Temporary:
            continue


async def test_d9_what_is_over_and_cannot_be_read_is_told_and_left_where_it_is(
    etcd: Cluster, config: EtcdConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(config) as (store, term):
        one = await ended(store, term, "one", "delivered")
        await pass_time(store, term)
        await store.prune(term=term)
    put(etcd, f"{config.prefix}x/a", "nothing")
    put(etcd, f"{config.prefix}x/z", "nothing\nelse")
    async with opened(config) as (store, term):
        assert await store.find(one.id) == one
        await store.prune(term=term)
        assert [row.id for row in await store.headings(None, 9)] == ["now", "one"]
        assert keys(etcd, config, "x") == 3
    told = [line for line in capsys.readouterr().out.splitlines() if "cannot be read" in line]
    assert len(told) == 1
    assert all(word in told[0] for word in ("count=2", "x/a", "x/z"))


async def test_a12_what_is_over_is_read_once_more_where_that_has_failed(
    etcd: Cluster, other: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        one = await ended(store, term, "one", "delivered")
        await pass_time(store, term)
        await store.prune(term=term)
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url)) as (store, term),
    ):
        relay.lead(other.members[0].port)  # before the reading has begun
        with pytest.raises(Temporary, match=r"once more: .* another cluster"):
            await store.find(one.id)
        relay.lead(etcd.members[0].port)
        await pruned(store, term)
        assert await store.find(one.id) == one


async def pruned(store: EtcdStore, term: int) -> None:
    while True:
        try:
            await store.prune(term=term)
            return
        except Temporary:
            continue
