"""A source that has to show a certificate and to sign: both are asked for, one after the other."""

from __future__ import annotations

import shutil
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from doctor_daemon.api.encrypted import Certificates
from doctor_daemon.api.gates import gate_of
from doctor_daemon.config.settings import AuthKind, SourceAuth
from doctor_daemon.ports import Gatekeeper
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.signature import signatures
from tests.api.rig import BODY, doctor
from tests.api.test_signed import NEW, OTHER, WINDOW_S, key, ledger_of
from tests.api.test_sources import source as choice
from tests.engine.rig import Rig
from tests.fakes.tls import Tls, issued
from tests.inspectors.rig import Client, Ledger, listening, source

NAME = "dns:monitor.example.org"


@pytest.fixture
async def rig() -> Rig:
    """Return a bench whose store is open."""
    made = Rig()
    await made.disk.open()
    return made


def asked(rig: Rig, folder: Path, name: str) -> Gatekeeper:
    """Return the gate of a source that is configured so."""
    keys = (key(folder, "new", NEW),)
    auth = SourceAuth(AuthKind.HMAC, keys=keys, window_s=WINDOW_S, certificates=(name,))
    return gate_of(replace(choice("doctor"), auth=auth), ledger_of(rig), rig.engine().ward.tools)


def ours(tls: Tls, folder: Path) -> Certificates:
    for name in ("server.pem", "server.key"):
        shutil.copy(tls[0].parent / name, folder / name)
    (folder / "server.key").chmod(0o600)
    return Certificates(folder / "server.pem", SecretFile(folder / "server.key"), tls[0])


async def put(client: Client, tls: Tls, rig: Rig, shown: Path | None, secret: bytes | None) -> int:
    """Send an event over TLS, with what there is of a certificate and a signature."""
    context = ssl.create_default_context(cafile=tls[0])
    if shown is not None:
        context.load_cert_chain(shown)
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        signed_s = rig.signing_s()
        signature = signatures([secret], "m1", signed_s, BODY)
        headers |= {
            "webhook-id": "m1",
            "webhook-timestamp": str(signed_s),
            "webhook-signature": signature,
        }
    url = f"https://127.0.0.1:{client.listener.port}/events"
    connector = TCPConnector(ssl=context)
    async with (
        ClientSession(timeout=ClientTimeout(total=10), connector=connector) as session,
        session.put(url, data=BODY, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status


async def test_e1_both_are_asked_for_and_each_request_is_taken_once(
    tls: Tls, rig: Rig, tmp_path: Path
) -> None:
    shown = await issued(tls[0].parent, tmp_path)
    gate, ledger = asked(rig, tmp_path, NAME), Ledger()
    async with listening(ledger, source(doctor(), gate), tls=ours(tls, tmp_path)) as client:
        for certificate, secret, status in (
            (None, NEW, 401),
            (shown, None, 401),
            (shown, OTHER, 401),
            (shown, NEW, 200),
            (shown, NEW, 409),
        ):
            assert await put(client, tls, rig, certificate, secret) == status
    assert [reason for _, reason in client.rejected] == [
        *("no_certificate", "unsigned", "unsigned", "replayed")
    ]
    assert len(ledger.taken) == 1


async def test_e1_another_s_certificate_is_not_made_good_by_a_signature(
    tls: Tls, rig: Rig, tmp_path: Path
) -> None:
    shown = await issued(tls[0].parent, tmp_path)
    gate = asked(rig, tmp_path, "dns:other")
    async with listening(Ledger(), source(doctor(), gate), tls=ours(tls, tmp_path)) as client:
        assert await put(client, tls, rig, shown, NEW) == 401
    assert client.rejected == [("doctor", "wrong_certificate")]
