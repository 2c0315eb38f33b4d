"""C5: what etcd has done, or may have done, is never told as what it certainly has not.

Permanent says that it has not; Temporary says that nobody knows.
"""

from __future__ import annotations

import pytest
from aiohttp import web

from doctor_daemon.errors import Conflict, Permanent, Temporary
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import CLAIM, Claim, Mark
from doctor_daemon.stores.etcd_writer import Writer
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_leases import granted
from tests.stores.test_etcd_access import answering


async def wrote(gateway: Gateway, plan: Plan) -> Exception | None:
    writer = Writer(gateway, "/x/", 0.5)
    writer.start(Claim(1, "me"), 1, Mark(""), 0)
    try:
        await writer.write(lambda _: plan)
    except (Permanent, Temporary, Conflict) as error:
        return error
    finally:
        await writer.stop()
    return None


@pytest.mark.parametrize("revision", ["", "x", None, "0"])
async def test_c5_what_etcd_has_done_is_never_told_as_certainly_not_done(revision: object) -> None:
    answer = {"header": {"cluster_id": "1", "revision": revision}, "succeeded": True}
    async with answering(lambda *_: web.json_response(answer)) as (gateway, _):
        assert isinstance(await wrote(gateway, Plan()), Temporary)


async def test_c5_a_mark_that_cannot_be_read_is_somebody_elses() -> None:
    term = {"value": code(CLAIM.dumps(Claim(1, "me"))), "mod_revision": "1"}
    rubbish = {"value": code("rubbish"), "mod_revision": "1", "create_revision": "1"}
    found = [{"response_range": {"kvs": [one]}} for one in (term, rubbish, rubbish)]
    answer = {"header": {"cluster_id": "1"}, "responses": found}
    async with answering(lambda *_: web.json_response(answer)) as (gateway, _):
        error = await wrote(gateway, Plan())
        assert isinstance(error, Conflict)
        assert "somebody else has written" in str(error)


async def test_c5_a_bug_behind_a_write_that_was_done_does_not_call_it_undone(
    etcd: Cluster, config: EtcdConfig
) -> None:
    gateway = Gateway(config.asked(), config.asked()[0].tls())
    writer = Writer(gateway, config.prefix)
    own = await claimed(gateway, config.prefix, granted(etcd))
    writer.start(own.claim, own.revision, Mark(""), 0)

    def bug(_: int) -> None:
        raise KeyError("a bug")

    with pytest.raises(Temporary, match="not known"):
        await writer.write(lambda _: Plan(puts={"l/1": b"{}"}, apply=bug))
    with pytest.raises(Permanent, match="KeyError"):
        await writer.write(lambda _: Plan())
    await writer.stop()
    await gateway.close()
    asked = {"key": code(f"{config.prefix}l/1")}
    assert call(etcd.members[0].port, "kv/range", asked)["count"] == "1"
