"""`POST /maintenance` of OPNFV Doctor, and Vitrage's `POST /v1/event`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctor_daemon.api.gatekeepers import TokenGate
from doctor_daemon.core.context import Maintenance
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostId
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.windows import EngineWindows
from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.inspectors.announcing import announce
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.inspectors.wire import Found
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.surroundings import Surroundings
from tests.engine.rig import HOST, Rig
from tests.inspectors.events import event
from tests.inspectors.looking import secret
from tests.inspectors.rig import Client, Json, Ledger, listening, source, terms

TOKEN = "vitrage-and-doctor"
DOCS = Path(__file__).parents[2] / "docs" / "sources.md"


def alarm(state: str = "IN_MAINTENANCE", host: str = "cmp-1") -> Json:
    """Return an alarm as Aodh posts it for an event of maintenance."""
    traits = [["project_id", 1, "p"], ["state", 1, state], ["host", 1, host]]
    reason = {"type": "event", "event": {"event_type": "maintenance.host", "traits": traits}}
    return {"alarm_id": "a-1", "current": "alarm", "severity": "moderate", "reason_data": reason}


def doctor(**options: object) -> Doctor:
    config = Doctor.Config.model_validate_json(json.dumps(options), strict=True)
    return Doctor(config, terms("doctor-1"))


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Client, Engine]]:
    """Serve a source that may announce maintenance, before the real engine."""
    rig, inspector = Rig(), doctor(maintenance_s=3600)
    async with rig.running() as engine:
        inspector.place(Surroundings(windows=EngineWindows(engine)))
        async with listening(engine.desk, source(inspector)) as client:
            yield client, engine
    assert rig.bugs == []


async def test_d1_an_announced_maintenance_is_the_daemons_own() -> None:
    async with served() as (client, engine):
        reply = await client.send("/maintenance", alarm())
        assert (reply.status, reply.text) == (200, "OK")
        window = engine.ward.context(HOST).maintenance
        assert window is not None
        assert window.by == "source doctor-1"
        assert window.until.since(engine.ward.tools.clock.now()) == pytest.approx(3600, abs=5)
        assert (await engine.ward.tools.store.load()).maintenance == (window,)
        reply = await client.send("/maintenance", alarm("MAINTENANCE_COMPLETE", "cmp-1.example"))
        assert reply.status == 200
        assert engine.ward.context(HOST).maintenance is None
        again = await client.send("/maintenance", alarm("MAINTENANCE_COMPLETE"))
        assert again.status == 200, "what is over already has ended"


async def test_d1_an_operators_maintenance_is_not_a_monitors_to_change() -> None:
    async with served() as (client, engine):
        mine = await Operators(engine).maintain(HOST, "ann", "disks", 60.0)
        for state in ("IN_MAINTENANCE", "MAINTENANCE_COMPLETE"):
            reply = await client.send("/maintenance", alarm(state))
            assert (reply.status, reply.error["code"]) == (409, "conflict")
            assert "under maintenance by ann" in reply.error["message"]
        assert engine.ward.context(HOST).maintenance == mine


async def test_steps_in_between_are_accepted_and_lead_to_nothing() -> None:
    async with served() as (client, engine):
        reply = await client.send("/maintenance", alarm("PREPARE_MAINTENANCE"))
        assert (reply.status, reply.text) == (200, "OK")
        assert engine.ward.context(HOST).maintenance is None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "reason_data"),
        (
            {"reason_data": {"event": {"traits": [["state", 1]]}}},
            400,
            "reason_data.event.traits[0]",
        ),
        (
            {"reason_data": {"event": {"traits": [["host", 1, "cmp-1"]]}}},
            400,
            "reason_data.event.traits",
        ),
        (alarm(host="nobody"), 422, "reason_data.event.traits[2][2]"),
    ],
)
async def test_what_is_wrong_is_named(body: Json, status: int, field: str) -> None:
    async with served() as (client, engine):
        reply = await client.send("/maintenance", body)
        assert (reply.status, reply.error["field"]) == (status, field)
        assert not engine.ward.maintenance


async def test_a_trait_that_comes_twice_is_refused() -> None:
    body = alarm()
    body["reason_data"]["event"]["traits"].append(["host", 1, "cmp-2"])
    async with served() as (client, engine):
        assert (await client.send("/maintenance", body)).status == 400
        assert not engine.ward.maintenance


def test_e1_without_a_secret_nobody_announces_maintenance() -> None:
    config = Doctor.Config(maintenance_s=3600.0)
    with pytest.raises(ConfigError, match="without a secret"):
        Doctor(config, terms("doctor-1", Trust.OPEN))


async def test_it_is_not_served_unless_it_is_wanted() -> None:
    async with listening(Ledger(), source(doctor())) as client:
        assert (await client.send("/maintenance", alarm())).status == 404


async def test_before_there_is_anything_to_note_it_in_the_sender_comes_again() -> None:
    with pytest.raises(Temporary):
        await announce(Found(alarm()), "doctor-1", 60.0, Ledger(), None)


class NoWindows:
    """Windows that are somebody else's."""

    def standing(self, host: HostId) -> Maintenance | None:
        return None

    async def begin(self, host: HostId, by: str, why: str, seconds: float) -> Maintenance:
        raise Permanent(by)

    async def end(self, host: HostId, by: str) -> bool:
        return False


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.sampled_from(["state", "host", "cmp-1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
)
TRAIT = st.tuples(st.sampled_from(["state", "host", "x"]), st.just(1), JSON).map(list)
BODY = st.lists(TRAIT | JSON, max_size=4).map(lambda t: {"reason_data": {"event": {"traits": t}}})


@settings(max_examples=200)
@given(JSON | BODY)
async def test_any_alarm_is_taken_or_refused(body: object) -> None:
    refused: Refusal | None = None
    try:
        await announce(Found(body), "s", 60.0, Ledger(), NoWindows())
    except Refusal as refusal:
        refused = refusal
    assert refused is None or refused.status in (400, 409, 413, 422)


async def test_vitrages_clients_report_by_a_bare_event_and_a_token(tmp_path: Path) -> None:
    gate = TokenGate([SecretFile(str(tmp_path / secret(tmp_path / "token", TOKEN)))])
    ledger = Ledger()
    async with listening(ledger, source(doctor(), gate)) as client:
        for path, status in (("/v1/event", "down"), ("/v1/event/", "up")):
            body = {**event(status=status), "time": f"2026-11-21 10:00:0{len(ledger.taken)}"}
            assert (await client.send(path, body)).status == 401
            reply = await client.send(path, body, X_Auth_Token=TOKEN)
            assert (reply.status, reply.text) == (200, "OK")
    assert [one.verdict for one in ledger.taken] == ["down", "up"]


async def test_the_pages_example_of_an_alarm_is_taken() -> None:
    page = DOCS.read_text()
    (found,) = re.findall(r"```json\n(\{\"reason_data\".*?)```", page, re.DOTALL)
    body = json.loads(found.replace("cmp-7", "cmp-1"))
    async with served() as (client, engine):
        assert (await client.send("/maintenance", body)).status == 200
        assert HOST in engine.ward.maintenance
