"""What a source says of a host that is not its own is refused by name, and never dropped."""

from __future__ import annotations

from dataclasses import replace

from structlog.testing import capture_logs

from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.inspectors.evidence import EvidenceApi
from tests.engine.rig import HOST
from tests.inspectors.alerts import PATH, body, several
from tests.inspectors.rig import Json, Ledger, Reply, listening, source, terms, zulu

OWN = replace(terms("rack"), hosts=frozenset({HOST.name}))


def statement(host: str, now_s: float) -> Json:
    said = {"host": host, "verdict": "down", "kind": "script", "summary": "gone"}
    return {**said, "observed_at": zulu(now_s)}


async def told(ledger: Ledger, *hosts: str) -> Reply:
    """Say by our own format that hosts are down."""
    inspector = EvidenceApi(EvidenceApi.Config(), OWN)
    now_s = ledger.now().wall_s
    async with listening(ledger, source(inspector, of=OWN)) as client:
        items = [statement(host, now_s) for host in hosts]
        return await client.send("/v1/evidence", {"evidence": items})


async def test_e1_a_statement_about_another_s_host_is_refused() -> None:
    ledger = Ledger()
    reply = await told(ledger, "cmp-2")
    assert (reply.status, ledger.taken) == (403, [])
    assert reply.error == {
        "code": "foreign_host",
        "field": "evidence[0].host",
        "message": 'of "cmp-2" this source may not speak',
        "expected": "one of the `hosts` of this source",
    }
    assert (await told(ledger, "cmp-1.example")).outcomes == ["opened"]


async def test_e1_one_unknown_to_all_is_unknown() -> None:
    reply = await told(Ledger(), "cmp-9")
    assert (reply.status, reply.error["code"]) == (422, "unknown_host")


async def test_e1_of_a_request_that_is_whole_or_not_at_all_nothing_is_taken() -> None:
    ledger = Ledger()
    reply = await told(ledger, "cmp-1", "cmp-2")
    assert (reply.status, reply.error["code"], ledger.taken) == (422, "unusable", [])
    assert [one["code"] for one in reply.error["details"]] == ["foreign_host"]


async def test_e1_of_one_that_is_taken_in_parts_the_others_are_taken() -> None:
    ledger = Ledger()
    inspector = Alertmanager(Alertmanager.Config(), OWN)
    both = several(body(), body(host="cmp-2"))
    async with listening(ledger, source(inspector, of=OWN)) as client:
        with capture_logs() as lines:
            reply = await client.send(PATH, both)
    assert reply.outcomes == ["opened", "refused"]
    assert [one.host for one in ledger.taken] == [HOST]
    assert any('of "cmp-2" this source may not speak' in str(line) for line in lines)
