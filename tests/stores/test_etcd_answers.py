"""E5: what an etcd says that is out of its mind is told as such, and nothing is made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import number, records
from doctor_daemon.stores.etcd_loading import load, rows
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_past import over
from doctor_daemon.stores.etcd_transactions import first
from doctor_daemon.stores.saved import Saved
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_leases import Waiting
from tests.stores.test_etcd_access import PASSWORD, answering, secret
from tests.stores.values import closing, head_of, notice, opening

HEADER = {"cluster_id": "1", "revision": "7"}
DEEP: Any = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize("cluster", [False, 1.5, "", "x", "9" * 30, []])
async def test_e5_whoever_names_no_cluster_is_no_etcd(cluster: object) -> None:
    told = {"header": {"cluster_id": cluster}}
    async with answering(lambda *_: web.json_response(told)) as (gateway, _):
        with pytest.raises(Unanswered, match="not as an etcd"):
            await gateway.call("kv/range", {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"code": [3], "message": "no"}, "answers 503: no"),
        ({"code": {}, "error": "no"}, "answers 503: no"),
        ({"code": 14, "message": DEEP}, "answers 503: $"),
        ({"code": 14, "message": "x" * 100_000}, "answers 503: long"),
    ],
    ids=["list", "object", "deep", "long"],
)
async def test_e5_a_complaint_of_another_shape_is_no_answer(said: object, why: str) -> None:
    told = web.json_response(said, status=503)
    async with answering(lambda *_: told) as (gateway, _):
        with pytest.raises(Unanswered, match=why):
            await gateway.call("kv/range", {})


@pytest.mark.parametrize("token", ["a\r\nb: c", "é" * 9, "abc", "x" * 20_000, ["a"]])
async def test_e5_a_token_that_cannot_be_shown_is_none(tmp_path: Path, token: object) -> None:
    kept = secret(tmp_path, "password", PASSWORD)
    told = {"header": HEADER, "token": token}
    async with answering(lambda *_: web.json_response(told), kept) as (gateway, asked):
        with pytest.raises(Unanswered, match="no token"):
            await gateway.call("kv/range", {})
    assert asked == ["/v3/auth/authenticate"]


@pytest.mark.parametrize("told", ["-1", "1.5", "²", "", "9" * 30, 1.0, True, None, [], DEEP])
def test_e5_a_number_is_its_digits(told: object) -> None:
    with pytest.raises(Permanent, match="revision is no number"):
        number({"revision": told}, "revision")
    found = [number(one, "revision") for one in ({}, {"revision": "7"}, {"revision": 7})]
    assert found == [0, 7, 7]


@pytest.mark.parametrize("told", [None, "ab", {}, 1, ["ab"], [None]])
def test_e5_keys_are_a_list_of_objects(told: object) -> None:
    with pytest.raises(Permanent, match="kvs"):
        records({"kvs": told}, "kvs")
    for answer in ({"responses": told}, {"responses": [{"response_range": {"kvs": told}}]}):
        with pytest.raises(Permanent):
            first(answer, 0)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"more": True}, "says that there are more"),
        ({"more": True, "kvs": [{"key": code("/x/b")}, {"key": code("/x/a")}]}, "not asked for"),
        ({"kvs": [{"key": code("/y/a")}]}, "not asked for"),
        ({"kvs": {"key": "a"}}, "kvs"),
    ],
    ids=["nothing", "backwards", "else", "no-list"],
)
async def test_e5_pages_that_lead_nowhere_are_refused(told: dict[str, Any], why: str) -> None:
    answer = {"header": HEADER} | told
    async with answering(lambda *_: web.json_response(answer)) as (gateway, asked):
        with pytest.raises(Permanent, match=why):
            _ = [key async for key, _, _ in rows(gateway, "/x/")]
    assert asked == ["/v3/kv/range"]


@pytest.mark.parametrize("key", ["p", "p/", "l/²", f"l/{'9' * 5000}", "x" * 2000])
async def test_e5_a_key_that_is_none_of_ours_is_refused(
    etcd: Cluster, config: EtcdConfig, key: str
) -> None:
    value = code('{"value":{},"boots":[]}')
    call(etcd.members[0].port, "kv/put", {"key": code(f"{config.prefix}{key}"), "value": value})
    gateway = Gateway(config.asked(), config.asked()[0].tls())
    with pytest.raises(Permanent, match=r"none of our keys|no head") as refused:
        await load(gateway, config.prefix)
    await gateway.close()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("kind", "delnc")
async def test_d9_rows_that_are_newer_than_the_mark_are_not_written_over(
    etcd: Cluster, config: EtcdConfig, kind: str
) -> None:
    key, value = code(f"{config.prefix}{kind}/{3:016}"), code('{"value":{},"boots":[]}')
    call(etcd.members[0].port, "kv/put", {"key": key, "value": value})
    gateway = Gateway(config.asked(), config.asked()[0].tls())
    for mark in ("", '{"value":{"id":"a","order":2,"moment":null},"boots":[]}'):
        if mark:
            told = {"key": code(f"{config.prefix}mark"), "value": code(mark)}
            call(etcd.members[0].port, "kv/put", told)
        with pytest.raises(Permanent, match="rows of commit 3, and the mark is of"):
            await load(gateway, config.prefix)
    await gateway.close()


async def test_e5_an_answer_that_names_no_revision_is_refused() -> None:
    nothing: dict[str, Any] = {"response_range": {}}
    told = {"header": {"cluster_id": "1"}, "succeeded": True, "responses": [nothing] * 4}
    async with answering(lambda *_: web.json_response(told)) as (gateway, _):
        with pytest.raises(Permanent, match="no revision"):
            await claimed(gateway, "/x/", Waiting())
        with pytest.raises(Permanent, match="no revision"):
            _ = [key async for key, _, _ in rows(gateway, "/x/")]


@pytest.mark.parametrize(
    "responses",
    [None, [], [{}], [{"response_range": {}}], [{"response_range": {"kvs": [5]}}] * 2],
)
async def test_e5_a_claim_of_which_nothing_can_be_read_is_given_up(responses: object) -> None:
    answer = {"header": HEADER, "responses": responses}
    async with answering(lambda *_: web.json_response(answer)) as (gateway, _):
        with pytest.raises(Permanent, match=r"responses|kvs|not whole"):
            await claimed(gateway, "/x/", Waiting())


@pytest.mark.parametrize("schema", ["²", "9" * 5000, "0", ""])
async def test_d8_a_schema_that_is_no_number_is_refused(
    etcd: Cluster, config: EtcdConfig, schema: str
) -> None:
    told = {"key": code(f"{config.prefix}schema"), "value": code(schema)}
    call(etcd.members[0].port, "kv/put", told)
    gateway = Gateway(config.asked(), config.asked()[0].tls())
    with pytest.raises(Permanent, match="schema is"):
        await claimed(gateway, config.prefix, Waiting())
    await gateway.close()


def test_an_incident_that_is_over_has_the_notices_that_its_short_names() -> None:
    begun = opening()
    ended = closing(head_of(begun), 1)
    saved = Saved(head_of(begun))
    saved.put(head_of(ended), ended)
    past = over(saved, 1, [(2, notice(1))])
    assert past.whole()[0].id == IncidentId("one")
    with pytest.raises(Permanent, match="other notices"):
        replace(past, short=replace(past.short, orders=())).whole()
