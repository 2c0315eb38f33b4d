"""Alertmanager's webhook, with the body that a real Alertmanager 0.25 sent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.plugins import INSPECTORS, find
from tests.engine.rig import HOST
from tests.inspectors.alerts import CAPTURED, PATH, STARTS_S, body, inspector, several
from tests.inspectors.rig import Client, Ledger, listening, source


def test_the_plugin_is_found_by_its_name() -> None:
    assert find(INSPECTORS, "alertmanager") is Alertmanager


async def test_a_firing_alert_as_captured_accuses_its_host() -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, body())
    assert reply.status == 200
    receipt = {"fingerprint": "cc487de13dccd738", "outcome": "opened", "host": "cmp-1"}
    assert reply.json == {"receipts": [{**receipt, "incident": "i-1"}], "warnings": []}
    (evidence,) = ledger.taken
    assert (evidence.host, evidence.verdict) == (HOST, Verdict.DOWN)
    assert (evidence.source, evidence.kind, evidence.trust) == ("am", "prometheus", Trust.ALONE)
    assert evidence.fingerprint == "cc487de13dccd738"
    assert evidence.key == "am|cc487de13dccd738|2026-11-21T05:14:43.267Z|firing"
    assert evidence.received_at == ledger.now()
    assert evidence.claimed_s == STARTS_S
    assert evidence.summary == "HostDown: compute-3 does not answer"


async def test_a_resolved_alert_as_captured_takes_it_back_and_is_no_sign_of_life() -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        await client.send(PATH, body())
        reply = await client.send(PATH, body(1))
    assert reply.outcomes == ["joined"]
    assert not ledger.is_open(HOST)
    evidence = ledger.taken[-1]
    assert evidence.verdict is Verdict.WITHDRAWN
    assert evidence.key.endswith("|resolved")
    assert evidence.claimed_s == STARTS_S + 4


async def test_what_was_captured_was_sent_the_way_that_we_read() -> None:
    for request in CAPTURED:
        assert request["path"] == PATH
        assert request["headers"]["content-type"] == "application/json"
        assert request["headers"]["authorization"].startswith("Bearer ")


CLAIMS = [
    ("2026-11-21T05:14:47.267Z", STARTS_S + 4),
    ("0001-01-01T00:00:00Z", STARTS_S),  # no end: one step after the start
    ("2026-11-21T05:14:43.267Z", STARTS_S),  # no time between the two
    ("9999-12-31T23:59:59Z", 1_800_000_000.0),  # an end that is to come: now
]


@pytest.mark.parametrize(("ends_at", "claimed_s"), CLAIMS)
async def test_a7_a_resolved_claims_more_than_its_firing(ends_at: str, claimed_s: float) -> None:
    ledger, resolved = Ledger(), body(1)
    resolved["alerts"][0]["endsAt"] = ends_at
    async with listening(ledger, source(inspector())) as client:
        assert (await client.send(PATH, resolved)).status == 200
    claim = ledger.taken[0].claimed_s
    assert claim == pytest.approx(claimed_s, abs=1e-5)
    assert claim is not None
    assert claim > STARTS_S


async def test_an_alert_about_something_else_is_ignored_and_no_error() -> None:
    ledger = Ledger()
    delivery = several(body(), body(alertname="DiskFull"), body(alertname=None))
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, delivery)
        alone = await client.send(PATH, body(alertname="DiskFull", host="nobody"))
    assert reply.outcomes == ["opened", "ignored", "ignored"]
    expected = "expected HostDown"
    assert [one.get("reason") for one in reply.json["receipts"]] == [
        None,
        f'label alertname: found "DiskFull"; {expected}',
        f"label alertname: found nothing; {expected}",
    ]
    assert (alone.status, alone.outcomes) == (200, ["ignored"])
    assert len(ledger.taken) == 1


async def test_every_label_of_the_match_must_fit_one_of_its_values() -> None:
    match = {"alertname": ["NodeDown", "HostDown"], "severity": ["critical"]}
    ledger = Ledger()
    async with listening(ledger, source(inspector(match=match))) as client:
        fits = await client.send(PATH, body(alertname="NodeDown"))
        half = await client.send(PATH, body(severity="warning"))
    assert fits.outcomes == ["opened"]
    assert half.json["receipts"][0]["reason"] == (
        'label severity: found "warning"; expected critical'
    )


HOSTS: list[tuple[Mapping[str, str | None], Mapping[str, object], HostId | None]] = [
    ({}, {}, HOST),
    ({"host": "cmp-1.example"}, {}, HOST),
    ({"host": None, "nodename": "cmp-1"}, {}, HOST),
    ({"host": None, "instance": "cmp-1:9100"}, {}, HOST),
    ({"host": "", "instance": "cmp-1:9100"}, {}, HOST),
    ({"host": None, "node": "cmp-1"}, {"host_labels": ["node"]}, HOST),
    ({"host": "gone", "instance": "cmp-1:9100"}, {"host_labels": ["instance", "host"]}, HOST),
    ({"host": "cmp-1.local"}, {"strip": r"\.local$"}, HOST),
    # The first label that is there decides: a second guess would be a guess.
    ({"host": "gone", "instance": "cmp-1:9100"}, {}, None),
    ({"host": None, "instance": "cmp-1:9100"}, {"strip": ""}, None),
    ({"host": "CMP-1"}, {}, None),
    ({"host": " cmp-1"}, {}, None),
    ({"host": "cmp-1\n"}, {}, None),
    ({"host": ":9100"}, {}, None),
    ({"host": "x" * 300}, {}, None),
]


@pytest.mark.parametrize(("labels", "options", "host"), HOSTS)
async def test_a14_the_first_host_label_names_the_host_exactly(
    labels: Mapping[str, str | None], options: Mapping[str, object], host: HostId | None
) -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector(**options))) as client:
        reply = await client.send(PATH, body(**labels))
    assert [one.host for one in ledger.taken] == ([host] if host else [])
    assert reply.status == (200 if host else 422)
    if host is None:
        assert reply.error["code"] == "unknown_host"


async def test_alerts_that_alertmanager_left_out_are_warned_of() -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, {**body(), "truncatedAlerts": 3})
    assert reply.status == 200
    assert reply.json["warnings"] == [
        "3 alerts were left out by Alertmanager's max_alerts; set it to 0"
    ]


async def test_e3_what_comes_from_outside_is_cut_and_printable() -> None:
    ledger, sent = Ledger(), body()
    sent["alerts"][0]["annotations"] = {"summary": "a\r\nforged: line\x1b[2J\u202e" + "x" * 1000}
    async with listening(ledger, source(inspector())) as client:
        await client.send(PATH, sent)
    summary = ledger.taken[0].summary
    assert summary.startswith("HostDown: a forged: line [2J x")
    assert len(summary) == 300
    assert summary.isprintable()


async def test_a_summary_falls_back_to_what_there_is() -> None:
    ledger = Ledger()
    described, bare = body(), body(host="cmp-2")
    described["alerts"][0]["annotations"] = {"description": "why"}
    del bare["alerts"][0]["annotations"]
    async with listening(ledger, source(inspector())) as client:
        await client.send(PATH, several(described, bare))
    assert [one.summary for one in ledger.taken] == ["HostDown: why", "HostDown"]


async def test_evidence_that_is_not_stored_is_to_be_sent_again() -> None:
    ledger = Ledger()
    ledger.error = Temporary("disk full")
    async with listening(ledger, source(inspector())) as client:
        reply = await client.send(PATH, body())
        ledger.error = None
        again = await client.send(PATH, body())
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert reply.error["code"] == "unavailable"
    assert "disk" not in reply.text
    assert again.outcomes == ["opened"]


async def test_a_resolved_that_was_not_stored_makes_no_firing_late() -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        ledger.error = Temporary("disk full")
        assert (await client.send(PATH, body(1))).status == 503
        ledger.error = None
        assert (await client.send(PATH, body())).outcomes == ["opened"]


async def test_only_post_is_answered() -> None:
    async with listening(Ledger(), source(inspector())) as client:
        reply = await client.send(PATH, body(), method="PUT")
    assert (reply.status, reply.error["code"], reply.headers["Allow"]) == (
        405,
        "wrong_method",
        "POST",
    )


async def test_the_path_and_the_kind_are_options() -> None:
    ledger = Ledger()
    made = inspector(Trust.SECOND, path="/v1/sources/east/alerts", kind="blackbox")
    async with listening(ledger, source(made)) as client:
        assert (await client.send("/v1/sources/east/alerts", body())).status == 200
        assert (await client.send(PATH, body())).status == 404
    assert (ledger.taken[0].kind, ledger.taken[0].trust) == ("blackbox", Trust.SECOND)


async def replayed(client: Client, times: int) -> list[str]:
    """Send the captured alert again and again; return what became of it each time."""
    replies = [await client.send(PATH, body()) for _ in range(times)]
    return [outcome for reply in replies for outcome in reply.outcomes]


async def test_a6_the_same_alert_again_is_the_same_alert() -> None:
    ledger = Ledger()
    async with listening(ledger, source(inspector())) as client:
        assert await replayed(client, 3) == ["opened", "repeated", "repeated"]
    assert len({one.key for one in ledger.taken}) == 1
