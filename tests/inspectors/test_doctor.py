"""OPNFV Doctor's monitors: every shape, on every path, and what each kind of event leads to."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.plugins import INSPECTORS, find
from tests.engine.rig import HOST, OTHER
from tests.inspectors.events import NAIVE, NOW_S, event, inspector, sent
from tests.inspectors.rig import Json, Ledger, listening, source, zulu


def test_the_plugin_is_found_by_its_name() -> None:
    assert find(INSPECTORS, "doctor") is Doctor


async def test_the_sample_monitor_is_answered_ok_once_its_event_is_stored() -> None:
    ledger = Ledger()
    reply = await sent(ledger, [event()])
    assert (reply.status, reply.text) == (200, "OK")
    (evidence,) = ledger.taken
    assert (evidence.host, evidence.verdict) == (HOST, Verdict.DOWN)
    assert (evidence.source, evidence.kind, evidence.trust) == ("doctor-1", "doctor", Trust.OPEN)
    assert evidence.fingerprint == "compute.host.down/monitor_sample"
    assert evidence.claimed_s is None
    assert evidence.summary == f"monitor_sample says down at {NAIVE}"


SHAPES: list[tuple[str, object]] = [
    ("a list", [event()]),
    ("a list of wrapped ones", [{"event": event()}]),
    ("one", event()),
    ("one, wrapped", {"event": event()}),
    ("bulk", {"events": [event()]}),
    ("bulk of wrapped ones", {"events": [{"event": event()}]}),
    ("bulk with an id", {"id": "x", "events": [event()]}),
]
PATHS = [
    ("PUT", "/events"),
    ("POST", "/events"),
    ("POST", "/v1/event"),
    ("POST", "/v1/event/"),
    ("PUT", "/v1/data-sources/3b1f6d3e/tables/events/rows"),
]


@pytest.mark.parametrize("body", [body for _, body in SHAPES], ids=[name for name, _ in SHAPES])
@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_every_shape_is_read_on_every_path(method: str, path: str, body: object) -> None:
    ledger = Ledger()
    reply = await sent(ledger, body, path, method)
    assert (reply.status, reply.text) == (200, "OK")
    assert [one.host for one in ledger.taken] == [HOST]


async def test_a_list_may_mix_wrapped_and_bare_and_several_hosts() -> None:
    ledger = Ledger()
    await sent(ledger, {"events": [{"event": event()}, event("cmp-2")]})
    assert [one.host for one in ledger.taken] == [HOST, OTHER]


@pytest.mark.parametrize(
    ("status", "verdict"), [("down", Verdict.DOWN), (None, Verdict.DOWN), ("up", Verdict.UP)]
)
async def test_status_says_down_unless_it_says_up(status: str | None, verdict: Verdict) -> None:
    ledger = Ledger()
    assert (await sent(ledger, event(status=status))).status == 200
    assert [one.verdict for one in ledger.taken] == [verdict]


async def test_up_opens_nothing_and_ends_a_suspicion() -> None:
    ledger = Ledger()
    await sent(ledger, [event(status="up")])
    assert not ledger.is_open(HOST)
    await sent(ledger, [event()])
    assert ledger.is_open(HOST)
    await sent(ledger, [{**event(status="up"), "time": "2026-11-21T10:00:05"}])
    assert not ledger.is_open(HOST)


@pytest.mark.parametrize(
    "other",
    [
        {"time": NAIVE, "type": "compute.host.nic.error", "details": {"hostname": "cmp-1"}},
        {"time": NAIVE, "type": "compute.host.up", "details": {"status": "down"}},
        {"time": NAIVE, "type": "COMPUTE.HOST.DOWN"},
        {"time": NAIVE, "type": "x", "details": "not even an object"},
    ],
)
async def test_other_types_are_accepted_and_lead_to_nothing(other: Json) -> None:
    ledger = Ledger()
    reply = await sent(ledger, [other])
    assert (reply.status, reply.text) == (200, "OK")
    assert ledger.taken == []


DIFFERENT: list[tuple[str, Json]] = [
    ("time", {**event(), "time": "2026-11-21T10:00:01"}),
    ("host", event("cmp-2")),
    ("status", event(status="up")),
    ("monitor", event(monitor="another")),
    ("event id", event(monitor_event_id="2")),
]
SAME: list[tuple[str, Json]] = [
    ("itself", event()),
    ("an alias", event("cmp-1.example")),
    ("camel case", event(monitor_event_id=None, monitorEventID="monitor_sample_event1")),
    ("snake case", event(monitor=None, monitor_id="monitor_sample")),
    ("prose", event(monitor=None, monitorID="monitor_sample")),
    ("source", event(monitor=None, source="monitor_sample")),
    ("no status", event(status=None)),
    ("more details", event(cause="link", severity="critical", relatedTo=["a"])),
]


async def keys_of(other: Json) -> tuple[str, str]:
    ledger = Ledger()
    await sent(ledger, [event(), other])
    first, second = (one.key for one in ledger.taken)
    return first, second


@pytest.mark.parametrize(
    "other", [one for _, one in DIFFERENT], ids=[name for name, _ in DIFFERENT]
)
async def test_two_events_have_two_keys(other: Json) -> None:
    first, second = await keys_of(other)
    assert first != second


@pytest.mark.parametrize("other", [one for _, one in SAME], ids=[name for name, _ in SAME])
async def test_a6_one_event_has_one_key_however_it_is_spelt(other: Json) -> None:
    first, second = await keys_of(other)
    assert first == second
    assert first.startswith("doctor-1|")


async def test_an_event_without_any_id_is_told_from_others_by_its_time() -> None:
    bare = event(monitor=None, monitor_event_id=None)
    del bare["id"]
    first, second = await keys_of(bare)
    assert first != second
    ledger = Ledger()
    await sent(ledger, [bare])
    assert ledger.taken[0].summary == f"a monitor without a name says down at {NAIVE}"


async def test_a_time_with_its_zone_is_the_senders_claim() -> None:
    ledger = Ledger()
    await sent(ledger, {**event(), "time": zulu(NOW_S - 200)})
    assert ledger.taken[0].claimed_s == NOW_S - 200


async def test_a5_what_is_older_than_evidence_may_be_is_refused() -> None:
    ledger = Ledger()
    reply = await sent(ledger, {**event(), "time": zulu(NOW_S - 301)})
    assert reply.status == 422
    assert reply.error == {
        "code": "too_old",
        "field": "time",
        "message": "it is 301 s old",
        "expected": "at most 300 s: only news is acted on",
    }
    assert ledger.taken == []


async def test_a_clock_that_runs_ahead_costs_no_report_and_is_not_trusted() -> None:
    ledger = Ledger()
    await sent(ledger, {**event(), "time": zulu(NOW_S + 3600)})
    await sent(ledger, {**event(), "time": zulu(NOW_S + 20)})
    assert [one.claimed_s for one in ledger.taken] == [None, NOW_S + 20]


async def test_maintenance_and_shutdown_are_not_served() -> None:
    for path in ("/maintenance", "/events/shutdown", "/v1/data-sources//tables/events/rows"):
        reply = await sent(Ledger(), {}, path, "POST")
        assert (reply.status, reply.error["code"]) == (404, "not_found")


async def test_a_second_source_has_paths_of_its_own() -> None:
    ledger = Ledger()
    made = inspector(path="/v1/sources/east", kind="ping")
    async with listening(ledger, source(made)) as client:
        for method, path in PATHS:
            reply = await client.send(f"/v1/sources/east{path}", [event()], method=method)
            assert reply.status == 200
        assert (await client.send("/events", [event()])).status == 404
    assert {one.kind for one in ledger.taken} == {"ping"}


async def test_a_long_name_of_a_monitor_does_not_fill_the_record() -> None:
    ledger = Ledger()
    await sent(ledger, [event(monitor="m" * 255)])
    assert len(ledger.taken[0].fingerprint) == len("compute.host.down/") + 64
    assert len(ledger.taken[0].summary) <= 300
