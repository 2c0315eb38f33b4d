"""D2: what is said to whoever leads, at a daemon that stands by: in force once it is written."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.errors import LateError, Temporary
from doctor_daemon.ports.leading import Forbidden
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_values import WORD
from doctor_daemon.stores.etcd_word import FORBIDDEN, UNREAD, Word
from tests.stores.etcd_cluster import Cluster, code
from tests.stores.test_etcd import opened, put
from tests.stores.test_etcd_leading import short, standing_by


async def test_from_when_it_is_said_nothing_is_begun_until_it_is_heeded(config: EtcdConfig) -> None:
    async with opened(config) as (first, _), standing_by(config) as (second, _):
        await first.leadership.confirm()
        heard = asyncio.create_task(first.leadership.words.forbidden())
        await second.leadership.words.forbid("ann", "core switch work")
        with pytest.raises(LateError, match="disarmed by ann: core switch work"):
            await first.leadership.confirm()
        word = await heard
        assert (word.by, word.why) == ("ann", "core switch work")
        await first.leadership.words.heeded(word)
        await first.leadership.confirm()


async def test_it_is_heard_without_any_effect_within_a_renewal(config: EtcdConfig) -> None:
    options = short(config)
    async with opened(options) as (first, _), standing_by(options) as (second, _):
        await second.leadership.words.forbid("ann", "x")
        async with asyncio.timeout(options.lease_s):
            assert (await first.leadership.words.forbidden()).by == "ann"


async def test_a_later_word_is_not_dropped_with_an_earlier(config: EtcdConfig) -> None:
    async with opened(config) as (first, _), standing_by(config) as (second, _):
        words = second.leadership.words
        await words.forbid("ann", "x")
        with pytest.raises(LateError):
            await first.leadership.confirm()
        earlier = await first.leadership.words.forbidden()
        await words.forbid("bob", "y")
        await first.leadership.words.heeded(earlier)
        with pytest.raises(LateError, match="disarmed by bob"):
            await first.leadership.confirm()
        await first.leadership.words.heeded(await first.leadership.words.forbidden())
        await first.leadership.confirm()


async def test_whoever_leads_next_hears_what_nobody_has_heeded(config: EtcdConfig) -> None:
    async with opened(config) as (first, _), standing_by(config) as (second, begun):
        await second.leadership.words.forbid("ann", "x")
        await first.close()
        await begun
        with pytest.raises(LateError, match="disarmed by ann"):
            await second.leadership.confirm()


async def test_a_word_that_cannot_be_read_forbids_too(config: EtcdConfig, etcd: Cluster) -> None:
    async with opened(config) as (first, _):
        put(etcd, f"{config.prefix}{WORD}", "nonsense")
        with pytest.raises(LateError, match=UNREAD.why):
            await first.leadership.confirm()
        await first.leadership.words.heeded(await first.leadership.words.forbidden())
        await first.leadership.confirm()


async def test_without_etcd_it_is_an_error(config: EtcdConfig) -> None:
    with pytest.raises(Temporary, match="has not been asked yet"):
        await EtcdStore(config).leadership.words.forbid("ann", "x")


def test_a_look_that_was_overtaken_by_a_later_one_says_nothing() -> None:
    word = Word("/x/")
    record = {"value": code(FORBIDDEN.dumps(Forbidden("ann", "x", "1"))), "mod_revision": "7"}
    word.take(record, 8)
    word.take({}, 6)
    with pytest.raises(LateError, match="disarmed by ann"):
        word.check()
    word.take({}, 9)
    word.check()
