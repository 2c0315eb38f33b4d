"""The audit in etcd is one chain, whatever becomes of an answer, and whoever writes there."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.audit import Broken
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_audit import old, page
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_options import EtcdConfig, tls
from doctor_daemon.stores.etcd_rows import AUDITED_MAX, Loaded, commit_plan
from tests.contracts.store_audit import checked, names, said, whole
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened, put, read_whole
from tests.stores.test_etcd_network import GIVEN_UP_S, by, until_known
from tests.stores.values import audit_line, opening


async def test_c5_i17_a_line_whose_answer_was_lost_is_in_the_chain(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        opened(by(config, relay.url), GIVEN_UP_S) as (store, term),
    ):
        await store.commit(said(1), term=term)
        await read_whole(store)
        relay.answers.clear()
        with pytest.raises(Temporary, match="not known yet"):
            await store.commit(said(2), term=term)
        relay.answers.set()
        await until_known(store, term)
        await store.commit(said(2), term=term)  # whoever does not know it says it again
        await store.commit(said(3), term=term)
        assert names(await whole(store)) == ["one/1", "one/2", "one/3"]


def test_i17_a_line_of_no_incident_is_known_again_after_many_of_incidents() -> None:
    held = Loaded()

    def write(change: Change, number: int) -> int:
        plan = commit_plan(held, change, number)
        plan.apply(number)
        return len(plan.lines)

    assert write(said(1), 1) == 1
    for n in range(2, 1500):
        step = replace(opening(f"i{n}", f"cmp-{n}", n), audit=(audit_line(n),))
        assert write(step, n) == 1
    assert write(said(1), 1500) == 0  # its answer was lost, and it is said again
    assert list(held.audited) == [audit_line(1).key]
    for n in range(AUDITED_MAX):
        write(Change(audit=(audit_line(2000 + n),)), 2000 + n)
    assert len(held.audited) == AUDITED_MAX


async def test_c5_i17_a_line_that_was_held_back_on_the_way_leaves_no_gap(
    etcd: Cluster, config: EtcdConfig
) -> None:
    port = etcd.members[0].port
    async with (
        relayed(port) as slow,
        relayed(port) as other,
        opened(by(config, slow.url, other.url), GIVEN_UP_S) as (store, term),
    ):
        await store.commit(said(1), term=term)
        slow.asked.clear()
        other.shut, slow.heard = True, b""
        other.cut()
        with pytest.raises(Temporary, match="not known yet"):
            await store.commit(said(2), term=term)
        other.shut = False
        await until_known(store, term)
        await store.commit(said(3), term=term)
        slow.asked.set()
        await slow.hears(b'"kvs"')  # a transaction was refused, and told what stands
        await store.commit(said(4), term=term)
        assert names(await whole(store)) == ["one/1", "one/3", "one/4"]


async def test_i17_what_is_refused_among_others_leaves_no_gap(config: EtcdConfig) -> None:
    """They are gathered into few transactions, and every third is refused while that is done."""
    async with opened(config) as (store, term):
        changes = [
            Change(head=opening().head, audit=(audit_line(n),)) if n % 3 == 2 else said(n)
            for n in range(30)
        ]
        commits = (store.commit(change, term=term) for change in changes)
        ends = await asyncio.gather(*commits, return_exceptions=True)
        assert store.groups < 30
        written = [f"one/{n}" for n, end in enumerate(ends) if end is None]
        assert len(written) == 21
        assert sorted(names(await whole(store))) == sorted(written)


async def test_nobody_waits_at_a_start_for_lines_of_the_audit(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(said(1), term=term)
    put(etcd, f"{config.prefix}a/0000000000000001", "no line")
    async with opened(config) as (store, _):
        with pytest.raises(Permanent, match="audit cannot be read"):
            await store.audit(0, 10)


@asynccontextmanager
async def gateway(config: EtcdConfig) -> AsyncIterator[Gateway]:
    made = Gateway(config.asked(), tls(config), username="", password=None)
    try:
        yield made
    finally:
        await made.close()


async def test_a_question_that_nobody_answers_has_an_end(etcd: Cluster, config: EtcdConfig) -> None:
    async with (
        relayed(etcd.members[0].port) as relay,
        gateway(by(config, relay.url)) as asked,
    ):
        relay.answers.clear()
        with pytest.raises(Temporary, match=r"gave up after 0\.4 s"):
            await page(asked, config.prefix, 0, 10, within_s=0.4)


async def test_so_many_lines_are_kept_at_most(config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        for number in range(1, 6):
            await store.commit(said(number), term=term)
    async with gateway(config) as asked:
        assert await old(asked, config.prefix, 0.0, 5) is None
        plan = await old(asked, config.prefix, 0.0, 3)
        assert plan is not None
        assert plan.drops == (("a/", "a/0000000000000003"),)


async def test_what_an_older_version_wrote_goes_on_and_is_refused_to_it_from_then_on(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(opening(), term=term)
    put(etcd, f"{config.prefix}schema", "1")
    mark = '{"value":{"id":"before","order":1,"moment":null},"boots":[]}'
    put(etcd, f"{config.prefix}mark", mark)
    async with opened(config) as (store, term):
        assert [one.id for one in (await store.load()).incidents] == ["one"]
        await store.commit(Change(audit=(audit_line(1),)), term=term)
        assert [row.number for row in (await store.audit(0, 10)).rows] == [1]
    found = call(etcd.members[0].port, "kv/range", {"key": code(f"{config.prefix}schema")})
    assert found["kvs"][0]["value"] == code("2")


@pytest.mark.parametrize("text", ["no line", '{"value":{"rows":[],"until_wall_s":0},"boots":[]}'])
async def test_what_cannot_be_read_stays_and_what_is_before_it_goes(
    etcd: Cluster, config: EtcdConfig, text: str
) -> None:
    async with opened(config) as (store, term):
        for number in range(1, 6):
            await store.commit(said(number), term=term)
    put(etcd, f"{config.prefix}a/{2:016}", text)
    async with gateway(config) as asked:
        plan = await old(asked, config.prefix, 0.0, 2)
        assert plan is not None
        assert plan.drops == (("a/", f"a/{2:016}"),)


def value_of(etcd: Cluster, key: str) -> Any:  # noqa: ANN401 - JSON
    found = call(etcd.members[0].port, "kv/range", {"key": code(key)})
    return json.loads(b64decode(found["kvs"][0]["value"]))


def delete(etcd: Cluster, key: str) -> None:
    call(etcd.members[0].port, "kv/deleterange", {"key": code(key)})


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_i17_a_key_that_is_gone_is_found(
    etcd: Cluster, config: EtcdConfig, number: int
) -> None:
    async with opened(config) as (store, term):
        for n in range(1, 6):
            await store.commit(said(n), term=term)
        checked(await store.audit(0, 10))
        delete(etcd, f"{config.prefix}a/{number:016}")
        with pytest.raises(Broken, match=f"line {number}: it is missing"):
            checked(await store.audit(0, 10))


async def test_i17_a_dropped_end_that_is_another_is_found(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(said(1), term=term)
        await store.commit(said(2), term=term)
        delete(etcd, f"{config.prefix}a/{1:016}")
        end = {"number": 1, "hash": "0" * 64}
        put(etcd, f"{config.prefix}audit", json.dumps({"value": end, "boots": []}))
        with pytest.raises(Broken, match="line 2: it was changed, or the one before it"):
            checked(await store.audit(0, 10))


async def test_the_mark_says_where_the_chain_stands(etcd: Cluster, config: EtcdConfig) -> None:
    async with opened(config) as (store, term):
        await store.commit(said(1), term=term)
        await store.commit(opening(), term=term)
        mark = value_of(etcd, f"{config.prefix}mark")["value"]
        last = (await store.audit(0, 1)).last
        assert mark["audit"] == {"number": 1, "hash": last.hash}
