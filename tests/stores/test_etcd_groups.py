"""What goes into one transaction of etcd together, and what is kept when its rows are gone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.context import Charge
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.test_etcd import keys, noisy, opened
from tests.stores.values import DAY_S, at, closing, evidence, head_of, host, notice, opening

ONE = opening()
CHARGE = Change(charges=(Charge("one", 1, "rack", at(0)),))


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ((ONE, closing(head_of(ONE), 1)), (None, None)),
        ((ONE, closing(head_of(ONE), 1), opening("two")), (None, None, None)),
        ((ONE, opening("two"), opening("three", "cmp-3")), (None, Conflict, None)),
        ((ONE, ONE), (None, Conflict)),
        ((CHARGE, CHARGE), (None, Conflict)),
        ((Change(notices=(notice(1),)), Change(notices=(notice(1),))), (None, Conflict)),
        (
            (Change(notices=(notice(1),)), Change(notices=(replace(notice(1), id="two"),))),
            (None, Conflict),
        ),
        ((Change(charges=CHARGE.charges * 2), ONE), (Conflict, None)),
    ],
    ids=["next", "again", "host", "twice", "charge", "notice", "number", "first"],
)
async def test_of_what_is_asked_for_at_once_each_is_judged_after_the_one_before(
    config: EtcdConfig, changes: Sequence[Change], ends: Sequence[type[Exception] | None]
) -> None:
    async with opened(config) as (store, term):
        begun = [asyncio.create_task(store.commit(change, term=term)) for change in changes]
        found = await asyncio.gather(*begun, return_exceptions=True)
        assert [type(end) if end else None for end in found] == list(ends)
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected


async def test_what_does_not_fit_together_is_written_one_after_the_other(
    config: EtcdConfig,
) -> None:
    rows = tuple(replace(noisy(600_000).notices[0], id=f"n{n}", sequence=n) for n in range(1, 7))
    async with opened(config) as (store, term):
        groups = store.groups
        await asyncio.gather(*(store.commit(Change(notices=(row,)), term=term) for row in rows))
        assert 1 < store.groups - groups < 6
    async with opened(config) as (store, _):
        assert (await store.load()).pending == rows


async def test_how_many_notices_stand_is_written_in_as_many_transactions_as_it_needs(
    config: EtcdConfig,
) -> None:
    noise = random.Random(9)
    rows = [notice(n, f"cmp-{n}") for n in range(1, 7)]
    ends = [Delivery(row.id, "dead", 1, noise.randbytes(300_000).hex()) for row in rows]
    async with opened(config) as (store, term):
        for row in rows:
            await store.commit(Change(notices=(row,)), term=term)
        await store.deliveries(ends, term=term)
        assert await store.given_up() == {"vnfm": len(rows)}
    async with opened(config) as (store, _):
        assert await store.given_up() == {"vnfm": len(rows)}


async def test_many_commits_are_few_transactions(config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        groups = store.groups
        await asyncio.gather(
            *(store.commit(opening(f"i{n}", f"cmp-{n}"), term=term) for n in range(120))
        )
        assert store.groups - groups <= 12


async def test_the_next_number_is_known_when_no_notice_is_kept(config: EtcdConfig) -> None:
    short = config.model_copy(update={"keep_days": 1})
    async with opened(short) as (store, term):
        rows = (notice(1), notice(2), notice(7, "cmp-2"))
        await store.commit(Change(notices=rows), term=term)
        await store.deliveries([Delivery(row.id, "delivered", 1) for row in rows], term=term)
        await store.commit(opening("now", "now", 3 * DAY_S), term=term)
        await store.prune(term=term)
    async with opened(short) as (store, _):
        loaded = await store.load()
        assert loaded.pending == ()
        assert loaded.sequences == {("vnfm", host()): 2, ("vnfm", host("cmp-2")): 7}


async def test_of_an_event_that_is_repeated_the_last_is_kept(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        for seconds in range(5):
            rows = (evidence("k1", seconds), evidence(f"other-{seconds % 2}", seconds))
            await store.commit(Change(evidence=rows), term=term)
        await store.prune(term=term)
        assert keys(etcd, config, "e") == 2
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected
        assert [row.key for row in expected.evidence] == ["other-1", "k1", "other-0"]
