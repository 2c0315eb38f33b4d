"""A signed request: by whom, when, and once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from doctor_daemon.api.connection import Limits
from doctor_daemon.api.signed import SignatureGate
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.engine.replays import Ledger as Replays
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.signature import signatures
from tests.api.rig import BODY, EVENT, doctor
from tests.engine.rig import Rig
from tests.inspectors.rig import Client, Ledger, Reply, listening, source

OLD, NEW, OTHER = b"o" * 24, b"n" * 32, b"x" * 24
WINDOW_S = 120.0
NOTHING: Mapping[str, str] = {}


def key(folder: Path, name: str, secret: bytes) -> SecretFile:
    path = folder / name
    path.touch(0o600)
    path.write_text(f"whsec_{base64.b64encode(secret).decode()}\n", encoding="utf-8")
    return SecretFile(path)


@pytest.fixture
async def rig() -> Rig:
    """Return a bench whose store is open."""
    made = Rig()
    await made.disk.open()
    return made


@pytest.fixture
def replays(rig: Rig) -> Replays:
    return ledger_of(rig)


def ledger_of(rig: Rig) -> Replays:
    """Return the ledger of a daemon that has just started, and leads."""
    engine = rig.engine()
    engine.ward.term = 1
    return engine.desk.replays


@pytest.fixture
def gate(tmp_path: Path, replays: Replays) -> SignatureGate:
    keys = [key(tmp_path, "old", OLD), key(tmp_path, "new", NEW)]
    return SignatureGate("doctor", keys, WINDOW_S, replays)


async def send(
    client: Client,
    rig: Rig,
    id_: str = "m1",
    *,
    secret: bytes = NEW,
    off_s: float = 0,
    body: bytes = BODY,
    headers: Mapping[str, str] = NOTHING,
) -> Reply:
    """Send an event that was signed so many seconds from now."""
    signed_s = rig.signing_s(off_s)
    signed = {
        "webhook_id": id_,
        "webhook_timestamp": str(signed_s),
        "webhook_signature": signatures([secret], id_, signed_s, BODY),
    }
    return await client.send("/events", body, method="PUT", **(signed | dict(headers)))


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_e1_who_has_a_key_is_let_in(rig: Rig, gate: SignatureGate, secret: bytes) -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor(), gate)) as client:
        assert (await send(client, rig, secret=secret)).status == 200
    assert [one.verdict for one in ledger.taken] == [Verdict.DOWN]


async def test_e1_one_of_several_signatures_is_enough(rig: Rig, gate: SignatureGate) -> None:
    both = signatures([OTHER, NEW], "m1", int(rig.clock.now().wall_s), BODY)
    async with listening(Ledger(), source(doctor(), gate)) as client:
        assert (await send(client, rig, headers={"webhook_signature": both})).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook_signature": ""},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "v1,xéx"},
        {"webhook_signature": "v1a,AAAA v1"},
        {"webhook_signature": "v1, " * 200},
        {"webhook_id": "m2"},
        {"webhook_id": ""},
        {"webhook_id": "x" * 129},
        {"webhook_id": "a b"},
        {"webhook_timestamp": "now"},
        {"webhook_timestamp": "-5"},
        {"webhook_timestamp": "01"},
        {"webhook_timestamp": "9" * 13},
    ],
)
async def test_e1_what_is_not_signed_is_refused_without_a_reason(
    rig: Rig, gate: SignatureGate, changed: dict[str, str]
) -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor(), gate)) as client:
        reply = await send(client, rig, headers=changed)
    assert (reply.status, reply.error["code"], ledger.taken) == (401, "unauthorized", [])
    assert reply.error["message"] == "you may not speak for this source"
    assert client.rejected == [("doctor", "unsigned")]


async def test_e1_a_changed_body_and_another_s_key_are_refused(
    rig: Rig, gate: SignatureGate
) -> None:
    ledger = Ledger()
    other = json.dumps([{**EVENT, "details": {"hostname": "cmp-2"}}]).encode()
    async with listening(ledger, source(doctor(), gate)) as client:
        assert (await send(client, rig, body=other)).status == 401
        assert (await send(client, rig, secret=OTHER)).status == 401
        bare = await client.send("/events", BODY, method="PUT")
    assert (bare.status, bare.headers["WWW-Authenticate"]) == (401, "Webhook-Signature")
    assert ledger.taken == []


async def test_e1_a_header_that_comes_twice_is_none(rig: Rig, gate: SignatureGate) -> None:
    seconds = int(rig.clock.now().wall_s)
    right = signatures([NEW], "m1", seconds, BODY)
    async with listening(Ledger(), source(doctor(), gate)) as client:
        answer = await client.wire(
            b"PUT /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"webhook-id: m1\r\nwebhook-id: m1\r\n"
            + f"webhook-timestamp: {seconds}\r\nwebhook-signature: {right}\r\n".encode()
            + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
            + BODY
        )
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("off_s", "status"), [(-121, 401), (-119, 200), (0, 200), (119, 200), (122, 401)]
)
async def test_e2_the_time_of_signing_counts(
    rig: Rig, gate: SignatureGate, off_s: float, status: int
) -> None:
    async with listening(Ledger(), source(doctor(), gate)) as client:
        with capture_logs() as lines:
            assert (await send(client, rig, off_s=off_s)).status == status
    told = [line for line in lines if line["event"] == "request not let in"]
    assert [line["reason"] for line in told] == (["stale"] if status == 401 else [])


async def test_e2_a_request_is_taken_once(rig: Rig, gate: SignatureGate) -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor(), gate)) as client:
        assert (await send(client, rig)).status == 200
        again = await send(client, rig)
        anew = await send(client, rig, off_s=1)
    assert (again.status, again.error["code"]) == (409, "replayed")
    assert anew.status == 200  # the same event, signed anew as each attempt is
    assert len(ledger.taken) == 2
    assert client.rejected == [("doctor", "replayed")]


async def test_e2_the_other_key_s_signature_does_not_make_it_another_request(
    rig: Rig, gate: SignatureGate
) -> None:
    async with listening(Ledger(), source(doctor(), gate)) as client:
        assert (await send(client, rig, secret=OLD)).status == 200
        assert (await send(client, rig, secret=NEW)).status == 409


async def test_e2_a_restart_does_not_make_it_new(tmp_path: Path, rig: Rig) -> None:
    keys = [key(tmp_path, "new", NEW)]
    first = SignatureGate("doctor", keys, WINDOW_S, ledger_of(rig))
    async with listening(Ledger(), source(doctor(), first)) as client:
        assert (await send(client, rig)).status == 200
    second = ledger_of(rig)
    snapshot = await rig.disk.load()
    second.load(snapshot.spent, snapshot.floors)
    ledger = Ledger()
    gate = SignatureGate("doctor", keys, WINDOW_S, second)
    async with listening(ledger, source(doctor(), gate)) as client:
        assert (await send(client, rig)).status == 409
    assert ledger.taken == []


async def test_e2_a_request_is_spent_before_anything_is_made_of_it(
    rig: Rig, gate: SignatureGate
) -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor(), gate)) as client:
        rig.disk.failures = 1
        failed = await send(client, rig)
        again = await send(client, rig)
    assert (failed.status, failed.headers["Retry-After"], again.status) == (503, "5", 409)
    assert ledger.taken == []


async def test_a_key_that_cannot_be_read_turns_nobody_away_for_good(
    tmp_path: Path, rig: Rig, replays: Replays
) -> None:
    keys = [key(tmp_path, "new", NEW), SecretFile(tmp_path / "gone")]
    gate = SignatureGate("doctor", keys, WINDOW_S, replays)
    async with listening(Ledger(), source(doctor(), gate)) as client:
        assert (await send(client, rig)).status == 200
        assert (await send(client, rig, secret=OTHER)).status == 503


async def test_e5_strangers_do_not_use_up_the_rate_and_too_many_spend_nothing(
    rig: Rig, gate: SignatureGate
) -> None:
    limits = Limits(rate_per_s=0.001, burst=1)
    async with listening(Ledger(), source(doctor(), gate), limits=limits) as client:
        for _ in range(5):
            assert (await send(client, rig, secret=OTHER)).status == 401
        assert (await send(client, rig)).status == 200
        assert (await send(client, rig, "m2")).status == 429
    assert len((await rig.disk.load()).spent) == 1


async def test_a_signed_request_that_is_wrong_is_its_source_s(
    rig: Rig, gate: SignatureGate
) -> None:
    body, seconds = b"{}", int(rig.clock.now().wall_s)
    right = signatures([NEW], "m1", seconds, body)
    async with listening(Ledger(), source(doctor(), gate)) as client:
        with capture_logs() as lines:
            assert (
                await send(client, rig, body=body, headers={"webhook_signature": right})
            ).status == 400
    assert [line["event"] for line in lines] == ["request refused"]
