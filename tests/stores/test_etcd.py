"""The store in etcd: what is its own, beside the contract of all stores."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change, Delivery
from doctor_daemon.ports.replays import Spent
from doctor_daemon.stores import etcd_folding, etcd_rows
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.contracts.store_disk import first
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_leases import lapse
from tests.stores.values import (
    at,
    closing,
    evacuation,
    evidence,
    head_of,
    notice,
    opening,
    rich,
    server,
    step,
)

PATIENT_S = 30.0
"""How long a write is tried, where somebody is to answer, however busy the machine is."""


@asynccontextmanager
async def opened(
    config: EtcdConfig, write_s: float = PATIENT_S
) -> AsyncIterator[tuple[EtcdStore, int]]:
    store = EtcdStore(config, write_s=write_s)
    term = await store.open()
    try:
        yield store, term
    finally:
        await store.close()


async def read_whole(store: EtcdStore) -> None:
    """Wait until what is over has been read too, and nothing is asked of etcd any more."""
    await store.headings(None, 1)


def put(etcd: Cluster, key: str, value: str) -> None:
    call(etcd.members[0].port, "kv/put", {"key": code(key), "value": code(value)})


def keys(etcd: Cluster, config: EtcdConfig, kind: str) -> int:
    """Count the keys of a kind."""
    begin = f"{config.prefix}{kind}/"
    asked = {"key": code(begin), "range_end": code(f"{begin[:-1]}0"), "count_only": True}
    return int(call(etcd.members[0].port, "kv/range", asked).get("count", 0))


async def test_d8_what_is_no_schema_is_refused_and_left_alone(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config):
        pass
    put(etcd, f"{config.prefix}schema", "three")
    with pytest.raises(Permanent, match="schema is 'three'"):
        await EtcdStore(config).open()
    for before in ("2", "1"):
        put(etcd, f"{config.prefix}schema", before)
        async with opened(config):
            pass
    async with opened(config) as (_, term):
        assert term == 4


async def test_a_prefix_that_is_somebody_else_s_is_refused(
    etcd: Cluster, config: EtcdConfig
) -> None:
    put(etcd, f"{config.prefix}members/a", "b")
    with pytest.raises(Permanent, match="members/a"):
        await EtcdStore(config).open()
    everything = {"key": code(config.prefix), "range_end": code(f"{config.prefix[:-1]}0")}
    found = call(etcd.members[0].port, "kv/range", everything)
    assert found["count"] == "1"  # nothing of ours stands beside it


@pytest.mark.parametrize("key", ["l/0000000000000001", "i/one", "n/1", "mark"])
async def test_d9_what_cannot_be_read_is_refused(
    etcd: Cluster, config: EtcdConfig, key: str
) -> None:
    put(etcd, f"{config.prefix}{key}", '{"value": {"nothing": 1}, "boots": []}')
    with pytest.raises(Permanent, match="cannot be read"):
        await EtcdStore(config).open()


async def test_what_is_below_another_prefix_is_another_store(config: EtcdConfig) -> None:
    longer = config.model_copy(update={"prefix": f"{config.prefix}b/"})
    async with opened(longer) as (other, term):
        await other.commit(opening(), term=term)
    with pytest.raises(Permanent, match="none of our keys"):
        await EtcdStore(config).open()


async def test_b10_a_leader_in_the_middle_of_commits_loses_to_the_next(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (old, term):
        commits = [
            asyncio.create_task(old.commit(opening(f"i{n}", f"cmp-{n}"), term=term))
            for n in range(100)
        ]
        await asyncio.wait(commits, return_when=asyncio.FIRST_COMPLETED)
        lapse(etcd, config.prefix)
        async with opened(config) as (new, newer):
            ends = await asyncio.gather(*commits, return_exceptions=True)
            assert {type(end) for end in ends} <= {type(None), Conflict}
            said = {f"i{n}" for n, end in enumerate(ends) if end is None}
            assert {one.id for one in (await new.load()).incidents} == said
            with pytest.raises(Conflict, match=f"term {term} is over: "):
                await old.commit(Change(), term=term)
            await new.commit(Change(armed=Armed(on=True)), term=newer)


async def test_what_somebody_else_writes_ends_the_leadership(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(opening(), term=term)
        put(etcd, f"{config.prefix}i/one", "gone")
        with pytest.raises(Conflict, match="somebody else"):
            await store.commit(closing(head_of(opening()), 1), term=term)


async def test_d9_a_state_that_is_gone_ends_the_leadership_and_the_next_says_so(
    etcd: Cluster, config: EtcdConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    every = {"key": code(config.prefix), "range_end": code(f"{config.prefix[:-1]}0")}
    for told in (True, False):
        async with opened(config) as (store, term):
            await store.commit(Change(), term=term)
        assert ("nothing of before is known" in capsys.readouterr().out) is told
    async with opened(config) as (store, term):
        call(etcd.members[0].port, "kv/deleterange", every)
        with pytest.raises(Conflict, match=f"everything below {config.prefix} is gone"):
            await store.commit(opening(), term=term)
    async with opened(config) as (store, term):
        assert (term, (await store.load()).incidents) == (1, ())
    assert "nothing of before is known" in capsys.readouterr().out


async def test_everything_is_read_over_many_pages(config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        await asyncio.gather(
            *(store.commit(opening(f"i{n}", f"cmp-{n}"), term=term) for n in range(300))
        )
        expected = await store.load()
    async with opened(config) as (store, _):
        assert len(expected.incidents) == 300
        assert await store.load() == expected


def noisy(size: int) -> Change:
    """Return a change with a notice that cannot be made much smaller."""
    noise = "".join(random.Random(6).choices(string.ascii_letters + string.digits, k=size))
    return replace(opening(), notices=(replace(notice(1), body=noise),))


async def test_what_just_fits_is_taken_by_etcd(config: EtcdConfig) -> None:
    change = noisy(1_780_000)
    async with opened(config) as (store, term):
        await store.commit(change, term=term)
    async with opened(config) as (store, _):
        assert (await store.load()).pending == change.notices


async def test_what_no_transaction_holds_is_refused_by_name_and_not_written(
    config: EtcdConfig,
) -> None:
    large = noisy(2_500_000)
    async with opened(config) as (store, term):
        other = asyncio.create_task(store.commit(opening("two", "cmp-2"), term=term))
        with pytest.raises(ValueError, match=r"limit; the largest part, n/\d+, has \d{7}"):
            await store.commit(large, term=term)
        await other
        assert [one.id for one in (await store.load()).incidents] == ["two"]
    async with opened(config) as (store, _):
        assert [one.id for one in (await store.load()).incidents] == ["two"]


async def test_a_host_of_thousand_servers_and_its_notices_are_one_transaction(
    config: EtcdConfig,
) -> None:
    servers = {ServerId(f"s{n}"): server(f"s{n}") for n in range(1000)}
    moves = {id_: evacuation(id_, Stage.POSTING) for id_ in servers}
    body = "".join(f'{{"id": "{n * 7919 % 100_003}", "state": "error"}}' for n in range(8000))
    before = head_of(opening())
    change = step(before, replace(before, servers=servers, evacuations=moves))
    made = tuple(replace(notice(1, consumer=f"c{n}"), body=body) for n in range(20))
    known = tuple(evidence(f"k{n}", n) for n in range(500))
    async with opened(config) as (store, term):
        await store.commit(opening(), term=term)
        groups = store.groups
        await store.commit(replace(change, notices=made, evidence=known), term=term)
        assert store.groups == groups + 1
        await store.deliveries([Delivery(row.id, "delivered", 1) for row in made], term=term)
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected
        assert len(expected.incidents[0].evacuations) == 1000


async def test_what_an_incident_has_is_written_anew_after_many_steps(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(first("carol"), term=term)
        saved = rich()
        for number in range(etcd_rows.FOLD_PARTS + 5):
            states = (server("s1", f"state-{number}"), server(f"t{number % 3}"))
            flips = {one.id: one for one in states}
            after = replace(saved.note(at(9), f"{number}"), servers=flips)
            change = step(saved, after)
            await store.commit(change, term=term)
            saved = head_of(change)
        assert keys(etcd, config, "p") < 10
        expected = await store.find(IncidentId("one"))
        assert expected == saved
    async with opened(config) as (store, _):
        assert await store.find(IncidentId("one")) == expected


async def test_small_rows_are_written_anew_when_there_are_many(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(first("carol"), term=term)
        for number in range(etcd_folding.FOLD_REST + 5):
            change = Change(
                armed=Armed(on=bool(number % 2), why=f"{number}"),
                spent=(Spent("am", f"n{number}", number),),
            )
            await store.commit(change, term=term)
        expected = await store.load()
        pruning, meanwhile = asyncio.create_task(store.prune(term=term)), 0
        while not pruning.done():
            meanwhile += 1
            one = Spent("am", f"m{meanwhile}", 1000 + meanwhile)
            await store.commit(Change(spent=(one,)), term=term)
        await pruning
        assert keys(etcd, config, "l") < 10 + meanwhile
        found = await store.load()
        assert len(found.spent) == len(expected.spent) + meanwhile
    async with opened(config) as (store, _):
        assert await store.load() == found


async def test_thousands_of_charges_are_replaced_at_once(etcd: Cluster, config: EtcdConfig) -> None:
    charges = tuple(Charge(f"incident-{n}", 1, "rack", at(n)) for n in range(12_000))
    async with opened(config) as (store, term):
        await store.commit(Change(charges=charges[:3]), term=term)
        await store.replace_charges(charges, term=term)
        assert keys(etcd, config, "c") == 3
        await store.commit(Change(charges=(replace(charges[0], number=2),)), term=term)
        expected = await store.load()
    async with opened(config) as (store, _):
        assert await store.load() == expected
        assert len(expected.charges) == 12_001


async def test_a_store_that_is_not_open_says_so(config: EtcdConfig) -> None:
    store = EtcdStore(config)
    with pytest.raises(Permanent, match="not open"):
        await store.load()
    async with opened(config) as (store, term):
        with pytest.raises(Permanent, match="opened once"):
            await store.open()
    with pytest.raises(Permanent, match="not open"):
        await store.commit(Change(), term=term)
    with pytest.raises(Permanent, match="not open"):  # another may have written since
        await store.load()
