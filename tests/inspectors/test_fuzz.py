"""Whatever is sent: never a 500, never a word that was not meant, and nothing taken on a refusal.

Each example goes through a real listener on a socket, as a stranger's request would.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctor_daemon.api.connection import Limits
from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.inspectors.evidence import EvidenceApi
from doctor_daemon.ports import Inspector
from tests.inspectors.rig import Ledger, Reply, listening, source, terms

EXAMPLES = settings(max_examples=120)
TEXT = st.text(max_size=20) | st.sampled_from(["cmp-1", "cmp-2", "nobody", "\ud800", "x" * 300])
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
TIME = st.sampled_from(
    [
        "2027-01-15T08:00:00Z",
        "2027-01-15T07:00:00Z",
        "2027-01-15T09:00:00+01:00",
        "2027-01-15T07:59:00.123456789Z",
        "2027-01-15T08:00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "now",
    ]
)


def shape(of: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[object]:
    """Draw an object that is mostly right; else some members are missing, wrong or added."""
    members = {name: good | JSON for name, good in of.items()}
    nearly = st.fixed_dictionaries({}, optional={**members, "other": JSON})
    right = st.fixed_dictionaries(of)
    return st.integers(0, 9).flatmap(lambda n: JSON if n == 0 else nearly if n == 1 else right)


HOST = st.sampled_from(["cmp-1", "cmp-1.example", "nobody"])
LABELS = shape({"alertname": st.just("HostDown"), "host": HOST})
ALERT = shape(
    {
        "status": st.sampled_from(["firing", "resolved"]),
        "labels": LABELS,
        "annotations": shape({"summary": TEXT}),
        "startsAt": TIME,
        "endsAt": TIME,
        "fingerprint": st.sampled_from(["a1", "b2"]),
    }
)
WEBHOOK = shape(
    {
        "version": st.just("4"),
        "alerts": st.lists(ALERT, min_size=1, max_size=3),
        "truncatedAlerts": st.integers(0, 3),
    }
)
DETAILS = shape(
    {"hostname": HOST, "status": st.sampled_from(["up", "down"]), "monitor": TEXT, "source": TEXT}
)
EVENT = shape({"time": TIME, "type": st.just("compute.host.down"), "details": DETAILS})
WRAPPED = EVENT | st.fixed_dictionaries({"event": EVENT})
EVENTS = (
    WRAPPED
    | st.lists(WRAPPED, min_size=1, max_size=3)
    | st.fixed_dictionaries({"events": st.lists(WRAPPED, min_size=1, max_size=3)})
)
ITEM = shape(
    {
        "host": HOST,
        "verdict": st.sampled_from(["down", "up", "withdrawn"]),
        "kind": st.just("k"),
        "observed_at": TIME,
        "summary": TEXT,
    }
)
OWN = shape({"evidence": st.lists(ITEM, min_size=1, max_size=3)})


def sent(inspector: Inspector, path: str, body: bytes) -> None:
    """Send one body and judge what comes of it."""

    async def main() -> tuple[Reply, Ledger]:
        ledger = Ledger()
        async with listening(ledger, source(inspector)) as client:
            return await client.send(path, body), ledger

    reply, ledger = asyncio.run(main())
    assert reply.status in (200, 400, 413, 422)
    if reply.status != 200:
        assert reply.error["code"]
        assert reply.error["message"]
        assert reply.error["field"]
        assert reply.text.isascii()
        assert ledger.taken == []
    for evidence in ledger.taken:
        judge(evidence)


def judge(evidence: Evidence) -> None:
    """Assert that evidence is fit to be stored, logged and shown."""
    assert evidence.host.name in ("cmp-1", "cmp-2")
    for text in (evidence.key, evidence.fingerprint, evidence.kind, evidence.summary):
        assert text.isprintable()
        assert len(text) <= 300
    assert evidence.verdict in Verdict


def alertmanager() -> Inspector:
    return Alertmanager(Alertmanager.Config(), terms("am"))


def doctor() -> Inspector:
    return Doctor(Doctor.Config(), terms("doctor", Trust.OPEN))


def own() -> Inspector:
    return EvidenceApi(EvidenceApi.Config(), terms("own"))


ALL: list[tuple[Callable[[], Inspector], str]] = [
    (alertmanager, "/v1/alertmanager"),
    (doctor, "/events"),
    (own, "/v1/evidence"),
]


@EXAMPLES
@given(WEBHOOK)
def test_any_webhook(body: object) -> None:
    sent(alertmanager(), "/v1/alertmanager", json.dumps(body).encode())


@EXAMPLES
@given(EVENTS)
def test_any_events(body: object) -> None:
    sent(doctor(), "/events", json.dumps(body).encode())


@EXAMPLES
@given(OWN)
def test_any_evidence(body: object) -> None:
    sent(own(), "/v1/evidence", json.dumps(body).encode())


@EXAMPLES
@given(st.sampled_from(ALL), st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
def test_any_bytes(place: tuple[Callable[[], Inspector], str], body: bytes) -> None:
    make, path = place
    sent(make(), path, body)


REQUEST = (
    b"PUT /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


@EXAMPLES
@given(st.integers(0, len(REQUEST)), st.integers(0, 20), st.binary(max_size=20))
def test_any_damage_on_the_wire(at: int, gone: int, new: bytes) -> None:
    damaged = REQUEST[:at] + new + REQUEST[at + gone :]

    async def main() -> bytes:
        limits = Limits(head_s=0.02, body_s=0.02)
        async with listening(Ledger(), source(doctor()), limits=limits) as client:
            return await client.wire(damaged)

    answer = asyncio.run(main())
    assert re.match(rb"HTTP/1\.[01] 4[0-9][0-9] ", answer)
    assert b"Server: doctor-daemon\r\n" in answer
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["code"]


@pytest.mark.parametrize(("make", "path"), ALL)
@pytest.mark.parametrize("unit", [b"[", b'{"a":', b'{"evidence":[', b'{"events":[', b'{"alerts":['])
def test_any_depth(make: Callable[[], Inspector], path: str, unit: bytes) -> None:
    sent(make(), path, unit * 4000)
