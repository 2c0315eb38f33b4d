"""Our own format: strict, whole or not at all, and news only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.errors import ConfigError
from doctor_daemon.inspectors.evidence import EvidenceApi
from doctor_daemon.plugins import INSPECTORS, find
from tests.engine.rig import HOST
from tests.inspectors.rig import Json, Ledger, Reply, listening, source, terms, zulu

PATH = "/v1/evidence"
NOW_S = 1_800_000_000.0


def inspector(trust: Trust = Trust.ALONE, /, **options: object) -> EvidenceApi:
    config = EvidenceApi.Config.model_validate_json(json.dumps(options), strict=True)
    return EvidenceApi(config, terms("scripts", trust))


def item(host: object = "cmp-1", **changes: object) -> Json:
    """Return a statement; a change to `...` takes a member out."""
    found = {
        "host": host,
        "verdict": "down",
        "kind": "ipmi-sel",
        "observed_at": zulu(NOW_S - 5),
        "summary": "machine check",
    }
    return {name: value for name, value in {**found, **changes}.items() if value is not ...}


async def sent(ledger: Ledger, *items: object) -> Reply:
    async with listening(ledger, source(inspector())) as client:
        return await client.send(PATH, {"evidence": list(items)})


def test_the_plugin_is_found_by_its_name() -> None:
    assert find(INSPECTORS, "evidence") is EvidenceApi


async def test_a_statement_is_taken_as_it_is_said() -> None:
    ledger = Ledger()
    reply = await sent(ledger, item("cmp-1.example", fingerprint="sel-1"))
    receipt = {"outcome": "opened", "host": "cmp-1", "incident": "i-1"}
    assert (reply.status, reply.json) == (200, {"receipts": [receipt]})
    (evidence,) = ledger.taken
    assert (evidence.host, evidence.verdict) == (HOST, Verdict.DOWN)
    assert (evidence.source, evidence.kind, evidence.trust) == ("scripts", "ipmi-sel", Trust.ALONE)
    assert evidence.fingerprint == "sel-1"
    assert evidence.claimed_s == NOW_S - 5
    assert evidence.summary == "machine check"
    assert evidence.received_at == ledger.now()


async def test_receipts_come_in_the_order_of_the_statements() -> None:
    reply = await sent(
        Ledger(), item(), item("cmp-2", verdict="up"), item("cmp-2", verdict="withdrawn", kind="k")
    )
    assert reply.outcomes == ["opened", "recorded", "recorded"]
    assert "incident" not in reply.json["receipts"][1]


async def test_the_fingerprint_is_the_kind_where_none_is_given() -> None:
    ledger = Ledger()
    await sent(ledger, item())
    assert ledger.taken[0].fingerprint == "ipmi-sel"


DIFFERENT = [
    item("cmp-2"),
    item(verdict="withdrawn"),
    item(fingerprint="2"),
    item(kind="other"),
    item(observed_at=zulu(NOW_S - 4)),
    item(id="1"),
]


@pytest.mark.parametrize("other", DIFFERENT, ids=json.dumps)
async def test_two_statements_have_two_keys(other: Json) -> None:
    ledger = Ledger()
    await sent(ledger, other, item())
    assert len({one.key for one in ledger.taken}) == 2


async def test_a6_an_id_makes_two_requests_one_event() -> None:
    ledger = Ledger()
    first = await sent(ledger, item(id="sel-77"))
    again = await sent(ledger, item(id="sel-77", observed_at=zulu(NOW_S), summary="once more"))
    same = await sent(ledger, item("cmp-2"))
    repeated = await sent(ledger, item("cmp-2", summary="in other words"))
    outcomes = [reply.outcomes[0] for reply in (first, again, same, repeated)]
    assert outcomes == ["opened", "repeated", "opened", "repeated"]
    assert (await sent(Ledger(), item(id="x"), item("cmp-2", id="x"))).outcomes == ["opened"] * 2


async def test_an_alias_is_the_same_host() -> None:
    reply = await sent(Ledger(), item())
    assert reply.outcomes == ["opened"]
    ledger = Ledger()
    await sent(ledger, item(), item("cmp-1.example"))
    assert len({one.key for one in ledger.taken}) == 1


async def test_a5_old_statements_and_those_from_the_future_are_refused() -> None:
    ledger = Ledger()
    old = await sent(ledger, item(observed_at=zulu(NOW_S - 301)))
    future = await sent(ledger, item(observed_at=zulu(NOW_S + 31)))
    assert (old.status, future.status) == (422, 422)
    assert old.error == {
        "code": "too_old",
        "field": "evidence[0].observed_at",
        "message": "it is 301 s old",
        "expected": "at most 300 s: only news is acted on",
    }
    assert future.error == {
        "code": "from_the_future",
        "field": "evidence[0].observed_at",
        "message": "it is 31 s ahead of the daemon's clock",
        "expected": "at most 30 s ahead: see to the clocks",
    }
    assert ledger.taken == []
    for edge in (-300, 30):
        assert (await sent(ledger, item(observed_at=zulu(NOW_S + edge)))).status == 200


async def test_i13_a_step_of_our_clock_refuses_and_never_accuses() -> None:
    ledger = Ledger()
    ledger.clock.move(3600)
    assert (await sent(ledger, item())).status == 422
    assert ledger.taken == []


async def test_one_wrong_statement_refuses_the_whole_request() -> None:
    ledger = Ledger()
    reply = await sent(ledger, item(), item("nobody"), item("cmp-2", observed_at=zulu(0)))
    assert reply.status == 422
    assert reply.error["message"] == "2 of 3 statements cannot be used"
    assert reply.error["expected"] == "every statement to be right"
    assert [(one["code"], one["field"]) for one in reply.error["details"]] == [
        ("unknown_host", "evidence[1].host"),
        ("too_old", "evidence[2].observed_at"),
    ]
    assert ledger.taken == []


WRONG: list[tuple[Any, str, str, str, str]] = [
    ([], "wrong_type", "body", "found an empty list", "an object"),
    ({}, "missing", "evidence", "it is missing", "a list of evidence"),
    (
        {"evidence": []},
        "empty",
        "evidence",
        "found an empty list",
        "at least one of evidence: an empty list selects nothing",
    ),
    (
        {"evidence": [item()], "dry_run": True},
        "unknown_field",
        "dry_run",
        "there is no such field",
        "only evidence",
    ),
    (
        {"evidence": [item(severity="high")]},
        "unknown_field",
        "evidence[0].severity",
        "there is no such field",
        "only host, verdict, kind, fingerprint, id, observed_at, summary, epoch, sequence",
    ),
    (
        {"evidence": [item(host=...)]},
        "missing",
        "evidence[0].host",
        "it is missing",
        "the name of a host",
    ),
    (
        {"evidence": [item(host=["cmp-1"])]},
        "wrong_type",
        "evidence[0].host",
        "found a list",
        "text",
    ),
    (
        {"evidence": [item(verdict="dead")]},
        "wrong_value",
        "evidence[0].verdict",
        'found "dead"',
        "down, up or withdrawn",
    ),
    (
        {"evidence": [item(verdict=...)]},
        "missing",
        "evidence[0].verdict",
        "it is missing",
        "down, up or withdrawn",
    ),
    (
        {"evidence": [item(kind="")]},
        "wrong_length",
        "evidence[0].kind",
        'found ""',
        "text of 1 to 64 characters",
    ),
    (
        {"evidence": [item(fingerprint="x\n")]},
        "unprintable",
        "evidence[0].fingerprint",
        'found "x\\n"',
        "text without control characters",
    ),
    ({"evidence": [item(id=5)]}, "wrong_type", "evidence[0].id", "found the number 5", "text"),
    (
        {"evidence": [item(observed_at="2027-01-15T08:00:00")]},
        "wrong_type",
        "evidence[0].observed_at",
        'found "2027-01-15T08:00:00"',
        "an RFC 3339 time with its zone, as 2026-11-21T10:00:00Z",
    ),
    (
        {"evidence": [item(observed_at=NOW_S)]},
        "wrong_type",
        "evidence[0].observed_at",
        "found the number 1800000000.0",
        "an RFC 3339 time with its zone, as 2026-11-21T10:00:00Z",
    ),
    (
        {"evidence": [item(summary=...)]},
        "missing",
        "evidence[0].summary",
        "it is missing",
        "a few words for people",
    ),
]


@pytest.mark.parametrize(("body", "code", "field", "message", "expected"), WRONG)
async def test_a_wrong_field_is_named_and_nothing_is_taken(
    body: Any,  # noqa: ANN401 - any JSON
    code: str,
    field: str,
    message: str,
    expected: str,
) -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, body)
    assert reply.status == 400
    wanted = {"code": code, "field": field, "message": message, "expected": expected}
    assert reply.error == wanted
    assert ledger.taken == []


@pytest.mark.parametrize("trust", [Trust.SECOND, Trust.OPEN])
async def test_a_source_that_is_not_enough_alone_gives_one_kind_of_evidence(trust: Trust) -> None:
    with pytest.raises(ConfigError, match="source 'scripts': kind: it is missing"):
        inspector(trust)
    ledger = Ledger()
    async with listening(ledger, source(inspector(trust, kind="ipmi-sel"))) as client:
        other = await client.send(PATH, {"evidence": [item(kind="ping")]})
        own = await client.send(PATH, {"evidence": [item()]})
    assert (other.status, own.status) == (422, 200)
    assert other.error == {
        "code": "wrong_kind",
        "field": "evidence[0].kind",
        "message": 'this source may not give evidence of the kind "ping"',
        "expected": "ipmi-sel, as the configuration has it",
    }
    assert [one.kind for one in ledger.taken] == ["ipmi-sel"]


@pytest.mark.parametrize(
    "options", [{"skew_s": -1}, {"skew_s": 301}, {"kind": ""}, {"path": ""}, {"kinds": ["x"]}]
)
def test_options_are_bounded(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        inspector(**options)
