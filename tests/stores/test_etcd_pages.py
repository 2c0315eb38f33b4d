"""What is in etcd is read, however slow the way to it is."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import decoded
from doctor_daemon.stores.etcd_loading import PAGE, load_past, rows
from doctor_daemon.stores.etcd_past import Past
from tests.stores.test_etcd_access import answering

KEYS = 300
SLOW_ABOVE = 40
"""Keys of which the answer takes longer than anybody waits."""
PATIENCE_S = 0.3


@asynccontextmanager
async def slow() -> AsyncIterator[tuple[Gateway, list[int]]]:
    """Run somebody who answers short pages alone; yield a gateway and how much was asked for."""
    limits: list[int] = []
    keys = [f"/x/l/{number:016}" for number in range(KEYS)]

    async def handle(request: web.Request) -> web.Response:
        asked = await request.json()
        limit, begin = int(asked["limit"]), decoded(asked["key"]).decode()
        limits.append(limit)
        if limit > SLOW_ABOVE:
            await asyncio.Event().wait()
        found = [key for key in keys if key >= begin]
        kvs = [{"key": b64encode(key.encode()).decode()} for key in found[:limit]]
        header = {"cluster_id": "1", "revision": "7"}
        return web.json_response({"header": header, "kvs": kvs, "more": len(found) > limit})

    app = web.Application()
    app.router.add_post("/v3/kv/range", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (address,) = runner.addresses
    endpoint = Endpoint(url=f"http://127.0.0.1:{address[1]}", timeout_s=PATIENCE_S)
    gateway = Gateway((endpoint,), endpoint.tls())
    try:
        yield gateway, limits
    finally:
        await gateway.close()
        await runner.cleanup()


async def test_a_page_that_does_not_come_in_time_is_asked_for_in_smaller_ones() -> None:
    async with slow() as (gateway, limits), asyncio.timeout(15):
        found = [key async for key, _, _ in rows(gateway, "/x/")]
    assert found == [f"l/{number:016}" for number in range(KEYS)]
    assert limits[:2] == [PAGE, PAGE // 8]
    assert max(limits[2:]) > PAGE // 8  # a page that came late once makes not all short


async def test_a12_what_is_over_has_an_end_in_time_and_in_number() -> None:
    async with slow() as (gateway, limits):
        with pytest.raises(Temporary, match="gave up after"):
            await load_past(gateway, "/x/", Past(), within_s=PATIENCE_S)
        assert limits == [PAGE]

    def endless(_: object, body: str) -> web.Response:
        key = decoded(json.loads(body)["key"]) + b"a"
        header = {"cluster_id": "1", "revision": "7"}
        kvs = [{"key": b64encode(key).decode()}]
        return web.json_response({"header": header, "kvs": kvs, "more": True})

    async with answering(endless) as (gateway, asked):
        with pytest.raises(Permanent, match="more than 9 incidents"):
            await load_past(gateway, "/x/", Past(), most=9)
        assert len(asked) == 10
